"""Closes the relays when the server process receives a signal to stop."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

from live.relay.relay import Relay

__all__ = ["GracefulShutdown", "close_all"]

logger = logging.getLogger(__name__)

# Seconds from the signal to the end of the process. The relays take 3.5 at most.
_END_WITHIN = 4.5


async def close_all(relays: Sequence[Relay]) -> None:
    """Close all relays at the same time. See `live.relay.relay.Relay.close`."""
    await asyncio.gather(*(relay.close() for relay in relays))


class GracefulShutdown:
    """Closes the relays before the server stops, so that clients are told why their sockets close.

    It wraps an ASGI application. Uvicorn closes all sockets before it tells the application that it
    stops, and Daphne does not tell it at all. So this class receives the signal SIGTERM or SIGINT
    in place of the server. The server gets the signal after the relays have closed, or at once if
    the signal comes a second time.

    Five seconds after the signal the process has ended in any case. A server waits for its
    requests, and Python for the threads of its pages; both may wait for a database that hangs.

    Args:
        application: the application to wrap.
        relays: the relays to close.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, application: Any, relays: Sequence[Relay]) -> None:
        self._application = application
        self._relays = relays
        self._servers_handlers: dict[int, Any] = {}
        self._closing: asyncio.Task[None] | None = None
        self._last_resort: threading.Timer | None = None
        atexit.register(self._skip_teardown)

    def start(self) -> None:
        """Begin without a call, under a server that calls the application for requests only. To be
        called in the server's event loop, when the server has set its handlers of signals."""
        self._take_signals()
        for relay in self._relays:
            relay.start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._take_signals()
        await self._application(scope, receive, send)

    def _take_signals(self) -> None:
        # Not before the first call: by then the server has set its own handlers.
        if not self._servers_handlers and threading.current_thread() is threading.main_thread():
            self._loop = asyncio.get_running_loop()
            for number in self._SIGNALS:
                # An ignored signal stays ignored: shells set that for background processes.
                if signal.getsignal(number) not in {signal.SIG_IGN, None}:
                    self._servers_handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._last_resort is None:
            self._last_resort = threading.Timer(_END_WITHIN, _end_process)
            self._last_resort.daemon = True
            self._last_resort.start()
        self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_relays(number), name="shutdown")
        else:
            self._pass_on(number)

    async def _close_relays(self, number: int) -> None:
        try:
            await close_all(self._relays)
        except Exception:
            logger.exception("The relays could not be closed")
        finally:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        for each, handler in self._servers_handlers.items():
            signal.signal(each, handler)
        signal.raise_signal(number)

    def _skip_teardown(self) -> None:
        """End the process now if a thread still waits for the database. Python would wait for what
        the thread holds, such as SQLite's lock of its connection, when no timer runs any more."""
        if self._last_resort is not None:
            threads = set(threading.enumerate()) - {self._last_resort, threading.current_thread()}
            if any(thread.daemon for thread in threads):
                os._exit(0)


def _end_process() -> None:
    """End the process without waiting for anything. Django's connections end with it."""
    logger.warning("Requests or threads still go on after %.1f s; the process ends", _END_WITHIN)
    os._exit(0)
