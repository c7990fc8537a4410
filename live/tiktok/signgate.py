"""Keeps requests to the sign server within its limit. All streams with one API key share a gate.

The sign server's answers say how many requests of the key are left. At most that many requests
are sent at once. While the number is not known, requests are sent one after another, so that a
refusal is seen before the next request.

The gate closes when the sign server refuses a request (status 429) or says that no request is
left, and opens at the time that the answer gives. While it is closed, no request is sent, and
connecting fails with `rate_limited` and the seconds to wait.
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

# Seconds that the gate stays closed at most, whatever the sign server's answer says.
_LONGEST_RESET = 24 * 60 * 60
# Seconds that the gate stays closed if the answer gives no time: the sign server counts requests
# per minute.
_DEFAULT_RESET = 60
# How a number in RateLimit-Reset is read: below _UNIX_TIME as seconds from now, from _UNIX_TIME on
# as Unix time in seconds, and from _UNIX_TIME_MS on as Unix time in milliseconds.
_UNIX_TIME = 10**9
_UNIX_TIME_MS = 10**12


def seconds_until_reset(headers: Mapping[str, str], now: float) -> float:
    """Return in how many seconds the sign server takes requests again.

    `RateLimit-Reset` or `Retry-After` gives the time. (TikTokLive reads `RateLimit-Remaining` as
    this time, which is wrong: it is the number of requests that are left.)

    Args:
        headers: of the sign server's answer, with names in lower case.
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
    """Decides when requests with one API key may be sent. Belongs to one event loop.

    Args:
        api_key: empty for requests without a key, which have a limit of their own.

    Attributes:
        closed_until: Unix time when the gate opens again. If it is in the past, the gate is open.
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
        """Seconds until the gate opens; 0 when it is open."""
        return max(0.0, self.closed_until - self._clock.unix())

    @property
    def remaining(self) -> int | None:
        """How many requests are left, by the sign server's last answer; None if not known."""
        return 0 if self.seconds_closed else self._remaining

    def check(self) -> None:
        """Check that the gate is open.

        Raises:
            RelayError: `rate_limited`, with the seconds to wait: the gate is closed.
        """
        if remaining := self.seconds_closed:
            raise RelayError(
                ErrorCode.RATE_LIMITED,
                retry_after=math.ceil(remaining),
                reason=_("The sign server was not asked, since its limit is not reset yet."),
            )

    @contextlib.asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Use as a context manager around one request to the sign server. Waits for its turn.

        Raises:
            RelayError: `rate_limited`: the gate is closed, or closes while the request waits.
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
        """Update the gate from an answer of the sign server.

        Args:
            status: the HTTP status.
            headers: the answer's headers, with names in lower case.
        """
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
    """The sign gates of all API keys in use.

    Args:
        default_key: the server's API key, used for accounts without a key of their own.
    """

    def __init__(self, default_key: str = "", clock: Clock = SYSTEM_CLOCK) -> None:
        self._default_key = default_key
        self._clock = clock
        self._gates: dict[str, SignGate] = {}

    def of(self, api_key: str) -> SignGate:
        """Return the gate of an API key; an empty key means the server's default key."""
        key = api_key or self._default_key
        if key not in self._gates:
            self._gates[key] = SignGate(key, self._clock)
        return self._gates[key]
