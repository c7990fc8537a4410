"""Template filters of the connection log, and what the account page shows of it."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import formats

from accounts.models import User
from live.models import ConnectionLog
from live.pages.connection_summaries import latest_connections
from live.pages.ends import end_in_words, tone_of_end
from live.pages.labels import Said, said_in_words
from live.pages.moments import close_code_words

__all__ = [
    "clock",
    "close_code",
    "connection_history",
    "end",
    "grouped",
    "in_words",
    "since",
    "tone_of",
]

register = template.Library()

# How many of the account's own connections are seen at once.
_NEWEST = 5


@register.filter
def clock(duration: timedelta | None) -> str:
    """Hours, minutes and seconds, such as 26:03:09; hours may exceed 24. Empty without a value."""
    if duration is None:
        return ""
    # The system's clock may have been set back meanwhile.
    seconds = max(0, int(duration.total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@register.filter
def end(connection: ConnectionLog) -> str:
    """How the connection ended, in a few words."""
    return str(end_in_words(connection.close_code, connection.error_code))


@register.filter
def close_code(code: int | None) -> str:
    """The close code, and what it means if it is one of the relay's."""
    if code is None:
        return ""
    words = close_code_words(code)
    return f"{code}: {words}" if words else str(code)


@register.filter
def since(until: datetime, begin: datetime) -> str:
    """The time between two moments, as hours, minutes and seconds."""
    return clock(until - begin)


@register.filter
def tone_of(connection: ConnectionLog) -> str:
    """The class that shows how good or bad that is."""
    return tone_of_end(connection.close_code, connection.error_code)


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
    """The account's own connections, a sentence each. The older ones are folded."""
    summaries = latest_connections(account)
    return {"newest": summaries[:_NEWEST], "older": summaries[_NEWEST:]}
