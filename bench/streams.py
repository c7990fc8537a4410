"""Many LIVEs at once, each with one phone: CPU an event, memory and connecting a stream, growth.

Each LIVE has ten events a second, two in a push; the pushes are spread evenly. The stand-in sends
frames that it has encoded before, the same to each LIVE, and phones are one process; only the
relay's process is measured. CPU of an event is all that the process does meanwhile, heartbeats and
acknowledgements too.

The rarer pushes are, the more CPU each takes; most likely what a push needs is then no longer in
the processor's caches. So growth is that from 10 LIVEs to 300 with as many events a second in all:
the 10 then have thirty times the pace. What LIVEs cost without an event is measured before the
first of them.

A stream's memory is what the resident set grows by from 100 streams to 300,
each with a phone and before its first event; the 100 have had theirs. CPU to connect one is
measured with its phone; a phone more on a stream that is connected tells how much of that is the
phone's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.mix import SOURCE
from bench.phones import Phones
from bench.processes import cpu_seconds, memory
from bench.results import Options, Row
from bench.servers import SERVERS, Relay
from bench.standin import StandIn

__all__ = ["run"]

_RATE = 10.0
_WARM_UP_RATE = 40.0
_PER_FRAME = 2
_CYCLE = 200  # events after which no streak is open: see StandIn.prepare
_CONNECTED_WITHIN = 120.0
_GRACE = 30.0
_SLOWEST = 2e-3  # seconds an event may take on a busy machine before a run is given up
# Behind connecting come connection-log rows and garbage.
_SETTLE = 2.0
_IDLE_FOR = 20.0  # two heartbeats, and a ping to each phone
_EVENT_GOAL, _KIB_GOAL, _CONNECT_GOAL, _GROWTH_GOAL = 60e-6, 150, 15e-3, 0.10


@dataclass
class _Cost:
    """What was measured of one server.

    Attributes:
        event: CPU seconds of an event, by how many streams there were.
        few: of an event of a few streams, at the pace of the many together.
        nobody, idle: CPU seconds in a second without a stream, and of the usual number of streams
            without an event.
        connect: of connecting a stream with its phone.
        phone: of one phone more.
        bytes: of a stream and its phone.
        longest: how many times as long as the pace a round took, until its last event had come.
    """

    event: dict[int, float]
    few: float
    nobody: float
    idle: float
    connect: float
    phone: float
    bytes: float
    longest: float


def run(options: Options) -> list[Row]:
    few, usual, many = 10, options.of(100, 50), options.of(300, 100)
    events = _CYCLE * options.of(2, 1)
    return [row for kind in SERVERS for row in _rows(kind, few, usual, many, events)]


def _rows(kind: str, few: int, usual: int, many: int, events: int) -> Iterator[Row]:
    with StandIn() as tiktok:
        tiktok.go_live(many)
        with Relay(kind, tiktok, many) as relay, Phones() as phones:
            cost = _Measurement(tiktok, relay, phones).measure(few, usual, many, events)
    event, growth = cost.event[usual], cost.event[many] / cost.few - 1
    yield Row(
        what=f"{usual} streams, an event, {kind.title()}",
        relay=f"{event * 1e6:.0f} µs",
        goal=f"≤ {_EVENT_GOAL * 1e6:.0f} µs",
        met=event <= _EVENT_GOAL,
        figures={f"of_{streams}_us": one * 1e6 for streams, one in cost.event.items()},
        notes=(
            f"{SOURCE}; {_RATE:g} events a second each, {_PER_FRAME} a push; until the last event "
            f"had come, it took up to {cost.longest:.2f} times as long as the pace: far above 1, "
            "the relay or the machine fell behind, and the figures are too low or too high",
        ),
    )
    yield Row(
        what=f"growth of that, {few} → {many} streams, {kind.title()}",
        relay=f"{growth:+.0%}",
        goal=f"< {_GROWTH_GOAL:.0%}",
        met=growth < _GROWTH_GOAL,
        figures={"growth": growth, "few_us": cost.few * 1e6},
        notes=(
            f"{cost.few * 1e6:.0f} µs at {few} that have {many // few} times the pace; at the same"
            " pace "
            + ", ".join(f"{one * 1e6:.0f} µs at {streams}" for streams, one in cost.event.items()),
        ),
    )
    yield Row(
        what=f"{usual} streams without an event: CPU in a second, {kind.title()}",
        relay=f"{cost.idle * 1e3:.1f} ms",
        figures={"ms": cost.idle * 1e3, "without_a_stream_ms": cost.nobody * 1e3},
        notes=(f"without a stream {cost.nobody * 1e3:.1f} ms",),
    )
    yield Row(
        what=f"memory of a stream and its phone, {kind.title()}",
        relay=f"{cost.bytes / 1024:.0f} KiB",
        goal=f"≤ {_KIB_GOAL} KiB",
        met=cost.bytes / 1024 <= _KIB_GOAL,
        figures={"bytes": cost.bytes},
    )
    stream = cost.connect - cost.phone
    yield Row(
        what=f"CPU to connect a stream, without its phone, {kind.title()}",
        relay=f"{stream * 1e3:.1f} ms",
        goal=f"≤ {_CONNECT_GOAL * 1e3:.0f} ms",
        met=stream <= _CONNECT_GOAL,
        figures={"with_phone_ms": cost.connect * 1e3, "phone_ms": cost.phone * 1e3},
        notes=(f"with its phone {cost.connect * 1e3:.1f} ms",),
    )


class _Measurement:
    """On one server. Streams are connected in three steps; after each, events are pushed."""

    def __init__(self, tiktok: StandIn, relay: Relay, phones: Phones) -> None:
        self._tiktok = tiktok
        self._relay = relay
        self._phones = phones
        self._streams = 0
        self._longest = 0.0

    def measure(self, few: int, usual: int, many: int, events: int) -> _Cost:
        nobody = self._idle()
        self._connect(few)
        self._push(_CYCLE, _WARM_UP_RATE)  # what is made once for all streams is not counted
        cost = {few: self._push(events)}
        times = many // few
        at_pace_of_many = self._push(events * times, _RATE * times)
        self._connect(usual)
        idle = self._idle()
        cost[usual] = self._push(events)
        time.sleep(_SETTLE)
        before = memory(self._relay.pid, "Rss")
        connect = self._connect(many)
        grown = (memory(self._relay.pid, "Rss") - before) / (many - usual)
        phone = self._more_phones(self._relay.paths[usual:many])
        cost[many] = self._push(events)
        return _Cost(cost, at_pace_of_many, nobody, idle, connect, phone, grown, self._longest)

    def _idle(self) -> float:
        """CPU seconds of the server in a second in which nothing comes."""
        began, before = time.monotonic(), cpu_seconds(self._relay.pid)
        time.sleep(_IDLE_FOR)
        return (cpu_seconds(self._relay.pid) - before) / (time.monotonic() - began)

    def _connect(self, streams: int) -> float:
        """Have so many in all. Returns CPU seconds of each that is new, with its phone."""
        new = self._relay.paths[self._streams : streams]
        before = cpu_seconds(self._relay.pid)
        self._phones.open_each(self._relay.port, new)
        self._tiktok.wait_for_streams(streams, _CONNECTED_WITHIN)
        time.sleep(_SETTLE)
        self._streams = streams
        return (cpu_seconds(self._relay.pid) - before) / len(new)

    def _more_phones(self, paths: list[str]) -> float:
        """CPU seconds of another phone on each of these, which then goes."""
        with Phones() as others:
            before = cpu_seconds(self._relay.pid)
            others.open_each(self._relay.port, paths)
            time.sleep(_SETTLE)
            used = cpu_seconds(self._relay.pid) - before
        time.sleep(_SETTLE)
        return used / len(paths)

    def _push(self, events: int, rate: float = _RATE) -> float:
        """Push so many events to each stream. Returns CPU seconds of each event."""
        self._tiktok.prepare(events, _PER_FRAME)
        self._phones.reset()
        grace = _GRACE + events * self._streams * _SLOWEST
        began, before = time.monotonic(), cpu_seconds(self._relay.pid)
        self._tiktok.push_each(self._streams, rate, events / rate + grace)
        counts = self._phones.wait_for_events(events, grace)
        used = cpu_seconds(self._relay.pid) - before
        took = time.monotonic() - began
        if counts["events"] != [events] * self._streams:
            raise RuntimeError(f"not {events} events each: {counts}")
        self._longest = max(self._longest, took / (events / rate))
        return used / (events * self._streams)
