"""Accounts that hear a LIVE here which another process may count, until they have their rows.

Sinks are told by whoever counts a LIVE, which knows of other processes' accounts by their rows
alone. So whoever writes such a row tells them of what was counted since the account came.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from live.history.log_reader import LogReader, StreamNow
from live.history.pieces import LiveInLog, Newcomers, Piece
from live.protocol.frames import FrameType
from live.streams.log import Entry, EventLog

__all__ = ["Arrivals"]

# What an account is told of afterwards. The rest would take much more memory.
_TOLD_LATER = frozenset({FrameType.GIFT, FrameType.SUBSCRIBE})
# How many frames wait for the accounts of one LIVE. More come only while the database fails; the
# newest are then not told.
_MOST = 5000
# In how many LIVEs of one log accounts may wait: the newest.
_MOST_LIVES = 4


@dataclass(eq=False, slots=True)
class _Waiting:
    """The accounts of one LIVE that wait, each with the offset behind which it hears it."""

    accounts: dict[int, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


class Arrivals:
    """Reads along one log, and belongs to the event loop.

    Args:
        begins_behind: what is before this offset was there before the log was copied here: nobody
            here has heard it.

    Attributes:
        over_since: when the stream was found to be over; None while it goes on.
    """

    def __init__(self, username: str, epoch: str, run: int, begins_behind: int) -> None:
        self.over_since: float | None = None
        self._reader = LogReader(username, epoch, run)
        self._begins_behind = begins_behind
        self._waiting: dict[LiveInLog, _Waiting] = {}

    def look(self, log: EventLog, end: int, state: StreamNow) -> None:
        """Read what is new, up to the offset `end`, for those who hear it now."""
        # Who came since the last look may have come right after it.
        since = max(self._reader.position, self._begins_behind)
        for piece in self._reader.read(log, end, sys.maxsize, state):
            if piece.until > since:
                self._take(piece, since)
        if self._reader.is_in_room:  # though nothing has happened
            self._take(self._reader.touch(state), since)

    def newcomers(self) -> Iterator[Newcomers]:
        """Those that wait."""
        for source, waiting in self._waiting.items():
            yield Newcomers(
                source, dict(waiting.accounts), tuple(waiting.entries), self._reader.position
            )

    def settle(self, listed: Newcomers) -> None:
        """These accounts have their rows."""
        source = listed.source
        source.listed |= listed.accounts.keys()
        waiting = self._waiting.get(source)
        if waiting is not None:
            for account in listed.accounts:
                waiting.accounts.pop(account, None)
            first = min(waiting.accounts.values(), default=None)
            if first is None:
                del self._waiting[source]
            else:
                waiting.entries = [each for each in waiting.entries if each.offset > first]

    @property
    def are_waiting(self) -> bool:
        """Some accounts have no rows yet."""
        return bool(self._waiting)

    def _take(self, piece: Piece, since: int) -> None:
        source = piece.source
        if source.room is None or not piece.is_in_room:
            return
        if new := piece.accounts - source.listed:
            self._add(source, new, since)
        if (waiting := self._waiting.get(source)) is not None:
            told = (each for each in piece.entries if each.type in _TOLD_LATER)
            newer = (each for each in told if each.offset > since)
            waiting.entries += islice(newer, max(0, _MOST - len(waiting.entries)))

    def _add(self, source: LiveInLog, accounts: Collection[int], since: int) -> None:
        waiting = self._waiting.setdefault(source, _Waiting())
        for account in accounts:
            waiting.accounts.setdefault(account, since)
        while len(self._waiting) > _MOST_LIVES:
            del self._waiting[next(iter(self._waiting))]
