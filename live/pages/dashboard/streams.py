"""What the staff's page of one LIVE shows: its stream as it is now, copied on the event loop.

Pages are rendered in other threads, where a stream must not be read while it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from live.pages.dashboard.events import LoggedEvent, newest_events
from live.pages.labels import tone_of, word_for
from live.pages.moments import ShownMoment, shown, time_of
from live.protocol.frames import Status
from live.relay.relay import Relay
from live.relay.socket import Socket
from live.streams.drift import Finding
from live.streams.stream import LiveStream
from live.tiktok.rooms import Room

__all__ = ["Listener", "StreamNow", "name_accounts", "stream_now"]

_EVENTS = 50
_MOMENTS = 20


@dataclass
class Listener:
    """A socket of the stream. `row_id` is its row's in the connection log, once it has one;
    `account` is empty until `name_accounts` has been here."""

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
    """One stream. Lists are newest first; `listeners` are longest there first."""

    status: Status
    word: Any
    tone: str
    since: datetime | None
    room: Room | None
    room_since: datetime | None
    listeners: list[Listener]
    events: list[LoggedEvent]
    findings: list[Finding]
    undecodable: list[tuple[str, int]]
    unknown: list[tuple[str, int]]
    history: list[ShownMoment]


async def stream_now(relay: Relay, username: str) -> StreamNow | None:
    """The stream of `username`; None where nobody listens to that LIVE."""
    stream = relay.streams.get(username)
    if stream is None:
        return None
    history = shown(stream.timeline, username)[::-1]
    room = stream.room
    return StreamNow(
        status=stream.status,
        word=word_for(stream.status.state),
        tone=tone_of(stream.status.state),
        since=history[0].at if history else None,
        room=room,
        room_since=time_of(room.started_at) if room and room.started_at else None,
        listeners=_listeners(relay, stream),
        events=newest_events(stream.log, _EVENTS),
        findings=stream.findings,
        undecodable=sorted(stream.undecodable.items()),
        unknown=sorted(stream.unknown.items()),
        history=history[:_MOMENTS],
    )


def name_accounts(listeners: list[Listener]) -> None:
    """Look up whose sockets they are. In a thread that may ask the database."""
    ids = {listener.account_id or 0 for listener in listeners}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))
    for listener in listeners:
        listener.account = names.get(listener.account_id or 0, "")


def _listeners(relay: Relay, stream: LiveStream) -> list[Listener]:
    listeners = [Listener.of(socket) for socket in relay.sockets if socket.stream is stream]
    return sorted(listeners, key=lambda listener: listener.opened_at)
