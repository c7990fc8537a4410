"""Limits how often an account does what costs the limits that all accounts share."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.utils.translation import gettext_noop as _

from accounts.budgets import PERIOD, Budgets
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["AccountBudgets"]

_TOO_MANY_STARTS = _("The account has connected to too many LIVEs in a short time.")
_TOO_MANY_LOOKUPS = _("The account has asked about too many LIVEs in a short time.")


class AccountBudgets:
    """Counts, for each account, the streams that it starts and the questions that it asks TikTok.

    Args:
        starts: how many streams an account may start at once, and again in `PERIOD`.
        lookups: how many questions it may ask, in the same way.
        monotonic: a clock in seconds that never goes back.
    """

    def __init__(
        self, starts: int, lookups: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._starts: Budgets[int] = Budgets(starts, PERIOD, monotonic)
        self._lookups: Budgets[int] = Budgets(lookups, PERIOD, monotonic)

    @property
    def shared(self) -> dict[str, Budgets[int]]:
        """The budgets that several processes count together, by name."""
        return {"stream-starts": self._starts, "lookups": self._lookups}

    def start_stream(self, account_id: int) -> None:
        """Count one stream that exists because of the account.

        Raises:
            RelayError: `too_many_connections`, with `retry_after`.
        """
        _take(self._starts, account_id, _TOO_MANY_STARTS)

    def look_up(self, account_id: int) -> None:
        """Count one question to TikTok.

        Raises:
            RelayError: `too_many_connections`, with `retry_after`.
        """
        _take(self._lookups, account_id, _TOO_MANY_LOOKUPS)


def _take(budgets: Budgets[int], account_id: int, told: str) -> None:
    if retry_after := budgets.take(account_id):
        # An existing code: programs that don't know a code stop at 1008 instead of waiting.
        raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS, told=told, retry_after=retry_after)
