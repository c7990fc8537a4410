"""An account's latest connections, each in one sentence for its owner.

Errors are described with the titles in `live.protocol.errors`. Every `manage.py` command loads this
module by way of a template tag, so it imports nothing that loads TikTokLive.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.utils import formats
from django.utils.translation import gettext, ngettext

from accounts.models import User
from live.models import ConnectionLog
from live.pages.labels import duration_in_words
from live.pages.moments import explain
from live.protocol.errors import CloseCode

__all__ = ["ConnectionSummary", "latest_connections"]

# The number of connections that are shown.
_SHOWN = 20
# Of a connection that was shorter than this, only the reason of its end is shown.
_HELD = timedelta(minutes=1)


class ConnectionSummary(NamedTuple):
    """One connection, described for the account's owner.

    Attributes:
        connection: its row in the connection log.
        sentence: what happened to it, without a full stop.
        held: whether it was open for a minute or longer, so that the page shows its end too.
    """

    connection: ConnectionLog
    sentence: str
    held: bool


def latest_connections(account: User) -> list[ConnectionSummary]:
    """Return the account's newest connections, newest first, without those to the test endpoint."""
    connections = ConnectionLog.objects.filter(account=account, is_test=False)[:_SHOWN]
    return [
        ConnectionSummary(
            connection, _sentence(connection), (connection.duration or timedelta()) >= _HELD
        )
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
        "duration": duration_in_words(duration),
        "count": formats.number_format(count, use_l10n=True, force_grouping=True),
    }
    return gettext("%(held)s, then: %(end)s") % {"held": held, "end": end} if end else held


def _since(connection: ConnectionLog) -> str:
    if connection.address is None:
        return gettext("still connected")
    return gettext("still connected from %(address)s") % {"address": connection.address}


def _end(connection: ConnectionLog) -> str:
    """Say why the connection ended; empty if it ended normally, by the app or with the LIVE."""
    if error := explain(connection.error_code, connection.tiktok_username):
        return error.title
    if connection.error_code:
        return gettext("an error that the relay does not know any more")
    if connection.close_code == CloseCode.ABNORMAL:
        return gettext("the connection broke off")
    return ""
