"""What owners of asyncio tasks do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["cancel_and_wait", "cancel_until_done", "run_to_end"]


async def cancel_and_wait(*futures: asyncio.Future[Any] | None) -> None:
    """Cancel tasks or futures, and wait until they are done. Raises nothing of what they raised.

    An error of a task that is not the cancellation counts as seen: asyncio does not report it.

    Args:
        futures: None is passed over, for an owner whose task has not begun.
    """
    begun = [future for future in futures if future is not None]
    for future in begun:
        future.cancel()
    if begun:
        await asyncio.wait(begun)
    for future in begun:
        if not future.cancelled():
            future.exception()


async def cancel_until_done(task: asyncio.Future[Any] | None, every: float = 0.5) -> None:
    """As `cancel_and_wait`, for a task that waits in a library which may lose a cancellation:
    cancel again, until it is done.

    Args:
        every: seconds between two cancellations.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=every)
    await cancel_and_wait(task)


async def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Await the work; a cancellation meanwhile takes effect only when it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    finally:
        await asyncio.wait([task])
