"""Appends events to a stream's log: each once, in order, as a finished frame.

A `Feed` is what a stream knows of its LIVE, apart from the connection: the log, what has been seen,
open streaks, the snapshot. It does no I/O and waits for nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import UNSET, Struct

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.frames import Frame, FrameType, Gap, Gift, Side, Snapshot, Status, encode
from live.streams.drift import Drift
from live.streams.log import Entry, EventLog
from live.streams.log_memory import LogMemory
from live.streams.snapshot import SnapshotKeeper
from live.streams.streaks import Streaks
from live.tiktok.events import Event
from live.tiktok.gifts import SeenGifts

__all__ = ["Feed"]

# TikTok sends the last minutes' messages again after a reconnect. So many ids are remembered, which
# is enough to recognise them.
_IDS_REMEMBERED = 16_384


class Feed:
    """The events of one stream, as clients shall see them.

    Args:
        backlog: how many frames the log holds.
        username: the streamer's, for the log of the server.
        gifts: where the kinds of gifts are remembered that are seen here.
        memory: how many bytes the log may take, and all logs that share it.

    Attributes:
        log: the frames.
        live_ended: TikTok said that the LIVE is over; nothing is taken after that.
        drift: whether fields that matter go empty.
    """

    def __init__(
        self,
        backlog: int,
        clock: Clock = SYSTEM_CLOCK,
        username: str = "",
        gifts: SeenGifts | None = None,
        memory: LogMemory | None = None,
    ) -> None:
        self.log = EventLog(backlog, memory)
        self.live_ended = False
        self.drift = Drift(username)
        self._clock = clock
        self._gifts = SeenGifts() if gifts is None else gifts
        self._ids: set[str] = set()
        self._oldest_ids: deque[str] = deque()
        self._streaks = Streaks()
        self._snapshot = SnapshotKeeper()

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
        for event in events:
            if self._is_new(event.id):
                self.drift.watch(event.data)
                self._add(event, now)
            if self.live_ended:
                break  # what comes after it is not even read
        return self.log.end > end

    def sweep(self, now: float) -> None:
        """End streaks that TikTok forgot to end. To be called every few seconds."""
        self._end_streaks(self._streaks.expire(now))

    def start_anew(self) -> None:
        """Another LIVE begins; the log goes on."""
        self._end_streaks(self._streaks.end_all())
        self._streaks = Streaks()
        self._snapshot = SnapshotKeeper()

    def finish(self) -> None:
        """The stream is over: streaks end, the log closes."""
        self._end_streaks(self._streaks.end_all())
        self.log.close()

    def append_status(self, status: Status) -> None:
        """Tell clients of the stream's new state."""
        self._append(FrameType.STATUS, self._clock.unix_ms(), status)

    def append_upstream_gap(self, since: int) -> None:
        """Announce that nothing could be heard of TikTok from `since` (ms) until now."""
        to = self._clock.unix_ms()
        cursor = self.log.next_cursor
        gap = Gap(side=Side.UPSTREAM, from_=since, to=to, missed=None, cursor=cursor)
        self._append(FrameType.GAP, to, gap)

    def snapshot(self) -> Snapshot:
        """The LIVE as of the log's end, for a socket that joins now."""
        return self._snapshot.take()

    def _add(self, event: Event, now: float) -> None:
        if isinstance(event.data, Gift):
            self._gifts.add(event.data.gift)
            gift = self._streaks.update(event.data, now)
            if gift is None:
                return
            event = event._replace(data=gift)
        elif event.type is FrameType.LIVE_END:
            self._end_streaks(self._streaks.end_all())
            self.live_ended = True
        self._append_event(event)

    def _append_event(self, event: Event) -> None:
        entry = self._append(event.type, event.at, event.data, event.id)
        self._snapshot.update(event.data, entry.text, event.id)

    def _append(self, type: FrameType, at: int, data: Struct, id: str = "") -> Entry:
        cursor = self.log.next_cursor
        frame = Frame(type=type, cursor=cursor, ts=at, id=id or UNSET, data=data)
        return self.log.append(type, at, encode(frame))

    def _end_streaks(self, ended: Iterable[Gift]) -> None:
        at = self._clock.unix_ms()
        for gift in ended:
            self._append_event(Event(FrameType.GIFT, "", at, gift))

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
