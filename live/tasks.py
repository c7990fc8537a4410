"""What owners of asyncio tasks do with them, and how work that waits runs in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

__all__ = ["cancel_and_wait", "cancel_until_done", "in_own_thread", "run_to_end"]

T = TypeVar("T")


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


async def in_own_thread(name: str, work: Callable[[], T]) -> T:
    """Do work that may wait for long, in a thread of its own. Returns what it returns, and raises
    what it raises.

    Other than `asyncio.to_thread`, it does not keep the process from ending: neither the event loop
    nor Python waits for that thread. A cancellation does not stop the work; nobody hears what comes
    of it then.

    Args:
        name: of the thread.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(result.set_result, work())
        except Exception as error:
            settle = partial(result.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: None if result.done() else settle())

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result
