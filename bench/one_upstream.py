"""500 sockets on one LIVE, opened at once: sign requests and upstream sockets, both servers.

Counted by the stand-in, once all sockets have their first frame and one event has reached each.
"""

from __future__ import annotations

from bench.delivery import PER_FRAME, RelaySetting
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["run"]

_WITHIN = 20


def run(options: Options) -> list[Row]:
    return [_row(kind, options.of(500, 100)) for kind in SERVERS]


def _row(kind: str, sockets: int) -> Row:
    with RelaySetting.on(kind, sockets) as setting:
        setting.phones.reset()
        setting.tiktok.prepare(PER_FRAME, PER_FRAME)
        setting.tiktok.push(PER_FRAME, _WITHIN)
        reached = setting.phones.wait_for_events(PER_FRAME, _WITHIN)["events"]
        counts = setting.tiktok.counts()
    all_reached = reached == [PER_FRAME] * sockets
    return Row(
        what=f"{sockets} sockets on one LIVE, {kind.title()}",
        relay=f"{counts['sign']} sign request, {counts['sockets']} upstream socket",
        goal="1 and 1",
        met=all_reached and counts == {"sign": 1, "sockets": 1},
        figures={**counts, "client_sockets": sockets, "all_reached": all_reached},
    )
