"""When a webhook that has failed is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from live.webhooks.models import TRIED_FOR
from live.webhooks.schedule import pause

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def test_pauses_grow_up_to_two_hours() -> None:
    pauses = [pause(failures, 0.0) for failures in range(1, 20)]
    assert pauses[0] == 5 * SECOND
    assert pauses == sorted(pauses)
    assert pauses[-1] == 2 * HOUR


def test_a_day_has_more_than_ten_attempts() -> None:
    passed, failures = timedelta(), 0
    while passed < TRIED_FOR:
        failures += 1
        passed += pause(failures, 1.0)
    assert 10 < failures < 30


def test_chance_makes_them_longer_by_a_fifth_at_most() -> None:
    assert pause(1, 1.0) == 6 * SECOND
    assert pause(1, 0.0) < pause(1, 0.3) < pause(1, 1.0)


@pytest.mark.parametrize(
    ("failures", "asked", "expected"),
    [(1, 60.0, 60 * SECOND), (6, 60.0, 2 * HOUR), (1, -5.0, 5 * SECOND), (1, 1e12, 24 * HOUR)],
)
def test_a_receiver_may_ask_for_a_longer_one_up_to_a_day(
    failures: int, asked: float, expected: timedelta
) -> None:
    assert pause(failures, 0.0, asked) == expected


@pytest.mark.parametrize(("asked", "expected"), [(2.5, 2.5), (0.0, 1.0), (600.0, 600.0)])
def test_a_receiver_s_limit_asks_for_as_long_as_it_says(asked: float, expected: float) -> None:
    assert pause(5, 1.0, asked, is_limit=True) == timedelta(seconds=expected)
