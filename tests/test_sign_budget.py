"""The simulation of the sign budget counts what can be counted by hand."""

from __future__ import annotations

import asyncio
import math

import pytest

from bench.sign_budget import needed
from bench.sign_simulation import (
    DAY,
    HOUR,
    MINUTE,
    Limits,
    Load,
    SignServer,
    expected_day,
    simulate,
)
from live.protocol.errors import ErrorCode
from live.tiktok.routes import RouteName
from tests.support.clock import virtual_time

# LIVEs that outlast every test, without a cut.
ENDLESS = Load(median=1e6 * DAY, sigma=0, cut_every=math.inf)
# LIVEs of one hour, without a cut: whoever comes in the first ten seconds meets one, and then one
# begins in each hour.
HOURLY = Load(median=HOUR, sigma=0, cut_every=math.inf)
BOTH = (RouteName.SIGNED, RouteName.DIRECT)


class TestSignServer:
    @virtual_time
    async def test_it_signs_as_many_as_its_windows_allow(self) -> None:
        server = SignServer(Limits(minute=2, hour=3))

        assert [server.answer("a")[0] for _ in range(3)] == [200, 200, 429]
        await asyncio.sleep(MINUTE)
        assert [server.answer("a")[0] for _ in range(2)] == [200, 429]
        assert server.answer("b")[0] == 200
        await asyncio.sleep(HOUR - MINUTE)
        assert server.answer("a")[0] == 200

    @virtual_time
    async def test_it_tells_how_many_are_left_in_the_fullest_window(self) -> None:
        server = SignServer(Limits(minute=3, hour=2))
        assert server.answer("a")[1]["ratelimit-remaining"] == "1"


class TestSimulation:
    def test_a_live_without_a_cut_takes_one_request(self) -> None:
        day = simulate(3, load=ENDLESS, seconds=DAY)
        assert len(day.signed) == 3
        assert day.share_connected == pytest.approx(1, abs=0.001)

    def test_each_live_that_begins_takes_one_request(self) -> None:
        day = simulate(3, load=HOURLY, seconds=10 * HOUR)
        assert len(day.signed) == 3 * 11
        assert (len(day.start), len(day.first), len(day.again)) == (3, 30, 0)

    def test_a_connected_live_that_is_cut_takes_one_more(self) -> None:
        day = simulate(3, load=Load(median=1e6 * DAY, sigma=0, cut_every=HOUR), seconds=10 * HOUR)
        assert len(day.again) > 10
        assert len(day.signed) == 3 + len(day.again)

    def test_a_full_limit_leaves_the_rest_without_a_connection(self) -> None:
        day = simulate(5, Limits(day=2), load=ENDLESS, seconds=HOUR)
        assert len(day.signed) == 2
        assert day.told[ErrorCode.RATE_LIMITED] >= 3
        assert day.share_connected == pytest.approx(2 / 5, abs=0.01)

    def test_the_direct_route_takes_what_the_limit_leaves(self) -> None:
        day = simulate(5, Limits(day=2), load=ENDLESS, seconds=HOUR, routes=BOTH)
        assert day.by_route == {RouteName.SIGNED: 2, RouteName.DIRECT: 3}
        assert day.share_connected == pytest.approx(1, abs=0.01)

    def test_keys_of_accounts_have_a_limit_each(self) -> None:
        day = simulate(5, Limits(day=1), load=ENDLESS, seconds=HOUR, own_keys=True)
        assert len(day.signed) == 5
        assert not day.told

    def test_whoever_may_ask_tiktok_has_time_to_connect(self) -> None:
        day = simulate(500, load=ENDLESS, seconds=30)
        assert set(day.told) == {ErrorCode.TIKTOK_TIMEOUT}  # they never had their turn

    def test_requests_are_counted_in_their_minutes(self) -> None:
        day = simulate(3, load=ENDLESS, seconds=2 * HOUR)
        assert day.requests(MINUTE) == [3] + [0] * 119
        assert day.requests(HOUR) == [3, 0]

    def test_arithmetic_gives_the_same_where_nothing_is_left_to_chance(self) -> None:
        assert len(expected_day(3, HOURLY, 10 * HOUR).signed) == 3 * 11
        assert len(expected_day(3, ENDLESS).signed) == 3

    def test_arithmetic_lets_no_more_through_than_the_pacer(self) -> None:
        day = expected_day(1000, ENDLESS)
        assert max(day.requests(10)) <= 20 * 10 + 10


@pytest.mark.parametrize(
    ("counts", "plan"),
    [
        ((100, 30, 5), "no key"),
        ((100, 30, 6), "Community"),
        ((2_501, 0, 0), "Business"),
        ((10_001, 0, 0), "Enterprise"),
        ((600_000, 0, 0), "3 × Enterprise"),
    ],
)
def test_the_smallest_plan_is_named(counts: tuple[int, int, int], plan: str) -> None:
    assert needed(*counts) == plan
