"""Counts what becomes of attempts on each route to TikTok: hour by hour for the staff's dashboard,
and all together for `/metrics`.

The counts are of this process, since it started. The last 24 hours are kept one by one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode

__all__ = ["HOURS", "HourOfRoutes", "RouteCounts"]

# How many hours are kept, the one that goes on included.
HOURS = 24
_HOUR_MS = 3_600_000


class HourOfRoutes(NamedTuple):
    """The counts of one hour.

    Attributes:
        start: when it began, in milliseconds since the Unix epoch. It is a full hour of UTC.
        opened: how many connections each route has opened.
        refused: how many attempts failed on each route, by error code. Attempts on a route that was
            closed count as well.
    """

    start: int
    opened: Counter[str]
    refused: Counter[tuple[str, ErrorCode]]


class RouteCounts:
    """The counts of all routes. Belongs to one event loop.

    Args:
        routes: the names of the routes, in the order in which they are tried.
        clock: tells the time.

    Attributes:
        opened_ever: how many connections each route has opened.
        refused_ever: how many attempts failed on each route, by error code.
    """

    def __init__(self, routes: Sequence[str] = (), clock: Clock = SYSTEM_CLOCK) -> None:
        self.routes = tuple(routes)
        self.opened_ever: Counter[str] = Counter()
        self.refused_ever: Counter[tuple[str, ErrorCode]] = Counter()
        self._clock = clock
        self._hours: deque[HourOfRoutes] = deque([_hour(self._start())], maxlen=HOURS)

    def opened(self, route: str) -> None:
        """A connection was opened by that route."""
        self._newest().opened[route] += 1
        self.opened_ever[route] += 1

    def refused(self, route: str, code: ErrorCode) -> None:
        """An attempt on that route has failed."""
        self._newest().refused[route, code] += 1
        self.refused_ever[route, code] += 1

    def hours(self) -> list[HourOfRoutes]:
        """Return the last hours since the process started, the oldest first. The last one has not
        ended yet."""
        self._newest()
        return list(self._hours)

    def _newest(self) -> HourOfRoutes:
        """The hour that goes on; while the wall clock is behind, the newest that there was."""
        start = self._start()
        # After a jump of the clock over many hours, only the last ones are of use.
        next_start = max(self._hours[-1].start + _HOUR_MS, start - HOURS * _HOUR_MS)
        while next_start <= start:
            self._hours.append(_hour(next_start))
            next_start += _HOUR_MS
        return self._hours[-1]

    def _start(self) -> int:
        now = self._clock.unix_ms()
        return now - now % _HOUR_MS


def _hour(start: int) -> HourOfRoutes:
    return HourOfRoutes(start, Counter(), Counter())
