"""Lets tests wait until a condition is true, without polling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Checks the conditions that are waited for, each time that something has changed."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Say that something has changed: all waiters check their conditions again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(self, predicate: Callable[[], object], within: float | None = 10) -> None:
        """Return once `predicate()` is true.

        Args:
            predicate: the condition; it is checked at once, and after each `notify`.
            within: seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: the condition was not true within that time.
        """
        async with asyncio.timeout(within):
            while not predicate():
                await self._changed.wait()
