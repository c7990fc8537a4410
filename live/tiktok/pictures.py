"""Fetches TikTok's pictures for the relay's pages, which load nothing from other hosts.

Only the hosts in `RELAY_PICTURE_HOSTS` are asked. Requests have no cookies and no credentials, and
redirects are not followed. An answer is passed on only if its first bytes are those of a picture.
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
from live.tiktok.clients import make_client

__all__ = ["Picture", "Pictures"]

logger = logging.getLogger(__name__)

# Seconds that fetching one picture may take.
_WITHIN = 10.0
# Bytes that one picture may have, and bytes of all pictures that are kept.
_LARGEST = 1024 * 1024
_KEPT = 32 * 1024 * 1024
# Connections to picture hosts that may be open at once.
_CONNECTIONS = 64
# Pictures that may be fetched or wait for a connection at once: in total, and for one account. The
# lower limit for an account leaves room for the others.
_MOST_AT_ONCE = 256
_MOST_EACH = 32
# Characters that a picture's address may have, and which ones its host may have.
_LONGEST_ADDRESS = 2000
_HOST = re.compile(rb"[a-z0-9.-]+")

# The first bytes of a picture, by its type. SVG is left out, since it can hold scripts.
_TYPES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/avif": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
}


class Picture(NamedTuple):
    """A picture's bytes and its media type, such as "image/png"."""

    content: bytes
    content_type: str


class Pictures:
    """Fetches pictures by their addresses, and keeps some of them. Belongs to one event loop.

    Callers that ask for the same address at the same time share one request.

    Args:
        kept: how many bytes of pictures are kept. When there are more, the picture that nobody
            has asked for longest is removed.
        proxy: the address of the proxy to fetch them through; empty for none.
    """

    def __init__(self, kept: int = _KEPT, proxy: str = "") -> None:
        self._proxy = proxy
        self._client: httpx.AsyncClient | None = None
        self._tasks: dict[str, asyncio.Task[Picture | None]] = {}
        self._kept: OrderedDict[str, Picture] = OrderedDict()  # oldest use first
        self._room = kept  # bytes that are still free
        self._fetching: Counter[int] = Counter()  # number of tasks, by account id
        self._closed = False

    async def get(self, address: str, account_id: int) -> Picture | None:
        """Return the picture at an address.

        Returns None if the address is not allowed, has no picture, does not answer in time, or if
        too many pictures are being fetched, in total or for this account.

        Args:
            account_id: the account that asks; its limit counts.
        """
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
        # If this caller is cancelled, the task goes on: others may wait for it, and the picture is
        # kept for the next time.
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()

    async def close(self) -> None:
        """Cancel all requests. Callers that wait, and all later ones, get None."""
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
        self._fetching -= Counter([account_id])  # also removes accounts whose count is now 0

    async def _fetch(self, address: str, url: httpx.URL) -> Picture | None:
        if self._client is None:
            self._client = _make_client(self._proxy)
        try:
            async with asyncio.timeout(_WITHIN):
                picture = await _download(self._client, url)
        except (httpx.HTTPError, TimeoutError, _NoPictureError) as failure:
            # The address is logged without its query, which may hold a signature.
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
    """An answer is no picture, or is too large; the text says which."""


def _make_client(proxy: str) -> httpx.AsyncClient:
    return make_client(
        proxy,
        httpx.Limits(max_connections=_CONNECTIONS),
        timeout=_WITHIN,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "Accept": ", ".join(_TYPES),
            # Compressed answers are refused: a few bytes of them could unpack to very many.
            "Accept-Encoding": "identity",
            "User-Agent": "Mozilla/5.0",
        },
    )


def _allowed(address: str) -> httpx.URL | None:
    """Return the parsed address if its host is in `RELAY_PICTURE_HOSTS`; else None.

    It is parsed by httpx, which also sends the request: so the host that is checked is the host
    that is asked.
    """
    if len(address) > _LONGEST_ADDRESS:
        return None
    try:
        url = httpx.URL(address)
        _ = url.host  # decodes punycode, as httpx does later; raises UnicodeError where it is wrong
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
    """Return scheme, host and port, to compare two addresses. The scheme's own port is None."""
    return url.scheme, _host(url), url.port


def _host(url: httpx.URL) -> str:
    """Return the host as it is looked up in DNS: in ASCII, with punycode not decoded."""
    return url.raw_host.decode("ascii")


def _is_host(host: str, pattern: str) -> bool:
    """Whether a host matches a pattern of `RELAY_PICTURE_HOSTS`.

    `cdn.example` matches that host only; `.cdn.example` matches all hosts below it.
    """
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


async def _download(client: httpx.AsyncClient, url: httpx.URL) -> Picture:
    """Fetch a picture.

    Raises:
        httpx.HTTPError: the host does not answer.
        _NoPictureError: the answer is no picture, or has more than `_LARGEST` bytes.
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
