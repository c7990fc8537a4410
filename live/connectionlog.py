"""Writes the connection log, off the event path.

Sockets hand over what to write and go on; one task writes it, in order. When the database fails,
rows are lost and the log says so: sockets notice nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from channels.db import database_sync_to_async
from django.utils import timezone

from accounts.models import AccessToken
from live.errors import CloseCode, ErrorCode
from live.models import ConnectionLog

__all__ = ["Connection", "ConnectionLogWriter"]

logger = logging.getLogger(__name__)

_MAX_WAITING = 10_000


@dataclass(slots=True)
class Connection:
    """What is known of one socket. Its consumer fills it in as it learns more."""

    address: str | None
    user_agent: str
    account_id: int | None = None
    tiktok_username: str = ""
    token_id: int | None = None
    token_prefix: str = ""
    frames_sent: int = 0
    close_code: CloseCode | int = CloseCode.ABNORMAL
    error_code: ErrorCode | None = None
    said: str = ""
    opened_at: datetime = field(default_factory=timezone.now)
    row_id: int | None = field(default=None, init=False)


class ConnectionLogWriter:
    """Owns the task that writes; it ends when there is nothing to write."""

    def __init__(self) -> None:
        self._jobs: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    def opened(self, connection: Connection) -> None:
        """Write the row of a socket that has been authenticated, or refused."""
        self._add(lambda: _insert(connection))

    def closed(self, connection: Connection) -> None:
        """Complete the row."""
        closed_at = timezone.now()
        self._add(lambda: _complete(connection, closed_at))

    async def flush(self) -> None:
        """Wait until everything has been written."""
        while self._task:
            await asyncio.wait([self._task])

    def _add(self, job: Callable[[], None]) -> None:
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
                await database_sync_to_async(_do_all, thread_sensitive=False)(jobs)
        finally:
            self._task = None


def _do_all(jobs: list[Callable[[], None]]) -> None:
    for job in jobs:
        try:
            job()
        except Exception:  # one row's trouble is not the others'
            logger.exception("a row of the connection log could not be written")


def _insert(connection: Connection) -> None:
    row = ConnectionLog.objects.create(
        account_id=connection.account_id,
        tiktok_username=connection.tiktok_username,
        token_prefix=connection.token_prefix,
        address=connection.address,
        user_agent=connection.user_agent,
        opened_at=connection.opened_at,
    )
    connection.row_id = row.pk
    if connection.token_id is not None:
        AccessToken.objects.filter(pk=connection.token_id).update(last_used_at=connection.opened_at)


def _complete(connection: Connection, closed_at: datetime) -> None:
    if connection.row_id is None:
        return  # its row could not be written
    ConnectionLog.objects.filter(pk=connection.row_id).update(
        closed_at=closed_at,
        close_code=connection.close_code,
        error_code=connection.error_code or "",
        frames_sent=connection.frames_sent,
        said=connection.said,
    )
