"""From TikTok's push to the phone's frame, as in `latency`, while strangers guess.

60 clients guess passwords of ever new usernames, as fast as they are answered, and 200 sockets a
second come with tokens that there are not, all from the phones' own address. The reference is the
same server before they begin. The rows that they leave in the database are counted, and a phone
whose token is known has to get in meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from bench.delivery import RATE, RelaySetting
from bench.latency import latencies_of, percentiles
from bench.results import Options, Row
from bench.servers import SERVERS
from bench.strangers import Strangers

__all__ = ["run"]

_GUESSERS = 60
_TOKENS_A_SECOND = 200.0
_GOAL = 0.025
_MOST_ROWS = 10


def run(options: Options) -> list[Row]:
    return [_row(kind, int(RATE) * options.of(15, 4)) for kind in SERVERS]


def _row(kind: str, events: int) -> Row:
    with RelaySetting.on(kind, stamps=True) as setting, Strangers() as strangers:
        setting.round(2 * int(RATE))
        alone = percentiles(latencies_of(setting, events))
        before = _rows(setting.relay.database)
        strangers.begin(setting.relay.port, _GUESSERS, _TOKENS_A_SECOND)
        latencies = latencies_of(setting, events)
        setting.phones.open(setting.relay.port, setting.relay.path, 1, greeting=True)
        told = strangers.end()
        rows = _rows(setting.relay.database) - before - 1  # without that phone's
    p50, p99 = percentiles(latencies)
    return Row(
        what=f"push → phone, p50/p99, while {_GUESSERS} guess passwords and "
        f"{_TOKENS_A_SECOND:g} bad tokens/s come, {kind.title()}",
        relay=f"{p50 * 1e3:.1f}/{p99 * 1e3:.1f} ms, {rows} rows",
        reference=f"{alone[0] * 1e3:.1f}/{alone[1] * 1e3:.1f} ms (nobody guesses)",
        ratio=f"{p99 / alone[1]:.1f}",
        goal=f"p99 ≤ {_GOAL * 1e3:g} ms, ≤ {_MOST_ROWS} rows",
        met=p99 <= _GOAL and rows <= _MOST_ROWS,
        figures={
            "p50_ms": p50 * 1e3,
            "p99_ms": p99 * 1e3,
            "max_ms": latencies[-1] * 1e3,
            "alone_p99_ms": alone[1] * 1e3,
            "rows": rows,
            **told,
        },
        notes=(
            f"longest {latencies[-1] * 1e3:.0f} ms; passwords by status {told['passwords']} in "
            f"{told['seconds']:.0f} s; {told['refused']} of {told['tokens']} tokens were told why; "
            f"load {os.getloadavg()[0]:.1f}",
        ),
    )


def _rows(database: Path) -> int:
    """How many rows there are of connections and of wrong passwords."""
    tables = ("live_connectionlog", "axes_accessattempt")
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {table}") for table in tables]
        return sum(int(count.fetchone()[0]) for count in counts)
