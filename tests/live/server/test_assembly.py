"""What a relay is made of."""

from __future__ import annotations

import asyncio
import time

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode
from live.server.assembly import make_relay
from live.streams.registry import Streams
from live.streams.state import StreamState
from standin import Failure, Kind, TikTok


async def failure_of(streams: Streams, username: str) -> tuple[ErrorCode, int | None]:
    """How the first attempt at a user's LIVE fails."""
    access = streams.access("")
    stream = streams.join(username, access, wait=False, since=None)
    async with asyncio.timeout(10):
        while not stream.over:
            await stream.log.changed(stream.log.end)
    streams.leave(stream, access, wait=False)
    assert stream.error is not None
    return stream.error.code, stream.error.retry_after


async def test_the_streams_of_a_relay_share_what_they_know_of_tiktok_s_blocks(
    tiktok: TikTok,
) -> None:
    tiktok.fail(Failure.CAPTCHA)
    relay = make_relay()
    try:
        for username in ("alice", "bob"):
            assert await failure_of(relay.streams, username) == (ErrorCode.TIKTOK_BLOCKED, None)
        asked = len(tiktok.requests)
        code, retry_after = await failure_of(relay.streams, "carol")
    finally:
        await relay.close()

    assert code is ErrorCode.TIKTOK_BLOCKED
    assert retry_after is not None
    assert 10 <= retry_after <= 18
    assert len(tiktok.requests) == asked


async def test_all_that_a_relay_asks_of_tiktok_has_one_pacer(
    tiktok: TikTok, settings: Settings
) -> None:
    settings.RELAY_TIKTOK_RATE = 1
    settings.RELAY_CONNECT_TIMEOUT = 0.5
    relay = make_relay()
    try:
        for number in range(10):  # as many as it lets through at once
            tiktok.room(f"user{number}")
            await relay.lookup.live_room(f"user{number}")
        code, _ = await failure_of(relay.streams, "alice")
    finally:
        await relay.close()

    assert code is ErrorCode.TIKTOK_TIMEOUT
    assert not tiktok.count(Kind.LIVE_PAGE)


async def test_many_awaited_streamers_are_asked_for_at_the_pace_of_the_relay(
    tiktok: TikTok, settings: Settings
) -> None:
    settings.RELAY_TIKTOK_RATE = 20
    names = [f"user{number}" for number in range(40)]
    for name in names:
        tiktok.room(name)
    relay = make_relay()
    began = time.monotonic()
    try:
        access = relay.streams.access("")
        streams = [relay.streams.join(name, access, wait=True, since=None) for name in names]
        async with asyncio.timeout(20):
            for stream in streams:
                while stream.state is not StreamState.WAITING:
                    assert not stream.over
                    await stream.log.changed(stream.log.end)
        took = time.monotonic() - began
    finally:
        await relay.close()

    assert took > 1.4  # ten at once, and 30 more at 20 a second
    # The first ones are connected to as ever: ten, and some more where the machine is slow. Once
    # there are too many, it is looked first.
    assert tiktok.count(Kind.LIVE_PAGE) <= 20
    assert tiktok.count(Kind.ROOM_API) >= 20
    assert not tiktok.count(Kind.SIGN)
    await tiktok.wait_for(lambda: not tiktok.open_connections)


@pytest.mark.parametrize("routes", [["signed"], ["signed", "direct"]])
async def test_the_hint_of_a_limit_names_the_direct_route_where_it_is_off(
    tiktok: TikTok, settings: Settings, routes: list[str]
) -> None:
    settings.TIKTOK_ROUTES = routes
    tiktok.go_live("alice")
    tiktok.fail(Failure.SIGN_429)
    tiktok.fail(Failure.DIRECT_415)
    relay = make_relay()
    try:
        stream = relay.streams.join("alice", relay.streams.access(""), wait=False, since=None)
        async with asyncio.timeout(10):
            while not stream.over:
                await stream.log.changed(stream.log.end)
    finally:
        await relay.close()
    assert stream.error is not None
    assert stream.error.code is ErrorCode.RATE_LIMITED
    hint = str(stream.error.explain("en").hint)
    assert hint.startswith("Use an EulerStream API key to lift the limit.")
    assert ("TIKTOK_ROUTES=signed,direct" in hint) is (routes == ["signed"])
    assert ("direct (TikTok refuses it)" in hint) is (routes != ["signed"])
