"""One client of 21 stops reading for 60 s at 1,000 events a second: the server's memory, and what
the others miss; both servers.

The log and the memory of ids are filled first, so that their growth is not counted. Memory is the
server's peak RSS from then on, sampled four times a second, minus RSS before. At the end the client
reads on for some seconds, which shows what it is told.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.delivery import RelaySetting
from bench.processes import memory
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["run"]

_OTHERS = 20
_RATE = 1000.0
_PER_FRAME = 10
_GOAL = 5 * 2**20
_SAMPLE = 0.25
_GRACE = 20.0
_READ_ON = 5.0


def run(options: Options) -> list[Row]:
    # 16,384 ids are remembered.
    return [_row(kind, options.slow_seconds, options.of(17_000, 5_000)) for kind in SERVERS]


def _row(kind: str, seconds: float, warm_up: int) -> Row:
    events = int(_RATE * seconds)
    with RelaySetting.on(kind, _OTHERS + 1) as setting:
        _push(setting, warm_up)
        setting.tiktok.prepare(events, _PER_FRAME)
        setting.phones.reset()
        setting.phones.stall()
        before = memory(setting.relay.pid, "Rss")
        peak = _peak_while_pushing(setting, events)
        others = setting.phones.wait_for_events(events, _GRACE)["events"][:-1]
        missed = sum(events - count for count in others)
        told = setting.phones.resume(_READ_ON)
        closed = _closed(setting.relay.database)
    grown = peak - before
    return Row(
        what=f"one of {_OTHERS + 1} clients does not read for {seconds:g} s, {kind.title()}",
        relay=f"{grown / 2**20:+.1f} MiB, {missed} missed",
        goal=f"≤ +{_GOAL / 2**20:g} MiB, 0 missed",
        met=grown <= _GOAL and missed == 0,
        figures={"grown_bytes": grown, "missed": missed, "events": events, **told, **closed},
        notes=(f"{_RATE:g} events/s; the client's end: {_fate(told, closed)}",),
    )


def _push(setting: RelaySetting, events: int) -> None:
    setting.tiktok.prepare(events, _PER_FRAME)
    setting.phones.reset()
    setting.tiktok.push(_RATE, events / _RATE + _GRACE)
    setting.phones.wait_for_events(events, _GRACE)


def _peak_while_pushing(setting: RelaySetting, events: int) -> int:
    """The highest RSS from the first push until the last event has gone out."""
    setting.tiktok.tell("push", rate=_RATE)
    peak = 0
    deadline = time.monotonic() + events / _RATE + _SAMPLE
    while time.monotonic() < deadline:
        peak = max(peak, memory(setting.relay.pid, "Rss"))
        time.sleep(_SAMPLE)
    setting.tiktok.answer(_GRACE)
    return max(peak, memory(setting.relay.pid, "Rss"))


def _closed(database: Path) -> dict[str, Any]:
    """What the connection log says of the first socket that was closed."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(
            "SELECT close_code, error_code, frames_sent,"
            " (julianday(closed_at) - julianday(opened_at)) * 86400 AS open_for"
            " FROM live_connectionlog WHERE closed_at IS NOT NULL ORDER BY closed_at LIMIT 1"
        ).fetchone()
    return {f"log_{name}": value for name, value in dict(row or {}).items()}


def _fate(told: dict[str, Any], closed: dict[str, Any]) -> str:
    if closed:
        how = f"closed with {closed['log_close_code']} {closed['log_error_code']}"
        return f"{how}, open for {closed['log_open_for']:.0f} s; it saw {told['code']}"
    if told["code"] is None:
        return f"never closed; read on, {told['events']} events and {told['gaps']} gaps"
    return f"closed with {told['code']} once it read on"
