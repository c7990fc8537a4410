"""From TikTok's push to the phone's frame, 100 sockets at 200 events a second, both servers.

The stand-in notes when it pushes each event, the clients when each of them has it, on the clock
that all processes share (CLOCK_MONOTONIC). This is wall time: on a shared machine it includes the
waits for a core of three processes.
"""

from __future__ import annotations

import os

from bench.delivery import PER_FRAME, RATE, SOCKETS, RelaySetting
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["latencies_of", "percentiles", "run"]

_GOAL = 0.010
_GRACE = 20.0


def run(options: Options) -> list[Row]:
    return [_row(kind, int(RATE) * options.of(15, 4)) for kind in SERVERS]


def _row(kind: str, events: int) -> Row:
    with RelaySetting.on(kind, stamps=True) as setting:
        setting.round(2 * int(RATE))
        latencies = latencies_of(setting, events)
    p50, p99 = percentiles(latencies)
    return Row(
        what=f"push → phone, p50/p99, {SOCKETS} sockets, {RATE:g} events/s, {kind.title()}",
        relay=f"{p50 * 1e3:.1f}/{p99 * 1e3:.1f} ms",
        goal=f"p99 ≤ {_GOAL * 1e3:g} ms",
        met=p99 <= _GOAL,
        figures={"p50_ms": p50 * 1e3, "p99_ms": p99 * 1e3, "max_ms": latencies[-1] * 1e3},
        notes=(f"longest {latencies[-1] * 1e3:.0f} ms; load {os.getloadavg()[0]:.1f}",),
    )


def latencies_of(setting: RelaySetting, events: int) -> list[float]:
    """Push so many events. Returns how long each took to each phone, in seconds, sorted."""
    setting.tiktok.prepare(events, PER_FRAME)
    setting.phones.reset()
    pushed = setting.tiktok.push(RATE, events / RATE + _GRACE)
    setting.phones.wait_for_events(events, _GRACE)
    latencies = setting.phones.latencies(pushed)
    if len(latencies) != events * SOCKETS:
        raise RuntimeError(f"{len(latencies)} arrivals, of {events * SOCKETS}")
    return latencies


def percentiles(latencies: list[float]) -> tuple[float, float]:
    """The median, and what 99 % stay below."""
    return latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
