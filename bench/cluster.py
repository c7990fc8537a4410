"""What it costs to share streams among two processes, through a Redis on this machine.

100 LIVEs, each with ten events a second, two in a push. One process leads all of them, and has a
phone for each. The reference is the same process without Redis, in the same run. Then another
process has a phone for each, and follows them. What a phone costs by itself is measured with a
second phone for each LIVE on the leader; the rest of the follower's work is that of following.
Latency is from the stand-in's push to the phone of the other process, as in `latency`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench.latency import percentiles
from bench.mix import SOURCE
from bench.phones import Phones
from bench.processes import Child, cpu_seconds, free_port
from bench.results import Options, Row
from bench.servers import SERVERS, Relay
from bench.standin import StandIn
from tools.services import find_redis

__all__ = ["run"]

_RATE = 10.0
_PER_FRAME = 2
_CYCLE = 200  # events after which no streak is open: see StandIn.prepare
_SETTLE = 3.0
_GRACE = 60.0
_CONNECTED_WITHIN = 120.0
_LEADER_GOAL, _FOLLOWER_GOAL, _LATENCY_GOAL = 15e-6, 5e-6, 25e-3


@dataclass
class _Cost:
    """CPU seconds of an event, and seconds.

    Attributes:
        alone: of the process without Redis.
        leading: of the leader without followers.
        led: of the leader with a follower.
        phone: of one phone more, on the leader.
        following: of the follower, with its phone.
        redis: of Redis, with a follower.
        latencies: to the follower's phones, sorted.
        here: to the leader's phones, sorted.
    """

    alone: float
    leading: float
    led: float
    phone: float
    following: float
    redis: float
    latencies: list[float]
    here: list[float]


class Redis(Child):
    """A Redis, or Valkey, that keeps nothing on disk.

    Attributes:
        url: as the setting `REDIS_URL` has it.
    """

    def __init__(self) -> None:
        program = find_redis()
        if program is None:
            raise RuntimeError("no redis-server: apt-get install redis-server")
        self._folder = tempfile.TemporaryDirectory()
        port = free_port()
        options = ("--bind", "127.0.0.1", "--save", "", "--dir", self._folder.name)
        super().__init__(["--port", str(port), *options], None, port, program)
        self.url = f"redis://127.0.0.1:{port}/0"

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(None, None, None)
        self._folder.cleanup()


def run(options: Options) -> list[Row]:
    streams, events = options.of(100, 50), _CYCLE * options.of(2, 1)
    return [row for kind in SERVERS for row in _rows(kind, streams, events)]


def _rows(kind: str, streams: int, events: int) -> Iterator[Row]:
    cost = _measure(kind, streams, events)
    more = cost.led - cost.alone
    yield Row(
        what=f"{streams} streams, an event, the leader, more than alone, {kind.title()}",
        relay=f"{cost.led * 1e6:.0f} µs",
        reference=f"{cost.alone * 1e6:.0f} µs",
        ratio=f"{more * 1e6:+.1f} µs",
        goal=f"≤ {_LEADER_GOAL * 1e6:+.0f} µs",
        met=more <= _LEADER_GOAL,
        figures={
            "alone_us": cost.alone * 1e6,
            "without_followers_us": cost.leading * 1e6,
            "with_a_follower_us": cost.led * 1e6,
        },
        notes=(
            f"{SOURCE}; {_RATE:g} events a second each, {_PER_FRAME} a push; without a follower "
            f"{cost.leading * 1e6:.0f} µs; Redis itself {cost.redis * 1e6:.0f} µs",
        ),
    )
    follows = cost.following - cost.phone
    yield Row(
        what=f"an event that is followed, without its phone, {kind.title()}",
        relay=f"{follows * 1e6:.1f} µs",
        goal=f"≤ {_FOLLOWER_GOAL * 1e6:.0f} µs",
        met=follows <= _FOLLOWER_GOAL,
        figures={"with_phone_us": cost.following * 1e6, "phone_us": cost.phone * 1e6},
        notes=(
            f"with its phone {cost.following * 1e6:.0f} µs; one phone more on the leader "
            f"{cost.phone * 1e6:.0f} µs",
        ),
    )
    p50, p99 = percentiles(cost.latencies)
    here50, here99 = percentiles(cost.here)
    yield Row(
        what=f"push → phone on another process, p50/p99, {kind.title()}",
        relay=f"{p50 * 1e3:.1f}/{p99 * 1e3:.1f} ms",
        reference=f"{here50 * 1e3:.1f}/{here99 * 1e3:.1f} ms",
        goal=f"p99 ≤ {_LATENCY_GOAL * 1e3:g} ms",
        met=p99 <= _LATENCY_GOAL,
        figures={"p50_ms": p50 * 1e3, "p99_ms": p99 * 1e3, "max_ms": cost.latencies[-1] * 1e3},
        notes=("the reference is a phone of the leader, meanwhile",),
    )


def _measure(kind: str, streams: int, events: int) -> _Cost:
    with ExitStack() as stack:
        tiktok = stack.enter_context(StandIn())
        tiktok.go_live(streams)
        redis = stack.enter_context(Redis())
        with Relay(kind, tiktok, streams) as relay, Phones() as phones:
            alone = _Round(tiktok, streams, events)
            alone.connect(relay, phones)
            [cost_alone] = alone.push([relay], [phones])
        tiktok.wait_for_streams(0, _CONNECTED_WITHIN)
        leader = stack.enter_context(Relay(kind, tiktok, streams, redis.url))
        follower = stack.enter_context(Relay(kind, tiktok, streams, redis.url, beside=leader))
        here = stack.enter_context(Phones())
        pushes = _Round(tiktok, streams, events)
        pushes.connect(leader, here)
        [leading] = pushes.push([leader], [here])
        with Phones() as second:
            second.open_each(leader.port, leader.paths)
            time.sleep(_SETTLE)
            [with_two] = pushes.push([leader], [here, second])
        elsewhere = stack.enter_context(Phones())
        elsewhere.open_each(follower.port, follower.paths, stamps=True)
        time.sleep(_SETTLE)
        led, following, of_redis = pushes.push([leader, follower, redis], [here, elsewhere])
        return _Cost(
            alone=cost_alone,
            leading=leading,
            led=led,
            phone=with_two - leading,
            following=following,
            redis=of_redis,
            latencies=elsewhere.latencies_each(pushes.pushed),
            here=here.latencies_each(pushes.pushed),
        )


class _Round:
    """Pushes events to all streams.

    Attributes:
        pushed: when each event of the last round was pushed, by stream and id.
    """

    def __init__(self, tiktok: StandIn, streams: int, events: int) -> None:
        self._tiktok = tiktok
        self._streams = streams
        self._events = events
        self.pushed: list[dict[str, float]] = []

    def connect(self, relay: Relay, phones: Phones) -> None:
        """Have a phone on each stream, and push once, so that what is made once is not counted."""
        phones.open_each(relay.port, relay.paths, stamps=True)
        self._tiktok.wait_for_streams(self._streams, _CONNECTED_WITHIN)
        self.push([relay], [phones])

    def push(self, processes: list[Child], phones: list[Phones]) -> list[float]:
        """Push to each stream. Returns CPU seconds of each event in each of the processes."""
        self._tiktok.prepare(self._events, _PER_FRAME)
        for each in phones:
            each.reset()
        before = [cpu_seconds(each.pid) for each in processes]
        within = self._events / _RATE + _GRACE
        self.pushed = self._tiktok.push_each(self._streams, _RATE, within)
        for each in phones:
            counts = each.wait_for_events(self._events, _GRACE)
            if counts["events"] != [self._events] * self._streams:
                raise RuntimeError(f"not {self._events} events each: {counts}")
        total = self._events * self._streams
        after = [cpu_seconds(each.pid) for each in processes]
        return [(late - early) / total for early, late in zip(before, after, strict=True)]
