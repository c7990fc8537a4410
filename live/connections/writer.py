"""Writes the connection log, off the event path.

Sockets hand over what to write and go on. A thread writes it in batches, on a connection to the
database of its own. While the database fails, the rows wait in memory, each with its newest values,
and the thread tries again until they are written.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from live.connections.backlog import Backlog
from live.connections.database import cut, own_connection
from live.connections.process import THIS_PROCESS
from live.connections.record import Connection
from live.connections.rows import Row, at_opening, at_the_end, write

__all__ = ["ConnectionLogWriter"]

logger = logging.getLogger(__name__)

# The most new rows that wait.
_MOST_NEW = 10_000
# The most rows in one transaction.
_MOST_AT_ONCE = 500
# Seconds in which rows gather before they are written.
_GATHER = 0.05
# Seconds before a batch that has failed is tried again: the first time, and at most.
_RETRY = (0.2, 5.0)
# Seconds after which a batch counts as hung: its connection is cut, and it is tried again.
_HUNG = 15.0
# Seconds between two looks at how long a batch takes.
_LOOK_EVERY = 1.0
# Seconds after which the log says that the database does not answer.
_SLOW = 6.0
# Seconds without anything to write, after which the thread ends.
_IDLE = 10.0
# These say that the database fails. Any other error says that a row is bad.
_TROUBLE = (OperationalError, InterfaceError, InternalError, ProgrammingError, NotSupportedError)


class ConnectionLogWriter:
    """Owns the thread that writes. It ends when there has been nothing to write for some time.

    It belongs to one event loop. The thread does not keep the process from ending: a database may
    hang for ever.

    Args:
        on_written: told of rows that are new or have changed, by their ids. Runs in the event loop.
        connect: returns the connection that the thread is to use. Runs in the thread.
        write_rows: writes rows in one transaction, or nothing. Runs in the thread.
        most_new: how many new rows may wait.
        retry: seconds before a batch that has failed is tried again: the first time, and at most.

    Attributes:
        lost: how many rows have been lost since the process started.
    """

    def __init__(
        self,
        on_written: Callable[[Collection[int]], None] = lambda ids: None,
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
        write_rows: Callable[[list[Row]], None] = write,
        most_new: int = _MOST_NEW,
        retry: tuple[float, float] = _RETRY,
    ) -> None:
        self.lost = 0
        self._on_written = on_written
        self._connect = connect
        self._write_rows = write_rows
        self._retry_first, self._retry_at_most = retry
        self._thread: threading.Thread | None = None  # the newest
        self._ended = asyncio.Event()  # that thread has ended
        self._ended.set()
        self._next_look: asyncio.TimerHandle | None = None
        self._gave_up = False
        # The thread uses all below, too. Whoever does holds the lock, which both conditions share.
        lock = threading.RLock()
        self._news = threading.Condition(lock)
        # Apart from the news: these would wake the thread for each row while rows gather.
        self._hurries = threading.Condition(lock)
        self._backlog = Backlog(most_new)
        self._running = False
        self._hurry = False  # write without pauses, then end
        self._began: float | None = None  # the batch that is being written
        self._own: BaseDatabaseWrapper | None = None
        self._failures = 0  # in a row
        self._in_trouble = False  # the log says so
        self._most_waited = self._lost = 0  # rows, since that line

    @property
    def waiting(self) -> int:
        """How many rows are not written yet."""
        with self._news:
            return len(self._backlog)

    @property
    def is_in_trouble(self) -> bool:
        """The database does not take rows, by the last time that it was tried."""
        with self._news:
            return self._in_trouble

    def opened(self, connection: Connection) -> None:
        """Write the row of a socket that has been authenticated, or refused."""
        with self._news:
            is_taken = self._backlog.begin(connection, at_opening(connection))
            if not is_taken:
                self.lost += 1
                self._lost += 1
                self._note_trouble("there are more rows than can wait")
        if is_taken:
            self._write_soon()

    def moved(self, connection: Connection) -> None:
        """Change the username in its row: it listens to another LIVE now."""
        self._change(connection, {"tiktok_username": connection.tiktok_username})

    def closed(self, connection: Connection) -> None:
        """Complete the row. If it is called again, the last call counts."""
        self._change(connection, at_the_end(connection, timezone.now()))

    async def flush(self, within: float) -> None:
        """Wait until everything is written and the thread has ended. If that takes longer, the log
        says how many rows are not written; then further calls return at once.

        Args:
            within: the longest time to wait, in seconds.
        """
        if self._gave_up:
            return
        self._set_hurry(True)
        try:
            async with asyncio.timeout(within):
                await self._ended.wait()
        except TimeoutError:
            self._gave_up = True
            logger.warning(
                "%d rows of the connection log could not be written before the end. Another process"
                " closes those that are still open, or the next start",
                len(self._backlog),
            )
        finally:
            self._set_hurry(False)

    # --- In the event loop ---

    def _change(self, connection: Connection, values: dict[str, Any]) -> None:
        with self._news:
            has_row = self._backlog.change(connection, values)
        if has_row:
            self._write_soon()

    def _set_hurry(self, hurry: bool) -> None:
        with self._news:
            self._hurry = hurry
            self._news.notify()
            self._hurries.notify()

    def _write_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._next_look is None:
            self._next_look = loop.call_later(_LOOK_EVERY, self._look)
        with self._news:
            self._news.notify()
            if self._running:
                return
            self._running = True
        self._ended.clear()
        self._thread = threading.Thread(
            target=self._serve, args=(loop,), name="connection log", daemon=True
        )
        self._thread.start()

    def _look(self) -> None:
        """Look at how long the batch takes. A thread that waits for the database can't do that."""
        self._next_look = None
        with self._news:
            waiting, began, own = len(self._backlog), self._began, self._own
            took = 0 if began is None else time.monotonic() - began
            if took >= _SLOW:
                self._note_trouble("it does not answer")
        if took >= _HUNG:
            cut(own)
            THIS_PROCESS.cut()
        if waiting:
            self._next_look = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look)

    def _note_end(self, thread: threading.Thread) -> None:
        if thread is self._thread:  # else the next one has begun meanwhile
            self._ended.set()

    # --- In the thread ---

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        # Django's models then use it in this thread.
        connections[DEFAULT_DB_ALIAS] = own = self._own = self._connect()
        while rows := self._next_batch():
            was_connected = own.connection is not None
            written, lost, failure = self._attempt(rows)
            if failure is not None:
                with suppress(Error):
                    own.close()
            self._settle(written, lost, failure, was_connected)
            if written:
                ids = {row.connection.row_id for row in written} - {None}
                _call(loop, self._on_written, ids)
        with suppress(Error):
            own.close()
        _call(loop, self._note_end, threading.current_thread())

    def _next_batch(self) -> list[Row]:
        """Wait for rows, and a little longer for more of them. Nothing, if there are none."""
        with self._news:
            self._news.wait_for(lambda: self._backlog or self._hurry, _IDLE)
            if not self._backlog:
                self._running = False
                return []
            if self._failures > 1 and self._hurry:
                self._hurries.wait(self._retry_first)
            else:
                self._hurries.wait_for(lambda: self._hurry, self._pause())
            self._began = time.monotonic()
            return self._backlog.take(_MOST_AT_ONCE)

    def _pause(self) -> float:
        # The first time, the connection may be one that the database has ended long ago.
        if self._failures < 2:
            return _GATHER
        longer = self._retry_first * 2.0 ** min(self._failures - 2, 20)
        return min(longer, self._retry_at_most)

    def _attempt(self, rows: list[Row]) -> tuple[list[Row], list[Row], Exception | None]:
        """Write the rows. If the database refuses them, write each by itself.

        Returns:
            Those that were written, those that can't be, and how the database has failed.
        """
        try:
            self._write_rows(rows)
        except _TROUBLE as failure:
            return [], [], failure
        except Exception as refusal:
            reason = refusal
        else:
            return rows, [], None
        written: list[Row] = []
        lost: list[Row] = []
        stopped_by: Exception | None = None
        for row in rows:
            try:
                self._write_rows([row])
            except _TROUBLE as failure:
                stopped_by = failure
                break
            except Exception as refusal:
                reason = refusal
                lost.append(row)
            else:
                written.append(row)
        if lost:
            logger.error(
                "%d rows of the connection log are lost, since they can't be written: %s",
                len(lost),
                _one_line(reason),
            )
        return written, lost, stopped_by

    def _settle(
        self,
        written: list[Row],
        lost: list[Row],
        failure: Exception | None,
        was_connected: bool,
    ) -> None:
        with self._news:
            self._began = None
            self._most_waited = max(self._most_waited, len(self._backlog))
            self.lost += len(lost)
            self._lost += len(lost)
            self._backlog.settle(written, lost)
            if failure is None:
                self._failures = 0
                self._note_success()
            else:
                self._failures += 1
                if self._failures > 1 or not was_connected:
                    self._note_trouble(_one_line(failure))

    # --- In any thread that holds the lock ---

    def _note_trouble(self, reason: str) -> None:
        """Log that it begins; the rest of it is not logged."""
        if not self._in_trouble:
            self._in_trouble = True
            self._most_waited = len(self._backlog)
            logger.warning("The connection log can't be written, its rows wait: %s", reason)

    def _note_success(self) -> None:
        """Log the end of trouble, once nearly everything is written."""
        if len(self._backlog) <= _MOST_AT_ONCE:
            if self._in_trouble:
                logger.info(
                    "The connection log is written again; %d rows have waited, %d are lost",
                    self._most_waited,
                    self._lost,
                )
            self._in_trouble = False
            self._most_waited = self._lost = 0


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], argument: Any) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(callback, argument)


def _one_line(error: Exception) -> str:
    """Only the first line: PostgreSQL's other lines may hold the row's values."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
