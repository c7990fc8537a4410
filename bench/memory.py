"""Memory per idle socket: growth of the server's PSS by 300 connected sockets, divided by them.

The LIVE is silent. 200 sockets are opened before, so that what the first ones cost (threads,
caches, what many handshakes at once leave behind) is not counted. Reference: a bare Channels
consumer on the same server.
"""

from __future__ import annotations

import time

from bench.delivery import ReferenceSetting, RelaySetting
from bench.processes import memory
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["run"]

_FIRST = 200
_GOAL = 1.25
_SETTLE = 2.0


def run(options: Options) -> list[Row]:
    return [_row(kind, options.of(300, 100)) for kind in SERVERS]


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
