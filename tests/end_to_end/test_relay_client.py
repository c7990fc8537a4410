"""The JavaScript client in a real browser, against real servers. Node tests the rest of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from standin import Failure, TikTok, messages
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount, StartServer
from tests.support.contract import check_frame
from tests.support.phone import Phone
from tests.support.proxy import CuttableProxy
from tests.support.server import ROOT, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLE = ROOT / "docs" / "examples" / "relay.html"
WITHIN = 30_000.0  # ms

SCRIPT = "/static/live/relay-client.js"
CONNECT = """
async ({ url, token, options }) => {
  const { RelayClient } = await import(location.href);
  globalThis.client = new RelayClient({ url, token, ...options });
  globalThis.log = [];
  for (const type of ["connecting", "open", "frame", "reconnecting", "closed", "malformed"]) {
    client.on(type, (event) => log.push([type, event]));
  }
  client.connect();
}
"""


class Client:
    """A client in a page of the relay's origin, connected through a proxy that can be cut."""

    def __init__(self, page: Page, proxy: CuttableProxy) -> None:
        self.page = page
        self.proxy = proxy

    async def connect(self, token: str, **options: Any) -> None:
        """Make a RelayClient with these options, by their names in JavaScript, and connect it."""
        await self.page.goto(self.proxy.address + SCRIPT)  # a page of that origin, as good as any
        url = f"ws://127.0.0.1:{self.proxy.port}"
        await self.page.evaluate(CONNECT, {"url": url, "token": token, "options": options})

    async def until(self, condition: str) -> None:
        """Wait until the JavaScript expression, which may use `client` and `log`, is true."""
        # Playwright's own `wait_for_function` needs eval, which the server's CSP forbids.
        async with asyncio.timeout(WITHIN / 1000):
            while not await self.page.evaluate(f"() => Boolean({condition})"):
                await asyncio.sleep(0.05)

    async def until_type(self, *types: str) -> None:
        """Wait until a frame of each of these types has come."""
        for wanted in types:
            await self.until(
                f"log.some(([name, event]) => name === 'frame' && event.type === '{wanted}')"
            )

    async def until_comment(self, text: str) -> None:
        await self.until(f"log.some(([, event]) => event.data?.text === '{text}')")

    async def state(self) -> str:
        state: str = await self.page.evaluate("client.state")
        return state

    async def events(self, type: str) -> list[dict[str, Any]]:
        """What the client has emitted so far under that name.

        Raises AssertionError: a frame breaks the contract.
        """
        log: list[list[Any]] = await self.page.evaluate("log")
        for name, event in log:
            if name == "frame":
                check_frame(event)
        return [event for name, event in log if name == type]

    async def frames(self, type: str) -> list[dict[str, Any]]:
        return [frame for frame in await self.events("frame") if frame["type"] == type]


@pytest_asyncio.fixture(loop_scope="session")
async def client(page: Page, server: Server, own_address: str) -> AsyncIterator[Client]:
    async with CuttableProxy(server.port, source=own_address) as proxy:
        yield Client(page, proxy)
        await page.goto("about:blank")


class TestInABrowser:
    async def test_the_client_connects_in_a_browser(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        client: Client,
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        await client.connect(account.token, types=["comment", "gift"], batch=50)
        await client.until_type("connected")
        await room.wait_for_socket()
        text = "👨‍👩‍👧‍👦 שלום <b>"
        sent = [messages.chat("viewer7", text), *messages.streak("giver", count=3, diamonds=5)]
        await room.push(*sent, messages.like("viewer8"), messages.chat("viewer7", "last"))
        await client.until_comment("last")
        comments = await client.frames("comment")
        assert [comment["data"]["text"] for comment in comments] == [text, "last"]
        gifts = await client.frames("gift")
        assert [gift["id"] for gift in gifts] == [str(message.msg_id) for message in sent[1:]]
        counted = [gift["data"] for gift in gifts if gift["data"]["streak"] != "ongoing"]
        assert [gift["diamonds_total"] for gift in counted] == [15]
        assert await client.frames("like") == []
        assert await client.frames("batch") == []
        assert await client.events("malformed") == []
        assert await client.page.evaluate("client.cursor") == comments[-1]["cursor"]
        await client.page.evaluate("client.close()")
        row = await server.closed_row(account)
        assert (row["close_code"], row["error_code"]) == (1000, "")
        assert "Chrome" in row["user_agent"]
        assert account.token not in server.log_text

    @ON_UVICORN
    async def test_it_survives_cuts_and_loses_nothing(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        client: Client,
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        # Another phone keeps the stream alive while this one is away.
        async with Phone(f"{server.address}/ws/{account.token}") as witness:
            await witness.until_type("connected")
            await client.connect(account.token, backoff={"base": 0.2})
            await client.until_type("connected")
            await room.wait_for_socket()
            sent = [messages.chat("viewer", str(number)) for number in range(50)]
            for start in range(0, 50, 10):
                await room.push(*sent[start : start + 5])
                await client.until_comment(str(start + 4))
                client.proxy.refuses = True
                client.proxy.cut()
                await client.until("client.state === 'reconnecting'")
                await room.push(*sent[start + 5 : start + 10])
                await witness.events(10)
                client.proxy.refuses = False
                await client.until_comment(str(start + 9))
        comments = [comment["id"] for comment in await client.frames("comment")]
        assert comments == [str(message.msg_id) for message in sent]
        assert await client.frames("gap") == []
        greetings = await client.frames("connected")
        assert [frame["data"]["resumed"] for frame in greetings] == [False] + [True] * 5
        assert {event["code"] for event in await client.events("closed")} == {1006}

    @ON_DAPHNE
    async def test_it_leaves_a_socket_that_has_died_silently(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        client: Client,
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as witness:
            await witness.until_type("connected")
            await client.connect(
                account.token, pingInterval=0.3, pongTimeout=0.5, backoff={"base": 0.2}
            )
            await client.until_type("connected", "pong")
            await room.wait_for_socket()
            client.proxy.freeze()
            await room.push(messages.chat("viewer", "while it was dead"))
            await client.until_comment("while it was dead")
        assert (await client.events("closed"))[0] == {"code": 1006, "error": None, "final": False}
        assert (await client.frames("connected"))[-1]["data"]["resumed"] is True

    @ON_UVICORN
    async def test_it_returns_at_once_when_the_network_is_back(
        self, tiktok: TikTok, streamer: str, add_account: AddAccount, client: Client
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        await client.connect(account.token, backoff={"base": 3600, "cap": 3600})
        await client.until_type("connected")
        client.proxy.cut()
        await client.until("client.state === 'reconnecting'")
        await client.page.context.set_offline(True)
        await client.page.context.set_offline(False)
        await client.until("client.state === 'open'")
        await client.until("log.filter(([, event]) => event.type === 'connected').length === 2")

    @ON_DAPHNE
    async def test_it_stops_on_a_wrong_token(self, client: Client, server: Server) -> None:
        await client.connect("a-token-of-nobody", lang="ru", backoff={"base": 0.01})
        await client.until("client.state === 'closed'")
        (closed,) = await client.events("closed")
        assert (closed["code"], closed["final"]) == (1008, True)
        assert closed["error"]["code"] == "invalid_token"
        assert closed["error"]["title"] == "Доступ запрещён"
        assert await client.events("reconnecting") == []
        assert "a-token-of-nobody" not in server.log_text

    @ON_UVICORN
    async def test_it_waits_out_a_rate_limit(
        self, tiktok: TikTok, streamer: str, add_account: AddAccount, client: Client
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.SIGN_429, times=1, reset_in=2)
        # A key of its own, so that no other test meets its closed gate.
        account = await add_account(streamer, "--sign-api-key", f"key-of-{streamer}")
        await client.connect(account.token, backoff={"base": 0.5})
        await client.until_type("connected")
        (reconnecting,) = await client.events("reconnecting")
        error = reconnecting["error"]
        assert error["code"] == "rate_limited"
        assert error["retry_after"] >= 1
        assert error["retry_after"] <= reconnecting["retryIn"] <= error["retry_after"] + 0.5
        first, second = await client.events("connecting")
        assert (first["attempt"], second["attempt"]) == (0, 1)


class TestWhenTheServerRestarts:
    async def test_it_comes_back_and_tells_of_the_gap(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        server = await start_server("uvicorn")
        account = await server.add_account("phone", streamer)
        room = tiktok.go_live(streamer)
        async with CuttableProxy(server.port) as proxy:
            client = Client(page, proxy)
            await client.connect(account.token, backoff={"cap": 1})
            await client.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "before"))
            await client.until_comment("before")
            await server.stop(signal.SIGTERM)
            await client.until("client.state === 'reconnecting'")
            (reconnecting,) = await client.events("reconnecting")
            assert reconnecting["error"]["code"] == "server_shutdown"
            assert reconnecting["retryIn"] >= reconnecting["error"]["retry_after"]
            await server.start()
            await client.until_type("gap")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "after"))
            await client.until_comment("after")
            (gap,) = await client.frames("gap")
            assert (gap["data"]["side"], gap["data"]["missed"]) == ("upstream", None)
            await page.goto("about:blank")


@ON_DAPHNE
class TestTheExample:
    async def test_the_example_explains_an_unknown_token(
        self, tiktok: TikTok, streamer: str, add_account: AddAccount, client: Client
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        page = client.page
        await _open_example(page, client.proxy, EXAMPLE)
        await page.get_by_label("Token").fill(account.token)
        await page.get_by_role("button", name="Connect").click()
        await expect(page.locator("[role=status]")).to_have_text("live", timeout=WITHIN)
        await room.wait_for_socket()
        await room.push(
            messages.chat("viewer", "<i>hello</i>"),
            *messages.streak("giver", count=2, diamonds=5),
            messages.gift("giver", diamonds=1, combo=False),
        )
        await expect(page.get_by_role("listitem")).to_have_text(
            "Viewer: <i>hello</i>", timeout=WITHIN
        )
        await expect(page.locator("output")).to_have_text("11", timeout=WITHIN)
        await page.get_by_label("Token").fill("a-token-of-nobody")
        await page.get_by_role("button", name="Connect").click()
        await expect(page.locator("[role=status]")).to_contain_text(
            "The server does not know this token.", timeout=WITHIN
        )


async def _open_example(page: Page, proxy: CuttableProxy, path: Path) -> None:
    """Show a file as a page of the relay's origin, to which the proxy leads."""
    address = f"{proxy.address}/{path.name}"
    # To Chromium, a page that no server sent is not on this machine, and so may not reach it.
    await page.context.grant_permissions(["local-network-access"])
    await page.route(address, lambda route: route.fulfill(path=path, content_type="text/html"))
    await page.goto(address)
