"""`batch=100` at 200 events a second against no batching: CPU per event and socket, both servers.

Two relays with 100 sockets each, one with batching and one without, measured by turns. Without
batching, the four events of a push go out in one write, too. Nothing is subtracted: a third relay
with one socket shows what the upstream costs at this pace.
"""

from __future__ import annotations

from bench.delivery import RATE, SOCKETS, RelaySetting, in_turns
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["run"]

_BATCH_MS = 100
_GOAL = 1 / 5


def run(options: Options) -> list[Row]:
    return [_row(kind, options) for kind in SERVERS]


def _row(kind: str, options: Options) -> Row:
    with (
        RelaySetting.on(kind, query=f"?batch={_BATCH_MS}") as batched,
        RelaySetting.on(kind) as single,
        RelaySetting.on(kind, sockets=1) as upstream,
    ):
        gathered, each, alone = in_turns(
            (batched, single, upstream), options.of(3, 1), int(RATE) * options.of(5, 3)
        )
    return Row(
        what=f"an event to one of {SOCKETS} sockets with batch={_BATCH_MS}, {kind.title()}",
        relay=f"{gathered * 1e6:.2f} µs",
        reference=f"{each * 1e6:.1f} µs",
        ratio=f"{gathered / each:.2f}",
        goal=f"≤ {_GOAL:g}",
        met=gathered / each <= _GOAL,
        figures={
            "batched_us": gathered * 1e6,
            "unbatched_us": each * 1e6,
            "one_socket_us": alone * 1e6,
        },
        notes=(
            f"{RATE:g} events/s; reference: the same without batch=; of both, about "
            f"{alone / SOCKETS * 1e6:.1f} µs are the upstream's",
        ),
    )
