"""Limits how often a client may try tokens that give no access.

Each token that is looked up costs a query. A client that has sent some that give no access has to
wait: until then its tokens are refused without a look, except for those that are known to work. So
strangers who guess keep nobody out whose app has been connected before, on the same address or
elsewhere.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.utils.translation import gettext_noop as _

from accounts.budgets import Budgets
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["REASON", "FailedTokens"]

# What the staff read of clients that have to wait.
REASON = _("Too many wrong tokens from this address.")

# A client may send so many tokens that give no access at once, and as many again in so many
# seconds.
_LIMIT = (5, 50.0)
# How many tokens that work are remembered. The oldest are forgotten.
_MOST_REMEMBERED = 10_000


class FailedTokens:
    """The tokens that were tried in this process. All threads may use it.

    Args:
        now: seconds of a clock that never goes back; tests give another one.

    Attributes:
        clients: what each client may still try.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.clients: Budgets[str] = Budgets(*_LIMIT, now)
        self._lock = threading.Lock()
        self._working: OrderedDict[bytes, None] = OrderedDict()  # digests, as tokens are secret

    def check(self, client: str | None, token: str) -> None:
        """Check that the token may be looked up.

        Args:
            client: the address or network that counts as one client; None has no limit.
            token: the text of the token.

        Raises:
            RelayError: `too_many_connections`, with `retry_after`.
        """
        wait = None if client is None else self.clients.retry_after(client)
        if wait is not None and _digest(token) not in self._working:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS, reason=REASON, retry_after=wait)

    def has_to_wait(self, client: str) -> bool:
        """Whether tokens of this client are refused now, except for those that are known."""
        return self.clients.retry_after(client) is not None

    def failed(self, client: str | None, token: str) -> bool:
        """Count a token that was looked up and gave no access.

        Returns:
            Whether the client had sent so many already that this one is not worth a row.
        """
        with self._lock:
            self._working.pop(_digest(token), None)
        return client is not None and self.clients.take(client) is not None

    def works(self, token: str) -> None:
        """Remember a token that gave access."""
        digest = _digest(token)
        with self._lock:
            self._working[digest] = None
            self._working.move_to_end(digest)
            if len(self._working) > _MOST_REMEMBERED:
                self._working.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
