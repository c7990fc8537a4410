"""The sign server's limit, shared by all streams that use one API key.

Requests of a key go out one at a time, so that the first refusal is known before a second is
provoked. A refusal, or an answer that leaves none, closes the gate until the reset that the answer
names; meanwhile everybody is told how long, and no request goes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from live.errors import ErrorCode, RelayError

__all__ = ["SignGate", "SignGates", "seconds_until_reset"]

_LONGEST_RESET = 24 * 60 * 60
# Used where the sign server names no time: it counts requests by the minute.
_DEFAULT_RESET = 60
_UNIX_TIME = 10**9  # a RateLimit-Reset below that counts seconds


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float:
    """When the sign server takes requests again, by its answer's headers (in lower case).

    `RateLimit-Reset` and `Retry-After` tell the truth. `RateLimit-Remaining`, which TikTokLive
    takes for a time, counts the requests that are left.

    Args:
        now: Unix time.
    """
    for header in ("ratelimit-reset", "retry-after"):
        value = headers.get(header, "").strip()
        with contextlib.suppress(ValueError, OverflowError):
            if value.isdecimal():
                seconds = float(value)
                if seconds >= _UNIX_TIME:
                    seconds -= now
            else:
                seconds = parsedate_to_datetime(value).timestamp() - now
            return min(max(seconds, 1.0), _LONGEST_RESET)
    return _DEFAULT_RESET


class SignGate:
    """The gate of one API key. An empty key is the anonymous one, with its own limit.

    Args:
        clock: Unix time.
    """

    def __init__(self, api_key: str, clock: Callable[[], float] = time.time) -> None:
        self.api_key = api_key
        self._clock = clock
        self._closed_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    @property
    def seconds_closed(self) -> float:
        """How long the gate stays closed; 0 when it is open."""
        return max(0.0, self._closed_until - self._clock())

    def check(self) -> None:
        """Raises RelayError (`rate_limited`) while the gate is closed."""
        if remaining := self.seconds_closed:
            raise RelayError(
                ErrorCode.RATE_LIMITED,
                retry_after=math.ceil(remaining),
                said="not asked again: the sign server's limit is not reset yet",
            )

    @contextlib.asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Around one request to the sign server; waits for its turn.

        Raises:
            RelayError: `rate_limited`, the gate is closed.
        """
        async with self._one_at_a_time:
            self.check()
            yield

    def on_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the sign server's answer."""
        spent = headers.get("ratelimit-remaining", "").strip() == "0"
        if status == HTTPStatus.TOO_MANY_REQUESTS or (spent and "ratelimit-reset" in headers):
            now = self._clock()
            self._closed_until = now + seconds_until_reset(headers, now)


class SignGates:
    """The gates of all API keys in use."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._gates: dict[str, SignGate] = {}

    def of(self, api_key: str) -> SignGate:
        return self._gates.setdefault(api_key, SignGate(api_key, self._clock))
