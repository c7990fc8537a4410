"""Writes the connection log, off the event path.

Sockets hand over what to write and go on; one task writes it, in order. When the database fails,
rows are lost and the log says so: sockets notice nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from channels.db import database_sync_to_async
from django.utils import timezone

from accounts.models import AccessToken
from live.connections.process import THIS_PROCESS
from live.connections.record import Connection
from live.models import ConnectionLog

__all__ = ["ConnectionLogWriter"]

logger = logging.getLogger(__name__)

_MAX_WAITING = 10_000


class ConnectionLogWriter:
    """Owns the task that writes; it ends when there is nothing to write.

    Args:
        on_written: told of rows that are new or have changed, by their ids.
    """

    def __init__(self, on_written: Callable[[Collection[int]], None] = lambda ids: None) -> None:
        self._on_written = on_written
        self._jobs: list[Callable[[], int | None]] = []
        self._task: asyncio.Task[None] | None = None

    def opened(self, connection: Connection) -> None:
        """Write the row of a socket that has been authenticated, or refused."""
        self._add(lambda: insert(connection))

    def moved(self, connection: Connection) -> None:
        """Change the username in its row: it listens to another LIVE now."""
        self._add(lambda: _update(connection, tiktok_username=connection.tiktok_username))

    def closed(self, connection: Connection) -> None:
        """Complete the row."""
        closed_at = timezone.now()
        self._add(lambda: complete(connection, closed_at))

    async def flush(self) -> None:
        """Wait until everything has been written."""
        while self._task:
            await asyncio.wait([self._task])

    def _add(self, job: Callable[[], int | None]) -> None:
        if len(self._jobs) >= _MAX_WAITING:
            logger.error("the connection log can't be written fast enough; a row is lost")
            return
        self._jobs.append(job)
        if self._task is None:
            self._task = asyncio.create_task(self._write(), name="connection log")

    async def _write(self) -> None:
        try:
            while self._jobs:
                jobs, self._jobs = self._jobs, []
                # Not in the thread that authenticates: a busy database must not stop that.
                do_all = database_sync_to_async(_do_all, thread_sensitive=False)
                self._on_written(await do_all(jobs))
        finally:
            self._task = None


def _do_all(jobs: list[Callable[[], int | None]]) -> set[int]:
    """The ids of the rows that were written."""
    written = set()
    for job in jobs:
        try:
            written.add(job())
        except Exception:  # the other rows are still written
            logger.exception("a row of the connection log could not be written")
    return {row_id for row_id in written if row_id is not None}


def insert(connection: Connection) -> int:
    """Write the row of a connection that has opened, and that its token was used. Returns the row's
    id, which the connection remembers."""
    row = ConnectionLog.objects.create(
        account_id=connection.account_id,
        tiktok_username=connection.tiktok_username,
        token_prefix=connection.token_prefix,
        address=connection.address,
        user_agent=connection.user_agent,
        is_test=connection.is_test,
        opened_at=connection.opened_at,
        attempts=connection.attempts,
        process=THIS_PROCESS.owner(),
    )
    connection.row_id = row.pk
    if connection.token_id is not None:
        AccessToken.objects.filter(pk=connection.token_id).update(last_used_at=connection.opened_at)
    return row.pk


def complete(connection: Connection, closed_at: datetime) -> int | None:
    """Write into a connection's row how and when it ended. Returns the row's id; None if there is
    none, because it could not be written."""
    retry_after = connection.retry_after
    return _update(
        connection,
        closed_at=closed_at,
        close_code=connection.close_code,
        error_code=connection.error_code or "",
        frames_sent=connection.frames_sent,
        attempts=connection.attempts,
        said=connection.said,
        retry_at=None if retry_after is None else closed_at + timedelta(seconds=retry_after),
        timeline=connection.whole_timeline(closed_at),
    )


def _update(connection: Connection, **values: Any) -> int | None:
    if connection.row_id is not None:  # else it could not be written
        ConnectionLog.objects.filter(pk=connection.row_id).update(**values)
    return connection.row_id
