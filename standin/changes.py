"""Waiting for something to become true, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Wakes whoever waits for a condition, each time that something has changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Have all waiters look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(self, predicate: Callable[[], object], within: float | None = 10) -> None:
        """Return once `predicate()` is true.

        Args:
            within: None waits for ever.

        Raises:
            TimeoutError: it was not, for `within` seconds.
        """
        async with asyncio.timeout(within):
            while not predicate():
                await self._changed.wait()
