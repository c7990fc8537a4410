"""The tests' own proxy, `tests/support/tiktok_proxy.py`, before the stand-in.

Where SOCKS5 refuses, the client is not httpx: httpcore 1.0.9 leaves its connection open then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidProxyStatus, ProxyError

from standin import Kind, Room, TikTok
from standin.frames import ROUTE_PARAMS
from standin.server import SOCKET_PATH
from tests.support.tiktok_proxy import Passage, TikTokProxy

TIMEOUT = 10
FORWARD, SOCKS5 = ("http", "forward"), ("socks5", "socks5")


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTok]:
    async with TikTok() as tiktok:
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice")


@pytest.fixture
async def proxy(tiktok: TikTok) -> AsyncIterator[TikTokProxy]:
    async with TikTokProxy() as proxy:
        yield proxy


async def get(url: str, proxy: str) -> httpx.Response:
    async with httpx.AsyncClient(proxy=proxy, timeout=TIMEOUT) as client:
        return await client.get(url)


def socket(tiktok: TikTok, room: Room, proxy: str) -> connect:
    query = httpx.QueryParams({"room_id": str(room.room_id), **ROUTE_PARAMS})
    return connect(f"{tiktok.socket_url()}{SOCKET_PATH}?{query}", proxy=proxy)


@pytest.mark.parametrize(("scheme", "kind"), [FORWARD, SOCKS5])
async def test_pages_go_through_it(
    tiktok: TikTok, proxy: TikTokProxy, scheme: str, kind: str
) -> None:
    async with httpx.AsyncClient(proxy=proxy.address(scheme), timeout=TIMEOUT) as client:
        pages = [await client.get(f"{tiktok.url}/@alice?n={n}") for n in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert [request.query for request in tiktok.requests] == [{"n": "0"}, {"n": "1"}]
    assert set(proxy.passages) == {Passage(kind, "127.0.0.1", tiktok.port)}  # type: ignore[arg-type]
    told = {name.lower() for request in tiktok.requests for name in request.headers}
    assert not any(name.startswith("proxy-") for name in told)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_the_socket_goes_through_it(
    tiktok: TikTok, room: Room, proxy: TikTokProxy, scheme: str
) -> None:
    async with socket(tiktok, room, proxy.address(scheme)) as connection:
        await room.wait_for_socket()
        assert await room.push_encoded(b"hello") == 1
        async with asyncio.timeout(TIMEOUT):
            assert await connection.recv() == b"hello"
        assert proxy.count("connect" if scheme == "http" else "socks5", tiktok.port) == 1
        proxy.cut()
        with pytest.raises(ConnectionClosedError):
            await connection.recv()


async def test_names_are_for_the_proxy_to_resolve(tiktok: TikTok, proxy: TikTokProxy) -> None:
    for scheme in ("http", "socks5"):
        assert (await get(f"http://localhost:{tiktok.port}/", proxy.address(scheme))).is_success
    assert [passage.host for passage in proxy.passages] == ["localhost", "localhost"]


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_without_the_password_nothing_goes_through(
    tiktok: TikTok, room: Room, proxy: TikTokProxy, password: str
) -> None:
    wrong = {scheme: proxy.address(scheme, password) for scheme in ("http", "socks5")}
    answer = await get(f"{tiktok.url}/@alice", wrong["http"])
    assert answer.status_code == 407
    assert answer.headers["Proxy-Authenticate"].startswith("Basic")
    with pytest.raises(InvalidProxyStatus, match="407"):
        await socket(tiktok, room, wrong["http"])
    for address in (wrong["socks5"], f"socks5://127.0.0.1:{proxy.port}"):
        with pytest.raises(ProxyError):
            await socket(tiktok, room, address)
    assert (await get(f"{tiktok.url}/", f"http://127.0.0.1:{proxy.port}")).status_code == 407
    assert proxy.wrong_passwords == 5
    assert proxy.passages == []
    assert tiktok.requests == []


async def test_it_can_forbid(tiktok: TikTok, room: Room, proxy: TikTokProxy) -> None:
    proxy.forbids = True
    assert (await get(f"{tiktok.url}/@alice", proxy.address())).status_code == 403
    with pytest.raises(InvalidProxyStatus, match="403"):
        await socket(tiktok, room, proxy.address())
    with pytest.raises(ProxyError):
        await socket(tiktok, room, proxy.address("socks5"))
    assert (proxy.passages, proxy.wrong_passwords) == ([], 0)


async def test_a_server_that_is_down_is_said(
    tiktok: TikTok, room: Room, proxy: TikTokProxy
) -> None:
    await tiktok.stop()
    assert (await get(f"{tiktok.url}/@alice", proxy.address())).status_code == 502
    with pytest.raises(InvalidProxyStatus, match="502"):
        await socket(tiktok, room, proxy.address())
    with pytest.raises(ProxyError):
        await socket(tiktok, room, proxy.address("socks5"))


async def test_each_request_may_be_for_another_server(tiktok: TikTok, proxy: TikTokProxy) -> None:
    async with TikTok() as other:
        async with httpx.AsyncClient(proxy=proxy.address(), timeout=TIMEOUT) as client:
            for server in (tiktok, other, tiktok):
                assert (await client.get(f"{server.url}/@alice")).is_success
        assert tiktok.count(Kind.PROFILE_PAGE) == 2
        assert other.count(Kind.PROFILE_PAGE) == 1


async def test_a_body_goes_through_it(tiktok: TikTok, proxy: TikTokProxy) -> None:
    async with httpx.AsyncClient(proxy=proxy.address(), timeout=TIMEOUT) as client:
        answer = await client.post(f"{tiktok.url}/api-live/user/room", content=b"x" * 300_000)
    assert answer.json()["message"] == "user_not_found"
