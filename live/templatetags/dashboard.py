"""Template filters of the staff's dashboard.

Times are in ms since the epoch; a missing one gives an empty text.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import formats

from live.clock import from_ms
from live.pages.labels import budget_in_words
from live.templatetags.connections import clock, grouped

__all__ = ["ahead", "budget", "moment", "past", "percent", "rate"]

register = template.Library()


@register.filter
def moment(ms: int) -> datetime:
    """The time, as other filters take it."""
    return from_ms(ms)


@register.filter
def past(since: int | None, now: int) -> str:
    """How long ago it was, in hours, minutes and seconds."""
    return clock(timedelta(milliseconds=now - since)) if since else ""


@register.filter
def ahead(until: int | None, now: int) -> str:
    """How long it is until then, in hours, minutes and full seconds, rounded up."""
    return clock(timedelta(milliseconds=until - now + 999)) if until else ""


@register.filter
def budget(name: str) -> str:
    """What the budget with that name is for."""
    return str(budget_in_words(name))


@register.filter
def rate(value: float | None) -> str:
    """So many a second: large ones without a fraction, a dash while it is not known."""
    if value is None:
        return "–"
    if value >= 100 or value == int(value):
        return grouped(round(value))
    return formats.number_format(value, 1)


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1 in per cent."""
    return f"{share:.0%}"
