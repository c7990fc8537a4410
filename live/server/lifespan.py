"""Start and stop of the server process."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

from django.db import DatabaseError, connection

from live.connections.process import THIS_PROCESS
from live.models import ConnectionLog
from live.relay.relay import Relay

__all__ = ["Farewell", "Lifespan", "close_orphaned_connections"]

logger = logging.getLogger(__name__)


def close_orphaned_connections() -> None:
    """Close the rows of sockets that a server left open which is gone; not those of one that runs.

    Done in a thread of its own, since a server may import the application on its event loop.
    """

    def close() -> None:
        try:
            THIS_PROCESS.begin()
            closed = ConnectionLog.objects.close_orphans(THIS_PROCESS.is_running)
        except OSError as failure:
            logger.error(
                "Rows that a crash left open stay so: no lock beside the database: %s", failure
            )
        except DatabaseError as failure:
            reason = " ".join(str(failure).split())
            logger.error("The database is not ready (%s). Run: manage.py migrate", reason)
        else:
            if closed:
                logger.info("%d connections were cut when the server stopped", closed)
        finally:
            connection.close()

    thread = threading.Thread(target=close, name="close orphaned connections")
    thread.start()
    thread.join()


class Lifespan:
    """ASGI lifespan: ends the relays when the server stops. Daphne does not speak it."""

    def __init__(self, relays: Sequence[Relay]) -> None:
        self._relays = relays

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await _close(self._relays)
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _close(relays: Sequence[Relay]) -> None:
    await asyncio.gather(*(relay.close() for relay in relays))


class Farewell:
    """An ASGI application that says goodbye before its server stops.

    Uvicorn closes all sockets before it tells the application, and Daphne tells nobody. So the
    signal comes here first; the server gets it when the relay is closed, or when it comes again.
    """

    _SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, application: Any, relays: Sequence[Relay]) -> None:
        self._application = application
        self._relays = relays
        self._servers_handlers: dict[int, Any] = {}
        self._goodbye: asyncio.Task[None] | None = None

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
        if self._goodbye is None:
            self._goodbye = asyncio.create_task(self._say_goodbye(number), name="goodbye")
        else:
            self._pass_on(number)

    async def _say_goodbye(self, number: int) -> None:
        try:
            await _close(self._relays)
        finally:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        for each, handler in self._servers_handlers.items():
            signal.signal(each, handler)
        signal.raise_signal(number)
