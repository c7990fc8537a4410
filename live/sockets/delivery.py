"""Reads frames from a stream's log for one socket, in order and as fast as the socket takes them.

A `Delivery` knows its position in the log and which event types the socket wants. It returns
parcels of frames; the session sends them. Sockets at the same position that want the same share
one parcel.

When a socket is too slow: if many frames wait for it, they are merged into fewer (see `merging`).
If the log has already dropped frames that it did not get, it gets a `gap` frame, and continues with
the oldest frame that the log still holds. To a socket that wants `other` frames, the log is as long
as it holds these (see `live.streams.log`). Frames that were gathered for a batch, or that are
replayed to a socket that resumes, do not make it slow: they are sent unmerged.

It stops at each border of the log (`live.streams.borders`): the session takes the border, tells the
client what it means, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from live.protocol.cursor import Cursor
from live.protocol.frames import (
    EVENT_TYPES,
    Frame,
    FrameType,
    Gap,
    Side,
    encode,
)
from live.sockets.dialects import Translation, told
from live.sockets.merging import merge
from live.sockets.wire.asgi import Parcel
from live.streams.borders import Border, RoomBegan
from live.streams.log import Entry, EventLog
from live.tiktok.rooms import Room

__all__ = ["Delivery"]

# The most frames in a parcel, and about the most characters.
_CHUNK = 64
_CHUNK_LENGTH = 64 * 1024
# How many runs are kept at once. Sockets that keep up need only one or two of them.
_MEMO = 64
# A socket that is more frames behind than that gets merged frames, made of larger chunks.
_LAG = 256
_LAG_CHUNK = 1024
_ALWAYS = frozenset({FrameType.STATUS, FrameType.GAP})
_UNLESS_ASKED = EVENT_TYPES - {FrameType.OTHER}
# How many choices of types are remembered: apps and overlays have a few.
_CHOICES = 64


class _Run(NamedTuple):
    """A part of the log, ready to be sent. It has no parcel if the socket wants none of it."""

    parcels: list[Parcel]
    end: int
    at: int | None  # when its last frame was written to the log; None if it has none
    heard_at: float  # as `live.streams.log.Entry` has it, of its first frame; 0 if it has none


class Delivery:
    """Gives one socket the frames of a log that it has not had yet.

    Args:
        log: of the stream that the socket follows.
        since: where to go on; None for everything from now on.
        types: event types that are wanted; None for all but `other`.
        batch: seconds over which frames are gathered into one; 0 for none.
        clock: ms since the epoch.
        ahead: by how many offsets `since` may be ahead of the log, which is a copy of another
            process's; 0 for a log that is no copy.
        translation: how the client is told of frames; None for as they are. Sockets share parcels
            that share it.

    Attributes:
        position: the offset of the last entry that was delivered or passed over.
        resumed: whether the log can go on exactly where `since` says, as far as that is known.
        is_ahead: the client has more than the log. When the log gets there, it either goes on
            behind it, or has left it out: then there is a `gap`.
        heard_at: when TikTok's push arrived whose frame is the first of the last parcels, by
            `Clock.precise`; 0 where that says nothing of how fast they are sent: there were none,
            they are of no push, or they have waited for this socket (a replay, a batch).
    """

    def __init__(
        self,
        log: EventLog,
        since: Cursor | None,
        types: frozenset[FrameType] | None,
        batch: float,
        clock: Callable[[], int],
        ahead: int = 0,
        translation: Translation | None = None,
    ) -> None:
        self._log = log
        self._translation = translation
        self._wanted, self._countable = _choice(types)
        self._wants_others = FrameType.OTHER in self._wanted
        self._batch = batch
        self._clock = clock
        self._delivered_at: int | None = None
        self._lost = False  # `since` names no place in this log
        self._announced = 0  # what passes and is gone, up to this offset, has been announced
        self._due = log.end  # frames up to this offset do not count as lag
        self.resumed = self.is_ahead = False
        self.heard_at = 0.0
        if since is None:
            self.position = log.end
        elif since.epoch == log.epoch and max(since.offset, since.announced) <= log.end:
            self.position = since.offset
            self._announced = since.announced
            self._lost = log.is_left_out(since.offset)
            self.resumed = self._missed() == {}
        elif since.epoch == log.epoch and max(since.offset, since.announced) <= log.end + ahead:
            self.position = since.offset
            self._announced = since.announced
            self.is_ahead = self.resumed = True
        else:
            self.position = log.first_room()
            self._lost = True

    @property
    def cursor(self) -> str:
        return str(Cursor(self._log.epoch, self.position, self._announced))

    @property
    def behind(self) -> int:
        """How many frames of the log are still to come."""
        return max(0, self._log.end - self.position)

    @property
    def up_to_date(self) -> bool:
        """Everything that there is has been delivered."""
        return self.position >= self._log.end

    @property
    def has_frames(self) -> bool:
        """There are frames before the next border."""
        return self._next_stop > self.position

    @property
    def room(self) -> Room | None:
        """The LIVE at the position; None where there was none, or it is forgotten."""
        border = self._log.border_before(self.position)
        return border.room if isinstance(border, RoomBegan) else None

    async def wait(self) -> None:
        """Wait until there may be new parcels, or the stream's state may have changed."""
        if self.position < self._log.end:
            await asyncio.sleep(0)  # a long way to go; others take their turns meanwhile
            return
        await self._log.changed(self.position, self._batch)
        if self._batch:
            self._due = self._log.end

    def pending(self) -> list[Parcel]:
        """The next parcels that there are before the next border; empty when there are none."""
        stop = self._next_stop
        self.heard_at = 0.0
        if self.is_ahead and self._log.end >= self.position:
            self.is_ahead = False
            self._lost = self._log.is_left_out(self.position)
        parcels: list[Parcel] = []
        if self._lost or (self.position < stop and self.position < self._first - 1):
            parcels += self._what_fell_off(stop)
        if self.position >= stop:
            return parcels
        lags = self._log.end - max(self.position, self._due) > _LAG and self._is_lagging()
        run = self._merged_run(stop) if lags else self._shared_run(stop)
        if run.parcels and self.position >= self._due:
            self.heard_at = run.heard_at
        self.position = run.end
        if run.at is not None:
            self._delivered_at = run.at
        parcels += run.parcels
        return parcels

    def take_border(self) -> Border | None:
        """Pass the border that comes next; None if frames come before it, or there is none."""
        border = self._log.border_after(self.position)
        if border is None or border[0] != self.position + 1:
            return None
        self.position += 1
        return border[1]

    def pass_gap(self) -> None:
        """Pass a `gap` that comes next: it says what is missing before a newcomer came."""
        for entry in self._log.read(self.position, 1):
            if entry.type is FrameType.GAP:
                self.position = entry.offset

    @property
    def _next_stop(self) -> int:
        """The offset of the last frame before the next border."""
        border = self._log.border_after(self.position)
        return self._log.end if border is None else border[0] - 1

    @property
    def _first(self) -> int:
        """Where the log begins for this socket. Older frames are `lasting`, or gone."""
        log = self._log
        first = log.first_with_others if self._wants_others else log.first
        # A gap may have announced frames that are held, since `other` frames between were gone.
        return first if first > self._announced else self._announced + 1

    def _read(self, after: int, limit: int, until: int | None = None) -> list[Entry]:
        return self._log.read(after, limit, until, others=self._wants_others)

    def _is_lagging(self) -> bool:
        """Of so many frames that wait, most may be `other` frames that it does not want."""
        return len(self._read(max(self.position, self._due), _LAG + 1)) > _LAG

    def _shared_run(self, stop: int) -> _Run:
        """What comes next, made once for all sockets that are here and want the same."""
        place = (self.position, self._wanted, bool(self._batch), self._translation)
        runs = self._log.memo
        if (run := runs.get(place)) is None:
            if len(runs) >= _MEMO:
                runs.clear()
            entries = self._read(self.position, _CHUNK, stop)
            end = _end(entries, _CHUNK, stop)
            length = 0
            for count, entry in enumerate(entries):
                length += len(entry.text)
                if length > _CHUNK_LENGTH:
                    entries = entries[: count or 1]
                    end = entries[-1].offset
                    break
            texts = [entry.text for entry in self._filtered(entries)]
            run = runs[place] = self._run(entries, texts, end)
        return run

    def _merged_run(self, stop: int) -> _Run:
        entries = self._read(self.position, _LAG_CHUNK, stop)
        texts = merge(self._filtered(entries), self.cursor)
        return self._run(entries, texts, _end(entries, _LAG_CHUNK, stop))

    def _run(self, entries: list[Entry], texts: list[str], end: int) -> _Run:
        if self._batch and len(texts) > 1:
            texts = [_batch_text(texts, self._clock())]
        at, heard_at = (entries[-1].at, entries[0].heard_at) if entries else (None, 0.0)
        return _Run(self._parcels(texts), end, at, heard_at)

    def _parcels(self, texts: list[str]) -> list[Parcel]:
        translation = self._translation
        if translation is None:
            return _parcels(texts)
        return _parcels(told(texts, translation), translation.kind)

    def _filtered(self, entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.type in self._wanted]

    def _what_fell_off(self, stop: int) -> list[Parcel]:
        """What can still be had of the frames up to `stop` that the log no longer holds, behind a
        `gap` for all the others.

        The cursors of these frames say what the gap has announced. So a client that resumes from
        one of them, or from the gap, gets the rest of them, and nothing is announced twice.
        """
        first = self._first
        end = max(self.position, min(first - 1, stop))
        missed = self._missed(stop)
        lasting = self._filtered(self._log.lasting(self.position, stop, first))
        texts = []
        if missed != {}:
            self._announced = max(self._announced, end)
            # All that lasts and is gone is older than what lasts and is held.
            texts.append(self._gap(lasting[0].offset - 1 if lasting else end, missed))
        texts += [self._text_of_old(entry) for entry in lasting]
        self.position = end
        self._lost = False
        return self._parcels(texts)

    def _missed(self, stop: int | None = None) -> dict[str, int] | None:
        """How many wanted events up to `stop` can't be had any more and have not been announced,
        by type; None if nobody knows."""
        if self._lost:
            return None
        missed = self._log.missed(
            self.position, self._countable, stop, self._announced, self._first
        )
        if missed is None or FrameType.GAP in missed:
            return None  # nobody counted what a gap of the upstream stood for
        return {str(kind): count for kind, count in missed.items()}

    def _gap(self, place: int, missed: dict[str, int] | None) -> str:
        cursor = str(Cursor(self._log.epoch, place, self._announced))
        oldest = self._read(max(place, self._first - 1), 1)
        now = self._clock()
        until = oldest[0].at if oldest else now
        if missed is None:
            # A gap of the upstream may be among what is gone. What it stood for is missing up to
            # its end: among the frames that follow, too.
            until = max(until, self._log.missing_until)
        gap = Gap(
            side=Side.CLIENT,
            from_=self._delivered_at,
            to=until,
            missed=missed,
            cursor=cursor,
        )
        return encode(Frame(type=FrameType.GAP, cursor=cursor, ts=now, data=gap))

    def _text_of_old(self, entry: Entry) -> str:
        """The frame of an entry, with a cursor that says what has been announced."""
        cursor = Cursor(self._log.epoch, entry.offset)
        told = cursor._replace(announced=self._announced)
        return entry.text.replace(f'"cursor":"{cursor}"', f'"cursor":"{told}"')


def _end(entries: list[Entry], limit: int, stop: int) -> int:
    """How far one gets with the entries that `read` gave, of all up to `stop`. Behind the last of
    them, there may be none but `other` frames that are not wanted."""
    return stop if len(entries) < limit else entries[-1].offset


def _parcels(texts: Sequence[str], kind: str = "") -> list[Parcel]:
    """The texts in parcels so small that the progress of a slow socket is seen."""
    cut: list[list[str]] = []
    length = 0
    for text in texts:
        length += len(text)
        if not cut or length > _CHUNK_LENGTH or len(cut[-1]) >= _CHUNK:
            cut.append([])
            length = len(text)
        cut[-1].append(text)
    return [Parcel(part, kind) for part in cut]


def _batch_text(texts: list[str], now: int) -> str:
    """A batch frame of frames that are encoded already."""
    return f'{{"type":"batch","ts":{now},"data":{{"events":[{",".join(texts)}]}}}}'


@lru_cache(_CHOICES)
def _choice(
    types: frozenset[FrameType] | None,
) -> tuple[frozenset[FrameType], frozenset[FrameType]]:
    """The types of frames that a socket gets which wants these events; and those of them that count
    when frames are lost. Sockets share both: a set takes more than a kilobyte."""
    wanted = (_UNLESS_ASKED if types is None else types) | _ALWAYS
    return wanted, wanted - {FrameType.STATUS}
