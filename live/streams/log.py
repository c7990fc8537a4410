"""A stream's bounded log of finished frames; a cursor is a place in it.

Frames are appended once, as JSON text; any number of readers take them at their own pace. What the
log no longer holds is gone, and a reader whose cursor fell off is told so. Nothing here does I/O
or knows TikTok, sockets or errors; all of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict, deque
from typing import Any, NamedTuple

from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType

__all__ = ["Entry", "EventLog"]

_EPOCH_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_EPOCH_LENGTH = 8
# Types of entries are remembered longer than their texts, to say what a slow reader missed.
_TYPES_PER_ENTRY_KEPT = 16
# What is merged or dropped first. Frames of other types are kept after the ring has dropped them.
_PASSING = frozenset(
    {FrameType.LIKE, FrameType.JOIN, FrameType.VIEWERS, FrameType.STATUS, FrameType.OTHER}
)
_TYPES = list(FrameType)
_TYPE_NUMBERS = {frame_type: number for number, frame_type in enumerate(_TYPES)}


class Entry(NamedTuple):
    """One frame of the log."""

    offset: int
    type: FrameType
    at: int
    text: str


class EventLog:
    """The last `capacity` frames of one stream.

    Offsets begin at 1 and have no holes. `first` is the offset of the oldest frame held (`end + 1`
    when there is none), `end` that of the newest (0 when there is none).

    Attributes:
        memo: what readers need not work out once each, until the next append.
    """

    def __init__(self, capacity: int) -> None:
        self.epoch = "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(_EPOCH_LENGTH))
        self.end = 0
        self.closed = False
        self.capacity = capacity
        self._ring: list[Entry | None] = [None] * capacity
        self._types = bytearray(capacity * _TYPES_PER_ENTRY_KEPT)
        self._lasting: deque[Entry] = deque(maxlen=capacity)
        self.memo: dict[Any, Any] = {}
        # Waiting readers, by the seconds for which they gather; a dict serves as an ordered set.
        self._waiting: defaultdict[float, dict[asyncio.Future[None], None]] = defaultdict(dict)
        self._gathering: dict[float, asyncio.TimerHandle] = {}

    @property
    def first(self) -> int:
        return max(1, self.end - self.capacity + 1)

    @property
    def cursor(self) -> Cursor:
        """The place behind the newest frame."""
        return Cursor(self.epoch, self.end)

    @property
    def next_cursor(self) -> str:
        """The cursor of the frame that will be appended next, as it stands in its text."""
        return f"{self.epoch}-{self.end + 1}"

    @property
    def readers_waiting(self) -> int:
        """How many readers wait for a frame, those who gather included."""
        return sum(map(len, self._waiting.values()))

    @property
    def is_gathering(self) -> bool:
        """A frame has come, and readers that gather have yet to be woken."""
        return bool(self._gathering)

    def append(self, type: FrameType, at: int, text: str) -> Entry:
        """Add a frame; the oldest makes room for it.

        Args:
            at: its time, in ms since the epoch.
            text: the whole frame, with `next_cursor` as its cursor.
        """
        offset = self.end + 1
        entry = Entry(offset, type, at, text)
        self._ring[offset % self.capacity] = entry
        self._types[offset % len(self._types)] = _TYPE_NUMBERS[type]
        if type not in _PASSING:
            self._lasting.append(entry)
        self.end = offset
        self.memo.clear()
        if self._waiting:
            self._begin_gathering()
            self._wake(0)
        return entry

    def close(self) -> None:
        """Nothing more will be appended. Readers still get what there is."""
        self.closed = True
        self.wake()

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` frames behind the offset `after`, oldest first.

        What is no longer held is passed over: compare `after` with `first` to know.
        """
        start = max(after + 1, self.first)
        ring, capacity = self._ring, self.capacity
        stop = min(start + limit, self.end + 1)
        return [ring[offset % capacity] for offset in range(start, stop)]  # type: ignore[misc]

    def lasting(self, after: int) -> list[Entry]:
        """Frames behind `after` that are too old for `read`, but too dear to forget: gifts,
        comments and whatever else is rare. The newest `capacity` of these are kept."""
        first = self.first
        return [entry for entry in self._lasting if after < entry.offset < first]

    def missed(self, after: int) -> dict[FrameType, int] | None:
        """How many frames behind `after` neither `read` nor `lasting` has any more, by type; None
        if that is forgotten."""
        if after < self.end - len(self._types):
            return None
        size = len(self._types)
        counted = Counter(
            _TYPES[self._types[offset % size]] for offset in range(after + 1, self.first)
        )
        counted -= Counter(entry.type for entry in self.lasting(after))
        return dict(counted)

    async def changed(self, after: int, gather: float = 0) -> None:
        """Wait until there is a frame behind `after`, the log is closed, or `wake` is called.

        Args:
            gather: wait for so many seconds more once there is a frame. Readers that gather
                for the same time are woken together, so that a late one waits less.
        """
        if self.end > after or self.closed:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[gather][waiting] = None
        try:
            await waiting
        finally:
            if waiting in (others := self._waiting.get(gather, {})):
                del others[waiting]
                if not others:
                    del self._waiting[gather]

    def wake(self) -> None:
        """Have all readers look up, those who gather too."""
        for gather in {*self._waiting, *self._gathering}:
            self._wake(gather)

    def _begin_gathering(self) -> None:
        for gather in self._waiting:
            if gather and gather not in self._gathering:
                loop = asyncio.get_running_loop()
                self._gathering[gather] = loop.call_later(gather, self._wake, gather)

    def _wake(self, gather: float) -> None:
        if timer := self._gathering.pop(gather, None):
            timer.cancel()
        for waiting in self._waiting.pop(gather, ()):
            if not waiting.done():
                waiting.set_result(None)
