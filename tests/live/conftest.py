"""A stand-in for TikTok, and a host of pictures, in the event loop of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from live.tiktok.pictures import Pictures
from standin import TikTok
from tests.support.pictures import Host


@pytest.fixture
async def tiktok(settings: Settings) -> AsyncIterator[TikTok]:
    """TikTok and the sign server, to which the settings point."""
    async with TikTok() as tiktok:
        settings.TIKTOK_APP_URL = tiktok.url
        settings.TIKTOK_WEBCAST_URL = f"{tiktok.url}/webcast"
        settings.TIKTOK_SOCKET_URL = f"ws://127.0.0.1:{tiktok.port}/webcast"
        settings.SIGN_API_URL = tiktok.url
        settings.RELAY_CONNECT_TIMEOUT = 3
        yield tiktok


@pytest.fixture
async def host(settings: Settings) -> AsyncIterator[Host]:
    """A host of pictures that is allowed."""
    async with Host() as host:
        settings.RELAY_PICTURE_HOSTS = [".pictures.example", host.origin]
        yield host


@pytest.fixture
async def pictures() -> AsyncIterator[Pictures]:
    pictures = Pictures()
    yield pictures
    await pictures.close()
