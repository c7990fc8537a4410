"""The stand-in for TikTok as a helper process, so that its work is not the relay's.

Frames are encoded before they are pushed (`prepare`), which costs more than all that the relay
does with them.
"""

from __future__ import annotations

import time
from typing import Any

from bench.mix import encoded_frames, mixed
from bench.pacing import paced
from bench.processes import Helper, answer_commands
from standin import Kind, TikTok

__all__ = ["STREAMER", "StandIn"]

STREAMER = "streamer"
_PREPARED_PER_SECOND = 1000  # events, at the very least


class StandIn(Helper):
    """The parent's side. Attributes: `environment`, what points a server at it."""

    def __init__(self) -> None:
        super().__init__(["-m", "bench.standin"])
        self.environment: dict[str, str] = {}

    def __enter__(self) -> StandIn:
        super().__enter__()
        self.environment = self.ask("start")
        return self

    def prepare(self, events: int, per_frame: int) -> None:
        """Encode that many events of the mix. In multiples of 200, so that no streak is left open:
        the relay ends one itself, which would be an event too many."""
        within = 10 + events / _PREPARED_PER_SECOND
        self.ask("prepare", within, events=events, per_frame=per_frame)

    def push(self, rate: float, within: float) -> dict[str, float]:
        """Push what was prepared, so many events a second.

        Returns:
            When each event was pushed: seconds of the monotonic clock by id.
        """
        pushed: dict[str, float] = self.ask("push", within, rate=rate)
        return pushed

    def push_acknowledged(self, window: int, within: float) -> None:
        """Push what was prepared, with so many frames not yet acknowledged at any time."""
        self.ask("push_acknowledged", within, window=window)

    def counts(self) -> dict[str, int]:
        """`sign`: sign requests so far, `sockets`: open webcast sockets."""
        counts: dict[str, int] = self.ask("counts")
        return counts


class _Commands:
    def __init__(self) -> None:
        self._tiktok = TikTok()
        self._source = mixed()
        self._frames: list[tuple[bytes, list[str]]] = []

    async def start(self) -> dict[str, str]:
        await self._tiktok.start()
        self._room = self._tiktok.go_live(STREAMER)
        return self._tiktok.environment()

    async def prepare(self, events: int, per_frame: int) -> None:
        self._frames = list(encoded_frames(self._source, events, per_frame))

    async def push(self, rate: float) -> dict[str, float]:
        pushed: dict[str, float] = {}
        per_frame = len(self._frames[0][1])
        async for number in paced(len(self._frames), rate / per_frame):
            data, ids = self._frames[number]
            now = time.monotonic()
            pushed.update(dict.fromkeys(ids, now))
            await self._room.push_encoded(data)
        return pushed

    async def push_acknowledged(self, window: int) -> None:
        acks = self._room.acks
        acks.clear()
        pushed = 0

        def may_go_on() -> bool:
            return pushed - len(acks) < window

        for data, _ids in self._frames:
            await self._room.push_encoded(data)
            pushed += 1
            await self._tiktok.wait_for(may_go_on)
        await self._tiktok.wait_for(lambda: len(acks) == pushed)

    async def offline(self, users: int) -> None:
        """Make users who are offline: user0, user1, …"""
        for number in range(users):
            self._tiktok.room(f"user{number}")

    async def asked(self) -> int:
        """How many requests came so far, to TikTok and to the sign server."""
        return len(self._tiktok.requests)

    async def counts(self) -> dict[str, Any]:
        return {"sign": self._tiktok.count(Kind.SIGN), "sockets": len(self._room.sockets)}


def main() -> None:
    commands = _Commands()
    answer_commands(
        {
            name: getattr(commands, name)
            for name in (
                *("start", "prepare", "push", "push_acknowledged", "counts"),
                *("offline", "asked"),
            )
        }
    )


if __name__ == "__main__":
    main()
