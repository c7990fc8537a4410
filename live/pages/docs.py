"""The pages under /docs/: they show the published contract to people and to programs.

Everybody may see them. They are in English and the same for everybody, so proxies and browsers may
cache them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from live.contract.asyncapi import asyncapi_yaml
from live.contract.errors import close_codes, errors
from live.contract.examples import example
from live.contract.schemas import frame_schema_json, name_of
from live.contract.schemas import schemas as all_schemas
from live.protocol.addresses import ADDRESSES, TEST_ADDRESSES
from live.protocol.frames import DATA, EVENT_TYPES, Frame, FrameType
from live.protocol.options import OPTIONS, TEST_OPTIONS
from live.protocol.ping import Ping

__all__ = ["asyncapi", "reference", "schema"]

# Seconds for which proxies and browsers may cache a page.
_MAX_AGE = 600
# Matches code in a description: text between backticks.
_CODE = re.compile(r"`([^`]+)`")

View = Callable[..., HttpResponse]


def _public(view: View) -> View:
    """Let proxies and browsers cache the view's answers. It accepts GET and HEAD only."""
    cached: View = cache_control(public=True, max_age=_MAX_AGE)(conditional_page(view))
    return require_safe(cached)


@_public
def reference(request: HttpRequest) -> HttpResponse:
    """Show the whole contract on one page: addresses, options, frames, errors, close codes."""
    with override("en"):
        return render(request, "live/docs/docs.html", _page())


@_public
def asyncapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(asyncapi_yaml(), content_type="application/yaml")


@_public
def schema(request: HttpRequest, type: str) -> HttpResponse:
    if type not in set(DATA):
        raise Http404
    text = frame_schema_json(FrameType(type))
    return HttpResponse(text, content_type="application/schema+json")


# --- The page ------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """One row of a table: a field of an object, or an option of the query."""

    name: str
    type: SafeString
    optional: bool
    description: SafeString


class _Part(NamedTuple):
    """One section with a table of fields: for the data of a frame, or for an object in it.

    Attributes:
        name: the heading.
        anchor: the section's id on the page, for links.
        description: the text below the heading.
        rows: the fields.
        envelope: the fields that the frame has beside `type`, `ts` and `data`; none for objects.
        example: an example of the whole frame, as JSON; empty for objects.
    """

    name: str
    anchor: str
    description: SafeString
    rows: list[_Row]
    envelope: list[_Row]
    example: str


@cache
def _page() -> Mapping[str, Any]:
    schemas = all_schemas()
    anchors = _anchors(schemas)
    frames = {kind: _frame(kind, schemas, anchors) for kind in DATA}
    parts = [name for name in schemas if anchors.get(name) == f"part-{name}"]
    return {
        "addresses": ADDRESSES,
        "options": _options(OPTIONS, schemas, anchors),
        "test_addresses": TEST_ADDRESSES,
        "test_options": _options(TEST_OPTIONS, schemas, anchors),
        "groups": [
            ("The connection", [frames[kind] for kind in DATA if kind not in EVENT_TYPES]),
            ("The LIVE", [frames[kind] for kind in DATA if kind in EVENT_TYPES]),
        ],
        "parts": [_part(name, name, schemas, anchors) for name in parts],
        "ping": _part(Ping.__name__, "ping", schemas, anchors),
        "errors": errors(),
        "close_codes": close_codes(),
    }


def _options(
    options: Mapping[str, Mapping[str, Any]],
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
) -> list[_Row]:
    return [_row(name, schema, True, schemas, anchors) for name, schema in options.items()]


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


def _frame(type: FrameType, schemas: Mapping[str, Any], anchors: Mapping[str, str]) -> _Part:
    schema = schemas[name_of(type)]
    envelope = [row for row in _rows(schema, schemas, anchors) if row.name in {"cursor", "id"}]
    return _part(DATA[type].__name__, str(type), schemas, anchors)._replace(
        anchor=f"frame-{type}",
        envelope=envelope,
        example=json.dumps(example(type), indent=2, ensure_ascii=False),
    )


def _part(
    schema_name: str, name: str, schemas: Mapping[str, Any], anchors: Mapping[str, str]
) -> _Part:
    schema = schemas[schema_name]
    return _Part(
        name=name,
        anchor=anchors[schema_name],
        description=_prose(schema.get("description", "")),
        rows=_rows(schema, schemas, anchors),
        envelope=[],
        example="",
    )


def _rows(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], anchors: Mapping[str, str]
) -> list[_Row]:
    required = schema["required"]
    return [
        _row(name, field, name not in required, schemas, anchors)
        for name, field in schema["properties"].items()
    ]


def _row(
    name: str,
    schema: Mapping[str, Any],
    optional: bool,
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
) -> _Row:
    described = schema.get("description", "")
    referred = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    if not described and "enum" in referred:
        described = referred.get("description", "")
    return _Row(name, _type(schema, schemas, anchors), optional, _prose(described))


def _prose(text: str) -> SafeString:
    """Return the text as HTML, with the parts between backticks as code."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", conditional_escape(text)))  # noqa: S308


def _type(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], anchors: Mapping[str, str]
) -> SafeString:
    """Describe which values a schema allows, in words and links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in anchors:
            return format_html('<a href="#{}">{}</a>', anchors[name], name)
        return _type(schemas[name], schemas, anchors)
    if "anyOf" in schema:
        types = ((_type(part, schemas, anchors),) for part in schema["anyOf"])
        return format_html_join(" or ", "{}", types)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return format_html_join(" · ", "<code>{}</code>", ((value,) for value in values))
    match schema.get("type"):
        case "array":
            return format_html("list of {}", _type(schema.get("items", {}), schemas, anchors))
        case "object":
            values = _type(schema.get("additionalProperties") or {}, schemas, anchors)
            return format_html("object, each value {}", values)
        case None:
            return escape("anything")
    if "maximum" in schema:
        return format_html("{}, {} to {}", schema["type"], schema["minimum"], schema["maximum"])
    return format_html("{}", schema["type"])
