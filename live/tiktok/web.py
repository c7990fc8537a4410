"""What all HTTP requests to TikTok share: its addresses, and verified TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from django.conf import settings
from TikTokLive.client.web.web_base import TikTokHTTPClient
from TikTokLive.client.web.web_settings import WebDefaults

__all__ = ["TLS", "use_configured_addresses", "web_client", "webcast_address"]

# Building a TLS context reads a hundred certificates; all clients share this one.
TLS = httpx.create_ssl_context()


def use_configured_addresses() -> None:
    """Have TikTokLive ask the addresses of `TIKTOK_APP_URL` and `TIKTOK_WEBCAST_URL`, which tests
    change. TikTokLive keeps them for the whole process; they are set before each use."""
    WebDefaults.tiktok_app_url = settings.TIKTOK_APP_URL
    WebDefaults.tiktok_webcast_url = settings.TIKTOK_WEBCAST_URL


@asynccontextmanager
async def web_client() -> AsyncIterator[TikTokHTTPClient]:
    """TikTokLive's HTTP client, without a connection to a LIVE and without a time limit."""
    use_configured_addresses()
    client = TikTokHTTPClient(httpx_kwargs={"verify": TLS, "timeout": None})
    try:
        yield client
    finally:
        await client.close()


def webcast_address(path: str) -> str:
    """The address of a path of TikTok's webcast API, such as "/room/info/"."""
    return f"{settings.TIKTOK_WEBCAST_URL}{path}"
