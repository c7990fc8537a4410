"""Appends events to a stream's log: each once, in order, as a finished frame.

A `Feed` is what a stream knows of its LIVE, apart from the connection: the log, what has been seen,
open streaks, the snapshot. It does no I/O and waits for nothing. It outlives its stream, and the
next stream of the same username goes on with it (see `kept_feeds`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import UNSET, Struct

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import RelayError
from live.protocol.frames import Frame, FrameType, Gap, Gift, Side, Snapshot, Status, encode
from live.streams.borders import RoomBegan, RunEnded, StreamerOffline
from live.streams.counts import StreamCounts
from live.streams.drift import Drift
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory
from live.streams.saved import RestoreError, SavedFeed
from live.streams.snapshot import SnapshotKeeper
from live.streams.streaks import Streaks
from live.tiktok.events import Event
from live.tiktok.gifts import SeenGifts
from live.tiktok.rooms import Room

__all__ = ["Feed"]

# TikTok sends the last minutes' messages again after a reconnect. So many ids are remembered, which
# is enough to recognise them.
_IDS_REMEMBERED = 16_384
# Looked up once: Python 3.11 looks for a member of an enum for longer than the rest of a check.
_LIVE_END = FrameType.LIVE_END


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
        self._room: Room | None = None  # the last LIVE's
        self._is_in_room = False  # this run has been connected to it, and it has not ended since
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

    def save(self, now: float) -> SavedFeed:
        """All that the next stream of the username needs, to be written down. If TikTok can be
        heard now, call `cut` after `restore`: otherwise the hole would not be announced.

        Args:
            now: as for `take`.
        """
        return SavedFeed(
            at=self._clock.unix_ms(),
            log=self.log.save(),
            run=self.run,
            live_ended=self.live_ended,
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
        feed._gap_since = saved.gap_since
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
        if self.live_ended:
            events = ()
        arrived, heard_at = self._clock.unix_ms(), self._clock.precise()
        counts, newest = self._counts.events, None
        for event in events:
            if self._is_new(event.id):
                newest = event
                counts[event.type] += 1
                self.drift.watch(event.data)
                self._add(event, now, heard_at)
            elif event.type is _LIVE_END:
                self.live_ended = True  # an earlier run has told it
            if self.live_ended:
                break  # what comes after it is not even read
        # An event without a time of TikTok's has ours, which is not before its arrival.
        if newest is not None and newest.at < arrived:
            self._counts.upstream_latency.observe((arrived - newest.at) / 1000)
        return self.log.end > end

    @property
    def has_streaks(self) -> bool:
        """There are streaks that `sweep` has to end or to forget."""
        return len(self._streaks) > 0

    def sweep(self, now: float) -> None:
        """End streaks that TikTok forgot to end. To be called every few seconds while
        `has_streaks`."""
        self._end_streaks(self._streaks.expire(now))

    def begin_run(self) -> int:
        """Another stream appends from now on. Returns its number."""
        self.run += 1
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
            self._gap_since = None
        self._room = room
        if not self._is_in_room:
            self._is_in_room = True
            self.log.append_border(RoomBegan(room, self.snapshot()), self._clock.unix_ms())
        if self._gap_since is not None:
            self._append_upstream_gap(self._gap_since)
            self._gap_since = None

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
        self.log.append_border(StreamerOffline(self.run, error), self._clock.unix_ms())

    def end_run(self, error: RelayError | None, heard: int) -> None:
        """The stream is over: streaks end.

        Args:
            error: why; None after the end of a LIVE, and when nobody listens any more.
            heard: when TikTok was last heard, in ms since the epoch.
        """
        self.cut(heard)
        self._end_streaks(self._streaks.end_all())
        self.log.append_border(RunEnded(self.run, error), self._clock.unix_ms())

    def append_status(self, status: Status) -> None:
        """Tell clients of the stream's new state."""
        self._append(FrameType.STATUS, self._clock.unix_ms(), status)

    def _append_upstream_gap(self, since: int) -> None:
        """Announce that nothing could be heard of TikTok from `since` (ms) until now."""
        to = self._clock.unix_ms()
        cursor = self.log.next_cursor
        gap = Gap(side=Side.UPSTREAM, from_=since, to=to, missed=None, cursor=cursor)
        self._append(FrameType.GAP, to, gap)

    def snapshot(self) -> Snapshot:
        """The LIVE as of the log's end, for a socket that joins now."""
        return self._snapshot.take()

    def _add(self, event: Event, now: float, heard_at: float) -> None:
        data = event.data
        if type(data) is Gift:
            self._gifts.add(data.gift)
            gift = self._streaks.update(data, now)
            if gift is None:
                return
            data = gift
        elif event.type is _LIVE_END:
            self._end_streaks(self._streaks.end_all())
            self.live_ended = True
        text = self._append(event.type, event.at, data, event.id, heard_at)
        self._snapshot.update(data, text, event.id)

    def _append(
        self, type: FrameType, at: int, data: Struct, id: str = "", heard_at: float = 0.0
    ) -> str:
        log = self.log
        frame = Frame(type=type, cursor=log.next_cursor, ts=at, id=id or UNSET, data=data)
        text = encode(frame)
        log.append(type, at, text, heard_at)
        return text

    def _end_streaks(self, ended: Iterable[Gift]) -> None:
        at = self._clock.unix_ms()
        for gift in ended:
            self._snapshot.update(gift, self._append(FrameType.GIFT, at, gift))

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
