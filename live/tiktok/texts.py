"""Fills in the placeholders of TikTok's texts, such as "{0:user} joined", as TikTok's app does."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["shown_text"]

# A placeholder and the space after it; the space is removed with a placeholder that has no value.
_PLACEHOLDER = re.compile(r"\{(\d{1,3})(?::\w*)?\}( ?)")
# How many placeholders of a text are filled in, and characters of a value that are kept. Real texts
# have two or three placeholders, with values of a few words.
_MAX_PLACEHOLDERS = 20
_MAX_PIECE = 1000


def shown_text(text: Any) -> str:
    """Return a text with its placeholders filled in.

    Placeholders without a value, or whose value is not a text (a picture, for example), are
    removed.

    Args:
        text: a decoded `Text` of TikTok's schema.
    """
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
