"""Counts what one watched account costs, over the last 24 hours."""

from __future__ import annotations

from array import array
from typing import NamedTuple

from live.clock import Clock

__all__ = ["Cost", "DayCounts"]

_HOURS = 24
_HOUR_MS = 3_600_000
# The largest number that one hour holds.
_MOST = 65_535


class Cost(NamedTuple):
    """What was asked of others.

    Attributes:
        looks: how often TikTok was asked whether the streamer is live.
        signed: how many connections were opened with a signature of the sign server.
    """

    looks: int = 0
    signed: int = 0

    def plus(self, other: Cost) -> Cost:
        return Cost(self.looks + other.looks, self.signed + other.signed)

    def minus(self, other: Cost) -> Cost:
        return Cost(self.looks - other.looks, self.signed - other.signed)


class DayCounts:
    """The last 24 hours, the one that goes on included. Takes some hundred bytes: there is one for
    each watched account."""

    __slots__ = ("_clock", "_hour", "_looks", "_signed", "_sum")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hour = self._now()  # the newest one that has a place
        self._looks = array("H", bytes(2 * _HOURS))
        self._signed = array("H", bytes(2 * _HOURS))
        self._sum = Cost()

    def add(self, cost: Cost) -> None:
        """Count it now."""
        self._pass()
        before = self._of(self._hour)
        self._put(self._hour, Cost(*(min(number, _MOST) for number in before.plus(cost))))
        self._sum = self._sum.plus(self._of(self._hour).minus(before))

    @property
    def sum(self) -> Cost:
        self._pass()
        return self._sum

    def _pass(self) -> None:
        """Forget the hours that have passed. (A clock that was set back stands still here.)"""
        now = self._now()
        if now > self._hour:
            for hour in range(max(self._hour, now - _HOURS) + 1, now + 1):
                self._sum = self._sum.minus(self._of(hour))
                self._put(hour, Cost())
            self._hour = now

    def _of(self, hour: int) -> Cost:
        place = hour % _HOURS
        return Cost(self._looks[place], self._signed[place])

    def _put(self, hour: int, cost: Cost) -> None:
        place = hour % _HOURS
        self._looks[place], self._signed[place] = cost

    def _now(self) -> int:
        return self._clock.unix_ms() // _HOUR_MS
