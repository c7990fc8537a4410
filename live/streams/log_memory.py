"""How much memory logs may take: each of them, and all logs of a relay together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Protocol
from weakref import WeakSet

__all__ = ["LogMemory"]

_MIB = 2**20
# When all logs together have taken too much, they give up so much more than they must, as a share
# of the total. Otherwise each further frame would need room again.
_TO_SPARE = 1 / 16
# `other` frames may take what all the rest may, divided by this.
_OTHERS_SHARE = 4
_size = attrgetter("size")
_others_size = attrgetter("others_size")


class _Log(Protocol):
    """What is asked of a log. `size` is in bytes, without `other` frames."""

    size: int
    others_size: int

    def shrink(self, size: int) -> None:
        """Give up the oldest frames until these take no more bytes than that."""

    def shrink_others(self, size: int) -> None:
        """Give up the oldest `other` frames until these take no more bytes than that."""


class LogMemory:
    """The bytes that logs may take. When the total is exceeded, the largest logs are shrunk to one
    size, so that a part of the total is free again. Smaller logs keep all they have.

    `other` frames have a quarter as much, on top and for themselves, so that they push out nothing
    else.

    A log always keeps its newest frame, and its newest `other` frame, so that the total may be
    exceeded by these.

    Args:
        of_each: bytes that one log may take.
        of_all: bytes that all logs together may take.
    """

    def __init__(self, of_each: int = 8 * _MIB, of_all: int = 512 * _MIB) -> None:
        self.of_each = of_each
        self.of_all = of_all
        self.others_of_each = of_each // _OTHERS_SHARE
        self.others_of_all = of_all // _OTHERS_SHARE
        # Logs that nobody has any more leave by themselves. What is taken still counts them until
        # it is summed anew.
        self._logs: WeakSet[_Log] = WeakSet()
        self._taken = 0
        self._others_taken = 0

    def add(self, log: _Log) -> None:
        """Count a log that is empty yet."""
        self._logs.add(log)

    def changed(self, bytes: int) -> None:
        """A log has taken so many bytes more; fewer, if negative. May shrink any log."""
        self._taken += bytes
        if self._taken > self.of_all:
            for log, size in _cut(self._logs, _size, _goal(self.of_all)):
                log.shrink(size)
            self._taken = sum(map(_size, self._logs))

    def others_changed(self, bytes: int) -> None:
        """The same for the bytes of `other` frames."""
        self._others_taken += bytes
        if self._others_taken > self.others_of_all:
            for log, size in _cut(self._logs, _others_size, _goal(self.others_of_all)):
                log.shrink_others(size)
            self._others_taken = sum(map(_others_size, self._logs))


def _goal(bytes: int) -> int:
    return int(bytes * (1 - _TO_SPARE))


def _cut(logs: Iterable[_Log], size_of: Callable[[_Log], int], goal: int) -> list[tuple[_Log, int]]:
    """The largest of the logs, and the size that each may keep. There are none if all logs
    together are not larger than the goal."""
    by_size = sorted(logs, key=size_of)
    left = goal
    for number, log in enumerate(by_size):
        share = left // (len(by_size) - number)
        if size_of(log) > share:
            return [(larger, share) for larger in by_size[number:]]
        left -= size_of(log)
    return []
