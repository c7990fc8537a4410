"""How many connections each route to TikTok has opened, hour by hour, and how many it has not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from live.protocol.errors import ErrorCode
from live.tiktok.access import Access, OneAccess
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.route_counts import HOURS, RouteCounts
from live.tiktok.signgate import SignGate
from standin import Failure, TikTok
from tests.support.clock import FixedClock
from tests.support.connecting import Recorder, end_of

HOUR = 3_600_000
NOON = 1_795_003_200_000  # a full hour
BOTH = ("signed", "direct")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON + 59 * 60_000)


@pytest.fixture
def counts(clock: FixedClock) -> RouteCounts:
    return RouteCounts(BOTH, clock)


class TestHours:
    def test_connections_count_in_the_hour_in_which_they_are_opened(
        self, counts: RouteCounts, clock: FixedClock
    ) -> None:
        counts.opened("signed")
        clock.ms += 2 * 60_000
        counts.opened("signed")
        counts.opened("direct")
        counts.refused("signed", ErrorCode.RATE_LIMITED)
        first, second = counts.hours()
        assert (first.start, second.start) == (NOON, NOON + HOUR)
        assert (dict(first.opened), dict(first.refused)) == ({"signed": 1}, {})
        assert dict(second.opened) == {"signed": 1, "direct": 1}
        assert dict(second.refused) == {("signed", ErrorCode.RATE_LIMITED): 1}

    def test_all_together_are_kept_for_ever(self, counts: RouteCounts, clock: FixedClock) -> None:
        for _ in range(3):
            counts.opened("signed")
            counts.refused("direct", ErrorCode.TIKTOK_BLOCKED)
            clock.ms += 30 * HOUR
        assert counts.opened_ever == {"signed": 3}
        assert counts.refused_ever == {("direct", ErrorCode.TIKTOK_BLOCKED): 3}

    def test_hours_without_connections_are_there(
        self, counts: RouteCounts, clock: FixedClock
    ) -> None:
        assert len(counts.hours()) == 1
        clock.ms += 5 * HOUR
        hours = counts.hours()
        assert len(hours) == 6
        assert not any(hour.opened for hour in hours)

    @pytest.mark.parametrize("later", [HOURS * HOUR, 1000 * HOUR])
    def test_it_keeps_a_day_s_hours(
        self, counts: RouteCounts, clock: FixedClock, later: int
    ) -> None:
        counts.opened("signed")
        clock.ms += later
        hours = counts.hours()
        assert len(hours) == HOURS
        assert hours[-1].start == NOON + later
        assert all(after.start - before.start == HOUR for before, after in pairwise(hours))
        assert not any(hour.opened for hour in hours)

    def test_a_clock_that_is_set_back_takes_nothing_away(
        self, counts: RouteCounts, clock: FixedClock
    ) -> None:
        counts.opened("signed")
        clock.ms -= 10 * HOUR
        counts.opened("signed")
        (hour,) = counts.hours()
        assert hour.opened["signed"] == 2


class TestAttempts:
    @pytest.fixture
    def of_signed(self) -> SignGate:
        return SignGate("")

    async def end(
        self, counts: RouteCounts, networks: Networks, recorder: Recorder, gate: SignGate
    ) -> ErrorCode | None:
        factory = TikTokUpstreams(networks, None, BOTH, counts)
        end = await end_of(factory("alice", OneAccess(Access(gate)), recorder))
        return None if end is None else end.code

    async def test_each_route_that_was_tried_counts(
        self,
        tiktok: TikTok,
        networks: Networks,
        recorder: Recorder,
        counts: RouteCounts,
        of_signed: SignGate,
    ) -> None:
        room = tiktok.go_live("alice")
        assert await self.end(counts, networks, recorder, of_signed) is None
        room.fail(Failure.SIGN_500)
        assert await self.end(counts, networks, recorder, of_signed) is None
        (hour,) = counts.hours()
        assert dict(hour.opened) == {"signed": 1, "direct": 1}
        assert dict(hour.refused) == {("signed", ErrorCode.SIGN_UNAVAILABLE): 1}

    async def test_a_route_that_is_closed_counts_too(
        self,
        tiktok: TikTok,
        networks: Networks,
        recorder: Recorder,
        counts: RouteCounts,
        of_signed: SignGate,
    ) -> None:
        tiktok.go_live("alice")
        of_signed.on_answer(429, {"retry-after": "3600"})
        assert await self.end(counts, networks, recorder, of_signed) is None
        (hour,) = counts.hours()
        assert dict(hour.refused) == {("signed", ErrorCode.RATE_LIMITED): 1}

    async def test_what_is_said_of_the_streamer_is_no_failure_of_a_route(
        self,
        tiktok: TikTok,
        networks: Networks,
        recorder: Recorder,
        counts: RouteCounts,
        of_signed: SignGate,
    ) -> None:
        room = tiktok.go_live("alice")
        room.fail(Failure.AGE_RESTRICTED)
        room.fail(Failure.WEBCAST_200)
        end = await self.end(counts, networks, recorder, of_signed)
        assert end is ErrorCode.AGE_RESTRICTED
        (hour,) = counts.hours()
        assert not hour.opened
        assert not hour.refused
