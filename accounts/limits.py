"""Counts attempts to sign in, for each client and for each username."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from accounts.budgets import Budgets

__all__ = ["SignInLimits", "TooManyAttempts"]

# A client may make so many attempts at once, and as many again in so many seconds. It may be a
# school or an office with many people, so attempts that succeed don't count.
_OF_CLIENT = (20, 120.0)
# The same for a username, by all clients together.
_OF_USERNAME = (20, 600.0)
# How many pairs of a client and a username are remembered. The oldest are forgotten.
_MOST_REMEMBERED = 10_000


class TooManyAttempts(Exception):  # noqa: N818 -- nothing is wrong in the code
    """There were too many attempts to sign in.

    Args:
        retry_after: whole seconds until another one makes sense.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many attempts to sign in")
        self.retry_after = retry_after


class SignInLimits:
    """The limits of a process. All threads may use it.

    A username that has signed in from a client is known there, and these limits don't count for it
    there. So strangers who guess, on the same address or elsewhere, keep nobody out. What is
    guessed for such a username from its own address is limited by django-axes.

    Args:
        now: seconds of a clock that never goes back; tests give another one.

    Attributes:
        clients, usernames: what each of them may still try.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.clients: Budgets[str] = Budgets(*_OF_CLIENT, now)
        self.usernames: Budgets[str] = Budgets(*_OF_USERNAME, now)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str | None, str], None] = OrderedDict()

    def count(self, client: str | None, username: str) -> None:
        """Count one attempt of a client, before anything is done for it.

        Args:
            client: the address or network that counts as one client; None has no limit.
            username: the username that was sent, which may be any text.

        Raises:
            TooManyAttempts: the client made too many.
        """
        if client is None or self._is_known(client, username):
            return
        if wait := self.clients.take(client):
            raise TooManyAttempts(wait)

    def has_to_wait(self, client: str | None) -> bool:
        """Whether the client is over its limit. Usernames known there may still be tried."""
        return client is not None and self.clients.retry_after(client) is not None

    def retry_after(self, client: str | None, username: str) -> int | None:
        """The whole seconds that an attempt would have to wait, by the client's limit; None if it
        would not. Nothing is counted."""
        if client is None or self._is_known(client, username):
            return None
        return self.clients.retry_after(client)

    def count_username(self, client: str | None, username: str) -> None:
        """Count one attempt at a username, before the password is looked at.

        Raises:
            TooManyAttempts: all clients together made too many.
        """
        if self._is_known(client, username):
            return
        if wait := self.usernames.take(username):
            raise TooManyAttempts(wait)

    def succeeded(self, client: str | None, username: str) -> None:
        """The last attempt was right: it does not count, and the username is known there."""
        if self._is_known(client, username):
            return
        if client is not None:
            self.clients.give_back(client)
        self.usernames.give_back(username)
        with self._lock:
            self._known[client, username] = None
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)

    def _is_known(self, client: str | None, username: str) -> bool:
        return (client, username) in self._known
