"""What a socket costs from its connect to its close, and while it is idle.

First sockets stay open on a silent LIVE. Then phones come, are greeted and go, many at any time;
all is counted that the server's process does for them, the row in the connection log too.
Reference: an ASGI application that accepts, sends one text and waits for the close, on the same
server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.phones import Phones
from bench.processes import cpu_seconds, memory
from bench.results import Options, Row
from bench.servers import SERVERS, Plain, Relay
from bench.standin import StandIn

__all__ = ["run"]

_AT_ONCE = 50
# What the first sockets cost (threads, caches, what many handshakes at once leave behind) is not
# counted.
_FIRST_VISITS = 300
_FIRST_SOCKETS = 200
# Connection-log rows are written, and garbage goes, behind the last socket.
_SETTLE = 2.0
_MS_GOAL, _RATIO_GOAL, _KIB_GOAL = 1.0, 2.0, 27


@dataclass
class _Cost:
    """Of one server.

    Attributes:
        a_second: how many sockets came, were greeted and went.
        cpu: seconds of CPU that each of them cost.
        bytes: of memory for each that stays.
    """

    a_second: float
    cpu: float
    bytes: float


def run(options: Options) -> list[Row]:
    visits, sockets = options.of(3000, 1000), options.of(1000, 500)
    return [row for kind in SERVERS for row in _rows(kind, visits, sockets)]


def _rows(kind: str, visits: int, sockets: int) -> Iterator[Row]:
    with StandIn() as tiktok, Relay(kind, tiktok) as server:
        relay = _measure(server, visits, sockets)
    with Plain(kind) as server:
        plain = _measure(server, visits, sockets)
    ratio = relay.cpu / plain.cpu
    yield Row(
        what=f"CPU of a socket, from connect to close, {kind.title()}",
        relay=f"{relay.cpu * 1e3:.2f} ms",
        reference=f"{plain.cpu * 1e3:.2f} ms",
        ratio=f"{ratio:.2f}",
        goal=f"≤ {_MS_GOAL} ms, ≤ {_RATIO_GOAL}",
        met=relay.cpu * 1e3 <= _MS_GOAL and ratio <= _RATIO_GOAL,
        figures={"relay": relay.cpu, "reference": plain.cpu, "sockets": visits},
    )
    yield Row(
        what=f"sockets a second, {kind.title()}",
        relay=f"{relay.a_second:.0f}",
        reference=f"{plain.a_second:.0f}",
        ratio=f"{relay.a_second / plain.a_second:.2f}",
        figures={"relay": relay.a_second, "reference": plain.a_second, "sockets": visits},
    )
    yield Row(
        what=f"memory of an idle socket, {kind.title()}",
        relay=f"{relay.bytes / 1024:.1f} KiB",
        reference=f"{plain.bytes / 1024:.1f} KiB",
        ratio=f"{relay.bytes / plain.bytes:.2f}",
        goal=f"≤ {_KIB_GOAL} KiB",
        met=relay.bytes / 1024 <= _KIB_GOAL,
        figures={"relay": relay.bytes, "reference": plain.bytes, "sockets": sockets},
    )


def _measure(server: Relay | Plain, visits: int, sockets: int) -> _Cost:
    with Phones() as phones:
        phones.open(server.port, server.path, _FIRST_SOCKETS, greeting=True)
        time.sleep(_SETTLE)
        idle = memory(server.pid)
        phones.open(server.port, server.path, sockets, greeting=True)
        time.sleep(_SETTLE)
        grown = memory(server.pid) - idle
    with Phones() as phones:
        phones.open(server.port, server.path, 1, greeting=True)  # the LIVE's stream lasts
        phones.visit(server.port, server.path, _FIRST_VISITS, _AT_ONCE)
        time.sleep(_SETTLE)
        before = cpu_seconds(server.pid)
        seconds = phones.visit(server.port, server.path, visits, _AT_ONCE)
        time.sleep(_SETTLE)
        cpu = cpu_seconds(server.pid) - before
    return _Cost(visits / seconds, cpu / visits, grown / sockets)
