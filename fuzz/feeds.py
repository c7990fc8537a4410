"""What a process has written down of its streams, read by the next one: a feed, the state file.

A feed that is taken over is then used as a stream and its sockets do: read from several cursors,
appended to, told to newcomers, written down again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from fuzz.mutation import MsgpackCorpus
from fuzz.running import Target
from live.alerts.alert import Alert, Condition
from live.alerts.watch import Alerts
from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import (
    EVENT_TYPES,
    Connected,
    Frame,
    FrameType,
    Snapshot,
    State,
    Status,
    StreakState,
    encode,
)
from live.relay.state_file import StateFile
from live.sockets.delivery import Delivery
from live.streams.borders import RoomBegan
from live.streams.feed import Feed
from live.streams.registry import Streams
from live.streams.saved import RestoreError, SavedStream, decode_feed, encode_feed
from live.streams.stream import StreamOptions
from live.tiktok.events import Event
from live.tiktok.rooms import Room
from live.tiktok.signgate import SavedGate, SignGates
from tests.support.clock import FixedClock
from tests.support.samples import gift, sample

__all__ = [
    "NOW",
    "NOW_MS",
    "Reading",
    "clock",
    "events",
    "feeds",
    "state_file",
    "use",
    "wear",
    "why",
    "worn_feed",
]

NOW_MS, NOW = 1_795_000_000_000, 1000.0
_BACKLOG = 24
# More frames than a socket may be behind without getting merged ones.
_MANY = 600
_ONGOING = StreakState.ONGOING
_LATER = 10_000.0
_LONGEST = 90.0
_KEPT_FOR = 60.0
_NAME = "anna.live"
_OFFLINE = RelayError(ErrorCode.USER_OFFLINE, username=_NAME, said="room 7 is over")
_LIMITED = RelayError(
    ErrorCode.RATE_LIMITED, retry_after=7, tried=[("signed", ErrorCode.RATE_LIMITED)]
)


class _Head(msgspec.Struct):
    type: FrameType
    ts: int
    data: msgspec.Raw
    cursor: str = ""


class _Batch(msgspec.Struct):
    """What is in a frame need only be JSON, such as a number that Python has no room for."""

    events: list[msgspec.Raw]


_head_of = msgspec.json.Decoder(_Head).decode
_batch_of = msgspec.json.Decoder(_Batch).decode


class _Clock(FixedClock):
    def monotonic(self) -> float:
        return NOW


def clock() -> FixedClock:
    """A clock that stands still at `NOW_MS`, and at `NOW`."""
    return _Clock(NOW_MS)


def events(count: int, first: int = 1) -> Iterator[Event]:
    """Of all kinds, the frequent ones among them, with streaks that end and others that do not."""
    kinds = [FrameType.LIKE, FrameType.JOIN, FrameType.COMMENT, FrameType.OTHER, FrameType.VIEWERS]
    rare = sorted(EVENT_TYPES - {FrameType.LIVE_END, FrameType.GIFT})
    for number in range(first, first + count):
        kind = rare[number % len(rare)] if number % 7 == 0 else kinds[number % len(kinds)]
        if number % 5 == 1:
            streak = (None, _ONGOING, StreakState.ENDED)[number % 3]
            data: Any = gift(number % 9 + 1, streak, who=f"giver{number % 4}", group=str(number))
            yield Event(FrameType.GIFT, str(number), NOW_MS, data)
        else:
            yield Event(kind, str(number), NOW_MS, sample(kind, number))


def worn_feed(backlog: int = _BACKLOG, count: int = 90) -> Feed:
    """A feed that has dropped frames, with borders of all kinds, a gap and open streaks."""
    feed = Feed(backlog, clock(), _NAME)
    feed.log.epoch = "fuzzfuzz"  # inputs with it are the same for the same seed
    wear(feed, count)
    return feed


def wear(feed: Feed, count: int) -> None:
    """Have a new feed hear so many events of two LIVEs."""
    feed.begin_run()
    feed.open(Room("7", "A LIVE"))
    feed.append_status(Status(State.LIVE))
    feed.take(events(count // 2), NOW)
    feed.streamer_offline(_OFFLINE)
    feed.end_run(_LIMITED, NOW_MS)
    feed.begin_run()
    feed.open(Room("8"))
    feed.cut(NOW_MS)
    feed.open(Room("8"))
    feed.take(events(count // 2, count), NOW)


def _new_feed() -> Feed:
    feed = Feed(_BACKLOG, clock(), _NAME)
    feed.log.epoch = "freshone"
    feed.begin_run()
    feed.open(Room("9", "The first"))
    feed.take(events(12), NOW)
    feed.cut(NOW_MS)
    return feed


class Reading:
    """A socket's way through a feed's log, with the promises that it relies on."""

    def __init__(self, feed: Feed, since: Cursor | None, batch: float = 0) -> None:
        self._feed = feed
        self._since = since
        self._delivery = Delivery(feed.log, since, None, batch, lambda: NOW_MS)
        self._gaps = 0
        self._place = -1

    def read(self) -> str:
        """Read to the end. Returns what the log could do for that cursor.

        Raises:
            AssertionError: a promise is broken.
        """
        delivery, log = self._delivery, self._feed.log
        resumed = delivery.resumed
        if resumed:
            assert self._since is not None
            self._place = self._since.offset
        announced = max(delivery.position, self._since.announced if self._since else 0)
        expected = {
            entry.offset
            for entry in log.read(announced, log.end, others=False)
            if entry.text and resumed
        }
        got: set[int] = set()
        lost = self._since is not None and not resumed
        while True:
            before = delivery.position
            parcels = delivery.pending()
            for parcel in parcels:
                assert parcel.framed
                assert all(parcel.types)
                got.update(self._take(text) for text in parcel.texts)
            border = delivery.take_border()
            if isinstance(border, RoomBegan):
                self._greet(border.room, border.snapshot)
            elif border is not None and border.error is not None:
                border.error.explain("ru")
            if border is None and delivery.up_to_date:
                break
            assert delivery.position > before or border is not None or parcels, "no way on"
        is_merged = len(expected) > 256
        assert is_merged or expected <= got, f"missed {sorted(expected - got)[:9]}"
        assert not (resumed and self._gaps), "a gap, though it goes on exactly there"
        assert not lost or self._gaps, "nothing says that something is missed"
        return "resumed" if resumed else "not resumed" if lost else "from now on"

    def _take(self, text: str) -> int:
        """Check a frame. Returns its offset."""
        frame = _head_of(text)
        if frame.type is FrameType.BATCH:
            return max(self._take(bytes(each).decode()) for each in _batch_of(frame.data).events)
        cursor = Cursor.parse(frame.cursor)
        assert cursor.epoch == self._feed.log.epoch
        assert self._place <= cursor.offset <= self._feed.log.end, "out of order"
        self._place = cursor.offset
        if frame.type is FrameType.GAP:
            self._gaps += msgspec.json.decode(frame.data)["side"] == "client"
        return cursor.offset

    def _greet(self, room: Room, snapshot: Snapshot) -> None:
        greeting = Connected(
            username=_NAME,
            room_id=room.id,
            cursor=self._delivery.cursor,
            resumed=False,
            snapshot=snapshot,
            title=room.title,
            owner=room.owner,
            started_at=room.started_at,
            counts=room.counts,
        )
        _head_of(encode(Frame(type=FrameType.CONNECTED, ts=0, data=greeting)))


def use(feed: Feed, choice: int) -> None:
    """What a stream and its sockets do with a feed that it has taken over.

    Args:
        choice: any number; it says from where a socket goes on.
    """
    log = feed.log
    half = Cursor(log.epoch, log.end // 2)
    places = (
        *(None, Cursor("another", 3), Cursor(log.epoch, 0), Cursor(log.epoch, log.end)),
        *(half, half._replace(announced=log.end)),
    )
    Reading(feed, places[choice % len(places)], batch=0.1 * (choice % 2)).read()
    feed.cut(NOW_MS)
    run, end = feed.begin_run(), log.end
    feed.open(Room("10"))
    feed.take(events(8, first=500), NOW)
    feed.take([Event(FrameType.GIFT, "g", NOW_MS, gift(2, _ONGOING, who="giver1"))], NOW)
    feed.sweep(NOW + _LATER)
    assert not feed.has_streaks or feed.room is not None
    _head_of(_snapshot_text(feed))
    feed.end_run(None, NOW_MS)
    assert feed.run == run
    assert log.end > end
    Reading(feed, Cursor(log.epoch, end)).read()


def _snapshot_text(feed: Feed) -> str:
    connected = Connected(_NAME, "10", str(feed.log.cursor), False, feed.snapshot())
    return encode(Frame(type=FrameType.CONNECTED, ts=0, data=connected))


def _restored(data: bytes) -> Feed:
    backlog = (8, _BACKLOG, 4096)[len(data) % 3]
    return Feed.restore(decode_feed(data), NOW, backlog, clock(), _NAME)


def _saved(feed: Feed) -> bytes:
    return encode_feed(feed.save(NOW))


def _corpus() -> MsgpackCorpus:
    empty = Feed(_BACKLOG, clock(), _NAME)
    empty.log.epoch = "emptyone"
    small = [_saved(worn_feed(4, 30)), _saved(_new_feed()), _saved(empty)]
    # Large ones take long, so they are rare.
    return MsgpackCorpus(20 * small + 3 * [_saved(worn_feed())] + [_saved(worn_feed(_MANY, _MANY))])


def feeds() -> Target:
    """A feed as bytes, in another process."""

    def give(data: bytes) -> str:
        try:
            feed = _restored(data)
        except RestoreError as refused:
            return f"RestoreError: {why(refused)}"
        use(feed, len(data))
        try:
            again = _saved(feed)
        except RestoreError:
            return "restored, and used; a number does not fit then"
        assert _saved(_restored(again)), "it can't be written down again"
        return "restored, and used"

    return Target(_corpus().make, give)


class _Warnings:
    """Keeps why a state file was ignored, and lets nobody else hear of it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            self.said.append(record.getMessage())
        return False


class _Nobody:
    """A factory of connections from which none is wanted."""

    needs_signature = True

    def seconds_closed(self, accesses: Any) -> float:
        return 0.0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        raise AssertionError("somebody has asked for a connection")


def state_file() -> Target:
    """The file that a relay finds at its start."""
    return _StateFiles().target()


class _StateFiles:
    def __init__(self) -> None:
        # In memory, where there is such a folder: a file is forced onto the disk at each write.
        shared = "/dev/shm"
        self._folder = tempfile.TemporaryDirectory(dir=shared if Path(shared).is_dir() else None)
        self._path = Path(self._folder.name) / "state"
        self._loop = asyncio.new_event_loop()
        self._warnings = _Warnings()
        self._logger = logging.getLogger("live.relay.state_file")
        self._logger.addFilter(self._warnings)
        self._feeds = _corpus()
        self._files = MsgpackCorpus([self._written()])
        self._file = msgspec.msgpack.decode(self._written())

    def target(self) -> Target:
        return Target(self._make, self._give, self._close)

    def _make(self, rng: Random) -> bytes:
        if rng.random() < 0.5:
            return self._files.make(rng)
        version, (at, streams, *rest) = self._file
        (name, _feed, keep_for), *others = streams
        spoilt = [name, self._feeds.make(rng), keep_for]
        return msgspec.msgpack.encode([version, [at, [*others, spoilt], *rest]])

    def _give(self, data: bytes) -> str:
        return self._loop.run_until_complete(self._started(data))

    async def _started(self, data: bytes) -> str:
        self._path.write_bytes(data)
        streams, file = self._relay()
        file.restore()
        said = self._said()
        gate = streams.sign_gates.of("a key")
        assert 0 <= gate.seconds_closed < 10**6
        if said is None:
            self._write(file)
            assert (refused := self._said()) is None, refused
            if self._path.exists():
                another, file = self._relay()
                file.restore()
                assert (refused := self._said()) is None, refused
                await another.close()
        await streams.close()
        assert streams.is_empty
        for left in self._path.parent.iterdir():
            left.unlink()
        return f"ignored: {said}" if said else "taken over, and written again"

    def _relay(self) -> tuple[Streams, StateFile]:
        now = clock()
        gates = SignGates(clock=now, secret="of the fuzzing")
        streams = Streams(_Nobody(), StreamOptions(backlog=_BACKLOG), gates, Random(1), now)
        file = StateFile(self._path, streams, now, _LONGEST)
        file.alerts = Alerts({each: lambda: None for each in Condition}, clock=now)
        return streams, file

    def _write(self, file: StateFile) -> None:
        if write := file.save():
            write()

    def _said(self) -> str | None:
        """Why the file was ignored or could not be written, without its numbers."""
        said = [line.replace(str(self._path), "") for line in self._warnings.said]
        self._warnings.said.clear()
        return why("; ".join(said)) if said else None

    def _written(self) -> bytes:
        """The file of a relay with streams that are over, a closed gate and an alert of it."""

        async def write() -> bytes:
            streams, file = self._relay()
            file.restore()
            fresh = Feed.restore(decode_feed(_saved(_new_feed())), NOW, _BACKLOG, clock(), _NAME)
            worn = _restored(_saved(worn_feed(4, 30)))
            streams.restore(
                SavedStream(name, feed.save(NOW), _KEPT_FOR)
                for name, feed in ((_NAME, fresh), ("ben", worn))
            )
            closed = SavedGate(b"", NOW_MS + 30_000, NOW_MS + 60_000)
            streams.sign_gates.of("a key").restore(closed)
            assert file.alerts is not None
            file.alerts.restore([Alert(Condition.SIGN_GATE, NOW_MS, "rate_limited", "one")])
            self._write(file)
            await streams.close()
            return self._path.read_bytes()

        written = self._loop.run_until_complete(write())
        self._path.unlink()
        self._warnings.said.clear()
        return written

    def _close(self) -> None:
        self._logger.removeFilter(self._warnings)
        self._loop.close()
        self._folder.cleanup()


def why(what: object) -> str:
    """A reason without what it says of this input: texts, numbers and places in it."""
    short = str(what).partition(" - at ")[0].removeprefix("The state file  is ignored: ")
    if "codec" in short:
        return "no UTF-8"
    return re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"|-?\d+|0x\w+", "…", short)[:60]
