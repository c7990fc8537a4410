"""The pages under /docs/: they explain the relay to people who write apps, and to programs.

Everybody may see them. People read them in their language; what programs read is English and the
same for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, override
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from live.contract.asyncapi import asyncapi_yaml
from live.contract.examples import example as example_of
from live.contract.schemas import frame_schema_json
from live.contract.translations import ENGLISH
from live.pages.console import token_prefix
from live.pages.docs.caching import own_page, public
from live.pages.docs.examples import example
from live.pages.docs.guides import PICTURES, guide
from live.pages.docs.navigation import Section, navigation
from live.pages.docs.operations import describe, published
from live.pages.docs.reference import reference as describe_contract
from live.pages.docs.search import entries
from live.pages.first_lines import first_lines
from live.protocol.errors import ErrorCode
from live.protocol.frames import DATA, EVENT_TYPES, FrameType

__all__ = [
    "RestPage",
    "asyncapi",
    "guide_page",
    "picture",
    "reference",
    "schema",
    "search_index",
    "start",
    "try_it",
]


# What stands in programs in the place of a token.
_TOKEN = "TOKEN"


class _Way(NamedTuple):
    """Where to read on."""

    title: str
    text: str
    address: str


def _show(
    request: HttpRequest,
    template: str,
    title: str,
    sections: list[Section],
    **context: Any,
) -> HttpResponse:
    groups = navigation(request.path, sections)
    language = get_language() or ENGLISH
    return render(
        request,
        f"live/docs/{template}",
        {"title": title, "groups": groups, "search_language": language, **context},
    )


# --- First steps ---------------------------------------------------------------------------------


@own_page
def start(request: HttpRequest) -> HttpResponse:
    """Show how to get the first frame, and lead on. Old links to the reference lead on, too."""
    sections = [
        Section(gettext("Connect"), "first"),
        Section(gettext("Then"), "then"),
        Section(gettext("All frames and errors"), "index"),
    ]
    scheme = "wss" if request.is_secure() else "ws"
    socket_url = f"{scheme}://{request.get_host()}{settings.SOCKET_PATH}/{_TOKEN}"
    frame = json.dumps(example_of(FrameType.COMMENT), indent=2, ensure_ascii=False)
    return _show(
        request,
        "start.html",
        gettext("The first connection"),
        sections,
        programs=first_lines(socket_url, _TOKEN),
        frame=example(frame, "json"),
        ways=_ways(),
        frames=list(DATA),
        errors=list(ErrorCode),
    )


def _ways() -> list[_Way]:
    """What to read after the first connection."""
    return [
        _Way(
            gettext("The socket’s contract"),
            gettext("Every option, frame, field and error, with examples."),
            reverse("docs-reference"),
        ),
        _Way(
            gettext("The life of a connection"),
            gettext("Phones change networks: how an app goes on, and what it does about errors."),
            reverse("docs-guide", args=["mobile"]),
        ),
        _Way(
            gettext("The client for JavaScript"),
            gettext("It comes back by itself, and goes on where it was."),
            reverse("docs-guide", args=["javascript"]),
        ),
        _Way(
            gettext("REST operations"),
            gettext("The account, how things stand, gifts, and what is left of LIVEs."),
            reverse("api:openapi-view"),
        ),
        _Way(
            gettext("Webhooks"),
            gettext("What happens, sent to an address of yours, or to Discord."),
            reverse("docs-guide", args=["webhooks"]),
        ),
        _Way(
            gettext("Programs made for TikFinity"),
            gettext("They work here, too."),
            reverse("docs-guide", args=["tikfinity"]),
        ),
    ]


@own_page
def try_it(request: HttpRequest) -> HttpResponse:
    """Show a form that opens a socket at the test endpoint, for those who may."""
    is_possible = settings.RELAY_TEST_ENDPOINT and request.user.is_authenticated
    return _show(
        request,
        "try.html",
        gettext("Try it"),
        [],
        is_test_endpoint_on=settings.RELAY_TEST_ENDPOINT,
        token_prefix=token_prefix(request) if is_possible else "",
        types=[kind for kind in DATA if kind in EVENT_TYPES],
        errors=sorted(ErrorCode),
    )


# --- The reference -------------------------------------------------------------------------------


@own_page
def reference(request: HttpRequest) -> HttpResponse:
    """Show the whole contract on one page: addresses, options, frames, errors, close codes."""
    content, sections = _reference(get_language() or ENGLISH)
    return _show(request, "page.html", gettext("The socket’s contract"), sections, content=content)


@cache
def _reference(language: str) -> tuple[SafeString, list[Section]]:
    with override(language):
        contract = describe_contract()
        content = render_to_string("live/docs/reference.html", contract)
        frames = [frame for _title, frames in contract["groups"] for frame in frames]
        return content, [
            Section(gettext("Connect"), "connect"),
            Section(gettext("Options"), "options"),
            Section(gettext("Test endpoint"), "test"),
            Section(
                gettext("Frames"),
                "frames",
                [Section(frame.name, frame.anchor, is_code=True) for frame in frames],
            ),
            Section(
                gettext("What they are made of"),
                "parts",
                [Section(part.name, part.anchor, is_code=True) for part in contract["parts"]],
            ),
            Section(gettext("What a client may send"), "ping"),
            Section(
                gettext("Errors"),
                "errors",
                [
                    Section(error["code"], f"error-{error['code']}", is_code=True)
                    for error in contract["errors"]
                ],
            ),
            Section(gettext("Close codes"), "closes"),
        ]


@public
def asyncapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(asyncapi_yaml(), content_type="application/yaml")


@public
def schema(request: HttpRequest, type: str) -> HttpResponse:
    if type not in set(DATA):
        raise Http404
    text = frame_schema_json(FrameType(type))
    return HttpResponse(text, content_type="application/schema+json")


# --- Guides --------------------------------------------------------------------------------------


@own_page
def guide_page(request: HttpRequest, name: str) -> HttpResponse:
    language = get_language() or ENGLISH
    found = guide(name, language)
    if found is None:
        raise Http404
    sections = [
        Section(heading.text, heading.anchor) for heading in found.headings if heading.level == 2
    ]
    return _show(
        request,
        "guide.html",
        found.title,
        sections,
        content=found.html,
        spoken=found.language,
        is_translated=found.language == language,
    )


@public
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Return a picture that guides show."""
    path = Path(settings.BASE_DIR) / PICTURES / f"{name}.png"
    if not path.is_file():
        raise Http404
    return HttpResponse(path.read_bytes(), content_type="image/png")


# --- REST, and the search -------------------------------------------------------------------------


class RestPage(DocsBase):
    """The REST API's page, made from its OpenAPI description, with the other pages' looks."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        return _rest_page(request)


@own_page
def _rest_page(request: HttpRequest) -> HttpResponse:
    description, content, sections = _rest(get_language() or ENGLISH)
    return _show(
        request,
        "rest.html",
        gettext("REST operations"),
        sections,
        description=description,
        content=content,
        token_prefix=token_prefix(request) if request.user.is_authenticated else "",
    )


@cache
def _rest(language: str) -> tuple[Sequence[SafeString], SafeString, list[Section]]:
    with override(language):
        rest = describe(published())
        content = render_to_string("live/docs/operations.html", rest._asdict())
        return (
            rest.description,
            content,
            [
                *(
                    Section(
                        group.name,
                        group.anchor,
                        [Section(it.summary, it.anchor) for it in group.operations],
                    )
                    for group in rest.groups
                ),
                Section(gettext("What answers are made of"), "parts"),
            ],
        )


@public
def search_index(request: HttpRequest, language: str) -> HttpResponse:
    if language not in settings.LANGUAGE_CODES:
        raise Http404
    return HttpResponse(_search_index(language), content_type="application/json")


@cache
def _search_index(language: str) -> str:
    with override(language):
        found = entries(describe_contract(), describe(published()))
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
