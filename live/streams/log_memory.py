"""How much memory logs may take: each of them, and all logs of a relay together."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

__all__ = ["LogMemory"]

_MIB = 2**20
# When all logs together have taken too much, they give up so much more than they must, as a share
# of the total. Otherwise each further frame would need room again.
_TO_SPARE = 1 / 16


class _Log(Protocol):
    """What is asked of a log. `size` is in bytes."""

    size: int

    def shrink(self, size: int) -> None:
        """Give up the oldest frames until the log takes no more bytes than that."""


class LogMemory:
    """The bytes that logs may take. When the total is exceeded, the largest logs are shrunk to one
    size, so that a part of the total is free again. Smaller logs keep all they have.

    A log always keeps its newest frame, so that the total may be exceeded by these.

    Args:
        of_each: bytes that one log may take.
        of_all: bytes that all logs together may take.
    """

    def __init__(self, of_each: int = 8 * _MIB, of_all: int = 512 * _MIB) -> None:
        self.of_each = of_each
        self.of_all = of_all
        # Logs that nobody has any more leave by themselves. `_taken` still counts them until it is
        # summed anew.
        self._logs: WeakSet[_Log] = WeakSet()
        self._taken = 0

    def add(self, log: _Log) -> None:
        """Count a log that is empty yet."""
        self._logs.add(log)

    def changed(self, bytes: int) -> None:
        """A log has taken so many bytes more; fewer, if negative. May shrink any log."""
        self._taken += bytes
        if self._taken > self.of_all:
            self._make_room()

    def _make_room(self) -> None:
        goal = int(self.of_all * (1 - _TO_SPARE))
        logs = sorted(self._logs, key=lambda log: log.size)
        if sum(log.size for log in logs) > goal:
            for log, size in _cut(logs, goal):
                log.shrink(size)
        self._taken = sum(log.size for log in logs)


def _cut(logs: list[_Log], goal: int) -> list[tuple[_Log, int]]:
    """The largest of the logs, which are sorted by size, and the size that each may keep."""
    left = goal
    for number, log in enumerate(logs):
        share = left // (len(logs) - number)
        if log.size > share:
            return [(larger, share) for larger in logs[number:]]
        left -= log.size
    return []
