"""Messages read by a real `Reader`, for tests that begin with what TikTok sends."""

from __future__ import annotations

from collections.abc import Iterable

from live.streams.counts import StreamCounts
from live.streams.feed import Feed
from live.tiktok.decoding import DecodeError
from live.tiktok.events import Event
from live.tiktok.gifts import SeenGifts
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room
from live.tiktok.upstream import RawMessage
from tests.support.clock import FixedClock

__all__ = ["NOW", "Heard", "MessageFeed"]

NOW = 1_795_000_000_000


class Heard:
    """A reader's `Listener` that keeps what it hears.

    Attributes:
        undecodable, unknown: the kinds that were reported.
    """

    def __init__(self) -> None:
        self.rooms: list[Room] = []
        self.events: list[Event] = []
        self.heartbeats = 0
        self.undecodable: list[str] = []
        self.unknown: list[str] = []

    def on_open(self, room: Room, route: str) -> None:
        self.rooms.append(room)

    def on_events(self, events: Iterable[Event]) -> None:
        self.events += events

    def on_heartbeat(self) -> None:
        self.heartbeats += 1

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self.undecodable.append(what)

    def on_unknown(self, method: str) -> None:
        self.unknown.append(method)


class MessageFeed(Feed):
    """A feed with the reader in front of it, as a stream has them.

    Attributes:
        reader: reads what `hear` is given.
        counts: what both count.
        clock: stands still.
    """

    def __init__(
        self,
        backlog: int = 1000,
        ms: int = NOW,
        username: str = "anna",
        gifts: SeenGifts | None = None,
    ) -> None:
        self.clock = clock = FixedClock(ms)
        self.counts = StreamCounts()
        super().__init__(backlog, clock, username, gifts, counts=self.counts)
        self.reader = Reader(Heard(), clock, self.counts.undecodable)

    def hear(self, messages: Iterable[RawMessage], now: float) -> bool:
        """`take` of the events that the messages say."""
        return self.take(self.reader.read(messages), now)
