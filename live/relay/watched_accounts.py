"""Reads in the database which accounts are watched, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

from live.connections.database import own_connection
from live.connections.database_thread import DatabaseThread
from live.protocol.errors import ErrorCode
from live.relay import access
from live.relay.access import Account

__all__ = ["FAILURES", "WatchedAccounts"]

# What goes wrong with the database, and passes.
FAILURES = (Error, TimeoutError)

# Seconds to wait for the database.
_WITHIN = 5.0
# The number of accounts that one query asks for: databases limit a query's parameters.
_AT_ONCE = 500


class WatchedAccounts:
    """Owns the thread, which begins with the first question.

    Args:
        find: returns the watched accounts among these, or all. Runs in the thread.
        connect: returns the connection that the thread is to use. Runs in the thread.
    """

    def __init__(
        self,
        find: Callable[
            [Collection[int] | None], Mapping[int, Account | ErrorCode]
        ] = access.watched_accounts,
        connect: Callable[[], BaseDatabaseWrapper] = own_connection,
    ) -> None:
        self._find = find
        self._thread = DatabaseThread("watched accounts", connect)

    async def all(self) -> Mapping[int, Account | ErrorCode]:
        """All that are watched, as `live.relay.access.watched_accounts` has them.

        Raises:
            One of `FAILURES`.
        """
        return await self._query(None)

    async def among(self, account_ids: Collection[int]) -> Mapping[int, Account | ErrorCode]:
        """Those of these accounts that are watched.

        Raises:
            One of `FAILURES`.
        """
        ids = list(account_ids)
        found: dict[int, Account | ErrorCode] = {}
        for start in range(0, len(ids), _AT_ONCE):
            found.update(await self._query(ids[start : start + _AT_ONCE]))
        return found

    def stop(self) -> None:
        """End the thread, without waiting for the database."""
        self._thread.stop()

    async def _query(self, ids: Collection[int] | None) -> Mapping[int, Account | ErrorCode]:
        try:
            async with asyncio.timeout(_WITHIN):
                return await self._thread.run(partial(self._find, ids))
        except TimeoutError:
            # If it is the connection that hangs, the next query has a new one.
            self._thread.cut(_WITHIN)
            raise
