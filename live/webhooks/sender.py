"""Sends what waits for webhooks, to many of them at once, to each one thing after the other.

It begins where the last process has stopped: all that it knows is in the database.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from live.clock import SYSTEM_CLOCK, Clock
from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.tasks import cancel_and_wait, in_own_thread
from live.webhooks import queue
from live.webhooks.jobs import Job
from live.webhooks.notices import Notice
from live.webhooks.posting import Answer

__all__ = ["RESULTS", "Post", "Sender"]

logger = logging.getLogger(__name__)

# Webhooks that are sent to at once.
_AT_ONCE = 32
# Deliveries to one webhook before others that wait have their turn.
_IN_A_ROW = 20
# Seconds between two looks at the database, when nobody says that there is something new: what
# another process has noted, what has to be tried again, what a process that died had begun.
_LOOK_EVERY = 5.0
# Seconds in which the database has to answer.
_DATABASE_WITHIN = 10.0
# Seconds between two counts of what waits, and between two times that old deliveries are deleted.
_COUNT_EVERY = 30.0
_PRUNE_EVERY = 3600.0
# Seconds for the database when this process stops.
_GIVE_BACK_WITHIN = 0.5
# What came of attempts: delivered; it will be tried again; not any more.
RESULTS = ("delivered", "failed", "given_up")

T = TypeVar("T")


class Post(Protocol):
    """Sends deliveries, as `live.webhooks.posting.Poster`."""

    async def post(self, job: Job) -> Answer: ...

    async def close(self) -> None: ...


class Sender:
    """Owns the task that looks for what is due, and one task for each webhook that is sent to.

    It belongs to one event loop.

    Args:
        post: sends one delivery.
        clock: tells the time.
        rng: where jitter comes from.
        connect: returns the connection to the database. Runs in the sender's thread.
        look_every: seconds between two looks at the database.

    Attributes:
        results: how many deliveries have come to each of `RESULTS`, in this process.
        waiting: how many wait, of all processes, when they were counted last.
        not_noted: how often something could not be noted for webhooks, in this process.
    """

    def __init__(
        self,
        post: Post,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
        look_every: float = _LOOK_EVERY,
    ) -> None:
        self.results: Counter[str] = Counter(dict.fromkeys(RESULTS, 0))
        self.waiting = 0
        self.not_noted = 0
        self._post = post
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        self._look_every = look_every
        self._lease = secrets.token_hex(16)
        self._thread = DatabaseThread("webhooks", connect)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}  # by webhook
        self._mails: asyncio.Task[None] | None = None
        self._fails = False
        self._closed = False

    @property
    def database_fails(self) -> bool:
        """The last look at the database has failed."""
        return self._fails

    def start(self) -> None:
        """Begin to send. Only the first call does something."""
        if self._task is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._run(), name="webhooks")

    def wake(self) -> None:
        """Look at the database now. May be called in any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._news.set)

    def count_not_noted(self) -> None:
        """Count what could not be noted. It is called in the history's thread, and nowhere else."""
        self.not_noted += 1

    async def close(self) -> None:
        """Stop sending. What was under way is sent again by the next process."""
        self._closed = True
        await cancel_and_wait(self._task, *self._tasks.values(), self._mails)
        if self._task is not None:
            try:
                async with asyncio.timeout(_GIVE_BACK_WITHIN):
                    await self._thread.run(partial(queue.give_back, self._lease))
            except (Error, TimeoutError):
                logger.info("webhooks under way are sent again in a minute")
        self._thread.stop()
        await self._post.close()

    # --- What goes on ---

    async def _run(self) -> None:
        next_count = next_prune = self._clock.monotonic()
        while True:
            self._news.clear()
            try:
                await self._begin_all()
                await self._begin_mails()
                if self._clock.monotonic() >= next_count:
                    self.waiting = await self._query(queue.count_waiting)
                    next_count = self._clock.monotonic() + _COUNT_EVERY
                if self._clock.monotonic() >= next_prune:
                    await self._prune()
                    next_prune = self._clock.monotonic() + _PRUNE_EVERY
                self._note_success()
            except (Error, TimeoutError) as failure:
                self._note_failure(failure)
            except Exception:  # of ours: the next look may be luckier
                logger.exception("webhooks can't be looked for")
            try:
                async with asyncio.timeout(self._look_every):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _prune(self) -> None:
        """Delete old deliveries, in many small transactions."""
        deleted = 1
        while deleted:
            deleted = await self._query(partial(queue.prune, self._now()))

    async def _begin_all(self) -> None:
        """Begin to send to all webhooks that are due, as far as there is room."""
        while room := _AT_ONCE - len(self._tasks):
            work = partial(queue.claim, self._lease, self._now(), room, [*self._tasks])
            jobs = await self._query(work)
            for job in jobs:
                task = asyncio.create_task(self._send_all(job), name=f"webhook {job.webhook}")
                self._tasks[job.webhook] = task
                task.add_done_callback(partial(self._sent, job.webhook))
            if len(jobs) < room:
                return

    async def _send_all(self, first: Job) -> None:
        """Send to one webhook what waits for it, as long as that goes well."""
        job: Job | None = first
        sent = 0
        while job is not None:
            answer = await self._post.post(job)
            sent += 1
            done = await self._query(
                partial(
                    queue.finish,
                    self._lease,
                    job,
                    answer,
                    self._now(),
                    self._rng.random(),
                    go_on=sent < _IN_A_ROW,
                )
            )
            self._count(done)
            job = done.next_job

    def _sent(self, webhook: int, task: asyncio.Task[None]) -> None:
        del self._tasks[webhook]
        self._news.set()  # others may have waited for the room
        if not task.cancelled() and (failure := task.exception()) is not None:
            if isinstance(failure, Error | TimeoutError):
                self._note_failure(failure)  # it is sent again when the lease has run out
            else:
                logger.error("a webhook could not be sent to", exc_info=failure)

    def _count(self, done: queue.Finished) -> None:
        if done.delivered:
            self.results["delivered"] += 1
        elif not done.given_up:
            self.results["failed"] += 1
        self.results["given_up"] += done.given_up

    async def _begin_mails(self) -> None:
        """Begin to send the mails that are due, unless some are being sent."""
        if self._mails is not None and not self._mails.done():
            return
        notices = await self._query(partial(queue.claim_notices, self._now()))
        if notices:
            mails = self._send_mails(notices)
            self._mails = asyncio.create_task(mails, name="mails of webhooks")

    async def _send_mails(self, notices: list[Notice]) -> None:
        """Send them. What is not noted as done, because this process stops or the database fails,
        is sent again."""
        try:
            for notice in notices:
                if await in_own_thread("mail of a webhook", notice.send):
                    await self._query(partial(queue.notice_is_done, notice.key))
        except (Error, TimeoutError) as failure:
            self._note_failure(failure)
        except Exception:  # of ours: the mail is due again in some minutes
            logger.exception("a mail of a webhook can't be sent")

    async def _query(self, work: Callable[[], T]) -> T:
        """Ask the database.

        Raises:
            Error: it fails.
            TimeoutError: it has not answered. Its connection is cut.
        """
        try:
            async with asyncio.timeout(_DATABASE_WITHIN):
                return await self._thread.run(work)
        except TimeoutError:
            self._thread.cut(_DATABASE_WITHIN)
            raise

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.unix(), UTC)

    def _note_failure(self, failure: BaseException) -> None:
        if not self._fails:
            self._fails = True
            said = " ".join(str(failure).split()[:30]) or "no answer in time"
            logger.error("Webhooks wait, since the database fails: %s", said)

    def _note_success(self) -> None:
        if self._fails:
            self._fails = False
            logger.info("Webhooks are sent again")
