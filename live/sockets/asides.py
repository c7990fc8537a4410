"""Messages to one client that are of no stream's log, sent beside its frames."""

from __future__ import annotations

import asyncio
import contextlib

from live.sockets.wire.asgi import Parcel, Wire
from live.tasks import cancel_and_wait

__all__ = ["Asides"]

# So many wait for a client that takes them slowly. What comes then is lost.
_MOST = 16


class Asides:
    """Sends messages in their order. No task runs while there is nothing to send.

    Args:
        wire: the way out to the client.
    """

    __slots__ = ("_is_closed", "_task", "_waiting", "_wire")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: list[str] = []  # an empty deque takes 700 bytes, and most stay empty
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def put(self, text: str) -> None:
        """Send it soon. Nothing is sent after `close`."""
        if self._is_closed or len(self._waiting) >= _MOST:
            return
        self._waiting.append(text)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send(), name="asides")

    async def close(self) -> None:
        """Stop sending. A second call changes nothing."""
        self._is_closed = True
        await cancel_and_wait(self._task)

    async def _send(self) -> None:
        with contextlib.suppress(OSError):  # the client has gone, which its session finds out
            while self._waiting:
                await self._wire.send(Parcel([self._waiting.pop(0)]))
