"""Provides what all HTTP requests to TikTok need: its addresses, an HTTP client, verified TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from django.conf import settings
from TikTokLive.client.web.web_base import TikTokHTTPClient
from TikTokLive.client.web.web_settings import WebDefaults

__all__ = ["TLS", "make_web_client", "use_configured_addresses", "web_client", "webcast_address"]

# The TLS context of all HTTP clients. It is made once, since that reads a hundred certificates.
TLS = httpx.create_ssl_context()


def use_configured_addresses() -> None:
    """Make TikTokLive use the addresses in `TIKTOK_APP_URL` and `TIKTOK_WEBCAST_URL`.

    TikTokLive keeps its addresses in global variables. This is called before each use, since tests
    change the settings.
    """
    WebDefaults.tiktok_app_url = settings.TIKTOK_APP_URL
    WebDefaults.tiktok_webcast_url = settings.TIKTOK_WEBCAST_URL


def make_web_client() -> TikTokHTTPClient:
    """Make the client of `web_client`, for a caller who closes it."""
    return TikTokHTTPClient(httpx_kwargs={"verify": TLS, "timeout": None})


@asynccontextmanager
async def web_client() -> AsyncIterator[TikTokHTTPClient]:
    """Open TikTokLive's HTTP client, to ask TikTok's web API. It has no time limit of its own."""
    use_configured_addresses()
    client = make_web_client()
    try:
        yield client
    finally:
        await client.close()


def webcast_address(path: str) -> str:
    """Return the full address of a path of TikTok's webcast API, such as "/room/info/"."""
    return f"{settings.TIKTOK_WEBCAST_URL}{path}"
