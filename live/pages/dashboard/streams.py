"""Copies the state of one stream for the staff's page of that LIVE.

The copy is made in the event loop. Pages are rendered in other threads, which must not read a
stream, because it changes at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from live.clock import from_ms
from live.pages.dashboard.events import LoggedEvent, newest_events
from live.pages.labels import route_in_words, tone_of, word_for
from live.pages.moments import ShownMoment, shown
from live.protocol.frames import Status
from live.relay.last_minutes import Course
from live.relay.relay import Relay
from live.relay.socket import Socket
from live.streams.drift import Finding
from live.streams.stream import LiveStream
from live.tiktok.rooms import Room

__all__ = ["Listener", "StreamNow", "name_accounts", "names_of", "stream_now"]

# The number of frames and the number of moments that the page shows.
_EVENTS = 50
_MOMENTS = 20


@dataclass
class Listener:
    """A socket of the stream.

    Attributes:
        account_id: the primary key of its account.
        token_prefix: the beginning of its token.
        address: the client's IP address.
        opened_at: when it was opened.
        row_id: the primary key of its row in the connection log; None before the row is written.
        lag: how many frames have not been sent to it yet.
        stalled_for: seconds since its client last took something.
        account: the username of its account on this server; empty before `name_accounts`.
    """

    account_id: int | None
    token_prefix: str
    address: str | None
    opened_at: datetime
    row_id: int | None
    lag: int
    stalled_for: float
    account: str = ""

    @classmethod
    def of(cls, socket: Socket) -> Listener:
        connection = socket.connection
        return cls(
            account_id=connection.account_id,
            token_prefix=connection.token_prefix,
            address=connection.address,
            opened_at=connection.opened_at,
            row_id=connection.row_id,
            lag=socket.lag,
            stalled_for=socket.stalled_for,
        )


@dataclass(frozen=True)
class StreamNow:
    """The state of one stream at one moment.

    Attributes:
        status: the stream's status, as in status frames.
        word: the state in words.
        tone: how good or bad the state is: "good", "bad" or "calm".
        route: the route by which it is connected, in words; empty while it is not.
        since: when the stream came into this state; None if that is not known.
        room: TikTok's room; None if the stream has none.
        room_since: when the LIVE in the room began; None if that is not known.
        listeners: the sockets of the stream, the oldest first.
        watchers: the primary keys of the accounts for which this process watches it.
        events: the newest frames of its log, the newest first.
        findings: the fields that TikTok leaves empty more often than is normal.
        undecodable: the kinds of messages that could not be decoded, each with its count.
        unknown: the kinds of messages that the relay does not know, each with its count.
        history: the newest moments, the newest first.
        problem: the newest of them in which something went wrong; None if nothing has.
        viewers: how many watch the LIVE; None if TikTok has not told.
        course: the viewers and events of the last minutes; None if none are known yet.
    """

    status: Status
    word: Any
    tone: str
    route: Any
    since: datetime | None
    room: Room | None
    room_since: datetime | None
    listeners: list[Listener]
    watchers: list[int]
    events: list[LoggedEvent]
    findings: list[Finding]
    undecodable: list[tuple[str, int]]
    unknown: list[tuple[str, int]]
    history: list[ShownMoment]
    problem: ShownMoment | None
    viewers: int | None
    course: Course | None


async def stream_now(relay: Relay, username: str) -> StreamNow | None:
    """Copy the state of the stream of `username`; None if no stream of that LIVE exists."""
    stream = relay.streams.get(username)
    if stream is None:
        return None
    history = shown(stream.timeline, username)[::-1]
    room = stream.room
    return StreamNow(
        status=stream.status,
        word=word_for(stream.status.state),
        tone=tone_of(stream.status.state),
        route=route_in_words(stream.current_route),
        since=history[0].at if history else None,
        room=room,
        room_since=from_ms(room.started_at) if room and room.started_at else None,
        listeners=_listeners(relay, stream),
        watchers=[pk for each, pk in relay.watching.listening() if each is stream],
        events=newest_events(stream.log, _EVENTS),
        findings=stream.findings,
        undecodable=sorted(stream.undecodable.items()),
        unknown=sorted(stream.unknown.items()),
        history=history[:_MOMENTS],
        problem=next((moment for moment in history if moment.is_problem), None),
        viewers=stream.feed.viewers,
        course=relay.last_minutes.of(stream),
    )


def name_accounts(listeners: list[Listener]) -> None:
    """Look up the accounts of the sockets. Call it in a thread that may use the database."""
    ids = {listener.account_id or 0 for listener in listeners}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
    for listener in listeners:
        listener.account = names.get(listener.account_id or 0, "")


def names_of(account_ids: Sequence[int]) -> list[str]:
    """Return the usernames of these accounts, sorted. Call it in a thread that may use the
    database."""
    if not account_ids:
        return []
    accounts = User.objects.filter(pk__in=account_ids)
    return list(accounts.order_by("username").values_list("username", flat=True))


def _listeners(relay: Relay, stream: LiveStream) -> list[Listener]:
    listeners = [Listener.of(socket) for socket in relay.sockets if socket.stream is stream]
    return sorted(listeners, key=lambda listener: listener.opened_at)
