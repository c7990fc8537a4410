"""Phones of four kinds as a helper process. Each checks its sequence (`soak.checking.Order`)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.phones import Phone, connect, until
from bench.processes import Helper, answer_commands
from soak.checking import GapSeen, Hole, Order, Place

__all__ = ["COMES_AND_GOES", "KEEPS_UP", "KINDS", "READS_NOTHING", "SLOW", "Followers", "Told"]

KEEPS_UP, SLOW, COMES_AND_GOES, READS_NOTHING = KINDS = (
    *("keeps up", "slow", "comes and goes"),
    "reads nothing",
)
_BATCH_MS = 200
_CONNECT_WITHIN = 20.0
# Seconds. A phone whose connection has ended comes back after the seconds that it was told, but no
# later than that.
_RETRY, _LATEST_RETRY = 0.5, 5.0
_STAYS_FOR, _AWAY_FOR, _LONG_AWAY_FOR = (2, 15), (0.2, 8), (20, 60)
_LONG_AWAY, _GOES_BACK, _ABORTS = 0.1, 0.2, 0.5
_SLOW_PAUSE, _SLOW_READS_FOR = (3, 20), (0.3, 1.0)
_READS_NOTHING_FOR, _NOTICES_WITHIN = (40, 80), 10.0
_MOST_TOLD = 20


@dataclass
class Told:
    """What phones have seen, all together.

    Attributes:
        violations: in words, each with its phone; the first ones of all.
        found: how many there were.
        holes: that were announced, each once.
        comments, connections: how many there were.
        dropped: how often one that reads nothing was dropped.
        counts: gaps by side and errors by code, and closes by code.
    """

    violations: list[str]
    found: int
    holes: list[Hole]
    comments: int
    connections: int
    dropped: int
    counts: Counter[str]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Told:
        holes = [
            Hole(stream, first, last, tuple(GapSeen(*gap) for gap in gaps), room)
            for stream, first, last, gaps, room in answer.pop("holes")
        ]
        return cls(holes=holes, counts=Counter(answer.pop("counts")), **answer)

    def __add__(self, other: Told) -> Told:
        return Told(
            [*self.violations, *other.violations],
            self.found + other.found,
            list({*self.holes, *other.holes}),
            self.comments + other.comments,
            self.connections + other.connections,
            self.dropped + other.dropped,
            self.counts + other.counts,
        )


class Followers(Helper):
    """The parent's side."""

    def __init__(self) -> None:
        super().__init__(["-m", "soak.phones"])

    def begin(self, port: int, phones: Sequence[tuple[int, str, str]], seed: int) -> None:
        """Begin to follow: of each phone its stream, the path of its socket, and its kind."""
        self.ask("begin", port=port, phones=phones, seed=seed)

    def begin_to_finish(self, last: Sequence[int], within: float) -> None:
        """Have all of them come and read to the end; `told` is to follow.

        Args:
            last: by stream, the number of the newest comment that the relay has heard.
        """
        self.tell("finish", last=last, seconds=within)

    def told(self, within: float) -> Told:
        """What they have seen, once they have read to the end."""
        return Told.of(self.answer(within))


class _Socket(Phone):
    """A connection whose frames go to the phone's `Order`."""

    def __init__(self, path: str, order: Order, counts: Counter[str]) -> None:
        super().__init__(path, stamps=False)
        self.retry_after: float | None = None
        self._order = order
        self._counts = counts

    def take_text(self, start: int, end: int) -> None:
        frame = msgspec.json.decode(bytes(self.buffer[start:end]))
        if frame["type"] == "error":
            self._counts[f"error {frame['data']['code']}"] += 1
            self.retry_after = frame["data"].get("retry_after")
        elif frame["type"] == "gap":
            self._counts[f"gap {frame['data']['side']}"] += 1
        try:
            self._order.take(frame)
        except Exception as failure:
            self._order.violations.append(f"{failure!r} with the frame {frame}")

    def abort(self) -> None:
        self._transport.abort()

    def give_up(self) -> None:
        """Drop a connection that was not opened in time, if there is one."""
        self.opened.cancel()
        if self._transport is not None:
            self._transport.abort()


class _Follower:
    """One phone, over all its connections."""

    def __init__(
        self, name: str, stream: int, path: str, kind: str, rng: random.Random, everybody: _Commands
    ) -> None:
        self.name = name
        self.stream = stream
        self.order = Order(stream)
        self.connections = self.dropped = 0
        self._path = f"{path}?wait=1"
        if rng.random() < 1 / 3:
            self._path += f"&batch={_BATCH_MS}"
        self._kind = kind
        self._rng = rng
        self._all = everybody

    def has_all(self, last: int) -> bool:
        """Whether it has the comments up to that number. One that has begun anew at the very end
        may have none."""
        return self.order.number >= last or (self._kind == READS_NOTHING and not self.order.number)

    async def follow(self) -> None:
        await self._sleep((0, 3))
        while True:
            await self._connect_once()

    async def _connect_once(self) -> None:
        since = f"&since={self.order.cursor}" if self.order.cursor else ""
        socket = _Socket(self._path + since, self.order, self._all.counts)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                await connect(socket, self._all.port)
        except OSError:
            socket.give_up()
            self._all.counts["not connected"] += 1
            await asyncio.sleep(_RETRY)
            return
        self.connections += 1
        if self._all.is_ending:
            await socket.gone
        elif self._kind == SLOW:
            await self._read_slowly(socket)
        elif self._kind == COMES_AND_GOES:
            await self._come_and_go(socket)
        elif self._kind == READS_NOTHING:
            await self._read_nothing(socket)
        else:
            await socket.gone
        self._all.counts[f"closed {socket.code}"] += 1
        retry_after = _RETRY if socket.retry_after is None else socket.retry_after
        await asyncio.sleep(min(retry_after, _LATEST_RETRY))

    async def _read_slowly(self, socket: _Socket) -> None:
        while not (socket.gone.done() or self._all.is_ending):
            socket.stall()
            await self._sleep(_SLOW_PAUSE)
            socket.resume()
            await self._sleep(_SLOW_READS_FOR)
        await socket.gone

    async def _come_and_go(self, socket: _Socket) -> None:
        place: Place | None = None
        if self._rng.random() < _GOES_BACK:
            await self._sleep((0.5, 2))
            place = self.order.place
        await self._sleep(_STAYS_FOR)
        if self._all.is_ending:
            await socket.gone
            return
        if not socket.gone.done():
            if self._rng.random() < _ABORTS:
                socket.abort()
            else:
                socket.close()
        await socket.gone
        if place is not None and place.cursor:
            self._all.counts["went back"] += 1
            self.order.go_back(place)
        is_long = self._rng.random() < _LONG_AWAY
        await self._sleep(_LONG_AWAY_FOR if is_long else _AWAY_FOR)

    async def _read_nothing(self, socket: _Socket) -> None:
        await asyncio.wait({socket.greeted, socket.gone}, return_when="FIRST_COMPLETED")
        if not socket.gone.done():
            socket.stall()
            await self._sleep(_READS_NOTHING_FOR)
            socket.resume()
            # Only when it reads, it sees that it was dropped.
            await asyncio.wait({socket.gone}, timeout=_NOTICES_WITHIN)
        if socket.gone.done():
            self.dropped += 1
        elif not self._all.is_ending:
            socket.abort()
        await socket.gone
        if not self._all.is_ending and self._rng.random() < 1 / 2:
            self.order.begin_anew()

    async def _sleep(self, between: tuple[float, float]) -> None:
        """Until the time is over, or everybody is to read to the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rng.uniform(*between)):
                await self._all.ending.wait()


class _Commands:
    def __init__(self) -> None:
        self.port = 0
        self.counts: Counter[str] = Counter()
        self.ending = asyncio.Event()
        self._followers: list[_Follower] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_ending(self) -> bool:
        return self.ending.is_set()

    async def begin(self, port: int, phones: list[tuple[int, str, str]], seed: int) -> None:
        self.port = port
        for number, (stream, path, kind) in enumerate(phones):
            rng = random.Random(seed * 10_000 + number)
            name = f"phone {seed}.{number} ({kind})"
            self._followers.append(_Follower(name, stream, path, kind, rng, self))
        self._tasks = [asyncio.create_task(each.follow()) for each in self._followers]

    async def finish(self, last: list[int], seconds: float) -> dict[str, Any]:
        self.ending.set()

        def have_all() -> bool:
            return all(each.has_all(last[each.stream]) for each in self._followers)

        await until(have_all, seconds)
        for task in self._tasks:
            if task.done():
                task.result()
            task.cancel()
        return self._told(last)

    def _told(self, last: list[int]) -> dict[str, Any]:
        violations = []
        for each in self._followers:
            found = list(each.order.violations)
            if not each.has_all(last[each.stream]):
                missing = f"has {each.order.number} at the end, and {last[each.stream]} was sent"
                found.append(f"stream {each.stream}, cursor {each.order.cursor}: {missing}")
            violations += [f"{each.name}, {what}" for what in found]
        return {
            "violations": violations[:_MOST_TOLD],
            "found": len(violations),
            "holes": list({hole for each in self._followers for hole in each.order.holes}),
            "comments": sum(each.order.comments for each in self._followers),
            "connections": sum(each.connections for each in self._followers),
            "dropped": sum(each.dropped for each in self._followers),
            "counts": self.counts,
        }


def main() -> None:
    commands = _Commands()
    answer_commands({name: getattr(commands, name) for name in ("begin", "finish")})


if __name__ == "__main__":
    main()
