"""Limits how many sockets one account may have open at the same time."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["Counts", "SocketQuota"]


class Counts(Protocol):
    """Tells other processes how many there are here, and how many they have.
    `live.cluster.limits.SharedLimits` does."""

    async def count(self, key: str, mine: int) -> int:
        """Say how many this process has. Returns how many all others have."""

    def note(self, key: str, mine: int) -> None:
        """Say it later, without an answer."""


class SocketQuota:
    """Counts the open sockets of each account, and refuses more than the limit.

    Args:
        limit: the number of sockets that one account may have open, in all processes.
        what: what is counted, by which other processes know it.

    Attributes:
        counts: those of the other processes; None where there are no others.
    """

    def __init__(self, limit: int, what: str = "sockets") -> None:
        self.counts: Counts | None = None
        self._limit = limit
        self._what = what
        self._taken: Counter[int] = Counter()

    async def check_others(self, account_id: int) -> None:
        """Check that the account may open one more, by what it has open in other processes. To be
        called before `take`.

        Raises:
            RelayError: `too_many_connections`, if the account has reached the limit.
        """
        if self.counts is None:
            return
        mine = self._taken[account_id]
        others = await self.counts.count(self._key(account_id), mine + 1)
        if mine + others >= self._limit:
            self.counts.note(self._key(account_id), self._taken[account_id])
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)

    def take(self, account_id: int) -> None:
        """Count one more socket of the account. The caller must call `give_back` for it later.

        Raises:
            RelayError: `too_many_connections`, if the account has reached the limit.
        """
        if self._taken[account_id] >= self._limit:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        self._taken[account_id] += 1
        self._note(account_id)

    def give_back(self, account_id: int) -> None:
        """Count one socket of the account less."""
        self._taken[account_id] -= 1
        self._note(account_id)
        if not self._taken[account_id]:
            del self._taken[account_id]

    def _note(self, account_id: int) -> None:
        if self.counts is not None:
            self.counts.note(self._key(account_id), self._taken[account_id])

    def _key(self, account_id: int) -> str:
        return f"{self._what} of account {account_id}"
