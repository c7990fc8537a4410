"""A process in which many streams wait for streamers who are offline (`waiting`)."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterable

from bench.processes import Helper, answer_commands

__all__ = ["Waiters"]

_CONNECTED_AT_ONCE = 20
_WITHIN = 120.0


class Waiters(Helper):
    """The parent's side. The streams are those of a relay as the server makes it.

    Args:
        environment: points it at the stand-in, and has settings.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__(["-m", "bench.waiters"], environment)

    def wait_for(self, streams: int) -> None:
        """Begin to wait for so many streamers, as if each had been found to be offline just now."""
        self.ask("wait_for", _WITHIN, streams=streams)

    def memory(self, first: int, streams: int) -> float:
        """Bytes a stream: growth of Python's memory by `streams` of them. Each has tried to connect
        once. `first` others were there before, so that what the first ones cost is not counted."""
        growth: float = self.ask("memory", _WITHIN, first=first, streams=streams)
        return growth


class _Commands:
    def __init__(self) -> None:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
        os.environ.setdefault("SECRET_KEY", "of the benchmark")
        django.setup()

    async def start(self) -> None:
        from live.server.assembly import make_relay

        self._relay = make_relay()

    async def wait_for(self, streams: int) -> None:
        names = [f"user{number}" for number in range(streams)]
        answers = self._relay.streams._offline_answers
        for name in names:
            answers.note(name)
            self._join(name)
        await self._all_wait(names)

    async def memory(self, first: int, streams: int) -> float:
        await self._connect(range(first))
        tracemalloc.start()
        before = _traced()
        await self._connect(range(first, first + streams))
        return (_traced() - before) / streams

    async def _connect(self, numbers: Iterable[int]) -> None:
        names = [f"user{number}" for number in numbers]
        for at in range(0, len(names), _CONNECTED_AT_ONCE):
            some = names[at : at + _CONNECTED_AT_ONCE]
            for name in some:
                self._join(name)
            await self._all_wait(some)

    def _join(self, name: str) -> None:
        streams = self._relay.streams
        streams.join(name, streams.access(""), wait=True, since=None)

    async def _all_wait(self, names: Iterable[str]) -> None:
        for name in names:
            stream = self._relay.streams.get(name)
            while stream is not None and stream.state != "waiting":
                await stream.log.changed(stream.log.end)
            if stream is None or stream.over:
                raise RuntimeError(f"{name} is not waited for")


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def main() -> None:
    commands = _Commands()
    names = ("start", "wait_for", "memory")
    answer_commands({name: getattr(commands, name) for name in names})


if __name__ == "__main__":
    main()
