"""Limits how many messages a client may send: how many at once, and how many a second."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.ping import BURST, RATE

__all__ = ["Allowance"]


class Allowance:
    """Counts one client's messages. It is a token bucket (nothing to do with access tokens): it
    holds `BURST` messages, and `RATE` are added each second."""

    __slots__ = ("_at", "_clock", "_left")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(BURST)
        self._at = clock.monotonic()

    def spend(self) -> None:
        """Count one message that the client has sent.

        Raises:
            RelayError: `bad_request`, the client has sent too many.
        """
        now = self._clock.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Too many messages in a short time."))
        self._left -= 1
