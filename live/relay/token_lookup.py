"""Looks up tokens in the database, for all sockets of a relay, on a connection of its own; and
overlays by their secrets.

One thread does it. So a database that hangs stops nobody but those who ask, and each of them is
told when its time is up. All tokens that are asked for while a query runs share the next one. A
query that fails is tried again, on a new connection, as long as somebody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from itertools import islice
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.models import AccessToken
from live.clock import SYSTEM_CLOCK, Clock
from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.overlays.models import Overlay, find_overlay, usable_overlays
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access
from live.tasks import cancel_and_wait

__all__ = ["TokenLookup"]

logger = logging.getLogger(__name__)

# The most tokens that one query looks up: databases limit a query's parameters.
_AT_ONCE = 500
# Seconds between two queries, for more to be asked meanwhile. The first one does not wait.
_PAUSE = 0.02
# Seconds before a query is tried again that has failed on a new connection, too.
_RETRY = 0.2
# Seconds for which a failure counts when nobody asks any more. Apps come back within 30.
_FAILS_FOR = 45.0

T = TypeVar("T")


class TokenLookup:
    """Owns the thread, which begins with the first question, and the task that gives it work.

    Args:
        find: returns the tokens with these digests, by digest. Runs in the thread.
        usable: returns the usable tokens of these accounts, by primary key. Runs in the thread.
        connect: returns the connection that the thread is to use. Runs in the thread.
        clock: tells the time.
    """

    def __init__(
        self,
        find: Callable[[Collection[str]], Mapping[str, AccessToken]] = access.find_tokens,
        usable: Callable[[Collection[int]], Mapping[int, AccessToken]] = access.usable_tokens,
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._find = find
        self._usable = usable
        # The digests that are asked for, by who waits for the answer.
        self._asked: dict[asyncio.Future[AccessToken | None], str] = {}
        self._task: asyncio.Task[None] | None = None
        self._thread = DatabaseThread("look up tokens", connect)
        self._clock = clock
        self._fails = False
        self._failed_at = 0.0  # the last time, in monotonic seconds

    @property
    def database_fails(self) -> bool:
        """The last question has failed, and that was a moment ago: when nobody asks, nobody knows
        how the database is."""
        return self._fails and self._clock.monotonic() - self._failed_at < _FAILS_FOR

    async def find(self, text: str, within: float) -> AccessToken:
        """Find the token with this text, with its account. It may be revoked or expired.

        Args:
            within: seconds to wait for the database.

        Raises:
            RelayError: `invalid_token`, if there is no such token.
            TimeoutError: the database has not answered.
        """
        answer: asyncio.Future[AccessToken | None] = asyncio.get_running_loop().create_future()
        self._asked[answer] = AccessToken.digest_of(text)
        if self._task is None:
            self._task = asyncio.create_task(self._look_up(), name="look up tokens")
        try:
            token = await self._within(within, answer)
        finally:
            self._asked.pop(answer, None)
        if token is None:
            raise RelayError(ErrorCode.INVALID_TOKEN)
        return token

    async def usable(
        self, account_ids: Collection[int], within: float
    ) -> Mapping[int, AccessToken]:
        """Find all tokens of these accounts that may be used now.

        Args:
            account_ids: no more than one query can ask for, which is some hundreds.
            within: seconds to wait for the database.

        Returns:
            The tokens by their primary keys. Each token has its account loaded.

        Raises:
            TimeoutError: the database has not answered.
        """
        return await self._within(within, self._query(partial(self._usable, account_ids)))

    async def find_overlay(self, secret: str, within: float) -> Overlay:
        """Find the overlay with this secret, with its account. There are few of them, so each is a
        query of its own.

        Args:
            within: seconds to wait for the database.

        Raises:
            RelayError: `invalid_token`, if there is no such overlay.
            TimeoutError: the database has not answered.
        """
        overlay = await self._within(within, self._query(partial(find_overlay, secret)))
        if overlay is None:
            raise RelayError(ErrorCode.INVALID_TOKEN)
        return overlay

    async def usable_overlays(
        self, account_ids: Collection[int], within: float
    ) -> Mapping[str, Overlay]:
        """Find all overlays of these accounts, as `usable` finds tokens.

        Returns:
            The overlays by their secrets' digests.
        """
        return await self._within(within, self._query(partial(usable_overlays, account_ids)))

    async def close(self) -> None:
        """Stop looking up. Does not wait for the database: a query that runs ends by itself."""
        await cancel_and_wait(self._task)
        self._thread.stop()

    async def _within(self, seconds: float, answer: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            self._note_failure("no answer in time")
            # If it is the connection that hangs, the next query has a new one.
            self._thread.cut(seconds)
            raise

    async def _look_up(self) -> None:
        """Answer all who ask, until nobody does."""
        try:
            while asked := dict(islice(self._asked.items(), _AT_ONCE)):
                found: Mapping[str, AccessToken] = {}
                fault: Exception | None = None
                try:
                    found = await self._query(partial(self._find, {*asked.values()}))
                except Exception as error:  # of ours, not of the database
                    fault = error
                for answer, digest in asked.items():
                    self._asked.pop(answer, None)
                    if answer.done():
                        pass  # whoever asked has given up
                    elif fault is not None:
                        answer.set_exception(fault)
                    else:
                        answer.set_result(found.get(digest))
                await asyncio.sleep(_PAUSE)
        finally:
            self._task = None

    async def _query(self, query: Callable[[], T]) -> T:
        """Run the query in the thread, and again when the database fails."""
        failures = 0
        while True:
            try:
                answer = await self._thread.run(query)
            except (InterfaceError, OperationalError) as failure:
                # The first time, the connection may be one that the database has ended long ago.
                if failures:
                    self._note_failure(str(failure))
                    await asyncio.sleep(_RETRY)
                failures += 1
            except Error as failure:
                self._note_failure(str(failure))
                raise
            else:
                self._note_success()
                return answer

    def _note_failure(self, reason: str) -> None:
        """Log the first failure only: with many sockets, there are many."""
        self._failed_at = self._clock.monotonic()
        if not self._fails:
            self._fails = True
            logger.error("Tokens can't be looked up in the database: %s", " ".join(reason.split()))

    def _note_success(self) -> None:
        if self._fails:
            self._fails = False
            logger.info("Tokens can be looked up in the database again")
