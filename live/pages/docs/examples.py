"""Shows examples of code on pages: JSON in colours, and of long ones the first lines."""

from __future__ import annotations

import re

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

__all__ = ["example"]

# How many lines are open: those of a frame's envelope, and the first of its data. And how many more
# there must be at least, so that they are folded.
_OPEN = 9
_MORE = 4
# A name, a text, a number or a word of JSON. Escaped for HTML, quotation marks are &quot;.
_JSON = re.compile(
    r"(?P<text>&quot;(?:\\.|(?!&quot;).)*?&quot;)(?P<colon>\s*:)?"
    r"|(?P<value>(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b|\b(?:true|false|null)\b)",
    re.IGNORECASE,
)


def example(code: str, language: str = "") -> SafeString:
    """Return a block of code as HTML. Of many lines the first are shown; the reader opens the rest.

    Args:
        code: the text.
        language: the name that Markdown has for it, such as "json"; empty if it has none.
    """
    lines = code.rstrip("\n").split("\n")
    if not language or len(lines) < _OPEN + _MORE:
        return format_html(
            '<div class="snippet"><pre tabindex="0"><code>{}</code></pre></div>',
            _coloured("\n".join(lines), language),
        )
    first, rest = "\n".join(lines[:_OPEN]), "\n".join(lines[_OPEN:])
    show = ngettext("Show all {count} line", "Show all {count} lines", len(lines))
    return format_html(
        '<div class="snippet"><pre tabindex="0"><code>{}</code></pre>'
        "<details><summary>{}</summary>"
        '<pre tabindex="0"><code>{}</code></pre></details></div>',
        _coloured(first, language),
        show.format(count=len(lines)),
        _coloured(rest, language),
    )


def _coloured(code: str, language: str) -> SafeString:
    escaped = escape(code)
    if language != "json":
        return escaped
    return mark_safe(_JSON.sub(_span, escaped))  # noqa: S308 -- what it holds is escaped


def _span(found: re.Match[str]) -> str:
    if found["value"]:
        return f'<span class="value">{found[0]}</span>'
    if found["colon"]:
        return f'<span class="name">{found["text"]}</span>{found["colon"]}'
    return f'<span class="text">{found[0]}</span>'
