"""Which processes take part in some work, through a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from live.clock import Clock
from live.cluster.members import Members
from tests.support.redis_server import RedisServer

PIECES = range(300)


class HurriedClock(Clock):
    """A process's clock that can be moved on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@pytest.fixture
async def member(redis: RedisServer) -> AsyncIterator[Callable[..., Members]]:
    async with AsyncExitStack() as stack:

        def make(name: str, clock: Clock | None = None) -> Members:
            members = Members({"address": redis.url}, name, "work", clock or Clock())
            stack.push_async_callback(members.leave)
            return members

        yield make


def done_by(members: Members) -> set[int]:
    return {piece for piece in PIECES if members.is_mine(piece)}


async def show(*members: Members) -> None:
    """All have shown themselves, and seen each other."""
    for _ in range(2):
        for each in members:
            await each.show()


async def test_one_alone_does_everything_once_it_knows_that_it_is_alone(
    member: Callable[..., Members],
) -> None:
    one = member("one")
    assert done_by(one) == set()
    await show(one)
    assert done_by(one) == set(PIECES)


async def test_each_piece_is_done_by_one_and_each_does_its_share(
    member: Callable[..., Members],
) -> None:
    members = [member(name) for name in ("one", "two", "three")]
    await show(*members)
    parts = [done_by(each) for each in members]
    assert sum(map(len, parts)) == len(PIECES)
    assert set().union(*parts) == set(PIECES)
    assert min(map(len, parts)) > len(PIECES) / 6


async def test_the_others_keep_their_pieces_when_one_leaves(
    member: Callable[..., Members],
) -> None:
    one, two, three = members = [member(name) for name in ("one", "two", "three")]
    await show(*members)
    before = [done_by(one), done_by(two)]
    await three.leave()
    await show(one, two)
    after = [done_by(one), done_by(two)]
    assert before[0] < after[0]
    assert before[1] < after[1]
    assert after[0] | after[1] == set(PIECES)


async def test_one_that_has_died_counts_for_six_seconds(member: Callable[..., Members]) -> None:
    clock = HurriedClock()
    one, two = member("one", clock), member("two")
    await show(one, two)
    clock.ahead = 5
    await one.show()
    assert one.known == {"one", "two"}
    # Redis' own clock can't be moved on.
    async with asyncio.timeout(10):
        while one.known != {"one"}:
            await asyncio.sleep(0.1)
            await one.show()


async def test_while_redis_is_away_all_count_that_were_known(
    member: Callable[..., Members], redis: RedisServer
) -> None:
    one, two = member("one"), member("two")
    await show(one, two)
    redis.stop()
    await one.show()
    assert one.known == {"one", "two"}


async def test_a_redis_that_has_lost_everything_takes_nobody_for_dead(
    member: Callable[..., Members], redis: RedisServer
) -> None:
    one, two = member("one"), member("two")
    await show(one, two)
    redis.stop(forget=True)
    redis.start()
    await one.show()
    assert one.known == {"one", "two"}
