"""A web socket's library alone: a frame of ten events comes, an acknowledgement goes; CPU a frame.

The record of why the relay uses picows. A client that does nothing else is connected to the
stand-in, which is a process of its own and waits for each acknowledgement before it pushes the next
frame, as in `pipeline`. Nothing is decompressed or decoded. On uvloop, which Uvicorn has, and on
asyncio's own loop, which Daphne has. Reference: `websockets`, its new client and its legacy one,
which is TikTokLive's.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from bench.mix import SOURCE
from bench.processes import Helper, answer_commands, cpu_seconds
from bench.results import Options, Row
from bench.standin import StandIn

__all__ = ["run"]

_PER_FRAME = 10
_LIBRARIES = ("picows", "websockets", "legacy")
_LOOPS = {"uvloop": uvloop.run, "asyncio": asyncio.run}
_ROUNDS = 3
# What it says does not matter to the stand-in, which counts acknowledgements.
_LOG_ID, _EXT = 7_000_000_000_000_000_001, "internal_src:stand-in"


def run(options: Options) -> list[Row]:
    return [_row(loop, options.of(3_000, 600)) for loop in _LOOPS]


def _row(loop: str, frames: int) -> Row:
    costs = {library: _measure(library, loop, frames) * 1e6 for library in _LIBRARIES}
    ours, new, legacy = (costs[library] for library in _LIBRARIES)
    return Row(
        what=f"the socket alone, a frame of ten events, {loop}",
        relay=f"{ours:.1f} µs",
        reference=f"{new:.1f} µs (websockets), {legacy:.1f} µs (its legacy client)",
        ratio=f"{ours / new:.2f}, {ours / legacy:.2f}",
        figures={**{f"{library}_us": cost for library, cost in costs.items()}, "frames": frames},
        notes=(f"{SOURCE}; one frame at a time.",),
    )


def _measure(library: str, loop: str, frames: int) -> float:
    """CPU seconds of the client's process per frame, of the best round after one to warm up."""
    with (
        StandIn() as tiktok,
        Helper(["-m", "bench.socket_libraries", library, loop]) as client,
    ):
        client.ask("connect", url=tiktok.socket_address())
        tiktok.prepare(frames * _PER_FRAME, _PER_FRAME)
        costs = [_round(tiktok, client, frames) for _ in range(1 + _ROUNDS)]
    return min(costs[1:])


def _round(tiktok: StandIn, client: Helper, frames: int) -> float:
    expected = client.ask("count") + frames
    before = cpu_seconds(client.pid)
    tiktok.push_acknowledged(1, within=30 + frames / 100)
    used = cpu_seconds(client.pid) - before
    if (count := client.ask("count")) != expected:
        raise RuntimeError(f"{count} frames came, not {expected}")
    return used / frames


class _Client:
    """Attributes: `frames`: how many came."""

    def __init__(self, library: str) -> None:
        from live.tiktok.decoding import encode_ack

        self._connect = getattr(self, f"_{library}")
        self._ack = encode_ack(_LOG_ID, _EXT)
        self.frames = 0

    async def connect(self, url: str) -> None:
        await self._connect(url)

    async def count(self) -> int:
        return self.frames

    async def _picows(self, url: str) -> None:
        import picows

        client = self

        class Listener(picows.WSListener):
            def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
                if frame.msg_type == picows.WSMsgType.BINARY:
                    frame.get_payload_as_bytes()
                    client.frames += 1
                    transport.send(picows.WSMsgType.BINARY, client._ack)

        self._transport, _ = await picows.ws_connect(Listener, url)

    async def _websockets(self, url: str) -> None:
        from websockets.asyncio.client import connect

        socket = await connect(url, compression=None, ping_interval=None, proxy=None)
        self._task = asyncio.create_task(self._answer(socket))

    async def _legacy(self, url: str) -> None:
        from websockets.legacy.client import connect

        socket = await connect(url, compression=None, ping_interval=None)
        self._task = asyncio.create_task(self._answer(socket))

    async def _answer(self, socket: Any) -> None:
        async for _data in socket:
            self.frames += 1
            await socket.send(self._ack)


def main() -> None:
    client = _Client(sys.argv[1])
    answer_commands({"connect": client.connect, "count": client.count}, _LOOPS[sys.argv[2]])


if __name__ == "__main__":
    main()
