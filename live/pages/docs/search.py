"""The index that the search looks through: headings, frames, fields, options, errors, operations.

It is made once for each language. The search itself is in the browser:
`live/static/live/docs/ranking.js`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.translation import get_language, gettext

from live.contract.translations import ENGLISH
from live.pages.docs.fields import Row
from live.pages.docs.guides import FOLLOWING, GUIDES, guide
from live.pages.docs.operations import Operation, RestDescription

__all__ = ["Entry", "entries"]


class Entry(NamedTuple):
    """Something that can be found.

    Attributes:
        name: what it is called.
        kind: what it is, in words, such as "field of gift".
        address: where it is described.
        text: what it says, which is searched, too.
    """

    name: str
    kind: str
    address: str
    text: str


def entries(contract: Mapping[str, Any], rest: RestDescription) -> list[Entry]:
    """Return all of it, in the active language.

    Args:
        contract: what `reference()` returned.
        rest: the description of the REST API.
    """
    return [*_of_guides(), *_of_contract(contract), *_of_rest(rest)]


def _of_guides() -> Iterator[Entry]:
    for name in (*GUIDES, *FOLLOWING):
        found = guide(name, get_language() or ENGLISH)
        if found is None:
            continue
        address = reverse("docs-guide", args=[name])
        yield Entry(found.title, gettext("guide"), address, "")
        for heading in found.headings:
            yield Entry(heading.text, found.title, f"{address}#{heading.anchor}", "")


def _of_contract(contract: Mapping[str, Any]) -> Iterator[Entry]:
    address = reverse("docs-reference")
    option = gettext("option of the socket")
    yield from _rows(contract["options"], option, address)
    yield from _rows(contract["test_options"], option, address)
    frames = [frame for _title, frames in contract["groups"] for frame in frames]
    for kind, parts in ((gettext("frame"), frames), (gettext("object"), contract["parts"])):
        for part in parts:
            text = _text(part.description)
            yield Entry(part.name, kind, f"{address}#{part.anchor}", text)
            yield from _rows(part.rows, gettext("field of {name}").format(name=part.name), address)
    for error in contract["errors"]:
        # With the close code, so that it is found by it.
        kind = f"{gettext('error')} {error['close_code']}"
        text = f"{error['title']}. {error['detail']}"
        yield Entry(error["code"], kind, f"{address}#error-{error['code']}", text)
    for close in contract["closes"]:
        kind = gettext("close code")
        yield Entry(str(close.code), kind, f"{address}#{close.anchor}", close.words)


def _of_rest(rest: RestDescription) -> Iterator[Entry]:
    address = reverse("api:openapi-view")
    operations: Iterable[Operation] = (it for group in rest.groups for it in group.operations)
    for operation in operations:
        name = f"{operation.method} {operation.path}"
        yield Entry(name, "REST", f"{address}#{operation.anchor}", operation.summary)
    for part in rest.parts:
        yield from _rows(part.rows, gettext("field of {name}").format(name=part.name), address)


def _rows(rows: Iterable[Row], kind: str, address: str) -> Iterator[Entry]:
    for row in rows:
        yield Entry(row.name, kind, f"{address}#{row.anchor}", _text(row.description))


def _text(html: str) -> str:
    return unescape(strip_tags(html))
