"""The navigation at the side: all pages of the documentation, and what is on the one that is shown.

Everything is in the language that is active.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import get_language, gettext

from live.contract.translations import ENGLISH
from live.pages.docs.guides import FOLLOWING, GUIDES, guide

__all__ = ["Page", "Section", "navigation"]


class Section(NamedTuple):
    """A part of a page, with the parts that it has itself.

    Attributes:
        is_code: whether the text is a name of the contract.
    """

    text: str
    anchor: str
    parts: Sequence[Section] = ()
    is_code: bool = False


class Page(NamedTuple):
    """A page of the documentation. Of the one that is shown, its sections are named too."""

    text: str
    address: str
    is_shown: bool
    sections: Sequence[Section]


class Group(NamedTuple):
    text: str
    pages: Sequence[Page]


def navigation(shown: str, sections: Sequence[Section]) -> list[Group]:
    """Return all pages, in groups.

    Args:
        shown: the address of the page that is shown.
        sections: of that page.
    """

    def page(text: str, address: str) -> Page:
        is_shown = address == shown
        return Page(text, address, is_shown, sections if is_shown else ())

    def guides(names: Sequence[str]) -> list[Page]:
        found = (guide(name, get_language() or ENGLISH) for name in names)
        return [page(it.title, reverse("docs-guide", args=[it.name])) for it in found if it]

    return [
        Group(
            gettext("First steps"),
            [
                page(gettext("The first connection"), reverse("docs")),
                page(gettext("Try it"), reverse("docs-try")),
            ],
        ),
        Group(
            gettext("Reference"),
            [
                page(gettext("The socket’s contract"), reverse("docs-reference")),
                page(gettext("REST operations"), reverse("api:openapi-view")),
            ],
        ),
        Group(gettext("For your app"), guides(list(GUIDES))),
        Group(gettext("Besides apps"), guides(list(FOLLOWING))),
    ]
