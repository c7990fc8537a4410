"""A stream for tests of history: a real feed, without a connection to TikTok."""

from __future__ import annotations

import itertools
from typing import Any

from live.history.keeper import HistoryKeeper
from live.protocol.errors import RelayError
from live.protocol.frames import FrameType, StreakState, Viewers
from live.streams.feed import Feed
from live.streams.followers import NOBODY
from live.streams.log import EventLog
from live.tiktok.events import Event
from live.tiktok.rooms import Room
from tests.support import samples
from tests.support.clock import FixedClock

__all__ = ["MINUTE", "NOW", "HeardStream", "Keeping", "event", "gift_event", "room", "viewers"]

NOW = 1_795_000_000_000
MINUTE = 60_000
WITHIN = 10.0
_ids = itertools.count(1)


def room(id: str = "1", **given: Any) -> Room:
    return Room(id, given.pop("title", "A title"), **given)


def event(type: FrameType, at: int, count: int = 1, *, id: str | None = None) -> Event:
    """An event with an id that no other one has."""
    return Event(type, id or f"m{next(_ids)}", at, samples.sample(type, count))


def viewers(at: int, count: int, total: int = 0) -> Event:
    return Event(FrameType.VIEWERS, f"m{next(_ids)}", at, Viewers(count, total, []))


def gift_event(
    at: int, count: int = 1, streak: StreakState | None = None, id: str | None = None, **given: Any
) -> Event:
    return Event(FrameType.GIFT, id or f"m{next(_ids)}", at, samples.gift(count, streak, **given))


class HeardStream:
    """What history knows of a `LiveStream`. It leads."""

    def __init__(self, feed: Feed, username: str = "anna.live", run: int | None = None) -> None:
        self.username = username
        self.feed = feed
        self.run = feed.begin_run() if run is None else run
        self.is_leading = self.has_led = self.is_connected = True
        self.is_following = self.over = False
        self.elsewhere = NOBODY
        self.begins_behind = 0
        self.error: RelayError | None = None

    @property
    def log(self) -> EventLog:
        return self.feed.log

    @property
    def current_room(self) -> Room | None:
        return None if self.over else self.feed.room

    def stop(self, error: RelayError | None = None, heard: int | None = None) -> None:
        self.over, self.is_connected, self.is_leading, self.error = True, False, False, error
        self.feed.end_run(error, self.feed._clock.unix_ms() if heard is None else heard)


class Keeping:
    """A keeper with its streams and a clock that stands still until it is told otherwise.

    Attributes:
        hears: which streams which accounts hear now.
    """

    def __init__(self, *sinks: Any, clock: FixedClock | None = None, **options: Any) -> None:
        self.clock = clock or FixedClock(NOW)
        self.hears: list[tuple[Any, int]] = []
        self.keeper = HistoryKeeper(
            lambda: list(self.hears), self.clock, sinks, retry=(0.01, 0.02), **options
        )

    def feed(self, username: str = "anna.live", backlog: int = 4096) -> Feed:
        return Feed(backlog, self.clock, username)

    def stream(self, *accounts: int, feed: Feed | None = None, **given: Any) -> Any:
        """A stream that has begun, and is heard by these accounts."""
        stream: Any = HeardStream(feed or self.feed(), **given)
        self.keeper.stream_started(stream)
        for account in accounts:
            self.keeper.joined(stream, account)
            self.hears.append((stream, account))
        return stream

    def following(self, account: int, feed: Feed | None = None) -> Any:
        """A stream that another process leads. Its log is copied here now."""
        stream = self.stream(account, feed=feed)
        stream.is_leading = stream.has_led = False
        stream.is_following = True
        stream.begins_behind = stream.log.end
        return stream

    async def write(self) -> None:
        """Have everything that is there now written."""
        self.keeper.look()
        while self.keeper._pieces or self.keeper._has_newcomers:
            before = len(self.keeper._pieces)
            await self.keeper._write()
            if len(self.keeper._pieces) == before:
                return

    async def end(self) -> None:
        await self.keeper.close(WITHIN)
