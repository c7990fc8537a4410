"""What happens when the server process is told to stop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

from live.relay.relay import Relay

__all__ = ["GracefulShutdown", "close_all"]


async def close_all(relays: Sequence[Relay]) -> None:
    """Close the relays at the same time: clients are told, streams end, rows are written."""
    await asyncio.gather(*(relay.close() for relay in relays))


class GracefulShutdown:
    """An ASGI application that closes its relays before its server stops: clients learn why.

    Uvicorn closes all sockets before it tells the application, and Daphne tells nobody. So the
    signal comes here first; the server gets it when the relay is closed, or when it comes again.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, application: Any, relays: Sequence[Relay]) -> None:
        self._application = application
        self._relays = relays
        self._servers_handlers: dict[int, Any] = {}
        self._closing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # The first call comes when the server runs, and so has its handlers in place.
        if not self._servers_handlers and threading.current_thread() is threading.main_thread():
            self._loop = asyncio.get_running_loop()
            for number in self._SIGNALS:
                # One that the server ignores, as in a shell's background, would end nothing.
                if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                    self._servers_handlers[number] = signal.signal(number, self._on_signal)
        await self._application(scope, receive, send)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_relays(number), name="shutdown")
        else:
            self._pass_on(number)

    async def _close_relays(self, number: int) -> None:
        try:
            await close_all(self._relays)
        finally:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        for each, handler in self._servers_handlers.items():
            signal.signal(each, handler)
        signal.raise_signal(number)
