"""The contract's reference: what the code says of options, frames and errors, as a page's context.

Everything is in the language that is active.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from live.contract.errors import errors
from live.contract.examples import example as example_of
from live.contract.schemas import Schema, name_of
from live.contract.schemas import schemas as all_schemas
from live.contract.translations import ENGLISH
from live.pages.docs.examples import example
from live.pages.docs.fields import Row, description, row, rows
from live.protocol.addresses import ADDRESSES, TEST_ADDRESSES
from live.protocol.errors import CLOSE_CODE_WORDS
from live.protocol.frames import DATA, EVENT_TYPES, Frame, FrameType
from live.protocol.options import OPTIONS, TEST_OPTIONS
from live.protocol.ping import Ping

__all__ = ["Close", "Part", "reference"]


class Close(NamedTuple):
    """A close code that apps meet.

    Attributes:
        code: the number.
        anchor: the id on the page, for links.
        words: what it means.
        errors: the codes of the errors that are closed with it.
    """

    code: int
    anchor: str
    words: str
    errors: list[str]


class Part(NamedTuple):
    """One section with a table of fields: for the data of a frame, or for an object in it.

    Attributes:
        name: the heading.
        anchor: the section's id on the page, for links.
        description: the text below the heading.
        rows: the fields.
        envelope: the fields that the frame has beside `type`, `ts` and `data`; none for objects.
        example: an example of the whole frame, as HTML; empty for objects.
        is_event: whether it is the frame of something that happens on the LIVE.
    """

    name: str
    anchor: str
    description: SafeString
    rows: list[Row]
    envelope: list[Row]
    example: SafeString
    is_event: bool


def reference() -> Mapping[str, Any]:
    """Return what the page shows."""
    language = get_language() or ENGLISH
    schemas = all_schemas()
    anchors = _anchors(schemas)
    frames = [_frame(kind, schemas, anchors) for kind in DATA]
    parts = [name for name in schemas if anchors.get(name) == f"part-{name}"]
    told = errors(language)
    return {
        "addresses": ADDRESSES,
        "options": _options(OPTIONS, schemas, anchors),
        "test_addresses": TEST_ADDRESSES,
        "test_options": _options(TEST_OPTIONS, schemas, anchors),
        "groups": [
            (gettext("The connection"), [frame for frame in frames if not frame.is_event]),
            (gettext("The LIVE"), [frame for frame in frames if frame.is_event]),
        ],
        "parts": [_part(name, name, anchors[name], schemas, anchors) for name in parts],
        "ping": _part(Ping.__name__, "ping", "ping", schemas, anchors),
        "errors": told,
        "closes": _closes(told),
    }


def _closes(errors: Sequence[Schema]) -> list[Close]:
    """Return the close codes, also that of a broken connection, which nobody sends."""
    return [
        Close(
            code=int(code),
            anchor=f"close-{int(code)}",
            words=str(words),
            errors=[error["code"] for error in errors if error["close_code"] == code],
        )
        for code, words in CLOSE_CODE_WORDS.items()
    ]


def _options(
    options: Mapping[str, Mapping[str, Any]],
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
) -> list[Row]:
    return [
        row(name, schema, "option", schemas, anchors, optional=True)
        for name, schema in options.items()
    ]


def _anchors(schemas: Mapping[str, Any]) -> dict[str, str]:
    """Return the anchor of the section that describes each schema.

    If several frames have the same data, it is described at the first of these frames.
    """
    anchors = {name: f"part-{name}" for name, schema in schemas.items() if "properties" in schema}
    anchors[Frame.__name__] = "frames"
    anchors[Ping.__name__] = "ping"
    for kind, struct in reversed(list(DATA.items())):
        anchors[struct.__name__] = anchors[name_of(kind)] = f"frame-{kind}"
    return anchors


def _frame(type: FrameType, schemas: Mapping[str, Any], anchors: Mapping[str, str]) -> Part:
    schema = schemas[name_of(type)]
    anchor = f"frame-{type}"
    carried = rows(schema, anchor, schemas, anchors)
    return _part(DATA[type].__name__, str(type), anchor, schemas, anchors)._replace(
        envelope=[row for row in carried if row.name in {"cursor", "id"}],
        example=example(json.dumps(example_of(type), indent=2, ensure_ascii=False), "json"),
        is_event=type in EVENT_TYPES,
    )


def _part(
    schema_name: str,
    name: str,
    anchor: str,
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
) -> Part:
    schema = schemas[schema_name]
    return Part(
        name=name,
        anchor=anchor,
        description=description(schema.get("description", "")),
        rows=rows(schema, anchor, schemas, anchors),
        envelope=[],
        example=SafeString(),
        is_event=False,
    )
