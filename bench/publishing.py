"""What the reference servers have in common: the texts, and the pace they are sent at."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.pacing import paced

__all__ = ["Publisher"]


class Publisher:
    """Args:
    send: sends one text to all sockets.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        texts = Path(os.environ["BENCH_TEXTS"]).read_text().splitlines()
        self._texts = itertools.cycle(texts)
        self._send = send
        self._task: asyncio.Task[None] | None = None

    def begin(self, query: str) -> None:
        """Args:
        query: events, events a second, events at a time, separated by commas.
        """
        events, rate, burst = query.split(",")
        self._task = asyncio.create_task(self._publish(int(events), float(rate), int(burst)))

    async def _publish(self, events: int, rate: float, burst: int) -> None:
        async for _ in paced(events // burst, rate / burst):
            for _ in range(burst):
                await self._send(next(self._texts))
