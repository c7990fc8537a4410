"""Hashes passwords: two at a time, in processes of low priority.

A hash is slow by design, and anybody may ask for one by sending a password. Without a limit, as
many would be calculated at the same time as there are requests, and the event loop, which brings
events to phones, would rarely get its turn.

A thread of low priority would not do. It needs Python's lock (the GIL) at the end of its work, and
on a busy machine it may have to wait for the processor while it holds it: then all of the server
waits with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import subprocess
import sys
import threading

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.limits import TooManyAttempts

__all__ = ["PatientPasswordHasher"]

logger = logging.getLogger(__name__)

# How many hashes are calculated at the same time, and how many more may wait for that.
_AT_ONCE = 2
_MOST_WAITING = 16
# Seconds after which those that wait are done, about.
_RETRY_AFTER = 5
# Seconds after which a process has failed.
_TIMEOUT = 60.0
# What such a process does. It gets the password by a pipe, where no other user can see it.
_PROGRAM = """
import hashlib, json, os, sys
os.nice(19)
digest, password, salt, iterations = json.load(sys.stdin)
password, salt = bytes.fromhex(password), bytes.fromhex(salt)
print(hashlib.pbkdf2_hmac(digest, password, salt, iterations).hex())
"""


class PatientPasswordHasher(PBKDF2PasswordHasher):
    """Makes the same hashes as the class of Django, so stored ones stay valid.

    Everything that hashes a password goes through `encode`: signing in, the forms for a new
    password, the admin and the commands of `manage.py`.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash of the password as it is stored. It may have to wait for others.

        Raises:
            TooManyAttempts: too many wait already.
        """
        self._check_encode_args(password, salt)  # type: ignore[attr-defined]
        iterations = iterations or self.iterations
        name = self.digest().name
        key = _in_turn.calculate(name, password.encode(), salt.encode(), iterations)
        return f"{self.algorithm}${iterations}${salt}${base64.b64encode(key).decode()}"


class _InTurn:
    """Lets those that want a hash wait for their turn."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(_AT_ONCE + _MOST_WAITING)
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def calculate(self, digest: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        """PBKDF2. Raises TooManyAttempts: too many wait already."""
        if not self._places.acquire(blocking=False):
            raise TooManyAttempts(_RETRY_AFTER)
        try:
            with self._turns:
                return _calculate(digest, password, salt, iterations)
        finally:
            self._places.release()


_in_turn = _InTurn()


def _calculate(digest: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    task = json.dumps([digest, password.hex(), salt.hex(), iterations])
    try:
        printed = subprocess.run(  # noqa: S603 -- nothing of it comes from outside
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=task,
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT,
        ).stdout
        return bytes.fromhex(printed)
    except subprocess.TimeoutExpired:  # the machine has no time for it
        raise TooManyAttempts(_RETRY_AFTER) from None
    except (OSError, subprocess.SubprocessError, ValueError) as failure:
        # The exception's text has no input, so no password.
        logger.error("No process could hash a password, so this one does it: %r", failure)
        return hashlib.pbkdf2_hmac(digest, password, salt, iterations)
