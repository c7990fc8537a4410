"""Time, as the relay reads it. Passed to whoever needs it, so that tests can choose another."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

__all__ = ["SYSTEM_CLOCK", "Clock", "from_ms", "to_ms"]


class Clock:
    """The machine's clocks. A test's clock overrides both methods that read them."""

    def monotonic(self) -> float:
        """Seconds of the event loop's clock, which never goes back and which its timers follow.

        Raises:
            RuntimeError: no event loop is running in this thread.
        """
        return asyncio.get_running_loop().time()

    def precise(self) -> float:
        """Seconds of a clock that never goes back, to measure with: `monotonic` may stand still
        while the event loop works."""
        return time.perf_counter()

    def unix(self) -> float:
        """Seconds since the Unix epoch, which an administrator may set back."""
        return time.time()

    def unix_ms(self) -> int:
        """`unix` in ms, as frames have it."""
        return int(self.unix() * 1000)


SYSTEM_CLOCK = Clock()


def to_ms(moment: datetime) -> int:
    """Milliseconds since the Unix epoch, as frames and the API have times."""
    return round(moment.timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The time, in UTC, of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(ms / 1000, UTC)
