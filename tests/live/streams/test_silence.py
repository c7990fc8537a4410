"""What a stream makes of a connection on which TikTok says little, or nothing."""

from __future__ import annotations

import asyncio

from standin import messages
from tests.support.clock import now, virtual_time
from tests.support.streams import CLOSE_TIME, CONNECT_TIME, IDLE
from tests.support.upstreams import World


class TestSilence:
    @virtual_time
    async def test_a_live_stream_is_quiet_when_only_heartbeats_come(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(20):
                await asyncio.sleep(10)
                world.newest.beat()

            assert socket.states() == ["connecting", "live", "quiet"]
            assert len(world.upstreams) == 1

    @virtual_time
    async def test_a_live_is_quiet_as_soon_as_its_last_message_is_long_enough_ago(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            await asyncio.sleep(3)
            world.newest.say(messages.chat("a", "the last one"))
            for _ in range(IDLE // 10):
                await asyncio.sleep(9.99)
                world.newest.beat()
            assert socket.states()[-1] == "live"

            await asyncio.sleep(0.1)

            assert socket.states()[-1] == "quiet"

    @virtual_time
    async def test_a_live_stream_is_live_again_with_the_next_message(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(7):
                await asyncio.sleep(10)
                world.newest.beat()

            world.newest.say(messages.chat("a", "hello"))

            assert socket.states() == ["connecting", "live", "quiet", "live"]
            assert socket.types()[-2:] == ["status", "comment"]

    @virtual_time
    async def test_a_live_stream_reconnects_when_nothing_at_all_comes(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            connected = now()

            await asyncio.sleep(IDLE - 1)
            assert socket.states() == ["connecting", "live"]
            await world.attempted(2)
            await socket.is_live()

            assert socket.states() == ["connecting", "live", "deaf", "reconnecting", "live"]
            assert now() - connected < IDLE + 1 + CLOSE_TIME + CONNECT_TIME + 0.2
            assert len(world.open_upstreams) == 1

    @virtual_time
    async def test_a_live_stream_hears_bytes_that_it_cannot_read(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(20):
                await asyncio.sleep(10)
                world.newest.garble()

            assert "deaf" not in socket.states()

    @virtual_time
    async def test_a_live_stream_is_deaf_after_it_was_quiet(self) -> None:
        async with World().running() as world:
            socket = world.socket()
            await socket.is_live()
            for _ in range(7):
                await asyncio.sleep(10)
                world.newest.beat()

            await asyncio.sleep(IDLE + 0.1)

            assert socket.states()[:4] == ["connecting", "live", "quiet", "deaf"]
