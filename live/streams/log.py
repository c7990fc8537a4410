"""A stream's bounded log of finished frames; a cursor is a place in it.

Frames are appended once, as JSON text; any number of readers take them at their own pace. What the
log no longer holds is gone, and a reader whose cursor fell off is told so. A log is bounded in
frames and in bytes, and takes no memory before it is used. `other` frames, which few readers want,
have bounds of their own, so that they push out no frame of another type. Between the frames stand
borders: places at which each reader has to stop (see `borders`). Nothing here does I/O or knows
TikTok or sockets; all of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import operator
import secrets
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from live.protocol.cursor import Cursor
from live.protocol.frames import EVENT_TYPES, FrameType
from live.streams.borders import Border, RoomBegan, frame_type, restore_border, save_border
from live.streams.log_memory import LogMemory
from live.streams.saved import RestoreError, SavedEntry, SavedLog, SavedPlace, check_frame

__all__ = ["Entry", "EventLog"]

_EPOCH_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_EPOCH_LENGTH = 8
# Types of entries are remembered longer than their texts, to say what a slow reader missed.
_TYPES_PER_ENTRY_KEPT = 16
# Bytes that an entry takes beside its text, about.
_ENTRY_SIZE = 200
# Frames of these types are kept after the ring has dropped them. Others are merged or dropped
# first.
_LASTING = (EVENT_TYPES | {FrameType.GAP}) - {
    *(FrameType.LIKE, FrameType.JOIN, FrameType.VIEWERS, FrameType.OTHER),
}
# Borders have entries of these types, and no frame of a log has.
_OF_BORDERS = frozenset({FrameType.CONNECTED, FrameType.ERROR})
# How many borders are remembered where LIVEs begin, and as many of the other kinds.
_BORDERS = 64
_TYPES = list(FrameType)
_TYPE_NUMBERS = {frame_type: number for number, frame_type in enumerate(_TYPES)}
_OTHER = _TYPE_NUMBERS[FrameType.OTHER]
_STATUS = _TYPE_NUMBERS[FrameType.STATUS]


class Entry(Struct, frozen=True, gc=False):
    """One frame of the log."""

    offset: int
    type: FrameType
    at: int
    text: str
    size: int  # in bytes
    heard_at: float = 0.0  # when TikTok's push arrived, by `Clock.precise`; 0 if it is of no push


class _Placed(NamedTuple):
    """A border at its place."""

    offset: int
    border: Border


_offset = operator.attrgetter("offset")


class _Row:
    """Entries in the order of their offsets, of which the oldest are dropped."""

    __slots__ = ("_entries", "_head")

    def __init__(self) -> None:
        # From `_head` on. What is before that has been dropped.
        self._entries: list[Entry] = []
        self._head = 0

    def __len__(self) -> int:
        return len(self._entries) - self._head

    def append(self, entry: Entry, capacity: int) -> Entry | None:
        """Add an entry. Returns the oldest one when it has no room any more, and drops it."""
        self._entries.append(entry)
        return self.drop_oldest() if len(self._entries) - self._head > capacity else None

    def drop_oldest(self) -> Entry:
        entry = self._entries[self._head]
        self._entries[self._head] = None  # type: ignore[call-overload]
        self._head += 1
        if self._head > len(self._entries) // 8:
            del self._entries[: self._head]
            self._head = 0
        return entry

    def all(self) -> list[Entry]:
        return self._entries[self._head :]

    def behind(self, after: int, until: int, limit: int) -> list[Entry]:
        """Up to `limit` entries behind the offset `after`, up to `until`."""
        entries, start = self._entries, self._head
        stop = len(entries)
        if start == stop:
            return []
        oldest, newest = entries[start].offset, entries[-1].offset
        has_holes = newest - oldest >= stop - start
        if until < newest:
            if has_holes:
                stop = bisect_right(entries, until, start, key=_offset)
            else:
                stop = start + max(0, until - oldest + 1)
        if after >= oldest:
            if has_holes:
                start = bisect_right(entries, after, start, key=_offset)
            else:
                start += after - oldest + 1
        return entries[start : min(stop, start + limit)]


class EventLog:
    """The last frames of one stream: at most `capacity`, and as many as its memory allows.

    Offsets begin at 1. They have no holes but those that `skip_to` leaves.

    When bytes are short, the oldest frames go; those for `lasting` may take up to half of the
    bytes. The newest frame is always held, however large it is.

    All this goes for frames of all types but `other`. Of these, as many again are held, in a
    quarter of the bytes, which come on top. For a reader that wants them too, the log begins behind
    the newest of them that is gone: what is older and does not last is missed by that reader,
    though `read` may have it.

    Args:
        memory: how many bytes this log may take, and all logs that share it.

    Attributes:
        first: from this offset on, `read` gives all frames that are not `other`.
        first_with_others: from this offset on, it gives all frames.
        end: the offset of the newest frame; 0 when there is none.
        last_border: the offset of the newest border; 0 when there is none.
        size: the bytes that its frames take, about, without `other` frames.
        others_size: the bytes that `other` frames take.
        missing_until: when the newest `gap` ended that is gone, in ms since the epoch; 0 if none
            is. What TikTok repeated of that time came behind it, so that frames that are held may
            be older.
        memo: what readers need not work out once each, until the log changes.
    """

    def __init__(self, capacity: int, memory: LogMemory | None = None) -> None:
        self.epoch = "".join(secrets.choice(_EPOCH_ALPHABET) for _ in range(_EPOCH_LENGTH))
        self.first = self.first_with_others = 1
        self.end = 0
        self.last_border = 0
        self.missing_until = 0
        self.capacity = capacity
        # Apart, so that a stream that starts often for a streamer who is not live does not push
        # out where LIVEs began.
        self._rooms: list[_Placed] = []
        self._ends: list[_Placed] = []
        # Offsets that this log will never have: behind the first number, up to the second.
        self._holes: list[tuple[int, int]] = []
        self.size = 0
        self.others_size = 0
        self._memory = LogMemory() if memory is None else memory
        self._memory.add(self)
        # The newest frames: those that are not `other`, and those that are.
        self._ring = _Row()
        self._others = _Row()
        self._lasting_in_ring = 0
        # Frames that the ring has dropped.
        self._lasting: deque[Entry] = deque()
        self._lasting_size = 0
        # The numbers of the newest frames' types: that of `offset` is at `offset - 1`, modulo the
        # most that are kept.
        self._types = bytearray()
        self._types_kept = capacity * _TYPES_PER_ENTRY_KEPT
        # By a type's number: the offset of the newest frame that is gone; and of the newest one
        # that is so old that its type is not remembered.
        self._gone = [0] * len(_TYPES)
        self._forgotten = [0] * len(_TYPES)
        self.memo: dict[Any, Any] = {}
        # Waiting readers, by the seconds for which they gather; a dict serves as an ordered set.
        self._waiting: defaultdict[float, dict[asyncio.Future[None], None]] = defaultdict(dict)
        self._gathering: dict[float, asyncio.TimerHandle] = {}

    @property
    def cursor(self) -> Cursor:
        """The place behind the newest frame."""
        return Cursor(self.epoch, self.end)

    @property
    def next_cursor(self) -> str:
        """The cursor of the frame that will be appended next, as it stands in its text."""
        return self.cursor_at(self.end + 1)

    def cursor_at(self, offset: int) -> str:
        """The cursor of the frame with that offset, as it stands in its text."""
        return f"{self.epoch}-{offset}"

    @property
    def readers_waiting(self) -> int:
        """How many readers wait for a frame, those who gather included."""
        return sum(map(len, self._waiting.values()))

    @property
    def is_gathering(self) -> bool:
        """A frame has come, and readers that gather have yet to be woken."""
        return bool(self._gathering)

    def append(self, type: FrameType, at: int, text: str, heard_at: float = 0.0) -> Entry:
        """Add a frame; the oldest makes room for it.

        Args:
            at: its time, in ms since the epoch.
            text: the whole frame, with `next_cursor` as its cursor.
            heard_at: when the push arrived that it is of, by `Clock.precise`; 0 for none.
        """
        entry = self._append(type, at, text, heard_at)
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
        if len(borders) > _BORDERS:
            del borders[0]
        self.last_border = offset
        self._tell_readers()

    def skip_to(self, offset: int) -> None:
        """Leave out the offsets up to `offset`: they belong to frames that this log never had.

        Raises:
            ValueError: the log has that offset already.
        """
        if offset <= self.end:
            raise ValueError(f"the log has the offset {offset} already")
        if offset > self.end + 1:
            self._holes.append((self.end, offset))
            del self._holes[:-_BORDERS]
        if offset - self.end > self._types_kept:
            self._forget_all_types(offset)
        while self.end < offset:
            self._remember_type(_STATUS)  # which nobody counts
        self.memo.clear()
        self._tell_readers()

    def begin_behind(self, epoch: str, offset: int) -> None:
        """Be the log of that epoch, of which everything up to `offset` is gone, from now on.

        Raises:
            ValueError: the log is not empty.
        """
        if self.end:
            raise ValueError("the log has begun already")
        self.epoch = epoch
        self.first = self.first_with_others = offset + 1
        self._gone = [offset] * len(_TYPES)
        self._forget_all_types(offset)

    def _forget_all_types(self, offset: int) -> None:
        """Go over to that end; nobody knows the types of what is before it."""
        self.end = offset
        self._types = bytearray([_STATUS]) * min(offset, self._types_kept)
        self._forgotten = [offset] * len(_TYPES)

    def is_left_out(self, offset: int) -> bool:
        """Whether the log has left out that offset. The last one of each hole does not count:
        nothing is missing behind it."""
        return any(after < offset < until for after, until in self._holes)

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

    def save(self) -> SavedLog:
        """The log, to be written down."""
        types = self._types
        oldest = self.end % len(types) if types else 0
        return SavedLog(
            epoch=self.epoch,
            first=self.first,
            first_with_others=self.first_with_others,
            end=self.end,
            ring=_save_entries(self._ring.all()),
            others=_save_entries(self._others.all()),
            lasting=_save_entries(self._lasting),
            types=bytes(types[oldest:] + types[:oldest]),
            type_names=_TYPES,
            gone={kind: gone for kind, gone in zip(_TYPES, self._gone, strict=True) if gone},
            forgotten={
                kind: forgotten
                for kind, forgotten in zip(_TYPES, self._forgotten, strict=True)
                if forgotten
            },
            rooms=[SavedPlace(offset, save_border(border)) for offset, border in self._rooms],
            ends=[SavedPlace(offset, save_border(border)) for offset, border in self._ends],
            missing_until=self.missing_until,
        )

    @classmethod
    def restore(cls, saved: SavedLog, capacity: int, memory: LogMemory | None = None) -> EventLog:
        """The log that was saved. It gives up what is too much for it here.

        Args:
            capacity, memory: as for a new log; they may differ from those of the one that was
                saved.

        Raises:
            RestoreError: the saved log can't have been one.
        """
        types = _restored_types(saved)
        _check_entries(saved, types)
        rooms, ends = _restored_places(saved.rooms), _restored_places(saved.ends)
        _check_places(saved, rooms, ends)
        log = cls(capacity, memory)
        log.epoch, log.end = saved.epoch, saved.end
        log.first, log.first_with_others = saved.first, saved.first_with_others
        log.missing_until = saved.missing_until
        log._rooms, log._ends = rooms, ends
        log.last_border = max((placed.offset for placed in rooms + ends), default=0)
        for kind, offset in saved.gone.items():
            log._gone[_TYPE_NUMBERS[kind]] = offset
        for kind, offset in saved.forgotten.items():
            log._forgotten[_TYPE_NUMBERS[kind]] = offset
        log._hold_all(saved)
        log._remember_types(types)
        return log

    def _hold_all(self, saved: SavedLog) -> None:
        """Hold the frames of a saved log, as far as there is room."""
        for each in saved.ring:
            self._ring.append(_restored_entry(each), len(saved.ring))
        for each in saved.others:
            self._others.append(_restored_entry(each), len(saved.others))
        self._lasting.extend(map(_restored_entry, saved.lasting))
        self._lasting_in_ring = sum(each.type in _LASTING for each in saved.ring)
        self._lasting_size = sum(entry.size for entry in self._lasting)
        self.size = self._lasting_size + sum(entry.size for entry in self._ring.all())
        self.others_size = sum(entry.size for entry in self._others.all())
        while len(self._ring) > self.capacity:
            self._pass_out(self._ring.drop_oldest())
        while len(self._others) > self.capacity:
            self._lose_other(self._others.drop_oldest())
        while self._lasting and len(self._lasting) + self._lasting_in_ring > self.capacity:
            self._forget_oldest_lasting()
        self.shrink(self._memory.of_each)
        self.shrink_others(self._memory.others_of_each)
        self._memory.changed(self.size)
        self._memory.others_changed(self.others_size)

    def _remember_types(self, types: bytes) -> None:
        """Remember the types of the newest frames, as many as the saved log did: once its memory
        for them was full, it has no room for more."""
        if len(types) < self.end:
            self._types_kept = len(types)
        else:
            self._types_kept = max(len(types), self._types_kept)
        newest = self.end % len(types) if types else 0
        self._types = bytearray(types[len(types) - newest :] + types[: len(types) - newest])

    def _append(self, type: FrameType, at: int, text: str, heard_at: float = 0.0) -> Entry:
        offset = self.end + 1
        entry = _entry(offset, type, at, text, heard_at)
        number = _TYPE_NUMBERS[type]
        self._remember_type(number)
        if self.memo:
            self.memo.clear()
        if number == _OTHER:
            self._hold_other(entry)
        else:
            self._hold(entry)
        return entry

    def _remember_type(self, number: int) -> None:
        """Note the type of the next offset, which is the log's end from now on."""
        offset, types = self.end + 1, self._types
        kept = self._types_kept
        if len(types) < kept:
            types.append(number)
        else:
            place = (offset - 1) % kept
            self._forgotten[types[place]] = offset - kept
            types[place] = number
        self.end = offset

    def _tell_readers(self) -> None:
        if self._waiting:
            self._begin_gathering()
            self._wake(0)

    def read(
        self, after: int, limit: int, until: int | None = None, *, others: bool = True
    ) -> list[Entry]:
        """Up to `limit` frames behind the offset `after` (up to `until`), oldest first.

        What is no longer held is passed over: compare `after` with `first`, or with
        `first_with_others`, to know.

        Args:
            others: whether `other` frames are wanted.
        """
        until = self.end if until is None else until
        entries = self._ring.behind(after, until, limit)
        if others and self.others_size:
            entries += self._others.behind(after, until, limit)
            return sorted(entries, key=_offset)[:limit]
        return entries

    def lasting(self, after: int, until: int | None = None, first: int = 0) -> list[Entry]:
        """Frames behind `after` (up to `until`) that are too old for `read`, but too dear to
        forget: gifts, comments and whatever else is rare. The newest `capacity` of these are
        kept.

        Args:
            first: what is before this offset is too old for this reader, though `read` has it.
        """
        until = self.end if until is None else until
        entries = [entry for entry in self._lasting if after < entry.offset <= until]
        if first > self.first:
            held = self._ring.behind(after, min(until, first - 1), self.capacity)
            entries += [entry for entry in held if entry.type in _LASTING]
        return entries

    def missed(
        self,
        after: int,
        wanted: Collection[FrameType],
        until: int | None = None,
        announced: int = 0,
        first: int = 0,
    ) -> dict[FrameType, int] | None:
        """How many frames of the wanted types behind `after` (up to `until`) neither `read` nor
        `lasting` has any more, by type; None if some are gone and it is forgotten how many.

        Args:
            announced: frames up to this offset are not counted, but for those that last: these
                were still held when the others were announced.
            first: what is before this offset, and does not last, is too old for this reader, though
                `read` has it.
        """
        until = self.end if until is None else until
        counted: dict[FrameType, int] = {}
        for kind, gone, forgotten in zip(_TYPES, self._gone, self._forgotten, strict=True):
            if kind in _LASTING:
                start, stop = after, min(until, gone)
            else:
                start, stop = max(after, announced), min(until, max(gone, first - 1))
            if stop <= start or kind not in wanted:
                continue
            if forgotten > start:
                return None
            # Of one type, older frames are gone before newer ones.
            if count := self._count(kind, start, stop):
                counted[kind] = count
        return counted

    def shrink(self, size: int) -> None:
        """Give up the oldest frames, without `other` frames, until these take no more bytes than
        `size`, or only the newest is left."""
        while self.size > size:
            if self._lasting and (self._lasting_size > size // 2 or len(self._ring) == 1):
                self._forget_oldest_lasting()
            elif len(self._ring) > 1:
                self._pass_out(self._ring.drop_oldest())
            else:
                break
        self.memo.clear()

    def shrink_others(self, size: int) -> None:
        """Give up the oldest `other` frames until they take no more bytes than `size`, or only the
        newest is left."""
        while self.others_size > size and len(self._others) > 1:
            self._lose_other(self._others.drop_oldest())
        self.memo.clear()

    def _hold(self, entry: Entry) -> None:
        """Hold a frame that is not `other`; the oldest make room for it."""
        before = self.size
        self._lasting_in_ring += entry.type in _LASTING
        self.size += entry.size
        oldest = self._ring.append(entry, self.capacity)
        if oldest is not None:
            self._pass_out(oldest)
        while self._lasting and len(self._lasting) + self._lasting_in_ring > self.capacity:
            self._forget_oldest_lasting()
        if self.size > self._memory.of_each:
            self.shrink(self._memory.of_each)
        self._memory.changed(self.size - before)

    def _hold_other(self, entry: Entry) -> None:
        before = self.others_size
        self.others_size += entry.size
        if oldest := self._others.append(entry, self.capacity):
            self._lose_other(oldest)
        if self.others_size > self._memory.others_of_each:
            self.shrink_others(self._memory.others_of_each)
        self._memory.others_changed(self.others_size - before)

    def _pass_out(self, entry: Entry) -> None:
        """The ring has dropped a frame. It is still held if it lasts."""
        self.first = entry.offset + 1
        if self.first_with_others < self.first:
            self.first_with_others = self.first
        if entry.type in _LASTING:
            self._lasting_in_ring -= 1
            self._lasting.append(entry)
            self._lasting_size += entry.size
        else:
            self._lose(entry)

    def _lose_other(self, entry: Entry) -> None:
        self.first_with_others = max(self.first, entry.offset + 1)
        self.others_size -= entry.size
        self._gone[_OTHER] = entry.offset

    def _forget_oldest_lasting(self) -> None:
        entry = self._lasting.popleft()
        self._lasting_size -= entry.size
        self._lose(entry)

    def _lose(self, entry: Entry) -> None:
        self.size -= entry.size
        self._gone[_TYPE_NUMBERS[entry.type]] = entry.offset
        if entry.type is FrameType.GAP:
            self.missing_until = max(self.missing_until, entry.at)

    def _count(self, type: FrameType, after: int, until: int) -> int:
        """How many frames behind `after`, up to `until`, are of a type. All that are not
        remembered are of other types."""
        types, number = self._types, _TYPE_NUMBERS[type]
        after = max(after, self.end - len(types))
        if until <= after:
            return 0
        start, stop = after % len(types), until % len(types)
        if start < stop:
            return types.count(number, start, stop)
        return types.count(number, start) + types.count(number, 0, stop)

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


def _save_entries(entries: Iterable[Entry]) -> list[SavedEntry]:
    return [SavedEntry(each.offset, each.type, each.at, each.text) for each in entries]


def _entry(offset: int, type: FrameType, at: int, text: str, heard_at: float = 0.0) -> Entry:
    return Entry(offset, type, at, text, text.__sizeof__() + _ENTRY_SIZE, heard_at)


def _restored_entry(saved: SavedEntry) -> Entry:
    return _entry(saved.offset, saved.type, saved.at, saved.text)


def _restored_types(saved: SavedLog) -> bytes:
    """The numbers of its newest frames' types, oldest first, as this version counts types."""
    _require(len(saved.types) <= saved.end, "more types than frames")
    _require(bool(saved.types) or not saved.end, "no types")
    _require(len(set(saved.type_names)) == len(saved.type_names) <= len(_TYPES), "types")
    _require(max(saved.types, default=-1) < len(saved.type_names), "a type without a name")
    numbers = bytes(_TYPE_NUMBERS[name] for name in saved.type_names)
    return saved.types.translate(numbers + bytes(256 - len(numbers)))


def _check_entries(saved: SavedLog, types: bytes) -> None:
    """Check that a log holds what it must hold, each frame at its place.

    What is older than the memory for types can't be checked for holes; nothing counts it.

    Raises:
        RestoreError: it does not.
    """
    _require(saved.first <= saved.first_with_others <= saved.end + 1, "a beginning behind the end")
    for kind in (saved.gone, saved.forgotten):
        _require(max(kind.values(), default=0) <= saved.end, "a loss behind the end")
    _check_row(saved, saved.lasting, 1, saved.first - 1, types)
    _require(all(entry.type in _LASTING for entry in saved.lasting), "a frame that does not last")
    _check_row(saved, saved.ring, saved.first, saved.end, types)
    _check_row(saved, saved.others, 1, saved.end, types)
    is_other = [entry.type is FrameType.OTHER for entry in saved.ring + saved.others]
    _require(is_other == [False] * len(saved.ring) + [True] * len(saved.others), "mixed rows")
    known = saved.end - len(types)  # the offset before the first whose type is remembered
    start = max(saved.first - 1, known)
    held = sum(entry.offset > start for entry in saved.ring)
    expected = saved.end - start - types.count(_OTHER, start - known)
    _require(held == expected, "a hole")
    start = max(saved.first_with_others - 1, known)
    held = sum(entry.offset > start for entry in saved.others)
    _require(held == types.count(_OTHER, start - known), "a hole among the others")


def _check_row(
    saved: SavedLog, entries: Sequence[SavedEntry], first: int, last: int, types: bytes
) -> None:
    """Check that entries stand in their order from `first` to `last`, each with a frame that says
    the same of itself."""
    known = saved.end - len(types)
    before = first - 1
    for entry in entries:
        _require(before < entry.offset <= last, "a frame in a wrong place")
        before = entry.offset
        if entry.offset > known:
            number = types[entry.offset - known - 1]
            _require(number == _TYPE_NUMBERS[entry.type], "a frame of another type")
        if entry.type in _OF_BORDERS:
            _require(not entry.text, "a border with a text")
        else:
            check_frame(entry.text, entry.type, f"{saved.epoch}-{entry.offset}")


def _restored_places(saved: Sequence[SavedPlace]) -> list[_Placed]:
    return [_Placed(place.offset, restore_border(place.border)) for place in saved]


def _check_places(saved: SavedLog, rooms: list[_Placed], ends: list[_Placed]) -> None:
    """Check that borders are where the log has entries for them.

    Raises:
        RestoreError: they are not.
    """
    _require(all(isinstance(placed.border, RoomBegan) for placed in rooms), "a room that is none")
    _require(not any(isinstance(placed.border, RoomBegan) for placed in ends), "an end is a room")
    held = {entry.offset: entry.type for entry in saved.ring}
    for borders in (rooms, ends):
        _require(len(borders) <= _BORDERS, "too many borders")
        offsets = [0, *(placed.offset for placed in borders)]
        _require(all(map(operator.lt, offsets, offsets[1:])), "borders in a wrong order")
        for offset, border in borders:
            known = offset < saved.first or held.get(offset) is frame_type(border)
            _require(known, "a border in the place of a frame")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise RestoreError(f"a log with {what}")
