"""One stand-in, one process of each server and one browser for all end-to-end tests, in one event
loop."""

from __future__ import annotations

import ipaddress
import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, async_playwright

from standin import Room, TikTok
from tests.support.chromium import CHROMIUM_ARGUMENTS, HEADLESS_SHELL, installed
from tests.support.phone import Phone
from tests.support.server import SERVERS, Account, Server

SETTINGS = {
    "RELAY_BLOCK_PAUSE": "0",  # so that no test meets what another test's block has closed
    "RELAY_CONNECT_TIMEOUT": "3",
    "RELAY_LINGER": "0.5",
    "RELAY_OWN_PROXIES": "on",
    "RELAY_RECONNECT_FOR": "3",
}
# For tests of what the servers have no part in: of pages, of REST, of what becomes of events. What
# tells the servers apart is tested on both: handshakes, frames of the wire, closing, shutdown, slow
# clients, limits at the door.
ON_DAPHNE = pytest.mark.parametrize("server", ["daphne"], indirect=True)
ON_UVICORN = pytest.mark.parametrize("server", ["uvicorn"], indirect=True)
_numbers = itertools.count(1)

AddAccount = Callable[..., Awaitable[Account]]
GetServer = Callable[[str], Awaitable[Server]]
StartServer = Callable[..., Awaitable[Server]]


class OnAir(NamedTuple):
    """A LIVE, and an account's phone that is connected to it."""

    room: Room
    account: Account
    phone: Phone


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tiktok() -> AsyncIterator[TikTok]:
    async with TikTok() as tiktok:
        yield tiktok


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(
    tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GetServer]:
    """Gives the server of that kind. It starts when it is first asked for, and runs to the end:
    pytest ends a fixture with `params` whenever the next test has another one, which is twice a
    file where files are spread over processes."""
    started: dict[str, Server] = {}

    async def get(kind: str) -> Server:
        if kind not in started:
            folder: Path = tmp_path_factory.mktemp("server")
            server = Server(kind, folder, {**tiktok.environment(), **SETTINGS})
            await server.start()
            started[kind] = server
        return started[kind]

    yield get
    for server in started.values():
        await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=SERVERS)
async def server(request: pytest.FixtureRequest, servers: GetServer) -> Server:
    return await servers(request.param)


@pytest.fixture
def streamer() -> str:
    """A TikTok username that no other test uses."""
    return f"streamer{next(_numbers)}"


@pytest.fixture
def own_address() -> str:
    """An address of this machine that no other test uses. Tokens that give no access are sent from
    one, as a server that tests share makes an address wait that has sent a few of them."""
    return str(ipaddress.IPv4Address("127.1.0.0") + next(_numbers))


@pytest.fixture
def add_account(server: Server, streamer: str) -> AddAccount:
    """Adds an account with a name of its own; for `streamer`, unless told otherwise."""

    async def add(tiktok_username: str = streamer, *arguments: str) -> Account:
        return await server.add_account(f"account{next(_numbers)}", tiktok_username, *arguments)

    return add


@pytest_asyncio.fixture(loop_scope="session")
async def on_air(
    server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
) -> AsyncIterator[OnAir]:
    """The streamer's LIVE, to which a phone listens."""
    room = tiktok.go_live(streamer)
    account = await add_account()
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        await phone.until_type("connected")
        yield OnAir(room, account, phone)


@pytest_asyncio.fixture(loop_scope="session")
async def start_server(tiktok: TikTok, tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers of a test's own, with settings of its own."""
    started: list[Server] = []

    async def start(kind: str, *options: str, **settings: str) -> Server:
        server = Server(kind, tmp_path, {**tiktok.environment(), **settings}, options)
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.stop(signal.SIGKILL)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installed(HEADLESS_SHELL), args=CHROMIUM_ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page with nothing stored. The test fails if a script in it throws."""
    context = await browser.new_context()
    page = await context.new_page()
    thrown: list[Error] = []
    page.on("pageerror", lambda error: thrown.append(error))  # Playwright marks its handlers
    yield page
    await context.close()
    assert thrown == []
