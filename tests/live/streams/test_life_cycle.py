"""The life of a stream: it connects, is live, and ends; however it ends, nothing is left over."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.streams.streaks import STREAK_TIMEOUT
from standin import messages
from tests.support.clock import now, settle, virtual_time
from tests.support.streams import (
    CLOSE_TIME,
    CONNECT_TIME,
    FINAL,
    INTERVAL,
    LINGER,
    OFFLINE,
    PASSING,
    TICK,
    Highest,
    over,
    until_over,
    world_with,
)
from tests.support.upstreams import HANGS, World, failure


class TestConnecting:
    @virtual_time
    async def test_a_connecting_stream_tells_its_sockets_how_it_becomes_live(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await settle()
            assert socket.states() == ["connecting"]

            await socket.is_live()

            assert socket.states() == ["connecting", "live"]
            assert socket.stream.room is not None
            assert socket.stream.room.title == "A title"

    @virtual_time
    async def test_a_connecting_stream_passes_on_what_comes_with_the_connection(self) -> None:
        async with World().running() as world:
            world.greeting = [messages.chat("a", "earlier")]
            socket = world.socket()
            await socket.is_live()

            assert socket.types() == ["status", "status", "comment"]

    @pytest.mark.parametrize("code", [*FINAL, *PASSING, ErrorCode.INTERNAL_ERROR])
    @virtual_time
    async def test_a_connecting_stream_tells_the_first_failure_at_once(
        self, code: ErrorCode
    ) -> None:
        async with World(failure(code, retry_after=7)).running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is code
            assert socket.states() == ["connecting"]
            assert len(world.upstreams) == 1
            assert now() - world.attempts[0] == pytest.approx(CONNECT_TIME + CLOSE_TIME, abs=0.01)

    @virtual_time
    async def test_a_connecting_stream_survives_a_fault_of_its_own(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with World(ZeroDivisionError()).running() as world:
            socket = world.socket()
            await until_over(socket)

            assert socket.error is ErrorCode.INTERNAL_ERROR
            assert "ZeroDivisionError" in caplog.text

    @virtual_time
    async def test_a_connecting_stream_is_cancelled_when_nobody_listens_any_more(self) -> None:
        async with World(HANGS).running() as world:
            socket = world.socket()
            await asyncio.sleep(5)

            socket.leave()
            await asyncio.sleep(CLOSE_TIME + 0.01)

            assert over(socket)
            assert not world.open_upstreams

    @virtual_time
    async def test_a_connecting_stream_goes_on_while_somebody_listens(self) -> None:
        async with World().running() as world:
            first, second = world.socket(), world.socket()
            await settle()
            first.leave()

            await second.is_live()

            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_never_connects_for_a_socket_that_was_gone_at_once(self) -> None:
        async with World().running() as world:
            world.socket().leave()
            await settle()

            assert not world.upstreams


class TestBeingConnected:
    """`connected`, which a test of the connection waits for."""

    @virtual_time
    async def test_connected_returns_the_room_once_tiktok_sends(self) -> None:
        async with World().running() as world:
            stream = world.socket().stream
            assert (await stream.connected()).id == world.room_id

    @pytest.mark.parametrize("code", [*FINAL, *PASSING])
    @virtual_time
    async def test_connected_says_why_it_is_not(self, code: ErrorCode) -> None:
        async with World(failure(code)).running() as world:
            stream = world.socket().stream
            with pytest.raises(RelayError) as raised:
                await stream.connected()
            assert raised.value.code is code

    @virtual_time
    async def test_connected_says_that_others_wait_for_the_streamer(self) -> None:
        async with World(failure(OFFLINE)).running() as world:
            stream = world.socket(wait=True).stream
            with pytest.raises(RelayError) as raised:
                await stream.connected()
            assert raised.value.code is OFFLINE

    @virtual_time
    async def test_connected_does_not_take_a_lost_connection_for_one(self) -> None:
        async with world_with(Highest(), None, HANGS).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await world.attempted(2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await socket.stream.connected()


class TestLive:
    @virtual_time
    async def test_a_live_stream_ends_a_streak_that_tiktok_forgot(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(*messages.streak("a", count=3)[:-1])
            await asyncio.sleep(STREAK_TIMEOUT + TICK + 0.1)

            assert [gift["streak"] for gift in socket.of_type("gift")] == ["ongoing"] * 3 + [
                "ended"
            ]


class TestLiveEnd:
    @virtual_time
    async def test_the_end_of_a_live_is_no_cut(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(messages.end())
            await until_over(socket)

            assert socket.types()[-1] == "live_end"
            assert socket.error is None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_ends_though_the_connection_is_cut_in_the_same_moment(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.say(messages.end())
            world.newest.cut()
            await until_over(socket)

            assert socket.error is None
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_ends_though_it_hears_so_only_while_a_connection_is_closed(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()

            world.newest.cut()
            await settle()
            world.newest.say(messages.end())
            await until_over(socket)

            assert socket.error is None
            assert socket.types()[-1] == "live_end"
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_ends_when_the_end_is_the_first_that_it_hears(self) -> None:
        async with World().running() as world:
            world.greeting = [messages.end()]
            socket = world.socket()
            await until_over(socket)

            assert socket.types() == ["status", "status", "live_end"]


class TestCancellation:
    """Nobody listens any more, in every state."""

    @virtual_time
    async def test_a_stream_nobody_listens_to_ends_while_it_backs_off(self) -> None:
        async with world_with(Highest(), None, linger=0.5).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(CLOSE_TIME + 0.1)
            assert socket.stream.status.state == "reconnecting"

            socket.leave()
            await asyncio.sleep(0.6)

            assert over(socket)
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_nobody_listens_to_ends_while_it_reconnects(self) -> None:
        async with World(None, HANGS).running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.cut()
            await asyncio.sleep(5)

            socket.leave()
            await asyncio.sleep(LINGER + CLOSE_TIME + 0.1)

            assert over(socket)
            assert len(world.upstreams) == 2

    @virtual_time
    async def test_a_stream_nobody_listens_to_closes_a_connection_to_its_end(self) -> None:
        async with World(linger=1).running() as world:
            world.close_time = 2
            socket = world.socket()
            await socket.is_live()
            socket.leave()

            world.newest.cut()  # the linger is over while the connection is being closed
            await asyncio.sleep(1.5)
            assert over(socket)
            assert len(world.open_upstreams) == 0
            await asyncio.sleep(1)

            assert world.newest.close_was_completed
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_stream_nobody_listens_to_ends_while_it_waits_for_the_streamer(self) -> None:
        async with World().running() as world:
            world.then = failure(OFFLINE)
            socket = world.socket(wait=True)
            await asyncio.sleep(5)

            socket.leave()
            await settle()

            assert over(socket)
            assert not list(world.streams)

    @virtual_time
    async def test_a_stream_nobody_listens_to_ends_while_it_polls(self) -> None:
        async with World(failure(OFFLINE), HANGS).running() as world:
            socket = world.socket(wait=True)
            await asyncio.sleep(2 * INTERVAL)
            assert (len(world.upstreams), len(world.looks)) == (1, 1)

            socket.leave()
            await asyncio.sleep(CLOSE_TIME + 0.1)

            assert over(socket)

    @virtual_time
    async def test_a_stream_nobody_listens_to_ends_open_streaks(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            world.newest.say(*messages.streak("a", count=2)[:-1])
            socket.leave()

            await asyncio.sleep(LINGER + 1)

            assert socket.of_type("gift")[-1]["streak"] == "ended"
