"""Template tags of the pages of LIVEs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext

from live.pages.labels import duration_in_words

__all__ = ["at_least", "duration", "initials", "picture_of", "tone"]

register = template.Library()

# The number of colours that circles without a picture have.
_TONES = 5


@register.simple_tag
def at_least(number: float, has_holes: Any) -> str:
    """The number, and before it "at least" if something may be missing in it."""
    shown = formats.number_format(round(number), use_l10n=True, force_grouping=True)
    if not has_holes:
        return shown
    return format_html('<span class="least">{}</span> {}', gettext("at least"), shown)


@register.filter
def duration(length: timedelta | float) -> str:
    """Write a duration, given in seconds too, as "2 h 5 min"."""
    if not isinstance(length, timedelta):
        length = timedelta(seconds=length)
    return duration_in_words(length)


@register.filter
def picture_of(address: str) -> str:
    """The address under which this server has a picture of TikTok's."""
    return f"{reverse('picture')}?{urlencode({'address': address})}"


@register.filter
def initials(name: str) -> str:
    """The first letters of the first two words, as static/shared/people.js."""
    return "".join(re.findall(r"(?<![^\W_])[^\W_]", name)[:2]).upper()


@register.filter
def tone(user_id: str) -> int:
    """Which colour the circle of somebody without a picture has; always the same, also in
    static/shared/people.js."""
    return sum(map(ord, user_id)) % _TONES
