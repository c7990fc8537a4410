"""The guides: Markdown files of the repository as pages.

A guide is in Russian where the repository has it in Russian, else in English. A file is rendered
once, and again only when it has changed.
"""

from __future__ import annotations

import posixpath
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from live.contract.translations import ENGLISH
from live.pages.docs.examples import example

__all__ = ["FOLLOWING", "GUIDES", "PICTURES", "Guide", "Heading", "guide", "slug"]

_DOCS = Path("docs")
PICTURES = _DOCS / "pictures"
_SCHEMAS = _DOCS / "schemas"
# Static files of this server, where the repository has them.
_STATIC = "live/static/"
# The guides by the last part of their addresses, in the order of the navigation: first those that
# lead to an app, then what else there is.
GUIDES: Mapping[str, Path] = {
    name: _DOCS / "app" / f"{name}.md"
    for name in ("mobile", "protocol", "javascript", "events", "rest", "rehearsal")
}
FOLLOWING: Mapping[str, Path] = {
    **{name: _DOCS / "app" / f"{name}.md" for name in ("webhooks", "overlays", "aloud")},
    "tikfinity": _DOCS / "tikfinity.md",
}
_ALL = {**GUIDES, **FOLLOWING}
# Where files of repositories are at these hosts, behind the repository's address.
_FILES_AT = {"github.com": "/blob/HEAD/", "gitlab.com": "/-/blob/HEAD/"}


class Heading(NamedTuple):
    """A heading of a guide, below its title.

    Attributes:
        level: 2 for a section, 3 for a part of one.
    """

    level: int
    text: str
    anchor: str


class Guide(NamedTuple):
    """A guide as a page.

    Attributes:
        name: the last part of its address.
        html: all of it but the title.
        language: of its text.
    """

    name: str
    title: str
    html: SafeString
    headings: Sequence[Heading]
    language: str


def guide(name: str, language: str) -> Guide | None:
    """Return a guide, in that language if the repository has it; None where there is no such one.

    Args:
        name: the last part of its address.
        language: a code such as "ru".
    """
    path = _ALL.get(name)
    if path is None:
        return None
    root = Path(settings.BASE_DIR)
    translation = _DOCS / "app" / language / path.name
    if language != ENGLISH and (root / translation).is_file():
        file, spoken = translation, language
    elif (root / path).is_file():
        file, spoken = path, ENGLISH
    else:
        return None
    # The links depend on where the source is, and on the language of "Show all … lines".
    changed = (root / file).stat().st_mtime_ns, (root / path).stat().st_mtime_ns
    return _render(name, file, spoken, language, settings.SOURCE_URL, changed)


@lru_cache(maxsize=4 * len(_ALL))
def _render(
    name: str,
    file: Path,
    spoken: str,
    language: str,
    source_url: str,
    changed: tuple[int, int],
) -> Guide:
    root = Path(settings.BASE_DIR)
    tokens = _parse((root / file).read_text())
    headings = _headings(tokens)
    original = _headings(_parse((root / _ALL[name]).read_text()))
    if len(original) != len(headings):
        original = headings
    _mark_headings(tokens, headings, original)
    tokens = _text_of(tokens, name, file)
    _lead_on(tokens, file)
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    title, *others = headings
    return Guide(name, title.text, mark_safe(html), others, spoken)  # noqa: S308


# --- Markdown ------------------------------------------------------------------------------------


# In drawings, those that fonts for code have, too, and as wide as a letter.
_ARROWS = str.maketrans("▶◀", "►◄")


class _Renderer(RendererHTML):
    """Writes code as examples, and lets wide tables be scrolled by themselves."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return example(tokens[idx].content.translate(_ARROWS), tokens[idx].info.strip())

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        # A heading without words is none.
        return self.renderToken(tokens, idx, options, env) if tokens[idx + 1].content else "<td>"

    def th_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</th>" if tokens[idx - 1].content else "</td>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        label = gettext("Table")
        return format_html(
            '<div class="table" role="group" tabindex="0" aria-label="{}"><table>', label
        )

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>"


# Without HTML: what stands in a file between < and > is text.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")


def _parse(text: str) -> list[Token]:
    return _MARKDOWN.parse(text)


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _headings(tokens: Sequence[Token]) -> list[Heading]:
    """Return all headings of a file; the first is its title."""
    return [
        Heading(int(opened.tag[1:]), _plain(inline), slug(inline.content))
        for opened, inline in pairwise(tokens)
        if opened.type == "heading_open"
    ]


def _plain(inline: Token) -> str:
    """The text of a heading, without its marks."""
    return "".join(part.content for part in inline.children or [])


def _mark_headings(
    tokens: Sequence[Token], headings: Sequence[Heading], original: Sequence[Heading]
) -> None:
    """Give the headings their ids. A translated one can also be reached by the English anchor."""
    opened = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    for index, heading, english in zip(opened, headings, original, strict=True):
        tokens[index].attrSet("id", heading.anchor)
        if english.anchor != heading.anchor:
            anchor = Token("html_inline", "", 0)
            anchor.content = format_html('<span id="{}"></span>', english.anchor)
            tokens[index + 1].children = [anchor, *(tokens[index + 1].children or [])]


def _text_of(tokens: Sequence[Token], name: str, file: Path) -> list[Token]:
    """Leave out what the page has otherwise: the title, and the link to the other language."""
    start = next(index for index, token in enumerate(tokens) if token.type == "heading_close") + 1
    if (
        len(tokens) > start
        and tokens[start].type == "paragraph_open"
        and _is_other_language(tokens[start + 1], name, file)
    ):
        start += 3
    return list(tokens[start:])


def _is_other_language(paragraph: Token, name: str, file: Path) -> bool:
    """Whether all of a paragraph is a link to the same guide."""
    first, *others = paragraph.children or [paragraph]
    if first.type != "link_open" or not others or others[-1].type != "link_close":
        return False
    return _target(str(first.attrGet("href")), file) == reverse("docs-guide", args=[name])


# --- Links ---------------------------------------------------------------------------------------


def _lead_on(tokens: Sequence[Token], file: Path) -> None:
    """Have links and pictures lead to addresses of this server, or to where the source is.

    A link to a file that can't be had is taken out; its text stays.

    Args:
        tokens: of the file.
        file: its path in the repository, which its links are relative to.
    """
    for token in tokens:
        if token.children:
            token.children = list(_led_on(token.children, file))


def _led_on(parts: Sequence[Token], file: Path) -> Iterator[Token]:
    is_dead = False  # of the link that the part is in, or begins or ends
    for part in parts:
        if part.type == "link_open":
            target = _target(str(part.attrGet("href")), file)
            is_dead = not target
            part.attrSet("href", target)
        elif part.type == "image":
            _show_picture(part, file)
        if not (is_dead and part.type in {"link_open", "link_close"}):
            yield part


def _show_picture(image: Token, file: Path) -> None:
    """With its size, so that the text below it does not move when it is there."""
    link = str(image.attrGet("src"))
    image.attrSet("src", _target(link, file))
    image.attrSet("loading", "lazy")
    path = Path(settings.BASE_DIR) / file.parent / link
    if path.suffix == ".png" and path.is_file():
        width, height = _size_of_png(path)
        image.attrSet("width", width)
        image.attrSet("height", height)


def _size_of_png(path: Path) -> tuple[int, int]:
    """Width and height are the first numbers of its first chunk: RFC 2083, section 4.1.1."""
    with path.open("rb") as file:
        width, height = struct.unpack(">16x2I", file.read(24))
    return width, height


def _target(link: str, file: Path) -> str:
    """Return the address that a link of the file leads to; empty if there is none."""
    address = urlsplit(link)
    if address.scheme or not address.path:
        return link
    path = posixpath.normpath(posixpath.join(file.parent.as_posix(), address.path))
    fragment = f"#{address.fragment}" if address.fragment else ""
    return _page(path, fragment) or _source(path, fragment)


def _page(path: str, fragment: str) -> str:
    """Return the address of this server that shows the file; empty if none does."""
    file = Path(path)
    by_file = {guide: name for name, guide in _ALL.items()}
    original = _ALL.get(file.stem)
    if original is not None and file.parent.parent == _DOCS / "app" and file.name == original.name:
        file = original  # a translation
    if file in by_file:
        return reverse("docs-guide", args=[by_file[file]]) + fragment
    if file == _SCHEMAS:
        return reverse("docs-reference") + "#frames"
    if file == _DOCS / "asyncapi.yaml":
        return reverse("docs-asyncapi")
    if file.parent == _SCHEMAS:
        return reverse("docs-schema", args=[file.stem])
    if file.parent == PICTURES:
        return reverse("docs-picture", args=[file.stem])
    if path.startswith(_STATIC):
        return static(path.removeprefix(_STATIC))
    return ""


def _source(path: str, fragment: str) -> str:
    """Return where the file is in this server's published source; empty if that is not published.

    At a host whose addresses are not known it is the address of the source itself.
    """
    source = str(settings.SOURCE_URL).rstrip("/")
    between = _FILES_AT.get(urlsplit(source).hostname or "")
    return f"{source}{between}{path}{fragment}" if between else source
