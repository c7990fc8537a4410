"""Limits how many sockets one account may have open at the same time."""

from __future__ import annotations

from collections import Counter

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["SocketQuota"]


class SocketQuota:
    """Counts the open sockets of each account, and refuses more than the limit.

    Args:
        limit: the number of sockets that one account may have open.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[int] = Counter()

    def take(self, account_id: int) -> None:
        """Count one more socket of the account. The caller must call `give_back` for it later.

        Raises:
            RelayError: `too_many_connections`, if the account has reached the limit.
        """
        if self._taken[account_id] >= self._limit:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        self._taken[account_id] += 1

    def give_back(self, account_id: int) -> None:
        """Count one socket of the account less."""
        self._taken[account_id] -= 1
        if not self._taken[account_id]:
            del self._taken[account_id]
