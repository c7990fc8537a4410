"""A steady rate, the same for the stand-in and for the reference servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

__all__ = ["paced"]


async def paced(count: int, per_second: float) -> AsyncIterator[int]:
    """Yield 0 … count - 1, each when its time has come; late ones at once."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(count):
        if (wait := began + number / per_second - loop.time()) > 0:
            await asyncio.sleep(wait)
        yield number
