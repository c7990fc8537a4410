"""The anonymous visitor that the direct route connects as: TikTok knows it by a cookie.

TikTok gives the cookie `ttwid` with some of the answers to whoever opens a profile page. One cookie
serves all streams of a network, for as long as the process runs. It is never thrown away to get
round a block.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable

import httpx
from django.conf import settings
from django.utils.translation import gettext_noop as _
from TikTokLive.client.web.web_settings import WebDefaults

from live.protocol.errors import ErrorCode, RelayError
from live.tasks import cancel_and_wait
from live.tiktok.pacer import Pacer, Priority

__all__ = ["Visitor"]

# How often a page is asked for, at most, until one of the answers has the cookie; and seconds
# between two of them.
_TIMES, _BETWEEN = 8, 0.75
# Seconds that one answer may take.
_WITHIN = 5.0
# A profile that there always is.
_OWN_PROFILE = "tiktok"
_COOKIE = "ttwid"
# What a cookie's value may be (RFC 6265), and not longer than any browser would keep it.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{1,2048}")


class Visitor:
    """Gets the cookie once, and keeps it. Belongs to one event loop.

    Args:
        http: gives the HTTP client that asks.
        pacer: bounds what is asked of TikTok; None for no bound.
    """

    def __init__(self, http: Callable[[], httpx.AsyncClient], pacer: Pacer | None = None) -> None:
        self._http = http
        self._pacer = pacer
        self._cookie = ""
        self._asking: asyncio.Task[str] | None = None

    async def cookie(self, username: str) -> str:
        """Return the value of the cookie. Those who need it at the same time ask once together.

        Args:
            username: whose profile page is asked for, if there is no cookie yet.

        Raises:
            RelayError: `tiktok_blocked`: TikTok gives none.
            httpx.HTTPError: TikTok can't be reached.
        """
        if self._cookie:
            return self._cookie
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(username), name="visitor's cookie")
            self._asking.add_done_callback(_see)
        # Whoever is cancelled leaves it to the others.
        await asyncio.wait([self._asking])
        if self._asking.cancelled():
            raise RelayError(ErrorCode.SERVER_SHUTDOWN)
        self._cookie = self._asking.result()
        return self._cookie

    async def close(self) -> None:
        """Stop asking."""
        await cancel_and_wait(self._asking)

    async def _ask(self, username: str) -> str:
        unreachable: httpx.HTTPError | None = None
        for time, profile in zip(range(_TIMES), itertools.cycle([username, _OWN_PROFILE])):
            if time:
                await asyncio.sleep(_BETWEEN)
            if self._pacer is not None:
                await self._pacer.turn(Priority.CONNECT)
            try:
                if cookie := await self._ask_once(profile):
                    return cookie
                unreachable = None
            except httpx.HTTPError as failure:
                unreachable = failure
        if unreachable is not None:
            raise unreachable
        raise RelayError(
            ErrorCode.TIKTOK_BLOCKED, reason=_("TikTok gave no visitor's cookie."), said="no cookie"
        )

    async def _ask_once(self, profile: str) -> str:
        # Made by hand, so that the client adds none of its cookies: a visitor who shows some gets
        # no new one.
        request = httpx.Request(
            "GET",
            f"{settings.TIKTOK_APP_URL}/@{profile}",
            headers=WebDefaults.web_client_headers,
            extensions={"timeout": httpx.Timeout(_WITHIN).as_dict()},
        )
        response = await self._http().send(request, stream=True)
        await response.aclose()  # only its headers are of use
        for cookie in response.cookies.jar:
            if cookie.name == _COOKIE and _VALUE.fullmatch(cookie.value or ""):
                return cookie.value or ""
        return ""


def _see(task: asyncio.Task[str]) -> None:
    """Its failure counts as seen, even if nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
