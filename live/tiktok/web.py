"""Asks TikTok's web API, and the sign server, through TikTokLive's routes and shared HTTP clients.

A `WebClient` is what TikTokLive's routes ask: it has parameters and cookies of its own, which some
routes change, and costs little. The connections below it are shared (see `network`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from django.conf import settings
from TikTokLive.__version__ import PACKAGE_VERSION
from TikTokLive.client.web.web_base import TikTokHTTPClient
from TikTokLive.client.web.web_settings import WebDefaults

__all__ = ["TLS", "USER_AGENT", "SignRequests", "WebClient", "webcast_address"]

# The TLS context of all connections. It is made once, since that reads a hundred certificates.
TLS = httpx.create_ssl_context()

# The browser that this process seems to be, on every route.
USER_AGENT: str = WebDefaults.web_client_headers["User-Agent"]


def webcast_address(path: str) -> str:
    """Return the full address of a path of TikTok's webcast API, such as "/room/info/"."""
    return f"{settings.TIKTOK_WEBCAST_URL}{path}"


class WebClient(TikTokHTTPClient):
    """TikTokLive's web client, for one question or one attempt to connect. Needs no closing.

    Args:
        http: the HTTP client that sends the requests; it is not closed by this one.
        limit: seconds that each request may take; None for no limit.
    """

    def __init__(self, http: httpx.AsyncClient, limit: float | None = None) -> None:
        # TikTokLive keeps its addresses in global variables. They are set anew each time, since
        # tests change the settings.
        WebDefaults.tiktok_app_url = settings.TIKTOK_APP_URL
        WebDefaults.tiktok_webcast_url = settings.TIKTOK_WEBCAST_URL
        self._shared = http
        self._limit = limit
        super().__init__()

    def _create_httpx_client(self, proxy: Any, httpx_kwargs: dict[str, Any]) -> httpx.AsyncClient:
        self.cookies = httpx.Cookies()
        for name, value in WebDefaults.web_client_cookies.items():
            self.cookies.set(name, value, ".tiktok.com")
        self.headers = dict(WebDefaults.web_client_headers)
        self.params = dict(WebDefaults.web_client_params)
        return self._shared

    async def build_request(self, *args: Any, **kwargs: Any) -> httpx.Request:
        request: httpx.Request = await super().build_request(*args, timeout=self._limit, **kwargs)
        return request

    def sign_with(self, requests: SignRequests) -> None:
        """Send requests to the sign server in this way from now on."""
        self._tiktok_signer = requests


class SignRequests:
    """Sends the sign server's requests. Stands where TikTokLive has its `TikTokSigner`, whose own
    HTTP client does not verify TLS, so that an API key would go to whoever answers.

    Args:
        http: the shared HTTP client.
        api_key: empty for requests without one.
        on_answer: is told the status and the headers of each answer.

    Attributes:
        response: the sign server's answer; None before there is one.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_key: str,
        on_answer: Callable[[int, httpx.Headers], None],
    ) -> None:
        self.response: httpx.Response | None = None
        self._http = http
        self._on_answer = on_answer
        self._headers = {"User-Agent": f"TikTokLive.py/{PACKAGE_VERSION}"}
        if api_key:
            self._headers["X-Api-Key"] = api_key

    @property
    def sdk_client(self) -> SignRequests:
        return self

    def get_async_httpx_client(self) -> SignRequests:
        return self

    async def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        headers = {**kwargs.pop("headers", {}), **self._headers}
        self.response = await self._http.request(
            method, f"{settings.SIGN_API_URL}{url}", headers=headers, **kwargs
        )
        self._on_answer(self.response.status_code, self.response.headers)
        return self.response
