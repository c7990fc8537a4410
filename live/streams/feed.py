"""From decoded responses to the log: each event once, in order, as a finished frame.

A `Feed` is what a stream knows of its LIVE, apart from the connection: the log, what has been seen,
open streaks, the snapshot. It does no I/O and waits for nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET, Struct
from TikTokLive.events.proto_events import EVENT_MAPPINGS

from live.protocol.frames import (
    Frame,
    FrameType,
    Gap,
    Gift,
    Other,
    Side,
    Snapshot,
    Status,
    encode,
)
from live.streams import operator_log as notices
from live.streams.drift import Drift
from live.streams.log import Entry, EventLog
from live.streams.snapshot import SnapshotKeeper
from live.streams.streaks import Streaks
from live.tiktok.decoding import METHODS, DecodeError, decode_message, decode_whole_message
from live.tiktok.events import Event, event_of

__all__ = ["Feed"]

# TikTok sends the last minutes' messages again after a reconnect; that many ids cover them.
_IDS_REMEMBERED = 16_384
# Names of unknown methods come from outside: no more than that many are told apart.
_MAX_METHODS = 500
# Real messages that become frames have a few kB. The log keeps thousands of them.
_MAX_PAYLOAD = 64 * 1024
# Those that become `other` frames are many, and few ask for them.
_MAX_OTHER = 16 * 1024
_MAX_METHOD = 100


class Feed:
    """Args:
        backlog: how many frames the log holds.
        clock: ms since the epoch.
        username: the streamer's, for the log of the server.

    Attributes:
        log: the frames.
        live_ended: TikTok said that the LIVE is over; nothing is taken after that.
        tells_others: messages without a frame of their own become `other` frames.
        drift: whether fields that matter go empty.
        undecodable: what could not be decoded, counted by method.
        unknown: messages of methods that TikTokLive does not map, counted by method.
    """

    def __init__(self, backlog: int, clock: Callable[[], int], username: str = "") -> None:
        self.log = EventLog(backlog)
        self.live_ended = False
        self.tells_others = False
        self.drift = Drift(username)
        self.undecodable: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._username = username
        self._clock = clock
        self._ids: set[str] = set()
        self._oldest_ids: deque[str] = deque()
        self._streaks = Streaks()
        self._snapshot = SnapshotKeeper()

    def take(self, messages: Iterable[Any], now: float) -> bool:
        """Append what TikTok's messages say, in their order. A message that can't be read is
        counted, and hurts nothing.

        Args:
            messages: `method`, `payload` and `msg_id` each.
            now: seconds of a clock that does not go back, for streaks.

        Returns:
            Whether any of it was new.
        """
        end = self.log.end
        at = self._clock()
        for message in messages:
            if self.live_ended:
                break
            event = self._read(message, at)
            if event is not None and self._is_new(event.id):
                self.drift.watch(event.data)
                self._add(event, now)
        return self.log.end > end

    def _read(self, message: Any, at: int) -> Event | None:
        """What a message says to those who listen."""
        method = message.method
        whole = None
        try:
            if method in METHODS and (event := _event_of(message, at)) is not None:
                return event
            if self.tells_others and len(message.payload) <= _MAX_OTHER:
                whole = decode_whole_message(method, message.payload)
        except DecodeError as failure:
            self.reject(method, failure)
        if method not in EVENT_MAPPINGS:
            self._note_unknown(_shown(method))
        return _other(message, whole, at) if self.tells_others else None

    def _note_unknown(self, method: str) -> None:
        if self._count(self.unknown, method) == 1:
            notices.unknown_method(self._username, method)

    def reject(self, what: str, failure: DecodeError) -> None:
        """Count something that could not be decoded; the first of each kind is logged."""
        if self._count(self.undecodable, what) == 1:
            notices.undecodable(self._username, what, failure)

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
        self._append(FrameType.STATUS, self._clock(), lambda cursor: status)

    def append_upstream_gap(self, since: int) -> None:
        """Announce that nothing could be heard of TikTok from `since` (ms) until now."""
        to = self._clock()
        self._append(
            FrameType.GAP,
            to,
            lambda cursor: Gap(side=Side.UPSTREAM, from_=since, to=to, missed=None, cursor=cursor),
        )

    def snapshot(self) -> Snapshot:
        return self._snapshot.take()

    def _add(self, event: Event, now: float) -> None:
        if isinstance(event.data, Gift):
            gift = self._streaks.update(event.data, now)
            if gift is None:
                return
            event = event._replace(data=gift)
        elif event.type is FrameType.LIVE_END:
            self._end_streaks(self._streaks.end_all())
            self.live_ended = True
        self._append_event(event)

    def _append_event(self, event: Event) -> None:
        data = event.data
        entry = self._append(event.type, event.at, lambda cursor: data, event.id)
        self._snapshot.update(data, entry.text, event.id)

    def _append(
        self, type: FrameType, at: int, data: Callable[[str], Struct], id: str = ""
    ) -> Entry:
        return self.log.append(
            type,
            at,
            lambda cursor: encode(
                Frame(type=type, cursor=cursor, ts=at, id=id or UNSET, data=data(cursor))
            ),
        )

    def _end_streaks(self, ended: Iterable[Gift]) -> None:
        at = self._clock()
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

    @staticmethod
    def _count(counter: Counter[str], method: str) -> int:
        if method not in counter and len(counter) >= _MAX_METHODS:
            method = "others"
        counter[method] += 1
        return counter[method]


def _shown(method: str) -> str:
    """A method's name, which is TikTok's to choose, as it may stand in a log or on a page."""
    return "".join(filter(str.isprintable, method[:_MAX_METHOD]))


def _event_of(message: Any, at: int) -> Event | None:
    if len(message.payload) > _MAX_PAYLOAD:
        raise DecodeError(f"too large: {len(message.payload)} bytes")
    decoded = decode_message(message.method, message.payload)
    return event_of(message.method, decoded, at, message.msg_id)


def _other(message: Any, whole: dict[str, Any] | None, at: int) -> Event:
    """What there is to tell of a message without a frame of its own.

    Args:
        whole: what it says, if that can be told.
    """
    # As in every frame, the message's own id comes before the envelope's.
    number = int((whole or {}).get("common", {}).get("msg_id", 0)) or message.msg_id
    data = Other(_shown(message.method), len(message.payload), UNSET if whole is None else whole)
    return Event(FrameType.OTHER, str(number % 2**64) if number else "", at, data)
