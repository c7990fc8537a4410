"""Memory of sockets and of streams.

An idle socket: growth of the server's PSS by 300 connected sockets, divided by them.
The LIVE is silent. 200 sockets are opened before, so that what the first ones cost (threads,
caches, what many handshakes at once leave behind) is not counted. Reference: a bare Channels
consumer on the same server.

A stream: what its feed has allocated, by tracemalloc, before anything has happened, after many
events of the usual mix, after many events that are very large, and after gifts of many people.
"""

from __future__ import annotations

import gc
import itertools
import time
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.delivery import ReferenceSetting, RelaySetting
from bench.mix import mixed
from bench.processes import memory
from bench.results import Options, Row
from bench.servers import SERVERS

if TYPE_CHECKING:
    from live.protocol.frames import User
    from live.streams.feed import Feed

__all__ = ["run"]

_FIRST = 200
_GOAL = 1.25
_SETTLE = 2.0
_BACKLOG = 4096
_KIB, _MIB = 1024, 1024 * 1024
# So many events fill all that a feed remembers.
_EVENTS = 18_000
_LARGE_EVENTS = 6_000
_LARGE = 64 * _KIB
_GIFTERS = 19_999


def run(options: Options) -> list[Row]:
    sockets = [_row(kind, options.of(300, 100)) for kind in SERVERS]
    return [*sockets, *_streams()]


def _row(kind: str, sockets: int) -> Row:
    with RelaySetting.on(kind, _FIRST) as setting:
        before = _settled(setting.relay.pid)
        setting.phones.open(setting.relay.port, setting.relay.path, sockets, greeting=True)
        relay = (_settled(setting.relay.pid) - before) / sockets
    with ReferenceSetting.on(kind, _FIRST) as bare:
        before = _settled(bare.server.pid)
        bare.phones.open(bare.server.port, bare.server.path, sockets, greeting=False)
        reference = (_settled(bare.server.pid) - before) / sockets
    return Row(
        what=f"memory per idle socket, {kind.title()}",
        relay=f"{relay / 1024:.1f} KiB",
        reference=f"{reference / 1024:.1f} KiB",
        ratio=f"{relay / reference:.2f}",
        goal=f"≤ {_GOAL}",
        met=relay / reference <= _GOAL,
        figures={"relay_bytes": relay, "reference_bytes": reference, "sockets": sockets},
    )


def _settled(pid: int) -> int:
    # What opening the sockets left behind (connection-log rows, garbage) may go first.
    time.sleep(_SETTLE)
    return memory(pid)


def _streams() -> list[Row]:
    import django

    django.setup()
    return [
        _stream("memory of a stream before its first event", lambda feed: None, 40 * _KIB),
        _stream("of a busy stream", _usual_mix, 12 * _MIB),
        _stream("of one whose events are of 64 KiB", _large_comments, 12 * _MIB),
        _stream("of one with 20,000 gifters", _gifters, 10 * _MIB),
    ]


def _stream(what: str, use: Callable[[Feed], None], goal: int) -> Row:
    from live.streams.feed import Feed

    use(Feed(_BACKLOG))  # what is made once for all streams is not counted
    gc.collect()
    tracemalloc.start()
    try:
        feed = Feed(_BACKLOG)
        use(feed)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Row(
        what=what,
        relay=f"{size / _MIB:.1f} MiB" if size > _MIB else f"{size / _KIB:.1f} KiB",
        goal=f"≤ {goal / _MIB:.0f} MiB" if goal >= _MIB else f"≤ {goal / _KIB:.0f} KiB",
        met=size <= goal,
        figures={"bytes": size},
    )


def _usual_mix(feed: Feed) -> None:
    from bench.reading import reader

    messages, read = mixed(), reader().read
    for _ in range(_EVENTS // 10):
        feed.take(read(itertools.islice(messages, 10)), now=0)


def _large_comments(feed: Feed) -> None:
    from live.protocol.frames import Comment, FrameType
    from live.tiktok.events import Event

    for number in range(_LARGE_EVENTS):
        comment = Comment(_user(number), "x" * _LARGE, [], [])
        feed.take([Event(FrameType.COMMENT, str(number), 0, comment)], now=0)


def _gifters(feed: Feed) -> None:
    from live.protocol.frames import FrameType, Gift, GiftKind
    from live.tiktok.events import Event

    rose = GiftKind("5655", "Rose", 1, "", True)
    for number in range(_GIFTERS):
        gift = Gift(_user(number), rose, 1, None, 1, "0")
        feed.take([Event(FrameType.GIFT, str(number), 0, gift)], now=0)


def _user(number: int) -> User:
    from live.protocol.frames import Badges, User

    badges = Badges(False, False, False, None, None, None)
    picture = f"https://p16-sign.tiktokcdn.com/{number:0150}.webp"
    return User(str(number), f"user{number}", f"User {number}", picture, picture, False, badges)
