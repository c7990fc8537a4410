"""Template filters of the staff's dashboard.

Times are in ms since the epoch; a missing one gives an empty text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django import template

from live.templatetags.connections import clock

__all__ = ["ahead", "moment", "past"]

register = template.Library()


@register.filter
def moment(ms: int) -> datetime:
    """The time, as other filters take it."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


@register.filter
def past(since: int | None, now: int) -> str:
    """How long ago it was, in hours, minutes and seconds."""
    return clock(timedelta(milliseconds=now - since)) if since else ""


@register.filter
def ahead(until: int | None, now: int) -> str:
    """How long it is until then, in hours, minutes and seconds."""
    return clock(timedelta(milliseconds=until - now)) if until else ""
