"""How much a client may send: a few messages at once, and few a second in the long run."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.ping import BURST, RATE

__all__ = ["Allowance"]


class Allowance:
    """A token bucket: it holds `BURST` messages, and fills up by `RATE` a second."""

    __slots__ = ("_at", "_clock", "_left")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(BURST)
        self._at = clock.monotonic()

    def spend(self) -> None:
        """The client has sent one message.

        Raises:
            RelayError: `bad_request`, that was too many.
        """
        now = self._clock.monotonic()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        if self._left < 1:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Too many messages in a short time."))
        self._left -= 1
