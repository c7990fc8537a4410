"""An account's own connections in plain words, for its owner: one sentence each.

Titles of errors are those of `live.protocol.errors`; the rest is about what else the log knows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.utils import formats
from django.utils.translation import get_language, gettext, ngettext

from accounts.models import User
from live.models import ConnectionLog
from live.protocol.errors import CloseCode, ErrorCode, RelayError

__all__ = ["Entry", "history_of"]

_LENGTH = 20
# A connection that ends sooner was a try: only why it ended is of interest.
_HELD = timedelta(minutes=1)


class Entry(NamedTuple):
    """A connection as it is told.

    Attributes:
        sentence: what became of it, without a full stop.
        held: it lasted, so that its end is of interest too.
    """

    connection: ConnectionLog
    sentence: str
    held: bool


def history_of(account: User) -> list[Entry]:
    """The account's newest connections, newest first. Rehearsals are not among them."""
    connections = ConnectionLog.objects.filter(account=account, is_test=False)[:_LENGTH]
    return [
        Entry(connection, _sentence(connection), (connection.duration or timedelta()) >= _HELD)
        for connection in connections
    ]


def _sentence(connection: ConnectionLog) -> str:
    duration, end = connection.duration, _end(connection)
    if duration is None:
        return _since(connection)
    if duration < _HELD and end:
        return end
    count = connection.frames_sent
    held = ngettext(
        "connected for %(duration)s, %(count)s message",
        "connected for %(duration)s, %(count)s messages",
        count,
    ) % {
        "duration": _in_words(duration),
        "count": formats.number_format(count, use_l10n=True, force_grouping=True),
    }
    return gettext("%(held)s, then: %(end)s") % {"held": held, "end": end} if end else held


def _since(connection: ConnectionLog) -> str:
    if connection.address is None:
        return gettext("still connected")
    return gettext("still connected from %(address)s") % {"address": connection.address}


def _end(connection: ConnectionLog) -> str:
    """Why it ended; empty where the app or the LIVE did, as is meant to be."""
    if connection.error_code in set(ErrorCode):
        error = RelayError(ErrorCode(connection.error_code), username=connection.tiktok_username)
        return error.explain(get_language()).title
    if connection.error_code:
        return gettext("an error that the relay does not know any more")
    if connection.close_code == CloseCode.ABNORMAL:
        return gettext("the connection broke off")
    return ""


def _in_words(duration: timedelta) -> str:
    """Such as 2 h 5 min, 45 min or 20 s."""
    # The system's clock may have been set back meanwhile.
    seconds = max(0, int(duration.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return gettext("%(minutes)d min") % {"minutes": minutes}
    return gettext("%(seconds)d s") % {"seconds": seconds}
