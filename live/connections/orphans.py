"""Closes the rows of the connection log that dead processes have left open.

A start closes them, too. But a database may notice only later that a process is gone, and where
several share it, none may start for long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.connections.process import THIS_PROCESS, ServerProcess
from live.models import ConnectionLog
from live.tasks import cancel_and_wait

__all__ = ["OrphanCloser"]

logger = logging.getLogger(__name__)

# Seconds between two looks.
_LOOK_EVERY = 10.0
# Seconds for which a process has to be without its lock. When PostgreSQL restarts, all processes
# lose theirs, and each takes it again at its next look.
_GONE_FOR = 30.0
# Seconds after which a look counts as hung: its connections are cut.
_HUNG = 10.0
# So many looks have to fail before the log says so, once.
_WORTH_A_WORD = 3


class OrphanCloser:
    """Belongs to one event loop, from `start` to `close`. Each process has one.

    A thread asks the database. What fails is tried again at the next look.

    Args:
        process: which process this is, and which ones run.
        connect: returns the connection that the thread is to use. Runs in the thread.
        look_every: seconds between two looks.
        gone_for: seconds for which a process has to be gone.
    """

    def __init__(
        self,
        process: ServerProcess = THIS_PROCESS,
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
        look_every: float = _LOOK_EVERY,
        gone_for: float = _GONE_FOR,
    ) -> None:
        self._process = process
        self._look_every = look_every
        self._gone_for = gone_for
        self._thread = DatabaseThread("orphans", connect)
        self._task: asyncio.Task[None] | None = None
        self._failures = 0  # in a row
        # When each process was first found to be gone, in monotonic seconds. Used by the thread.
        self._gone_since: dict[int, float] = {}

    def start(self) -> None:
        """Begin to look. Only the first call does something, and none where it can't be told which
        processes run."""
        if self._task is None and self._process.sees_others:
            self._task = asyncio.create_task(self._run(), name="orphans")

    async def close(self) -> None:
        """Look no more. A look that goes on is not waited for."""
        await cancel_and_wait(self._task)
        self._thread.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(_HUNG):
                closed = await self._thread.run(self._close_rows)
        except (Error, TimeoutError) as failure:
            if isinstance(failure, TimeoutError):
                self._thread.cut(0)
                self._process.cut()
            self._failures += 1
            if self._failures == _WORTH_A_WORD:
                reason = " ".join(str(failure).split()[:30]) or "no answer in time"
                logger.warning("Rows of processes that have died stay open for now: %s", reason)
        except Exception:
            logger.exception("rows of processes that have died can't be closed")
        else:
            self._failures = 0
            if closed:
                logger.info("%d connections were cut when another process died", closed)

    # --- In the thread -------------------------------------------------------------------------

    def _close_rows(self) -> int:
        before, self._gone_since = self._gone_since, {}
        # Takes this process's locks again, if the database has lost them. If the database fails,
        # the others' time to do so begins anew.
        self._process.owner()
        now = time.monotonic()

        def may_run(process: int) -> bool:
            if self._process.is_running(process):
                return True
            since = self._gone_since[process] = before.get(process, now)
            return now - since < self._gone_for

        return ConnectionLog.objects.close_orphans(may_run)
