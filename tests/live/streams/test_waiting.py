"""The streamer is offline, and sockets wait."""

from __future__ import annotations

import asyncio

from live.protocol.errors import ErrorCode
from tests.support.clock import virtual_time
from tests.support.streams import (
    CLOSE_TIME,
    CONNECT_TIME,
    EARLIEST_POLL,
    INTERVAL,
    LONG,
    LOST,
    OFFLINE,
    RECONNECT_FOR,
    gaps,
    over,
    until_over,
)
from tests.support.upstreams import World, failure


class TestWaiting:
    @virtual_time
    async def test_a_waiting_stream_polls_until_the_streamer_is_live(self) -> None:
        async with World(*[failure(OFFLINE)] * 3, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(10 * INTERVAL)

            assert socket.states() == ["connecting", "waiting", "live"]
            assert len(world.upstreams) == 4
            assert not socket.of_type("gap")

    @virtual_time
    async def test_a_waiting_stream_refuses_nobody_once_the_streamer_is_live(self) -> None:
        async with World(failure(OFFLINE), wait_interval=1).running() as world:
            waiting = world.socket(wait=True)
            await waiting.is_live()

            newcomer = world.socket()

            assert newcomer.refusal() is None
            assert newcomer.stream is waiting.stream

    @virtual_time
    async def test_a_waiting_stream_polls_once_however_many_wait(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            sockets = [world.socket(wait=True) for _ in range(100)]
            await asyncio.sleep(20 * INTERVAL)

            assert 16 <= len(world.upstreams) <= 26
            assert all(socket.states() == ["connecting", "waiting"] for socket in sockets)
            assert not world.sign_requests

    @virtual_time
    async def test_a_waiting_stream_polls_at_an_interval_with_jitter(self) -> None:
        async with World(wait_interval=100).running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(10_000)

            pauses = [gap - CONNECT_TIME - CLOSE_TIME for gap in gaps(world.attempts)]
            assert 80 <= min(pauses) < 85
            assert 115 < max(pauses) <= 120.01

    @virtual_time
    async def test_a_waiting_stream_tells_those_who_do_not_wait(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            waiting, other = world.socket(wait=True), world.socket()
            await asyncio.sleep(1)

            assert waiting.refusal() is None
            refusal = other.refusal()
            assert refusal is not None
            assert refusal.code is OFFLINE
            assert not over(other)

    @virtual_time
    async def test_a_waiting_stream_tells_newcomers_at_once_when_it_has_just_asked(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL - 0.1)

            newcomer = world.socket()
            await asyncio.sleep(1)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_waiting_stream_asks_again_for_a_newcomer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            waiting = world.socket(wait=True)
            await asyncio.sleep(CONNECT_TIME + CLOSE_TIME + EARLIEST_POLL + 0.1)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await newcomer.is_live()

            assert waiting.states()[-1] == "live"
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_waiting_stream_tells_a_newcomer_that_the_streamer_is_still_offline(
        self,
    ) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            await asyncio.sleep(30)

            newcomer = world.socket()
            looked = asyncio.create_task(newcomer.stream.log.changed(newcomer.stream.log.end))
            await asyncio.wait_for(looked, CONNECT_TIME + CLOSE_TIME + 0.1)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_waiting_stream_does_not_ask_twice_for_who_comes_while_it_asks(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await asyncio.sleep(30)
            world.socket()
            await asyncio.sleep(8)

            newcomer = world.socket()  # during the poll that the first newcomer started
            await asyncio.sleep(10)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_waiting_stream_does_not_ask_again_for_who_comes_during_a_poll_of_its_own(
        self,
    ) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.connect_time = 10
            world.socket(wait=True)
            await world.attempted(2)

            newcomer = world.socket()
            assert newcomer.refusal() is None
            await asyncio.sleep(15)

            assert newcomer.refusal() is not None
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_waiting_stream_asks_no_more_often_for_many_newcomers(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            world.socket(wait=True)
            for _ in range(600):
                await asyncio.sleep(0.1)
                world.socket(wait=True)

            assert min(gaps(world.attempts)) >= EARLIEST_POLL
            assert len(world.upstreams) <= 60 / EARLIEST_POLL + 1

    @virtual_time
    async def test_a_waiting_stream_fails_when_only_others_are_left(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            waiting = world.socket(wait=True)
            await asyncio.sleep(30)
            newcomer = world.socket()
            waiting.leave()
            await until_over(newcomer)

            assert newcomer.error is OFFLINE

    @virtual_time
    async def test_a_waiting_stream_waits_when_the_streamer_is_offline_after_a_cut(self) -> None:
        async with World(None, failure(OFFLINE)).running() as world:
            socket = world.socket(wait=True)
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(2 * INTERVAL)

            assert socket.states() == ["connecting", "live", "reconnecting", "waiting", "live"]
            assert socket.counts()["gap"] == 1

    @virtual_time
    async def test_a_waiting_stream_backs_off_when_a_poll_fails_otherwise(self) -> None:
        blocked = failure(ErrorCode.TIKTOK_BLOCKED)
        answers = [failure(OFFLINE), blocked, failure(OFFLINE)]
        async with World(*answers, idle_timeout=LONG).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(5 * INTERVAL)

            expected = ["connecting", "waiting", "reconnecting", "waiting", "live"]
            assert socket.states() == expected

    @virtual_time
    async def test_a_waiting_stream_gives_up_when_polls_go_on_failing(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            world.then = failure(ErrorCode.TIKTOK_BLOCKED)
            socket = world.socket(wait=True)
            await until_over(socket)

            assert socket.error is LOST
            assert RECONNECT_FOR <= world.attempts[-1] - world.attempts[1] < RECONNECT_FOR + 40
