"""10,000 streams that wait for streamers who are offline: CPU, requests a second, memory.

Time is not compressed. The streams begin as if each streamer had been found to be offline just now,
and would look again after a second. That is far more than the server's pacer lets through, so the
looks are as frequent as they ever are: RELAY_TIKTOK_RATE (20) a second. The requests go over HTTP
to the stand-in, which is a process of its own. Memory is Python's own, by tracemalloc, of streams
that have tried to connect once.
"""

from __future__ import annotations

import time

from bench.processes import cpu_seconds
from bench.results import Options, Row
from bench.standin import StandIn
from bench.waiters import Waiters

__all__ = ["run"]

_FIRST = 200  # streams before those whose memory is counted
_SETTLE = 5.0
_MOST_CPU, _MOST_REQUESTS, _MOST_MEMORY = 0.10, 20.0, 40 * 1024
# Requests a second that are no more than the rate: the edges of the measurement are not sharp.
_EDGE = 0.5


def run(options: Options) -> list[Row]:
    streams, seconds = 10_000, options.of(60, 15)
    measured = options.of(2_000, 500)
    with StandIn() as tiktok:
        tiktok.ask("offline", users=streams)
        load = _load(tiktok, streams, seconds)
        memory = _memory(tiktok, measured)
    return [load, memory]


def _load(tiktok: StandIn, streams: int, seconds: float) -> Row:
    with Waiters({**tiktok.environment, "RELAY_WAIT_INTERVAL": "1"}) as waiters:
        waiters.ask("start")
        waiters.wait_for(streams)
        time.sleep(_SETTLE)
        began, used = time.monotonic(), cpu_seconds(waiters.pid)
        asked = tiktok.ask("asked")
        time.sleep(seconds)
        asked = tiktok.ask("asked") - asked
        took = time.monotonic() - began
        cpu = (cpu_seconds(waiters.pid) - used) / took
    rate = asked / took
    return Row(
        what=f"{streams:,} waiting streams",
        relay=f"{cpu:.1%} of a core, {rate:.1f} requests/s",
        goal="≤ 10 %, ≤ 20/s",
        met=cpu <= _MOST_CPU and 0 < rate <= _MOST_REQUESTS + _EDGE,
        figures={"cpu": cpu, "requests_per_second": rate, "streams": streams, "seconds": took},
    )


def _memory(tiktok: StandIn, streams: int) -> Row:
    environment = {**tiktok.environment, "RELAY_WAIT_INTERVAL": "600", "RELAY_TIKTOK_RATE": "10000"}
    with Waiters(environment) as waiters:
        waiters.ask("start")
        each = waiters.memory(_FIRST, streams)
    return Row(
        what="memory per waiting stream",
        relay=f"{each / 1024:.1f} KiB",
        goal="≤ 40 KiB",
        met=each <= _MOST_MEMORY,
        figures={"bytes": each, "streams": streams},
    )
