"""TikTok's texts with placeholders, as its app shows them."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["shown_text"]

# With the space behind it, which goes where there is no value.
_PLACEHOLDER = re.compile(r"\{(\d{1,3})(?::\w*)?\}( ?)")
# Real texts have two or three, of a few words.
_MAX_PLACEHOLDERS = 20
_MAX_PIECE = 1000


def shown_text(text: Any) -> str:
    """What TikTok shows for a text with placeholders, as far as their values are texts."""
    pieces = text.pieces

    def value(match: re.Match[str]) -> str:
        number = int(match[1])
        shown = _piece(pieces[number]) if number < len(pieces) else ""
        return shown and shown + match[2]

    return _PLACEHOLDER.sub(value, text.default_pattern, count=_MAX_PLACEHOLDERS).strip(" ")


def _piece(piece: Any) -> str:
    return str(
        piece.string_value
        or piece.user_value.user.nickname
        or piece.gift_value.name_ref.default_pattern
        or piece.pattern_ref_value.default_pattern
    )[:_MAX_PIECE]
