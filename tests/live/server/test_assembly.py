"""What a relay is made of."""

from __future__ import annotations

import asyncio

from pytest_django import Settings

from live.protocol.errors import ErrorCode
from live.server.assembly import make_relay
from live.streams.registry import Streams
from standin import Failure, Kind, TikTok


async def failure_of(streams: Streams, username: str) -> tuple[ErrorCode, int | None]:
    """How the first attempt at a user's LIVE fails."""
    stream = streams.join(username, "", wait=False, since=None)
    async with asyncio.timeout(10):
        while not stream.over:
            await stream.log.changed(stream.log.end)
    streams.leave(stream, "", wait=False)
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
        await relay.streams.close()

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
        await relay.streams.close()
        await relay.lookup.close()

    assert code is ErrorCode.TIKTOK_TIMEOUT
    assert not tiktok.count(Kind.LIVE_PAGE)
