"""TikTok's pictures, fetched for our pages, which load nothing from other hosts.

Only hosts of `RELAY_PICTURE_HOSTS` are ever asked, without cookies, credentials or redirects, and
only what is a picture by its first bytes is passed on.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, OrderedDict
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple

import httpx
from django.conf import settings

from live.tasks import cancel_and_wait
from live.tiktok.web import TLS

__all__ = ["Picture", "Pictures"]

logger = logging.getLogger(__name__)

_WITHIN = 10.0  # seconds, for all of a picture
_LARGEST = 1024 * 1024  # bytes
_KEPT = 32 * 1024 * 1024  # bytes
_CONNECTIONS = 64
# Fetched, or waiting for a connection: at once, and for one account, which leaves some to others.
_MOST_AT_ONCE = 256
_MOST_EACH = 32
_LONGEST_ADDRESS = 2000
_HOST = re.compile(rb"[a-z0-9.-]+")

# What a picture begins with. No SVG: it can hold scripts.
_TYPES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/avif": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
}


class Picture(NamedTuple):
    """A picture's bytes, and what kind of picture they are."""

    content: bytes
    content_type: str


class Pictures:
    """Pictures by their addresses. Belongs to one event loop.

    A picture is fetched once, however many ask, and the last ones are kept.

    Args:
        kept: bytes of pictures that are kept.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._client: httpx.AsyncClient | None = None
        self._tasks: dict[str, asyncio.Task[Picture | None]] = {}
        self._kept: OrderedDict[str, Picture] = OrderedDict()  # the one asked for last is the last
        self._room = kept
        self._fetching: Counter[int] = Counter()  # tasks, by the account that asked first
        self._closed = False

    async def get(self, address: str, account_id: int) -> Picture | None:
        """The picture, for this account; None if there is none, or it may not be fetched."""
        if picture := self._kept.get(address):
            self._kept.move_to_end(address)
            return picture
        task = self._tasks.get(address)
        if task is None:
            url = _allowed(address)
            if url is None or not self._may_fetch(account_id):
                return None
            task = self._tasks[address] = asyncio.create_task(self._fetch(address, url))
            self._fetching[account_id] += 1
            task.add_done_callback(lambda _: self._fetched(address, account_id))
        # It goes on when its asker has gone, for the others and for the next time.
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()

    async def close(self) -> None:
        """Give up what is under way; those who wait get None, and so does whoever asks later."""
        self._closed = True
        await cancel_and_wait(*self._tasks.values())
        if self._client is not None:
            await self._client.aclose()

    def _may_fetch(self, account_id: int) -> bool:
        return (
            not self._closed
            and len(self._tasks) < _MOST_AT_ONCE
            and self._fetching[account_id] < _MOST_EACH
        )

    def _fetched(self, address: str, account_id: int) -> None:
        del self._tasks[address]
        self._fetching -= Counter([account_id])  # forgets those with none

    async def _fetch(self, address: str, url: httpx.URL) -> Picture | None:
        if self._client is None:
            self._client = _make_client()
        try:
            async with asyncio.timeout(_WITHIN):
                picture = await _download(self._client, url)
        except (httpx.HTTPError, TimeoutError, _NoPictureError) as failure:
            # The query may be a signature: it stays out of the log.
            reason = str(failure) or type(failure).__name__
            logger.debug("no picture at %s%s: %s", url.host, url.path, reason)
            return None
        self._keep(address, picture)
        return picture

    def _keep(self, address: str, picture: Picture) -> None:
        self._kept[address] = picture
        self._room -= len(picture.content)
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += len(oldest.content)


class _NoPictureError(Exception):
    """What came is no picture, or none that we pass on."""


def _make_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=TLS,
        timeout=_WITHIN,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=_CONNECTIONS),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "Accept": ", ".join(_TYPES),
            # A few bytes could be inflated to any number of them.
            "Accept-Encoding": "identity",
            "User-Agent": "Mozilla/5.0",
        },
    )


def _allowed(address: str) -> httpx.URL | None:
    """The address, if it is one of a picture host: read by httpx, which then asks that host."""
    if len(address) > _LONGEST_ADDRESS:
        return None
    try:
        url = httpx.URL(address)
        _ = url.host  # decoded from punycode, as httpx does on the way
    except (httpx.InvalidURL, UnicodeError):
        return None
    if url.userinfo or not _HOST.fullmatch(url.raw_host):
        return None
    for allowed in settings.RELAY_PICTURE_HOSTS:
        if "://" in allowed:
            if _origin(url) == _origin(httpx.URL(allowed)):
                return url
        elif url.scheme == "https" and url.port is None and _is_host(_host(url), allowed):
            return url
    return None


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """httpx leaves a scheme's own port out."""
    return url.scheme, _host(url), url.port


def _host(url: httpx.URL) -> str:
    """As it goes to the resolver: not decoded."""
    return url.raw_host.decode("ascii")


def _is_host(host: str, pattern: str) -> bool:
    """Is it `cdn.example` itself, or below `.cdn.example`?"""
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


async def _download(client: httpx.AsyncClient, url: httpx.URL) -> Picture:
    """Fetch a picture.

    Raises:
        httpx.HTTPError: its host does not answer.
        _NoPictureError: it answers with something else, or with too much.
    """
    async with client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise _NoPictureError(f"status {response.status_code}")
        if not response.headers.get("Content-Type", "").startswith("image/"):
            raise _NoPictureError("not sent as a picture")
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > _LARGEST:
                raise _NoPictureError("too large")
    for content_type, beginning in _TYPES.items():
        if beginning.match(content):
            return Picture(bytes(content), content_type)
    raise _NoPictureError("not a picture")
