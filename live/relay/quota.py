"""How many sockets one account may have open at once."""

from __future__ import annotations

from collections import Counter

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["SocketQuota"]


class SocketQuota:
    """Counts the sockets of each account.

    Args:
        limit: how many an account may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[int] = Counter()

    def take(self, account_id: int) -> None:
        """Count one socket more; it is to be given back.

        Raises:
            RelayError: `too_many_connections`, the account has as many as it may.
        """
        if self._taken[account_id] >= self._limit:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        self._taken[account_id] += 1

    def give_back(self, account_id: int) -> None:
        """The account has one socket less."""
        self._taken[account_id] -= 1
        if not self._taken[account_id]:
            del self._taken[account_id]
