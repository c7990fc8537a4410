"""Bytes from TikTok's socket → frame in the log, CPU per event.

The relay's own upstream and stream engine in a process of their own, connected over a real socket
to the stand-in in another, which pushes gzip'd push frames of ten events each. It waits for the
acknowledgement of each frame before it pushes the next, so that every frame costs its wake-up, as
it does on a real LIVE; with frames waiting in the socket (`flood`) it is cheaper. Heartbeats,
acknowledgements, gzip and the parsing of both envelopes are included.

Reference: the unmodified TikTokLive client on the same input, with a listener for each kind of
event; fewer events, since it is slow.
"""

from __future__ import annotations

import time

from bench.mix import SOURCE
from bench.processes import Helper, cpu_seconds
from bench.results import Options, Row
from bench.standin import StandIn

__all__ = ["run"]

_PER_FRAME = 10
_ONE_AT_A_TIME = 1
_FLOOD = 1_000_000
_GOAL = 40e-6
_TIMES = 75
_SLOWEST = 0.02  # seconds an event may take before a run is given up


def run(options: Options) -> list[Row]:
    relay_events = options.of(30_000, 6_000)
    reference_events = options.of(2_000, 400)
    relay = _measure("relay", _ONE_AT_A_TIME, relay_events)
    reference = _measure("tiktoklive", _ONE_AT_A_TIME, reference_events)
    flood = _measure("relay", _FLOOD, relay_events)
    times = reference / relay
    return [
        Row(
            what="TikTok's bytes → frame in the log, per event",
            relay=f"{relay * 1e6:.1f} µs",
            reference=f"{reference * 1e6:.0f} µs",
            ratio=f"1/{times:.0f}",
            goal=f"≤ {_GOAL * 1e6:.0f} µs, ≤ 1/{_TIMES}",
            met=relay <= _GOAL and times >= _TIMES,
            figures={
                "relay_us": relay * 1e6,
                "relay_flood_us": flood * 1e6,
                "reference_us": reference * 1e6,
                "relay_events": relay_events,
                "reference_events": reference_events,
                "source": SOURCE,
            },
            notes=(
                f"{SOURCE}; {_PER_FRAME} events a frame, one frame at a time; "
                f"with frames waiting {flood * 1e6:.1f} µs.",
            ),
        )
    ]


def _measure(kind: str, window: int, events: int) -> float:
    """CPU seconds of the consumer's process per event, after it has warmed up."""
    with (
        StandIn() as tiktok,
        Helper(
            ["-m", "bench.consumer", kind], {**tiktok.environment, "SECRET_KEY": "of the benchmark"}
        ) as consumer,
    ):
        consumer.ask("connect")
        _push(tiktok, consumer, window, max(events // 10, 200))
        tiktok.prepare(events, _PER_FRAME)
        before = cpu_seconds(consumer.pid)
        _push_prepared(tiktok, consumer, window, events)
        return (cpu_seconds(consumer.pid) - before) / events


def _push(tiktok: StandIn, consumer: Helper, window: int, events: int) -> None:
    tiktok.prepare(events, _PER_FRAME)
    _push_prepared(tiktok, consumer, window, events)


def _push_prepared(tiktok: StandIn, consumer: Helper, window: int, events: int) -> None:
    """Push, and return once the consumer has all of it."""
    expected = consumer.ask("count") + events
    tiktok.push_acknowledged(window, within=30 + events * _SLOWEST)
    deadline = time.monotonic() + 10
    while (count := consumer.ask("count")) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{expected - count} events are missing")
        time.sleep(0.05)
    if count > expected:
        raise RuntimeError(f"{count - expected} events too many")
