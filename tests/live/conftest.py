"""A stand-in for TikTok, for tests that talk to it from their own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings

from standin import TikTok


@pytest.fixture
async def tiktok(settings: Settings) -> AsyncIterator[TikTok]:
    """TikTok and the sign server, to which the settings point."""
    async with TikTok() as tiktok:
        settings.TIKTOK_APP_URL = tiktok.url
        settings.TIKTOK_WEBCAST_URL = f"{tiktok.url}/webcast"
        settings.SIGN_API_URL = tiktok.url
        settings.RELAY_CONNECT_TIMEOUT = 3
        yield tiktok
