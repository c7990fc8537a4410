"""Is the client taking what it is sent? One that takes nothing for too long is `too_slow`."""

from __future__ import annotations

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["StallDetector"]


class StallDetector:
    """Watches one socket, by how many frames have been sent to it.

    A session says when it is sending (`is_sending`); while it waits for news, nothing can stall.

    Args:
        limit: seconds without progress after which the client is too slow.
    """

    __slots__ = ("_clock", "_limit", "_progress_at", "_sent", "is_sending")

    def __init__(self, clock: Clock, limit: float) -> None:
        self.is_sending = False
        self._clock = clock
        self._limit = limit
        self._sent = 0
        self._progress_at = clock.monotonic()  # when that number last changed

    @property
    def stalled_for(self) -> float:
        """Seconds since the client last took something of what is being sent; 0 if it takes it."""
        return max(0.0, self._clock.monotonic() - self._progress_at) if self.is_sending else 0.0

    def check(self, sent: int) -> None:
        """Called every second or so.

        Args:
            sent: how many frames have been sent by now.

        Raises:
            RelayError: `too_slow`, none of them was sent within the limit.
        """
        now = self._clock.monotonic()
        if not self.is_sending or sent != self._sent:
            self._sent, self._progress_at = sent, now
        elif now - self._progress_at >= self._limit:
            raise RelayError(ErrorCode.TOO_SLOW)
