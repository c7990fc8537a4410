"""What is counted for a day."""

from __future__ import annotations

from live.relay.day_counts import Cost, DayCounts
from tests.support.clock import FixedClock

HOUR = 3_600_000
NOON = 1_795_000_000_000 // HOUR * HOUR


def test_it_sums_up() -> None:
    counts = DayCounts(FixedClock(NOON))
    counts.add(Cost(2, 1))
    counts.add(Cost(3, 0))
    assert counts.sum == Cost(5, 1)


def test_each_hour_is_forgotten_a_day_later() -> None:
    clock = FixedClock(NOON)
    counts = DayCounts(clock)
    for _ in range(30):
        counts.add(Cost(1, 1))
        clock.ms += HOUR
    clock.ms -= 1
    assert counts.sum == Cost(24, 24)
    clock.ms += 1
    assert counts.sum == Cost(23, 23)
    clock.ms += 22 * HOUR
    assert counts.sum == Cost(1, 1)
    clock.ms += HOUR
    assert counts.sum == Cost()


def test_days_without_anything_leave_nothing() -> None:
    clock = FixedClock(NOON)
    counts = DayCounts(clock)
    counts.add(Cost(7, 7))
    clock.ms += 1000 * HOUR
    assert counts.sum == Cost()
    counts.add(Cost(1, 0))
    assert counts.sum == Cost(1, 0)


def test_a_clock_that_is_set_back_loses_nothing() -> None:
    clock = FixedClock(NOON)
    counts = DayCounts(clock)
    counts.add(Cost(1, 0))
    clock.ms -= 5 * HOUR
    counts.add(Cost(1, 0))
    assert counts.sum == Cost(2, 0)


def test_an_hour_holds_no_more_than_it_can() -> None:
    counts = DayCounts(FixedClock(NOON))
    for _ in range(3):
        counts.add(Cost(60_000, 0))
    assert counts.sum == Cost(65_535, 0)
