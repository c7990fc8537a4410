"""How long a watched account is left alone."""

from __future__ import annotations

import random

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.relay.watch_pauses import Pauses
from tests.support.streams import Highest, Lowest

LASTING = [ErrorCode.USER_NOT_FOUND, ErrorCode.AGE_RESTRICTED, ErrorCode.SIGN_FORBIDDEN]
PASSING = [
    ErrorCode.TIKTOK_TIMEOUT,
    ErrorCode.CONNECTION_LOST,
    ErrorCode.SIGN_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR,
]


class Exact(random.Random):
    """Jitter in the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def pauses_after(code: ErrorCode | None, times: int, lasted: float = 1) -> list[float]:
    pauses = Pauses(Exact())
    failure = None if code is None else RelayError(code)
    return [pauses.after(failure, lasted) for _ in range(times)]


@pytest.mark.parametrize("code", LASTING)
def test_what_only_somebody_can_change_is_tried_once_an_hour_in_the_end(code: ErrorCode) -> None:
    assert pauses_after(code, 5) == [600, 1200, 2400, 3600, 3600]


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_tried_every_ten_minutes_in_the_end(code: ErrorCode) -> None:
    assert pauses_after(code, 7) == [30, 60, 120, 240, 480, 600, 600]


@pytest.mark.parametrize("code", [None, ErrorCode.USER_OFFLINE])
def test_the_end_of_a_live_is_followed_by_a_short_pause(code: ErrorCode | None) -> None:
    assert pauses_after(code, 4) == [15, 30, 60, 120]


@pytest.mark.parametrize("code", [None, *LASTING, *PASSING])
def test_a_stream_that_has_lasted_makes_the_next_pause_a_short_one(code: ErrorCode | None) -> None:
    assert len(set(pauses_after(code, 5, lasted=60))) == 1


def test_nobody_is_asked_before_a_gate_opens() -> None:
    limited = RelayError(ErrorCode.RATE_LIMITED, retry_after=120)
    assert Pauses(Lowest()).after(limited, 0) == 120
    assert Pauses(Highest()).after(limited, 0) == 130


def test_they_do_not_come_back_all_at_once() -> None:
    assert Pauses(Lowest()).after(None, 0) == 12
    assert Pauses(Highest()).after(None, 0) == 18


def test_many_failures_need_no_large_numbers() -> None:
    assert pauses_after(ErrorCode.CONNECTION_LOST, 2000)[-1] == 600
