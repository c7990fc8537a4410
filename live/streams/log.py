"""A stream's bounded log of finished frames; a cursor is a place in it.

Frames are appended once, as JSON text; any number of readers take them at their own pace. What the
log no longer holds is gone, and a reader whose cursor fell off is told so. Between the frames stand
borders: places at which each reader has to stop (see `borders`). Nothing here does I/O or knows
TikTok or sockets; all of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict, deque
from operator import attrgetter
from typing import Any, NamedTuple

from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType
from live.streams.borders import Border, RoomBegan, frame_type

__all__ = ["Entry", "EventLog"]

_EPOCH_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_EPOCH_LENGTH = 8
# Types of entries are remembered longer than their texts, to say what a slow reader missed.
_TYPES_PER_ENTRY_KEPT = 16
# What is merged or dropped first. Frames of other types are kept after the ring has dropped them.
_PASSING = frozenset(
    {FrameType.LIKE, FrameType.JOIN, FrameType.VIEWERS, FrameType.STATUS, FrameType.OTHER}
)
# How many borders are remembered where LIVEs begin, and as many of the other kinds.
_BORDERS = 64
_TYPES = list(FrameType)
_TYPE_NUMBERS = {frame_type: number for number, frame_type in enumerate(_TYPES)}


class Entry(NamedTuple):
    """One frame of the log."""

    offset: int
    type: FrameType
    at: int
    text: str


class _Placed(NamedTuple):
    """A border at its place."""

    offset: int
    border: Border


_offset = attrgetter("offset")


class EventLog:
    """The last `capacity` frames of one stream.

    Offsets begin at 1 and have no holes. `first` is the offset of the oldest frame held (`end + 1`
    when there is none), `end` that of the newest (0 when there is none).

    Attributes:
        last_border: the offset of the newest border; 0 when there is none.
        memo: what readers need not work out once each, until the next append.
    """

    def __init__(self, capacity: int) -> None:
        self.epoch = "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(_EPOCH_LENGTH))
        self.end = 0
        self.last_border = 0
        self.capacity = capacity
        # The entry of an offset is at `offset % capacity`, the type at `offset % _types_kept`. Both
        # grow to that length, since most logs of streams that wait have a few frames only.
        self._ring: list[Entry | None] = [None]
        self._types_kept = capacity * _TYPES_PER_ENTRY_KEPT
        self._types = bytearray(1)
        self._lasting: deque[Entry] = deque(maxlen=capacity)
        # Apart, so that a stream that starts often for a streamer who is not live does not push
        # out where LIVEs began.
        self._rooms: deque[_Placed] = deque(maxlen=_BORDERS)
        self._ends: deque[_Placed] = deque(maxlen=_BORDERS)
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
        entry = self._append(type, at, text)
        if type not in _PASSING:
            self._lasting.append(entry)
        self._tell_readers()
        return entry

    def append_border(self, border: Border, at: int) -> None:
        """Add a border. It takes an offset, but is no frame: its entry has no text.

        Args:
            at: its time, in ms since the epoch.
        """
        offset = self._append(frame_type(border), at, "").offset
        borders = self._rooms if isinstance(border, RoomBegan) else self._ends
        borders.append(_Placed(offset, border))
        self.last_border = offset
        self._tell_readers()

    def border_after(self, offset: int) -> tuple[int, Border] | None:
        """The first border behind an offset, with its own offset; None if there is none."""
        if offset >= self.last_border:
            return None
        behind = [
            next((placed for placed in borders if placed.offset > offset), None)
            for borders in (self._rooms, self._ends)
        ]
        return min(filter(None, behind), key=_offset, default=None)

    def border_before(self, offset: int) -> Border | None:
        """The last border that is not behind an offset; None if there is none, or it is
        forgotten."""
        before = [
            next((placed for placed in reversed(borders) if placed.offset <= offset), None)
            for borders in (self._rooms, self._ends)
        ]
        last = max(filter(None, before), key=_offset, default=None)
        return last and last.border

    def first_room(self) -> int:
        """The offset where the oldest LIVE begins that is remembered; 0 if there is none."""
        return self._rooms[0].offset if self._rooms else 0

    def _append(self, type: FrameType, at: int, text: str) -> Entry:
        offset = self.end + 1
        entry = Entry(offset, type, at, text)
        if offset < self.capacity:
            self._ring.append(entry)
        else:
            self._ring[offset % self.capacity] = entry
        if offset < self._types_kept:
            self._types.append(_TYPE_NUMBERS[type])
        else:
            self._types[offset % self._types_kept] = _TYPE_NUMBERS[type]
        self.end = offset
        self.memo.clear()
        return entry

    def _tell_readers(self) -> None:
        if self._waiting:
            self._begin_gathering()
            self._wake(0)

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` frames behind the offset `after`, oldest first.

        What is no longer held is passed over: compare `after` with `first` to know.
        """
        start = max(after + 1, self.first)
        ring, capacity = self._ring, self.capacity
        stop = min(start + limit, self.end + 1)
        return [ring[offset % capacity] for offset in range(start, stop)]  # type: ignore[misc]

    def lasting(self, after: int, until: int | None = None) -> list[Entry]:
        """Frames behind `after` (up to `until`) that are too old for `read`, but too dear to
        forget: gifts, comments and whatever else is rare. The newest `capacity` of these are
        kept."""
        end = self.first - 1 if until is None else min(until, self.first - 1)
        return [entry for entry in self._lasting if after < entry.offset <= end]

    def missed(self, after: int, until: int | None = None) -> dict[FrameType, int] | None:
        """How many frames behind `after` (up to `until`) neither `read` nor `lasting` has any
        more, by type; None if that is forgotten."""
        size = self._types_kept
        if after < self.end - size:
            return None
        end = self.first - 1 if until is None else min(until, self.first - 1)
        counted = Counter(
            _TYPES[self._types[offset % size]] for offset in range(after + 1, end + 1)
        )
        counted -= Counter(entry.type for entry in self.lasting(after, until))
        return dict(counted)

    async def changed(self, after: int, gather: float = 0) -> None:
        """Wait until there is something behind `after`, or `wake` is called.

        Args:
            gather: wait for so many seconds more once there is a frame. Readers that gather
                for the same time are woken together, so that a late one waits less.
        """
        if self.end > after:
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
