"""Limits that several processes count together, through a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import pytest

from accounts.budgets import Budgets
from live.cluster.limits import SharedLimits
from live.protocol.errors import ErrorCode, RelayError
from live.relay.quota import SocketQuota
from live.tiktok.signgate import SignGates
from tests.support.redis_server import RedisServer

# Two processes have told each other everything after two exchanges, one a second.
WITHIN = 10.0


class Process(NamedTuple):
    limits: SharedLimits
    quota: SocketQuota
    budgets: Budgets[str]
    gates: SignGates


Start = Callable[[str], Awaitable[Process]]


@pytest.fixture
async def start(redis: RedisServer) -> AsyncIterator[Start]:
    """Makes the limits of one server process."""
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Process:
            budgets: Budgets[str] = Budgets(3, 3000.0)
            gates = SignGates("the key", secret="of all processes")
            server = {"address": redis.url, "db": 0}
            limits = SharedLimits(server, name, {"test": budgets}, gates)
            stack.push_async_callback(limits.close)
            quota = SocketQuota(3)
            quota.counts = limits
            limits.start()
            return Process(limits, quota, budgets, gates)

        yield start


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN):
        while not holds():
            await asyncio.sleep(0.02)


async def take(process: Process, account: int = 1) -> None:
    await process.quota.check_others(account)
    process.quota.take(account)


async def is_full(process: Process) -> bool:
    try:
        await process.quota.check_others(1)
    except RelayError as error:
        return error.code is ErrorCode.TOO_MANY_CONNECTIONS
    return False


class TestSockets:
    async def test_those_of_other_processes_count(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        await take(one)
        await take(two)
        await take(two)
        assert await is_full(one)
        assert await is_full(two)
        await take(one, account=2)

    async def test_one_that_closes_makes_room_elsewhere(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        for _ in range(3):
            await take(one)
        assert await is_full(two)
        one.quota.give_back(1)
        async with asyncio.timeout(WITHIN):
            while await is_full(two):
                await asyncio.sleep(0.05)

    async def test_a_process_that_has_stopped_counts_no_longer(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        for _ in range(3):
            await take(one)
        assert await is_full(two)
        await one.limits.close()
        assert not await is_full(two)

    async def test_redis_that_lost_them_is_told_again(
        self, start: Start, redis: RedisServer
    ) -> None:
        one, two = await start("one"), await start("two")
        for _ in range(3):
            await take(one)
        redis.stop(forget=True)
        redis.start()
        async with asyncio.timeout(WITHIN):
            while not await is_full(two):
                await asyncio.sleep(0.05)

    async def test_without_redis_each_process_counts_alone(
        self, start: Start, redis: RedisServer
    ) -> None:
        one, two = await start("one"), await start("two")
        for _ in range(3):
            await take(one)
        redis.stop()
        assert not await is_full(two)
        with pytest.raises(RelayError):
            one.quota.take(1)

    async def test_a_redis_that_does_not_answer_keeps_nobody_waiting(
        self, start: Start, redis: RedisServer
    ) -> None:
        one = await start("one")
        await take(one)
        redis.freeze()
        async with asyncio.timeout(WITHIN):
            await take(one)


class TestBudgets:
    async def test_what_was_taken_elsewhere_is_taken_here(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        assert [one.budgets.take("anna") for _ in range(2)] == [None, None]
        assert two.budgets.take("anna") is None
        await until(lambda: two.budgets.retry_after("anna") is not None)
        assert two.budgets.retry_after("bob") is None

    async def test_nothing_is_lost_while_redis_is_away(
        self, start: Start, redis: RedisServer
    ) -> None:
        one, two = await start("one"), await start("two")
        redis.stop()
        assert [one.budgets.take("anna") for _ in range(2)] == [None, None]
        assert two.budgets.take("anna") is None
        redis.start()
        await until(lambda: two.budgets.retry_after("anna") is not None)


class TestSignGates:
    async def test_a_limit_closes_the_gate_of_every_process(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        theirs, ours = one.gates.of(""), two.gates.of("")
        another = two.gates.of("another key")
        theirs.on_answer(429, {"ratelimit-reset": "40"})
        await until(lambda: ours.seconds_closed)
        assert 30 < ours.seconds_closed <= 40
        assert not another.seconds_closed

    async def test_how_many_requests_are_left_is_known_everywhere(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        theirs, ours = one.gates.of(""), two.gates.of("")
        theirs.on_answer(200, {"ratelimit-remaining": "7"})
        await until(lambda: ours.remaining == 7)
        ours.on_answer(200, {"ratelimit-remaining": "6"})
        await until(lambda: theirs.remaining == 6)

    async def test_a_gate_that_is_new_knows_what_others_have_heard(self, start: Start) -> None:
        one, two = await start("one"), await start("two")
        one.gates.of("").on_answer(429, {"ratelimit-reset": "40"})
        held = one.gates.of("")
        assert held.seconds_closed
        ours = two.gates.of("")
        await until(lambda: ours.seconds_closed)
