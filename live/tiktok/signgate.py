"""The sign server's limit, shared by all streams that use one API key.

At most as many requests of a key are under way as its last answer said are left; while that is not
known, one at a time, so that a refusal is seen before the next request goes out. A refusal, or an
answer that says that none is left, closes the gate until the time that the answer names. Meanwhile
no request goes out, and whoever wants to connect gets `rate_limited` with the seconds to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from django.utils.translation import gettext_noop as _

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError

__all__ = ["SignGate", "SignGates", "seconds_until_reset"]

_LONGEST_RESET = 24 * 60 * 60
# Used where the sign server names no time: it counts requests by the minute.
_DEFAULT_RESET = 60
# A RateLimit-Reset below that counts seconds; one above the other is in milliseconds.
_UNIX_TIME = 10**9
_UNIX_TIME_MS = 10**12


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float:
    """When the sign server takes requests again, by its answer's headers (in lower case).

    `RateLimit-Reset` and `Retry-After` name the time. `RateLimit-Remaining`, which TikTokLive
    takes for a time, counts the requests that are left.

    Args:
        now: Unix time.
    """
    for header in ("ratelimit-reset", "retry-after"):
        value = headers.get(header, "").strip()
        with contextlib.suppress(ValueError, OverflowError):
            if value[:1].isdecimal():
                seconds = float(value)
                if seconds >= _UNIX_TIME_MS:
                    seconds /= 1000
                if seconds >= _UNIX_TIME:
                    seconds -= now
            else:
                seconds = parsedate_to_datetime(value).timestamp() - now
            return min(max(seconds, 1.0), _LONGEST_RESET)
    return _DEFAULT_RESET


class SignGate:
    """The gate of one API key. An empty key is the anonymous one, with its own limit.

    Attributes:
        closed_until: Unix time of the reset; it may be past.
    """

    def __init__(self, api_key: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self.api_key = api_key
        self._clock = clock
        self.closed_until = 0.0
        self._remaining: int | None = None
        self._under_way = 0
        self._changed = asyncio.Event()

    @property
    def seconds_closed(self) -> float:
        """How long the gate stays closed; 0 when it is open."""
        return max(0.0, self.closed_until - self._clock.unix())

    @property
    def remaining(self) -> int | None:
        """How many requests the sign server's last answer left; None while that is not known."""
        return 0 if self.seconds_closed else self._remaining

    def check(self) -> None:
        """Raises RelayError (`rate_limited`) while the gate is closed."""
        if remaining := self.seconds_closed:
            raise RelayError(
                ErrorCode.RATE_LIMITED,
                retry_after=math.ceil(remaining),
                reason=_("The sign server was not asked, since its limit is not reset yet."),
            )

    @contextlib.asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Around one request to the sign server; waits for its turn.

        Raises:
            RelayError: `rate_limited`, the gate is closed.
        """
        while not self.seconds_closed and not self._may_ask():
            self._changed.clear()
            await self._changed.wait()
        self.check()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._changed.set()

    def on_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from the sign server's answer."""
        remaining = headers.get("ratelimit-remaining", "").strip()
        self._remaining = int(remaining[:9]) if remaining.isdecimal() else None
        spent = self._remaining == 0 and "ratelimit-reset" in headers
        if status == HTTPStatus.TOO_MANY_REQUESTS or spent:
            now = self._clock.unix()
            self.closed_until = now + seconds_until_reset(headers, now)
            self._remaining = None

    def _may_ask(self) -> bool:
        return self._under_way < max(1, self._remaining or 0)


class SignGates:
    """The gates of all API keys in use.

    Args:
        default_key: the server's, for accounts without one of their own.
    """

    def __init__(self, default_key: str = "", clock: Clock = SYSTEM_CLOCK) -> None:
        self._default_key = default_key
        self._clock = clock
        self._gates: dict[str, SignGate] = {}

    def of(self, api_key: str) -> SignGate:
        """The gate of the key; of the default one for an empty key."""
        key = api_key or self._default_key
        if key not in self._gates:
            self._gates[key] = SignGate(key, self._clock)
        return self._gates[key]
