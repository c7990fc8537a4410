"""How much a client may send: a few messages at once, and few a second in the long run."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["Allowance"]

_BURST = 20
_PER_SECOND = 5.0


class Allowance:
    """A token bucket: it holds 20 messages, and fills up by 5 a second."""

    __slots__ = ("_at", "_clock", "_left")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(_BURST)
        self._at = clock.monotonic()

    def spend(self) -> None:
        """The client has sent one message.

        Raises:
            RelayError: `bad_request`, that was too many.
        """
        now = self._clock.monotonic()
        self._left = min(_BURST, self._left + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._left < 1:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Too many messages in a short time."))
        self._left -= 1
