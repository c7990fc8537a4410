"""Template filters of the connection log, and what the account page shows of it."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import formats
from django.utils.html import format_html

from accounts.models import User
from live.pages.connection_summaries import latest_connections
from live.pages.labels import Said, said_in_words

__all__ = ["clock", "connection_history", "grouped", "in_words", "local_time", "to_the_second"]

register = template.Library()


@register.filter
def clock(duration: timedelta | None) -> str:
    """Hours, minutes and seconds, such as 26:03:09; hours may exceed 24. Empty without a value."""
    if duration is None:
        return ""
    # The system's clock may have been set back meanwhile.
    seconds = max(0, int(duration.total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@register.filter
def to_the_second(moment: datetime) -> str:
    """Date and time as people of the language write them, with the seconds."""
    return f"{formats.date_format(moment)} {moment:%H:%M:%S}"


@register.simple_tag
def local_time(moment: datetime, parts: str) -> str:
    """A time in UTC that the page's script shows as the reader's clock has it.

    Args:
        parts: "exact-time" or "exact-moment", as `static/shared/format.js` names them.
    """
    utc = to_the_second(moment)
    return format_html(
        '<time datetime="{}" data-shows="{}" title="{} UTC">{}</time>',
        moment.isoformat(),
        parts,
        utc,
        f"{moment:%H:%M:%S}" if parts == "exact-time" else utc,
    )


@register.filter
def grouped(number: int) -> str:
    """The number with its thousands apart, as people of the language write it."""
    return formats.number_format(number, use_l10n=True, force_grouping=True)


@register.filter
def in_words(said: str) -> Said | None:
    """What TikTok or the sign server said, as `templates/live/said.html` takes it."""
    return said_in_words(said)


@register.inclusion_tag("live/account/connections.html")
def connection_history(account: User) -> dict[str, Any]:
    """The account's own connections, a sentence each."""
    return {"summaries": latest_connections(account)}
