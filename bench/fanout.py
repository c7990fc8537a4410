"""One frame delivered to one of 100 sockets, CPU of the server's process, on both servers.

The stand-in pushes 200 events a second in frames of four; 100 sockets get each event. Nothing is
subtracted: the upstream's part is one event's pipeline shared by 100 sockets; a relay with one
socket shows how much that is at this pace. The reference sends
the same texts, at the same rate and as many at a time, to as many sockets: on Uvicorn it is a bare
`websockets` server with `broadcast`, on Daphne a bare Channels consumer whose publisher loops.
Relay and reference run at the same time and are measured by turns; the figure is the median round.
"""

from __future__ import annotations

from bench.delivery import PER_FRAME, RATE, SOCKETS, ReferenceSetting, RelaySetting, in_turns
from bench.results import Options, Row
from bench.servers import SERVERS

__all__ = ["run"]

_REFERENCES = {"uvicorn": "websockets", "daphne": "daphne"}
_GOALS = {"uvicorn": 1.5, "daphne": 1.3}


def run(options: Options) -> list[Row]:
    return [_row(kind, options) for kind in SERVERS]


def _row(kind: str, options: Options) -> Row:
    with (
        RelaySetting.on(kind) as relay,
        RelaySetting.on(kind, sockets=1) as single,
        ReferenceSetting.on(_REFERENCES[kind]) as reference,
    ):
        cost, alone, bare = in_turns(
            (relay, single, reference), options.of(5, 1), int(RATE) * options.of(5, 3)
        )
    return Row(
        what=f"a frame to one of {SOCKETS} sockets, {kind.title()}",
        relay=f"{cost * 1e6:.1f} µs",
        reference=f"{bare * 1e6:.1f} µs",
        ratio=f"{cost / bare:.2f}",
        goal=f"≤ {_GOALS[kind]}",
        met=cost / bare <= _GOALS[kind],
        figures={"relay_us": cost * 1e6, "reference_us": bare * 1e6, "one_socket_us": alone * 1e6},
        notes=(
            f"{RATE:g} events/s, {PER_FRAME} at a time; an event costs {alone * 1e6:.0f} µs with "
            f"one socket: about {alone / SOCKETS * 1e6:.1f} µs are the upstream's; reference: "
            + ("websockets.broadcast" if kind == "uvicorn" else "bare Channels consumers, a loop"),
        ),
    )
