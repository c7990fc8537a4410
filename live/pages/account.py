"""The part of the account page that is about LIVEs: latest connections, and "Is it live now?".

The page itself belongs to `accounts`, which knows nothing of LIVEs. The template
`templates/live/account/account.html` adds this part. Errors are described with the titles in
`live.protocol.errors`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, JsonResponse
from django.utils import formats
from django.utils.translation import get_language, gettext, ngettext
from django.views.decorators.http import require_POST
from msgspec import UNSET

from accounts.models import User
from accounts.usernames import normalise_tiktok_username
from live.models import ConnectionLog
from live.pages.moments import explain
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.relay.relay import Relay

__all__ = ["ConnectionSummary", "is_live", "latest_connections"]

# The number of connections that are shown.
_SHOWN = 20
# Of a connection that was shorter than this, only the reason of its end is shown.
_HELD = timedelta(minutes=1)


# --- Is it live now? -----------------------------------------------------------------------------


@require_POST
@login_required
async def is_live(request: HttpRequest) -> JsonResponse:
    """Ask TikTok whether the username in the form is live now.

    Returns:
        JSON with `live`, which is null if TikTok does not answer that, and with the `text` to show.
    """
    assert isinstance(request, ASGIRequest)
    try:
        username = normalise_tiktok_username(request.POST.get("tiktok_username", ""))
        room_id = await _live_room(request.scope["relay"], username)
    except ValidationError as refusal:
        return JsonResponse({"live": None, "text": refusal.messages[0]})
    except RelayError as error:
        explained = error.explain(get_language())
        sentences = (explained.detail, "" if explained.hint is UNSET else explained.hint)
        return JsonResponse({"live": None, "text": " ".join(filter(None, sentences))})
    text = (
        gettext("Yes: @%(username)s is live now.")
        if room_id is not None
        else gettext("No: @%(username)s is not live right now.")
    )
    return JsonResponse({"live": room_id is not None, "text": text % {"username": username}})


async def _live_room(relay: Relay, username: str) -> str | None:
    """Return TikTok's id of the streamer's room; None if the streamer is not live.

    Raises:
        RelayError: if there is no username, the server is stopping, or TikTok does not answer.
    """
    relay.check()
    if not username:
        raise RelayError(ErrorCode.USERNAME_MISSING)
    return await relay.lookup.live_room(username)


# --- The latest connections ----------------------------------------------------------------------


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
        "duration": _in_words(duration),
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


def _in_words(duration: timedelta) -> str:
    """Write a duration, such as "2 h 5 min", "45 min" or "20 s"."""
    # It is negative if the system's clock was set back while the socket was open.
    seconds = max(0, int(duration.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return gettext("%(minutes)d min") % {"minutes": minutes}
    return gettext("%(seconds)d s") % {"seconds": seconds}
