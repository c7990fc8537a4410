"""Bytes from TikTok's socket → frame in the log, CPU per event.

The relay's own upstream and stream engine in a process of their own, connected over a real socket
to the stand-in in another, which pushes gzip'd push frames of ten events each, or of one. It waits
for the acknowledgement of each frame before it pushes the next, so that every frame costs its
wake-up, as it does on a real LIVE; with frames waiting in the socket (`flood`) it is cheaper.
Heartbeats, acknowledgements, gzip and the parsing of both envelopes are included.

References, on the same input and with a listener for each kind of event: the unmodified TikTokLive
client, with fewer events, since it is slow; and TikTok-Live-Connector for Node
(`tools/node_reference`), where Node.js and npm are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time

from bench.mix import SOURCE
from bench.processes import Helper, cpu_seconds
from bench.results import ROOT, Options, Row
from bench.standin import StandIn

__all__ = ["run"]

_PER_FRAME = 10
_ONE_AT_A_TIME = 1
_FLOOD = 1_000_000
_GOAL, _ONE_A_PUSH_GOAL = 18e-6, 50e-6
_TIMES, _NODE_TIMES = 120, 3
_SLOWEST = 0.02  # seconds an event may take before a run is given up
_NODE = ROOT / "tools" / "node_reference"
_NODE_WARM_UP = 6_000  # events until V8 has compiled what is used often
_INSTALLED_WITHIN = 300


def run(options: Options) -> list[Row]:
    relay_events = options.of(30_000, 6_000)
    reference_events = options.of(2_000, 400)
    relay = _measure("relay", relay_events)
    reference = _measure("tiktoklive", reference_events)
    flood = _measure("relay", relay_events, window=_FLOOD)
    one = _measure("relay", relay_events // 3, per_frame=1)
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
        ),
        Row(
            what="the same, one event a push",
            relay=f"{one * 1e6:.1f} µs",
            goal=f"≤ {_ONE_A_PUSH_GOAL * 1e6:.0f} µs",
            met=one <= _ONE_A_PUSH_GOAL,
            figures={"relay_us": one * 1e6, "relay_events": relay_events // 3},
        ),
        _against_node(relay, relay_events),
    ]


def _against_node(relay: float, events: int) -> Row:
    what = "ten events a push, beside TikTok-Live-Connector on Node.js"
    goal = f"≤ 1/{_NODE_TIMES}"
    if missing := _install_for_node():
        return Row(what=what, relay=f"{relay * 1e6:.1f} µs", reference=missing, goal=goal)
    node = _measure("node", events, warm_up=_NODE_WARM_UP)
    return Row(
        what=what,
        relay=f"{relay * 1e6:.1f} µs",
        reference=f"{node * 1e6:.1f} µs",
        ratio=f"1/{node / relay:.1f}",
        goal=goal,
        met=node / relay >= _NODE_TIMES,
        figures={"relay_us": relay * 1e6, "reference_us": node * 1e6, "events": events},
    )


def _install_for_node() -> str:
    """Install what `tools/node_reference` needs. Returns why that can't be done; "" if it is."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"not measured: {program} is missing"
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    try:
        subprocess.run(
            command, cwd=_NODE, check=True, timeout=_INSTALLED_WITHIN, stdout=subprocess.DEVNULL
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "not measured: npm can't install it"
    return ""


def _consumer(kind: str, tiktok: StandIn) -> Helper:
    environment = {**tiktok.environment, "SECRET_KEY": "of the benchmark"}
    if kind == "node":
        command = [os.fspath(_NODE / "consumer.js"), tiktok.room_id()]
        return Helper(command, environment, program="node")
    return Helper(["-m", "bench.consumer", kind], environment)


def _measure(
    kind: str,
    events: int,
    *,
    window: int = _ONE_AT_A_TIME,
    per_frame: int = _PER_FRAME,
    warm_up: int = 0,
) -> float:
    """CPU seconds of the consumer's process per event, after it has warmed up."""
    with StandIn() as tiktok, _consumer(kind, tiktok) as consumer:
        consumer.ask("connect")
        tiktok.prepare(max(events // 10, 200, warm_up), per_frame)
        _push_prepared(tiktok, consumer, window, max(events // 10, 200, warm_up))
        tiktok.prepare(events, per_frame)
        before = cpu_seconds(consumer.pid)
        _push_prepared(tiktok, consumer, window, events)
        return (cpu_seconds(consumer.pid) - before) / events


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
