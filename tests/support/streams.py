"""What tests of streams share: the times that streams keep, errors by what follows them, jitter."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from typing import Any

from live.protocol.errors import ErrorCode
from tests.support.upstreams import Socket, World

__all__ = [
    "CLOSE_TIME",
    "CONNECT_TIME",
    "EARLIEST_POLL",
    "FINAL",
    "FLAPS",
    "FLAP_TIME",
    "GATE_SPREAD",
    "IDLE",
    "INTERVAL",
    "KEPT_FOR",
    "LINGER",
    "LONG",
    "LOST",
    "OFFLINE",
    "PASSING",
    "RECONNECT_FOR",
    "TICK",
    "Highest",
    "Lowest",
    "gaps",
    "limited",
    "over",
    "until_over",
    "world_with",
]

CONNECT_TIME, CLOSE_TIME = 0.5, 0.25
IDLE, LINGER, INTERVAL = 60, 30, 60
RECONNECT_FOR = 300
KEPT_FOR = 600  # seconds that the log of a stream that is over is kept
LONG = 10_000  # an idle timeout for tests in which nobody says anything
TICK = 5  # a few seconds, less than any time-out of a live stream
EARLIEST_POLL = 5
GATE_SPREAD = 10
FLAPS, FLAP_TIME = 50, 600
OFFLINE = ErrorCode.USER_OFFLINE
LOST = ErrorCode.CONNECTION_LOST

FINAL = [
    ErrorCode.USER_OFFLINE,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.AGE_RESTRICTED,
    ErrorCode.SIGN_FORBIDDEN,
]
PASSING = [
    ErrorCode.RATE_LIMITED,
    ErrorCode.TIKTOK_BLOCKED,
    ErrorCode.SIGN_UNAVAILABLE,
    ErrorCode.TIKTOK_TIMEOUT,
    ErrorCode.CONNECTION_LOST,
]


class Highest(random.Random):
    """Jitter at its most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(random.Random):
    """Jitter at its least."""

    def uniform(self, a: float, b: float) -> float:
        return a


def world_with(rng: random.Random, *answers: Any, **options: Any) -> World:
    return World(*answers, rng=rng, **options)


def limited(seconds: int) -> tuple[int, dict[str, str]]:
    """The sign server's refusal."""
    return 429, {"ratelimit-remaining": "0", "ratelimit-reset": str(seconds)}


def over(socket: Socket) -> bool:
    return socket.stream.over


async def until_over(*sockets: Socket) -> None:
    for socket in sockets:
        await socket.is_over()


def gaps(numbers: Iterable[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(numbers)]
