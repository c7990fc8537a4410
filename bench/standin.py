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
from standin.server import SOCKET_PATH

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

    def room_id(self) -> str:
        """The streamer's room, for a client that is not to look it up."""
        room_id: str = self.ask("room_id")
        return room_id

    def socket_address(self) -> str:
        """Where a web socket is told the streamer's LIVE, without a look-up and a signature."""
        address: str = self.ask("socket_address")
        return address

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

    def go_live(self, streams: int) -> None:
        """Start LIVEs of streamer0, streamer1, … beside the streamer's."""
        self.ask("go_live", streams=streams)

    def push_each(self, streams: int, rate: float, within: float) -> list[dict[str, float]]:
        """Push what was prepared to each of the first streamers of `go_live`, one after the other.

        Args:
            rate: events a second to each of them.

        Returns:
            For each streamer, when each event was pushed (monotonic seconds), by its id.
        """
        pushed: list[dict[str, float]] = self.ask("push_each", within, streams=streams, rate=rate)
        return pushed

    def wait_for_streams(self, streams: int, within: float) -> None:
        """Wait until so many of the streamers of `go_live` are connected to, and no more.

        Raises:
            RuntimeError: it takes longer than `within` seconds.
        """
        deadline = time.monotonic() + within
        while (connected := self.ask("all_sockets")) != streams:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{connected} streams are connected, and not {streams}")
            time.sleep(0.1)

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

    async def room_id(self) -> str:
        return str(self._room.room_id)

    async def socket_address(self) -> str:
        # The signature makes it a signed socket, to which TikTok speaks at once.
        address = f"{self._tiktok.socket_url()}{SOCKET_PATH}"
        return f"{address}?room_id={self._room.room_id}&imprp=stand-in"

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

    async def go_live(self, streams: int) -> None:
        self._rooms = [self._tiktok.go_live(f"{STREAMER}{number}") for number in range(streams)]

    async def push_each(self, streams: int, rate: float) -> list[dict[str, float]]:
        pushed: list[dict[str, float]] = [{} for _ in range(streams)]
        per_frame = len(self._frames[0][1])
        count = len(self._frames) * streams
        async for number in paced(count, streams * rate / per_frame):
            frame, stream = divmod(number, streams)
            data, ids = self._frames[frame]
            pushed[stream].update(dict.fromkeys(ids, time.monotonic()))
            await self._rooms[stream].push_encoded(data)
        return pushed

    async def all_sockets(self) -> int:
        """How many of the streamers of `go_live` have a webcast socket."""
        return sum(len(room.sockets) == 1 for room in self._rooms)

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
                *("offline", "asked", "room_id", "socket_address"),
                *("go_live", "push_each", "all_sockets"),
            )
        }
    )


if __name__ == "__main__":
    main()
