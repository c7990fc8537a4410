"""PirateTok's client, which uses TikTok's direct route on TikTok itself, against the stand-in.

It holds the stand-in to what such a client expects. The client is as it was published, but its
addresses, which are written into its functions, lead here, and it tries again at once when blocked.
"""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import piratetok_live.client
import pytest
from curl_cffi import requests as curl
from piratetok_live import EventType, TikTokLiveClient
from piratetok_live.connection import supervisor

from standin import Failure, Kind, Room, TikTok
from standin import messages as build
from standin.changes import Changes

TIMEOUT = 10


class Viewer:
    """A client that watches in a task, and the events it emitted."""

    def __init__(self, tiktok: TikTok) -> None:
        self.client = TikTokLiveClient("alice").cdn(f"127.0.0.1:{tiktok.port}").max_retries(1)
        self.data: dict[str, list[Any]] = defaultdict(list)
        self._changes = Changes()
        for kind in (EventType.chat, EventType.gift, EventType.reconnecting):
            self.client.on(kind)(self._append)
        self.task = asyncio.create_task(self.client.connect())

    def _append(self, event: Any) -> None:
        self.data[event.type].append(event.data)
        self._changes.notify()

    async def got(self, kind: str, n: int = 1) -> list[Any]:
        """What the first n events of that kind say, once they are there."""
        await self._changes.wait_for(lambda: len(self.data[kind]) >= n)
        return self.data[kind][:n]

    async def aclose(self) -> None:
        self.client.disconnect()
        async with asyncio.timeout(TIMEOUT):
            await self.task


@pytest.fixture
async def tiktok(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TikTok]:
    async with TikTok() as tiktok:
        get, socket_url = curl.get, piratetok_live.client.build_wss_url

        def get_here(url: str, **options: Any) -> Any:
            return get(url.replace("https://www.tiktok.com", tiktok.url), **options)

        def socket_url_here(*arguments: Any, **options: Any) -> str:
            return str(socket_url(*arguments, **options)).replace("wss://", "ws://")

        monkeypatch.setattr(curl, "get", get_here)
        monkeypatch.setattr(piratetok_live.client, "build_wss_url", socket_url_here)
        monkeypatch.setattr(supervisor, "DEVICE_BLOCKED_DELAY", 0)
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice", history=[build.chat("bob", "earlier")])


@pytest.fixture
async def viewer(tiktok: TikTok, room: Room) -> AsyncIterator[Viewer]:
    viewer = Viewer(tiktok)
    yield viewer
    await viewer.aclose()


async def test_it_gets_history_and_events(tiktok: TikTok, room: Room, viewer: Viewer) -> None:
    await room.wait_for_socket()
    assert await room.push(build.chat("carol", "hi"), build.gift("carol", "Rose")) == 1
    (gift,) = await viewer.got(EventType.gift)
    assert gift["gift"]["name"] == "Rose"
    comments = await viewer.got(EventType.chat, 2)
    assert [comment["content"] for comment in comments] == ["earlier", "hi"]
    assert len(room.heartbeats) == 1
    await tiktok.wait_for(lambda: len(room.acks) == 2)
    assert [request.kind for request in tiktok.requests] == [
        Kind.ROOM_API,
        Kind.PROFILE_PAGE,
        Kind.DIRECT,
    ]
    assert [tiktok.requests[-1].visitor] == tiktok.visitors


async def test_it_asks_again_until_a_page_gives_a_cookie(tiktok: TikTok, room: Room) -> None:
    tiktok.cookie_every = 3
    viewer = Viewer(tiktok)
    await viewer.got(EventType.chat)
    await viewer.aclose()
    asked = [request.path for request in tiktok.requests if request.kind is Kind.PROFILE_PAGE]
    assert asked == ["/@alice", "/@tiktok", "/@alice"]


@pytest.mark.parametrize("failure", [Failure.DIRECT_200, Failure.DIRECT_415])
async def test_when_it_is_blocked_it_takes_a_new_cookie(
    tiktok: TikTok, room: Room, failure: Failure
) -> None:
    room.fail(failure, times=1)
    viewer = Viewer(tiktok)
    (reconnecting,) = await viewer.got(EventType.reconnecting)
    assert reconnecting["device_blocked"]
    await viewer.got(EventType.chat)
    await viewer.aclose()
    shown = [request.visitor for request in tiktok.requests if request.kind is Kind.DIRECT]
    assert shown == tiktok.visitors
    assert len(set(shown)) == 2
