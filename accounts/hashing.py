"""Hashes passwords: few at a time, and in threads that give way to everything else.

A hash is slow by design, and anybody may ask for one by sending a password. Without a limit, as
many would be calculated at the same time as there are requests, and the event loop, which brings
events to phones, would get its share of the processor only rarely.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.limits import TooManyAttempts

__all__ = ["PatientPasswordHasher"]

# How many hashes are calculated at the same time, and how many more may wait for that.
_AT_ONCE = 2
_MOST_WAITING = 16
# Seconds after which those that wait are done, about.
_RETRY_AFTER = 5
# The priority of the threads, as of `nice`: from 0 (normal) to 19 (only what nobody else needs).
_NICENESS = 19


def _give_way() -> None:
    """Lower the priority of this thread. Other systems than Linux have only that of a process."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class _Hashing:
    """The threads, and the count of what they have to do."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, "password", _give_way)
        self._places = threading.BoundedSemaphore(_AT_ONCE + _MOST_WAITING)

    def run(self, work: Callable[[], str]) -> str:
        """Do the work in one of the threads, and wait for it.

        Raises:
            TooManyAttempts: too much waits already.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyAttempts(_RETRY_AFTER)
        try:
            return self._threads.submit(work).result()
        finally:
            self._places.release()


_hashing = _Hashing()


class PatientPasswordHasher(PBKDF2PasswordHasher):
    """Django's own hashes, which it neither makes stronger nor weaker: stored ones stay valid.

    Everything that hashes a password goes through `encode`: signing in, the forms for a new
    password, the admin and the commands of `manage.py`.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Raises TooManyAttempts: too many passwords wait to be hashed."""
        return _hashing.run(
            lambda: super(PatientPasswordHasher, self).encode(password, salt, iterations)
        )
