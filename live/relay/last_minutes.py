"""Remembers the last minutes of each LIVE, for the staff's curves: viewers, and events a second.

Every few seconds all streams are looked at, so an event costs nothing more. Where a stream only
waits for its streamer, nothing is kept. The most that one LIVE takes is about a kilobyte.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict
from weakref import WeakKeyDictionary

from live.clock import Clock
from live.streams.log import EventLog
from live.streams.stream import LiveStream
from live.tasks import cancel_until_done

__all__ = ["LENGTH", "STEP", "Course", "LastMinutes", "thinned"]

# Seconds between two looks, and how many of them are remembered: ten minutes.
STEP = 5
LENGTH = 120
_UNKNOWN = -1


class Course(TypedDict):
    """What was seen at the last looks, the oldest first.

    Attributes:
        at: when the newest look was, in milliseconds since the Unix epoch.
        step: seconds between two looks.
        viewers: how many there were; None where TikTok had not told.
        events: how many events a second came since the look before.
    """

    at: int
    step: int
    viewers: list[int | None]
    events: list[float]


class _Curve:
    """The looks at one log."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.viewers = array("i")
        self.events = array("f")

    def add(self, viewers: int | None, end: int, seconds: float) -> None:
        self.viewers.append(_UNKNOWN if viewers is None else min(viewers, 2**31 - 1))
        self.events.append(max(0, end - self.end) / seconds)
        self.end = end
        del self.viewers[:-LENGTH], self.events[:-LENGTH]


class LastMinutes:
    """The last minutes of the streams of one relay. Belongs to one event loop; owns its task.

    Args:
        streams: iterates over those of the relay.
        clock: tells the time.
    """

    def __init__(self, streams: Iterable[LiveStream], clock: Clock) -> None:
        self._streams = streams
        self._clock = clock
        # By log: it outlives a stream, and the next one of the same username goes on with it.
        self._curves: WeakKeyDictionary[EventLog, _Curve] = WeakKeyDictionary()
        self._all = array("f")  # events of all streams together
        self._looked_at = 0
        self._monotonic: float | None = None  # when that was, in seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, unless that has been done."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="last minutes")

    async def close(self) -> None:
        await cancel_until_done(self._task)

    def of(self, stream: LiveStream) -> Course | None:
        """The last minutes of a stream; None if it has not been looked at yet."""
        curve = self._curves.get(stream.feed.log)
        if curve is None or not curve.events:
            return None
        return self._course(curve.viewers, curve.events)

    def of_all(self) -> Course:
        """The events of all streams together. (Viewers of several LIVEs are not added up.)"""
        return self._course((), self._all)

    def look(self) -> None:
        """Look at all streams now."""
        now = self._clock.monotonic()
        seconds = STEP if self._monotonic is None else max(now - self._monotonic, 0.001)
        self._monotonic = now
        self._looked_at = self._clock.unix_ms()
        total = 0.0
        for stream in self._streams:
            log = stream.feed.log
            curve = self._curves.get(log)
            is_open = stream.is_connected or stream.is_following
            if curve is None:
                # The first look at a log only notes where it is: what is in it came before.
                if is_open:
                    self._curves[log] = _Curve(log.end)
                continue
            curve.add(stream.feed.viewers if is_open else None, log.end, seconds)
            total += curve.events[-1]
        self._all.append(total)
        del self._all[:-LENGTH]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(STEP)
            self.look()

    def _course(self, viewers: Sequence[int], events: Sequence[float]) -> Course:
        return Course(
            at=self._looked_at,
            step=STEP,
            viewers=[None if each == _UNKNOWN else each for each in viewers],
            events=[round(each, 1) for each in events],
        )


def thinned(
    values: Sequence[int | None], parts: int, of: Callable[[list[int]], int] = max
) -> list[int | None]:
    """Put neighbours together, so that at most so many values are left.

    Args:
        of: which value stands for the known ones of a part.
    """
    size = -(-len(values) // parts) or 1
    # The newest part is whole, so that the last value does not jump when the first part fills.
    first = len(values) % size
    starts = ([0] if first else []) + list(range(first, len(values), size))
    found: list[int | None] = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(values)
        known = [value for value in values[start:end] if value is not None]
        found.append(of(known) if known else None)
    return found
