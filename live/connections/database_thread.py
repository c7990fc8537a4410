"""A thread that asks the database, on a connection of its own that has time limits.

The event loop and the threads of pages do not wait for it. A database that hangs, also one that
says nothing at all any more, holds up nobody but those who wait for an answer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from live.connections.database import cut

__all__ = ["DatabaseThread"]

T = TypeVar("T")


class DatabaseThread:
    """Does one piece of work after the other, with a connection to the database of its own.

    It does not keep the process from ending: a database may hang for ever.
    """

    def __init__(self, name: str, connect: Callable[[], BaseDatabaseWrapper]) -> None:
        self._name = name
        self._connect = connect
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._connection: BaseDatabaseWrapper | None = None
        self._began: float | None = None  # the work that goes on

    async def run(self, work: Callable[[], T]) -> T:
        """Return what the work returns; raises what it raises. A database error ends the
        connection, and the next work has a new one."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._work.put((work, result))
        return await result

    def cut(self, after: float) -> None:
        """End the connection of work that has gone on for so many seconds, which then fails."""
        began, connection = self._began, self._connection
        if began is not None and connection is not None and time.monotonic() - began >= after:
            cut(connection)

    def stop(self) -> None:
        """End the thread once its work is done, without waiting for that."""
        self._work.put(None)

    def _serve(self) -> None:
        # Django's models then use it in this thread.
        connections[DEFAULT_DB_ALIAS] = self._connection = self._connect()
        while (next_one := self._work.get()) is not None:
            work, result = next_one
            if not result.cancelled():
                self._began = time.monotonic()
                settle = self._attempt(work, result)
                self._began = None
                with suppress(RuntimeError):  # the loop has ended
                    result.get_loop().call_soon_threadsafe(_unless_done, result, settle)
        self._close()

    def _attempt(self, work: Callable[[], T], result: asyncio.Future[T]) -> Callable[[], None]:
        """Do the work. Returns what gives the result to whoever waits for it."""
        try:
            return partial(result.set_result, work())
        except Exception as error:
            if isinstance(error, Error):
                self._close()
            return partial(result.set_exception, error)

    def _close(self) -> None:
        assert self._connection is not None
        with suppress(Error):
            self._connection.close()


def _unless_done(result: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    if not result.done():  # else nobody waits for it any more
        settle()
