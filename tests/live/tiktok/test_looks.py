"""Whether an awaited streamer is live, asked of the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.looks import TikTokLooks
from live.tiktok.network import Network
from live.tiktok.pacer import Pacer, Priority
from standin import Failure, Kind, TikTok

POLL = Priority.POLL


@pytest.fixture
def pacer() -> Pacer:
    return Pacer(1)


@pytest.fixture
async def network(tiktok: TikTok) -> AsyncIterator[Network]:
    network = Network()
    yield network
    await network.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)


@pytest.fixture
def looks(pacer: Pacer, network: Network) -> TikTokLooks:
    return TikTokLooks(pacer, network)


async def refusal(looks: TikTokLooks, username: str = "alice") -> RelayError:
    with pytest.raises(RelayError) as refused:
        await looks.room_of(username, POLL)
    return refused.value


class TestALook:
    async def test_it_finds_the_room_of_a_live_streamer(
        self, tiktok: TikTok, looks: TikTokLooks
    ) -> None:
        room = tiktok.go_live("alice")
        assert await looks.room_of("alice", POLL) == str(room.room_id)

    async def test_it_is_one_request_on_one_connection_while_the_streamer_is_offline(
        self, tiktok: TikTok, looks: TikTokLooks
    ) -> None:
        for name in ("alice", "bob", "carol"):
            tiktok.room(name)
            assert (await refusal(looks, name)).code is ErrorCode.USER_OFFLINE
        assert [request.kind for request in tiktok.requests] == [Kind.ROOM_API] * 3
        assert tiktok.open_connections == 1

    async def test_it_believes_the_room_rather_than_the_user(
        self, tiktok: TikTok, looks: TikTokLooks
    ) -> None:
        tiktok.go_live("alice").fail(Failure.NOT_ALIVE)
        assert (await refusal(looks)).code is ErrorCode.USER_OFFLINE

    async def test_it_says_what_is_in_the_way(self, tiktok: TikTok, looks: TikTokLooks) -> None:
        error = await refusal(looks, "nobody")
        assert (error.code, error.username) == (ErrorCode.USER_NOT_FOUND, "nobody")
        await tiktok.stop()
        assert (await refusal(looks)).code is ErrorCode.CONNECTION_LOST

    async def test_it_does_not_wait_for_ever(
        self, tiktok: TikTok, looks: TikTokLooks, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.2
        tiktok.go_live("alice").fail(Failure.ROOM_API_HANG)
        assert (await refusal(looks)).code is ErrorCode.TIKTOK_TIMEOUT

    async def test_its_error_keeps_nothing_of_the_request(
        self, tiktok: TikTok, looks: TikTokLooks
    ) -> None:
        error = await refusal(looks, "nobody")
        assert error.__cause__ is error.__context__ is None


class TestABlock:
    async def test_it_stops_the_looks_for_all(
        self, tiktok: TikTok, looks: TikTokLooks, network: Network
    ) -> None:
        tiktok.fail(Failure.CAPTCHA)
        for name in ("alice", "bob"):
            assert (await refusal(looks, name)).code is ErrorCode.TIKTOK_BLOCKED
        assert network.web_gate.seconds_closed
        asked = len(tiktok.requests)
        error = await refusal(looks, "carol")
        assert error.code is ErrorCode.TIKTOK_BLOCKED
        assert error.retry_after
        assert len(tiktok.requests) == asked

    async def test_it_is_over_when_a_look_is_answered(self, tiktok: TikTok) -> None:
        network = Network(block_pause=0.1)
        looks, gate = TikTokLooks(Pacer(100), network), network.web_gate
        tiktok.room("alice").fail(Failure.CAPTCHA, times=1)
        tiktok.room("bob").fail(Failure.CAPTCHA, times=1)
        for name in ("alice", "bob"):
            await refusal(looks, name)
        await asyncio.sleep(0.15)
        assert (await refusal(looks)).code is ErrorCode.USER_OFFLINE
        assert not gate.seconds_closed
        gate.check("bob")
        await network.close()


class TestItsTurn:
    async def test_it_waits_behind_all_others_until_it_is_hastened(
        self, tiktok: TikTok, looks: TikTokLooks, pacer: Pacer
    ) -> None:
        tiktok.room("alice")
        assert not pacer.waiting
        for _ in range(10):
            await pacer.turn(POLL)
        others = [asyncio.create_task(pacer.turn(Priority.RECONNECT)) for _ in range(5)]
        await asyncio.sleep(0)
        look = asyncio.create_task(refusal(looks))
        await asyncio.sleep(0.1)
        assert looks.is_busy
        assert not tiktok.requests

        looks.hasten("alice")
        looks.hasten("nobody")
        await look

        assert sum(other.done() for other in others) <= 1
        for other in others:
            other.cancel()
        await asyncio.wait(others)

    async def test_a_look_that_is_cancelled_leaves_nothing(
        self, tiktok: TikTok, looks: TikTokLooks, pacer: Pacer
    ) -> None:
        for _ in range(10):
            await pacer.turn(POLL)
        look = asyncio.create_task(looks.room_of("alice", POLL))
        await asyncio.sleep(0)
        look.cancel()
        await asyncio.wait([look])
        assert not looks.is_busy
        assert not looks._turns
        assert not tiktok.requests
