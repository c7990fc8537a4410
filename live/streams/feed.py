"""Appends events to a stream's log: each once, in order, as a finished frame.

A `Feed` is what a stream knows of its LIVE, apart from the connection: the log, what has been seen,
open streaks, the snapshot. It does no I/O and waits for nothing. It outlives its stream, and the
next stream of the same username goes on with it (see `kept_feeds`). Where several processes share a
stream, its leader's feed tells a `LogCopy` of all that it appends, and those of the others `copy`
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import UNSET, DecodeError, Struct, defstruct, json

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import RelayError
from live.protocol.frames import (
    Comment,
    Delete,
    Frame,
    FrameType,
    Gap,
    Gift,
    Like,
    Side,
    Snapshot,
    Status,
    Viewers,
    encode,
)
from live.streams.borders import Border, RoomBegan, RunEnded, StreamerOffline
from live.streams.counts import StreamCounts
from live.streams.drift import Drift
from live.streams.followers import LogCopy
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory
from live.streams.saved import RestoreError, SavedFeed, check_frame
from live.streams.snapshot import SnapshotKeeper
from live.streams.streaks import Streaks
from live.tiktok.events import Event
from live.tiktok.gifts import SeenGifts
from live.tiktok.rooms import Room

__all__ = ["Feed"]

# TikTok sends the last minutes' messages again after a reconnect. So many ids are remembered, which
# is enough to recognise them.
_IDS_REMEMBERED = 16_384
# What is read of the frames that are copied.
_DATA: dict[FrameType, type[Struct]] = {
    FrameType.COMMENT: Comment,
    FrameType.GIFT: Gift,
    FrameType.LIKE: Like,
    FrameType.VIEWERS: Viewers,
    FrameType.DELETE: Delete,
    FrameType.STATUS: Status,
}
_DECODERS = {
    kind: json.Decoder(defstruct(f"Copied{data.__name__}", [("data", data)]))
    for kind, data in _DATA.items()
}
# Looked up once: Python 3.11 looks for a member of an enum for longer than the rest of a check.
_LIVE_END = FrameType.LIVE_END


class _Made(NamedTuple):
    """A frame that is not in the log yet.

    Attributes:
        id: of the event that it tells of; empty if it tells of none, or TikTok gave none.
    """

    type: FrameType
    at: int
    data: Struct
    id: str = ""


class Feed:
    """The events of one username's LIVEs, as clients shall see them.

    Args:
        backlog: how many frames the log holds.
        username: the streamer's, for the log of the server.
        gifts: where the kinds of gifts are remembered that are seen here.
        memory: how many bytes the log may take, and all logs that share it.
        counts: what all streams of a relay count together.

    Attributes:
        log: the frames, and the borders between LIVEs.
        run: the number of the stream that appends to it now; 0 before the first.
        live_ended: in this run TikTok said that the LIVE is over; nothing is taken after that.
        drift: whether fields that matter go empty.
        copy_to: is told of all that is appended; None where nobody follows.
        last_copy: what was told so last, if anything was. What it has not written, others don't
            know of.
    """

    def __init__(
        self,
        backlog: int,
        clock: Clock = SYSTEM_CLOCK,
        username: str = "",
        gifts: SeenGifts | None = None,
        memory: LogMemory | None = None,
        counts: StreamCounts | None = None,
    ) -> None:
        self.log = EventLog(backlog, memory)
        self.run = 0
        self.live_ended = False
        self.drift = Drift(username)
        self.copy_to: LogCopy | None = None
        self.last_copy: LogCopy | None = None
        self._room: Room | None = None  # the last LIVE's
        self._is_in_room = False  # this run has been connected to it, and it has not ended since
        self._heard_the_end = False  # the run before this one was told that the LIVE is over
        # When a connection to that LIVE last said something (ms since the epoch), while there is
        # none.
        self._gap_since: int | None = None
        self._clock = clock
        self._gifts = SeenGifts() if gifts is None else gifts
        self._counts = StreamCounts() if counts is None else counts
        self._ids: set[str] = set()
        self._oldest_ids: deque[str] = deque()
        self._streaks = Streaks()
        self._snapshot = SnapshotKeeper()

    def save(self, now: float, *, with_log: bool = True) -> SavedFeed:
        """All that the next stream of the username needs, to be written down. If TikTok can be
        heard now, call `cut` after `restore`: otherwise the hole would not be announced.

        Args:
            now: as for `take`.
            with_log: otherwise an empty log is in its place.
        """
        log = self.log if with_log else EventLog(1)
        return SavedFeed(
            at=self._clock.unix_ms(),
            log=log.save(),
            run=self.run,
            live_ended=self.live_ended,
            heard_the_end=self._heard_the_end,
            room=self._room,
            is_in_room=self._is_in_room,
            gap_since=self._gap_since,
            ids=list(self._oldest_ids),
            streaks=self._streaks.save(now),
            snapshot=self._snapshot.save(),
        )

    @classmethod
    def restore(
        cls,
        saved: SavedFeed,
        now: float,
        backlog: int,
        clock: Clock = SYSTEM_CLOCK,
        username: str = "",
        gifts: SeenGifts | None = None,
        memory: LogMemory | None = None,
        counts: StreamCounts | None = None,
    ) -> Feed:
        """The feed that was saved. What it knows of emptied fields begins anew.

        Args:
            now: as for `take`, by this process's clock.
            backlog, clock, username, gifts, memory, counts: as for a new feed.

        Raises:
            RestoreError: what was saved can't have been a feed.
        """
        ids = set(saved.ids)
        if len(ids) != len(saved.ids) or len(ids) > _IDS_REMEMBERED or "" in ids:
            raise RestoreError("ids that can't have been remembered")
        elapsed = max(0, clock.unix_ms() - saved.at) / 1000
        streaks = Streaks.restore(saved.streaks, now, elapsed)
        snapshot = SnapshotKeeper.restore(saved.snapshot)
        if saved.is_in_room and saved.room is None:
            raise RestoreError("a feed in a room that it has never seen")
        feed = cls(backlog, clock, username, gifts, memory, counts)
        feed.log = EventLog.restore(saved.log, backlog, memory)
        feed.run, feed.live_ended = saved.run, saved.live_ended
        feed._room, feed._is_in_room = saved.room, saved.is_in_room
        feed._gap_since, feed._heard_the_end = saved.gap_since, saved.heard_the_end
        feed._ids, feed._oldest_ids = ids, deque(saved.ids)
        feed._streaks, feed._snapshot = streaks, snapshot
        return feed

    @property
    def room(self) -> Room | None:
        """The LIVE that this run is in, or tries to come back to."""
        return self._room if self._is_in_room else None

    @property
    def was_live(self) -> bool:
        """It has seen a LIVE."""
        return self._room is not None

    @property
    def ids_remembered(self) -> int:
        """How many ids of events would be recognised if they came again."""
        return len(self._ids)

    def take(self, events: Iterable[Event], now: float) -> bool:
        """Append events, in their order; those that TikTok repeats are left out.

        Args:
            now: seconds of a clock that does not go back, for streaks.

        Returns:
            Whether any of it was new.
        """
        end = self.log.end
        if self.live_ended or (self.copy_to is not None and not self._may_append(self.copy_to)):
            events = ()
        arrived, heard_at = self._clock.unix_ms(), self._clock.precise()
        counts, new = self._counts.events, []
        for event in events:
            if self._is_new(event.id):
                new.append(event)
                counts[event.type] += 1
                self.drift.watch(event.data)
            if event.type is _LIVE_END:  # which an earlier run may have told
                self.live_ended = True
                break  # what comes after it is not even read
        if new:
            self._append(self._made_of(new, now), heard_at)
            # An event without a time of TikTok's has ours, which is not before its arrival.
            if new[-1].at < arrived:
                self._counts.upstream_latency.observe((arrived - new[-1].at) / 1000)
        return self.log.end > end

    @property
    def has_streaks(self) -> bool:
        """There are streaks that `sweep` has to end or to forget."""
        return len(self._streaks) > 0

    def sweep(self, now: float) -> None:
        """End streaks that TikTok forgot to end. To be called every few seconds while
        `has_streaks`."""
        self._end_streaks(self._streaks.expire(now))

    def begin_run(self, at_least: int = 1) -> int:
        """Another stream appends from now on. Returns its number.

        Args:
            at_least: the smallest number that it may have.
        """
        self.run = max(self.run + 1, at_least)
        self._heard_the_end = self.live_ended
        self.live_ended = False
        self._is_in_room = False
        return self.run

    def open(self, room: Room) -> None:
        """TikTok is connected: what follows is of this LIVE."""
        if self._room is not None and self._room.id != room.id:
            # The next LIVE of the same streamer: what happened in the old one is over.
            self._end_streaks(self._streaks.end_all())
            self._streaks = Streaks()
            self._snapshot = SnapshotKeeper()
            self._is_in_room = False
            if self._heard_the_end:
                self._gap_since = None  # nothing of the old one is missing
        self._heard_the_end = False
        self._room = self._since_heard(room)
        if not self._is_in_room:
            self._is_in_room = True
            self._append_border(RoomBegan(self._room, self.snapshot()))
        self._end_gap()

    def _since_heard(self, room: Room) -> Room:
        """The room with the time since when it is heard, over connections and streams."""
        known = self._room
        since = self._clock.unix_ms() if known is None or known.id != room.id else known.heard_since
        return replace(room, heard_since=since)

    def cut(self, heard: int) -> None:
        """The connection is lost.

        Args:
            heard: when TikTok was last heard, in ms since the epoch.
        """
        if self._is_in_room and self._gap_since is None:
            self._gap_since = heard

    def streamer_offline(self, error: RelayError) -> None:
        """The streamer is not live; the stream waits for the next LIVE."""
        self._end_streaks(self._streaks.end_all())
        self._is_in_room = False
        self._append_border(StreamerOffline(self.run, error))

    def end_run(self, error: RelayError | None, heard: int) -> None:
        """The stream is over: streaks end.

        Args:
            error: why; None after the end of a LIVE, and when nobody listens any more.
            heard: when TikTok was last heard, in ms since the epoch.
        """
        self.cut(heard)
        self._end_streaks(self._streaks.end_all())
        self._append_border(RunEnded(self.run, error))

    def append_status(self, status: Status) -> None:
        """Tell clients of the stream's new state."""
        self._append([_Made(FrameType.STATUS, self._clock.unix_ms(), status)])

    def _end_gap(self) -> None:
        """Announce what could not be heard, or told, until now."""
        since, self._gap_since = self._gap_since, None
        if since is None:
            return
        to = self._clock.unix_ms()
        cursor = self.log.next_cursor
        gap = Gap(side=Side.UPSTREAM, from_=since, to=to, missed=None, cursor=cursor)
        self._append([_Made(FrameType.GAP, to, gap)])

    # --- Copying another process's feed ---------------------------------------------------------

    def fill(self, offset: int, at: int, what: Border | tuple[FrameType, str]) -> None:
        """Append to the log what the feed knows of already, since it was restored without a log.

        Args:
            what: a border, or a frame's type and text.

        Raises:
            ValueError, RestoreError: as `copy_frame`.
        """
        if isinstance(what, tuple):
            self._check_frame(offset, *what)
        self._make_room(offset)
        if isinstance(what, tuple):
            kind, text = what
            self.log.append(kind, at, text)
        else:
            self.log.append_border(what, at)

    def copy_frame(
        self, offset: int, at: int, type: FrameType, id: str, text: str
    ) -> Struct | None:
        """Append a frame as another process has: with its offset, and its cursor in the text.

        What is known already, since this process was connected to TikTok at the same time, is left
        out of the log: an event, and the end of a streak that TikTok forgot to end.

        Returns:
            The frame's data, where it matters for the stream: of statuses and of some events.

        Raises:
            ValueError: the offset does not fit behind the newest one, or the data is none of that
                type.
            RestoreError: the text is no frame of that type, with the cursor of that offset.
        """
        self._check_frame(offset, type, text)
        data = _read_data(type, text)
        self._make_room(offset)
        is_ended = isinstance(data, Gift) and not id and self._streaks.has_ended(data)
        if is_ended or not self._is_new(id):
            self.log.skip_to(offset)
            return None
        self.log.append(type, at, text)
        if type is _LIVE_END:
            self.live_ended = True
        elif isinstance(data, Gift):
            self._gifts.add(data.gift)
            self._streaks.copy(data, self._clock.monotonic())
        if data is not None:
            self._snapshot.update(data, text, id)
        return data

    def copy_border(self, offset: int, at: int, border: Border) -> int:
        """Append a border as another process has.

        Returns:
            The run that appends now.

        Raises:
            ValueError: as `copy_frame`.
        """
        self._make_room(offset)
        if isinstance(border, RoomBegan):
            if self._room is not None and self._room.id != border.room.id:
                self._streaks, self._snapshot = Streaks(), SnapshotKeeper()
            self._room, self._is_in_room, self.live_ended = border.room, True, False
        else:
            self._is_in_room = False
            self.run = max(self.run, border.run)
        self.log.append_border(border, at)
        return self.run

    def _check_frame(self, offset: int, type: FrameType, text: str) -> None:
        check_frame(text, type, self.log.cursor_at(offset))

    def _make_room(self, offset: int) -> None:
        """Leave out the offsets before this one that the other process has left out."""
        if offset <= self.log.end:
            raise ValueError(f"there is an entry {offset} already")
        if offset > self.log.end + 1:
            self.log.skip_to(offset - 1)

    @property
    def viewers(self) -> int | None:
        """How many watch the LIVE; None if TikTok has not told."""
        return self._snapshot.viewers

    def snapshot(self) -> Snapshot:
        """The LIVE as of the log's end, for a socket that joins now."""
        return self._snapshot.take()

    def _made_of(self, events: Iterable[Event], now: float) -> list[_Made]:
        """The frames of new events, in their order, with those of the streaks that they end."""
        made = []
        for event in events:
            data = event.data
            if type(data) is Gift:
                self._gifts.add(data.gift)
                gift = self._streaks.update(data, now)
                if gift is None:
                    continue
                data = gift
            elif event.type is _LIVE_END:
                made += self._ends_of(self._streaks.end_all())
            made.append(_Made(event.type, event.at, data, event.id))
        return made

    def _append(self, made: Sequence[_Made], heard_at: float = 0.0) -> None:
        """Append frames to the log, and have the snapshot and those who follow know of them.

        Each step is done for all frames before the next one: a step's code and data then stay in
        the processor's caches, which saves a tenth of an event's time (`bench pipeline`).
        """
        log, copy_to = self.log, self.copy_to
        texts = [
            encode(
                Frame(
                    type=frame.type,
                    cursor=log.cursor_at(offset),
                    ts=frame.at,
                    id=frame.id or UNSET,
                    data=frame.data,
                )
            )
            for offset, frame in enumerate(made, log.end + 1)
        ]
        pairs = list(zip(made, texts, strict=True))
        for frame, text in pairs:
            entry = log.append(frame.type, frame.at, text, heard_at)
            if copy_to is not None:
                copy_to.on_frame(entry, frame.id)
        for frame, text in pairs:
            self._snapshot.update(frame.data, text, frame.id)

    def _append_border(self, border: Border) -> None:
        at = self._clock.unix_ms()
        self.log.append_border(border, at)
        if self.copy_to is not None:
            self.copy_to.on_border(self.log.end, at, border)

    def _may_append(self, copy: LogCopy) -> bool:
        """Whether those who follow can be told of more. What they can't is lost for everybody, and
        announced when they can again."""
        if copy.is_full:
            self.cut(self._clock.unix_ms())
            return False
        self._end_gap()
        return True

    def _end_streaks(self, ended: Iterable[Gift]) -> None:
        self._append(self._ends_of(ended))

    def _ends_of(self, ended: Iterable[Gift]) -> list[_Made]:
        at = self._clock.unix_ms()
        return [_Made(FrameType.GIFT, at, gift) for gift in ended]

    def _is_new(self, id: str) -> bool:
        if not id:
            return True
        if id in self._ids:
            return False
        self._ids.add(id)
        self._oldest_ids.append(id)
        if len(self._ids) > _IDS_REMEMBERED:
            self._ids.discard(self._oldest_ids.popleft())
        return True


def _read_data(type: FrameType, text: str) -> Struct | None:
    """Raises ValueError: it is no frame of that type."""
    decoder = _DECODERS.get(type)
    if decoder is None:
        return None
    try:
        data: Struct = decoder.decode(text).data  # type: ignore[attr-defined]
    except DecodeError as failure:
        raise ValueError(f"no frame of the type {type}") from failure
    return data
