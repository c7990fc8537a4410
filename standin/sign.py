"""The stand-in's sign server: its rate limit and its errors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from standin.failures import Failure, Fault

ERRORS = {Failure.SIGN_401: 401, Failure.SIGN_403: 403, Failure.SIGN_500: 500}
"""The HTTP status of failures whose answer has only a status and a message."""

FAILURES = (
    Failure.SIGN_HANG,
    Failure.SIGN_429,
    Failure.SIGN_429_WITHOUT_HEADER,
    *ERRORS,
    Failure.SIGN_EMPTY,
    Failure.SIGN_NO_COOKIES,
    Failure.SIGN_GARBAGE,
)
"""The failures of a request to the sign server; the first one that is switched on is played."""

COOKIES = {"X-Set-TT-Cookie": "ttwid=stand-in; msToken=stand-in"}


@dataclass(slots=True)
class Budget:
    """How many requests one API key may send, and has sent, until the Unix time `resets_at`."""

    limit: int
    used: int
    resets_at: float

    def headers(self) -> dict[str, str]:
        """Return the headers that each answer has; `RateLimit-Reset` is a Unix time."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(math.ceil(self.resets_at)),
        }


class Limiter:
    """Counts the requests of each API key.

    Args:
        limit: how many requests a key may send; the default is more than any test sends.
        reset_in: seconds after a key's first request when its count starts again at 0.
        clock: returns the Unix time.
    """

    def __init__(
        self,
        limit: int = 1_000_000,
        reset_in: float = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._limit = limit
        self._reset_in = reset_in
        self._clock = clock
        self._budgets: dict[str, Budget] = {}

    def spend(self, key: str) -> Budget:
        """Count one request. If it is over the limit, `used` of the result exceeds `limit`."""
        now = self._clock()
        budget = self._budgets.get(key)
        if budget is None or budget.resets_at <= now:
            budget = self._budgets[key] = Budget(self._limit, 0, now + self._reset_in)
        budget.used += 1
        return budget


def rate_limited(budget: Budget, message: str, *, with_headers: bool = True) -> web.Response:
    """Answer 429 with `Retry-After`; and with the `RateLimit-*` headers, unless told otherwise."""
    retry_after = str(max(0, math.ceil(budget.resets_at - time.time())))
    headers = budget.headers() if with_headers else {}
    return web.json_response(
        {"code": 429, "message": message},
        status=429,
        headers={**headers, "Retry-After": retry_after},
    )


def failed(fault: Fault, body: bytes) -> web.Response:
    """Answer with the failure of `fault`; `body` is the body of the answer without a failure."""
    match fault.failure:
        case Failure.SIGN_429 | Failure.SIGN_429_WITHOUT_HEADER:
            spent = Budget(limit=1, used=1, resets_at=time.time() + fault.reset_in)
            with_headers = fault.failure is Failure.SIGN_429
            return rate_limited(spent, fault.message, with_headers=with_headers)
        case Failure.SIGN_EMPTY:
            return web.Response(headers=COOKIES)
        case Failure.SIGN_NO_COOKIES:
            return web.Response(body=body)
        case Failure.SIGN_GARBAGE:
            return web.Response(body=fault.body, headers=COOKIES)
        case _:
            status = ERRORS[fault.failure]
            return web.json_response({"code": status, "message": fault.message}, status=status)
