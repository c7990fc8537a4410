"""What a server prints in a whole run, in both formats: no secret, and one event a line."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import quote, quote_plus

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from standin import Failure, TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.overlays import form_values
from tests.support.phone import Phone
from tests.support.server import Account, Server
from tests.support.tiktok_proxy import TikTokProxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Seconds; a sign-in hashes a password, which takes a while on a busy machine.
_ANSWER_WITHIN = 30
PASSWORD = "correct horse: battery%staple"
WRONG_PASSWORD = "a wrong horse&battery"
PROXY_PASSWORD = "p@ss/w:rd%of-a-proxy"
OTHERS_PROXY_PASSWORD = "another-proxy's-password"
SERVERS_KEY = "euler-key-of-the-server"
ACCOUNTS_KEY = "euler-key-of-an-account"
NOBODYS_TOKEN = "q1w2e3r4t5y6u7i8o9p0-_AbCdEfGhIjKlMnOpQrStU"
SECRET_KEY = "the-secret-key-of-this-test"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+: .")
# What servers print by themselves in text: Uvicorn's levels, and Daphne's access log.
OF_SERVERS = re.compile(r"(INFO|WARNING|ERROR): |[\d.]+:\d+ - - \[|None - - \[")


@pytest_asyncio.fixture(loop_scope="session")
async def tiktok() -> AsyncIterator[TikTok]:
    """One of the test's own: what fails in it fails for everybody."""
    async with TikTok() as tiktok:
        yield tiktok


@pytest_asyncio.fixture(loop_scope="session")
async def proxy() -> AsyncIterator[TikTokProxy]:
    async with TikTokProxy(password=PROXY_PASSWORD) as proxy:
        yield proxy


class Run:
    """Uses everything that is secret on one server.

    Attributes:
        secrets: all of it, by what it is.
    """

    def __init__(self, server: Server, tiktok: TikTok, own_address: str) -> None:
        self._server = server
        self._own_address = own_address
        self._tiktok = tiktok
        self.secrets = {
            "password": PASSWORD,
            "wrong password": WRONG_PASSWORD,
            "proxy's password": PROXY_PASSWORD,
            "other proxy's password": OTHERS_PROXY_PASSWORD,
            "server's API key": SERVERS_KEY,
            "account's API key": ACCOUNTS_KEY,
            "nobody's token": NOBODYS_TOKEN,
            "secret key": SECRET_KEY,
        }

    async def sockets(self) -> None:
        """The token in every place that it can be in, right and wrong."""
        account = await self._account("anna", "alice", "--sign-api-key", ACCOUNTS_KEY)
        address, token = self._server.address, account.token
        bearer = {"Authorization": f"Bearer {token}"}
        room = self._tiktok.go_live("alice")
        for phone in (
            Phone(f"{address}/ws/{token}?lang=en"),
            Phone(f"{address}/ws", additional_headers=bearer),
            Phone(f"{address}/ws", subprotocols=["bearer", token]),
            Phone(f"{address}/ws%2F{token}"),
        ):
            async with phone:
                await phone.until_type("connected")
        for place in (f"?lang=en&token={token}", f"/{token}", f"?token={NOBODYS_TOKEN}"):
            # From an address of its own: this one has sent enough wrong tokens.
            own = (self._own_address, 0)
            async with connect(f"{address}/ws/tikfinity{place}", local_addr=own) as socket:
                await socket.recv()
        async with Phone(f"{address}/ws/{token}") as phone:
            await phone.until_type("connected")
            await room.cut()
            await phone.until_type("status")
        for wrong in (
            Phone(f"{address}/ws/{NOBODYS_TOKEN}"),
            Phone(f"{address}/ws", additional_headers={"Authorization": f"Bearer {NOBODYS_TOKEN}"}),
            Phone(f"{address}/ws/{token}?since=broken"),
        ):
            async with wrong:
                await wrong.explanation()
        with pytest.raises(InvalidStatus):
            async with Phone(f"{address}/elsewhere/ws/{token}"):
                pass

    async def failures(self) -> None:
        """Each way to TikTok fails, with keys, a proxy's password and a visitor's cookie in use."""
        for number, failure in enumerate(
            (Failure.SIGN_403, Failure.SIGN_429, Failure.SIGN_500, Failure.CAPTCHA)
        ):
            name = f"failing{number}"
            account = await self._account(name, name, "--sign-api-key", ACCOUNTS_KEY)
            self._tiktok.go_live(name)
            self._tiktok.fail(failure, reset_in=1)
            async with Phone(f"{self._server.address}/ws/{account.token}") as phone:
                await phone.until_type("connected", "error")
            self._tiktok.clear(failure)
        address = f"http://somebody:{quote(OTHERS_PROXY_PASSWORD, safe='')}@127.0.0.1:9"
        account = await self._account("proxied", "proxied", "--proxy", address)
        self._tiktok.go_live("proxied")
        async with Phone(f"{self._server.address}/ws/{account.token}") as phone:
            await phone.until_type("error")
        assert self._tiktok.visitors
        self.secrets |= {f"visitor {n}": cookie for n, cookie in enumerate(self._tiktok.visitors)}

    async def pages(self) -> None:
        """A sign-in, a wrong one, REST, and what these send."""
        account = await self._account("staff", "bob", "--staff", "--password", PASSWORD, "--manage")
        site = f"http://127.0.0.1:{self._server.port}"
        async with httpx.AsyncClient(
            base_url=site, trust_env=False, timeout=_ANSWER_WITHIN
        ) as browser:
            for password in (WRONG_PASSWORD, PASSWORD):
                page = await browser.get("/login/")
                match = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
                assert match is not None
                form = {
                    "csrfmiddlewaretoken": match[1],
                    "username": "staff",
                    "password": password,
                }
                answer = await browser.post("/login/", data=form)
                self.secrets[f"form's token {password}"] = match[1]
            assert answer.status_code == 302
            for path in (
                "/",
                "/account/",
                "/staff/",
                "/staff/connections/",
                "/admin/",
                "/nowhere/",
            ):
                await browser.get(path)
            await self._overlay(browser)
            self.secrets |= {f"cookie {name}": value for name, value in browser.cookies.items()}
            assert "cookie sessionid" in self.secrets
            cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            staff = Phone(
                f"{self._server.address}/staff/socket",
                additional_headers={"Cookie": cookies},
                origin=site,
            )
            async with staff:
                await asyncio.wait_for(staff.socket.recv(), 10)
        async with httpx.AsyncClient(base_url=site, trust_env=False, timeout=_ANSWER_WITHIN) as app:
            for token in (account.token, NOBODYS_TOKEN):
                signed = {"Authorization": f"Bearer {token}"}
                await app.get("/api/v1/account", headers=signed)
                await app.get(f"/ws/{token}")
            signed = {"Authorization": f"Bearer {account.token}"}
            await app.patch("/api/v1/account", headers=signed, json={"sign_api_key": ACCOUNTS_KEY})
            await app.get("/login/reset/MQ/abc123-0fe1cafe0fe1cafe/")
            self.secrets["reset link"] = "abc123-0fe1cafe0fe1cafe"

    async def _overlay(self, browser: httpx.AsyncClient) -> None:
        """An overlay's secret in every address that it is part of."""
        fields = form_values("chat") | {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        answer = await browser.post("/overlays/new/chat/", data=fields)
        page = await browser.get(answer.headers["Location"])
        match = re.search(r"/overlay/(ov_[\w-]+)/", page.text)
        assert match is not None
        secret = self.secrets["overlay's secret"] = match[1]
        for path in (
            f"/overlay/{secret}/",
            f"/overlay/{secret}",
            f"/overlay/{secret}/sums.json?room=7",
            f"/overlay/{secret}/picture/?address=https://elsewhere.example/x",
            f"/overlay%2F{secret}/",
            f"/overlay/{secret}/nowhere",
        ):
            await browser.get(path)
        for socket in (
            Phone(f"{self._server.address}/ws/overlay/{secret}"),
            Phone(f"{self._server.address}/ws/overlay", subprotocols=["bearer", secret]),
            Phone(f"{self._server.address}/ws/overlay/{secret}?since=broken"),
            Phone(f"{self._server.address}/ws/{secret}"),
        ):
            async with socket:
                await socket.next()

    async def _account(self, name: str, tiktok_username: str, *arguments: str) -> Account:
        account = await self._server.add_account(name, tiktok_username, *arguments)
        self.secrets[f"token of {name}"] = account.token
        return account


def forms(secret: str) -> set[str]:
    """How a secret may look in a log."""
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.b64encode(f"relay:{secret}".encode()).decode(),
        base64.b64encode(f"somebody:{secret}".encode()).decode(),
    }


@pytest.mark.parametrize(("kind", "log_format"), [("uvicorn", "text"), ("daphne", "json")])
async def test_a_whole_run_prints_no_secret(
    start_server: StartServer,
    tiktok: TikTok,
    proxy: TikTokProxy,
    own_address: str,
    kind: str,
    log_format: str,
) -> None:
    server = await start_server(
        kind,
        LOG_FORMAT=log_format,
        SECRET_KEY=SECRET_KEY,
        SIGN_API_KEY=SERVERS_KEY,
        TIKTOK_ROUTES="signed,direct",
        TIKTOK_PROXY=proxy.address(),
        RELAY_CONNECT_TIMEOUT="3",
        RELAY_RECONNECT_FOR="1",
        RELAY_LINGER="0",
        RELAY_BLOCK_PAUSE="0",
    )
    run = Run(server, tiktok, own_address)
    await run.pages()
    await run.sockets()
    await run.failures()
    # A message that can't be decoded, and a stop while a phone listens.
    room = tiktok.go_live("last")
    account = await server.add_account("last", "last")
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        await phone.until_type("connected")
        await room.push(messages.Message("WebcastChatMessage", b"\xff\xff\xff", 1))
        await room.push(messages.like("maria"))
        await phone.until_type("like")
        await server.stop()
    assert proxy.passages
    assert {request.api_key for request in tiktok.requests} >= {SERVERS_KEY, ACCOUNTS_KEY}
    printed = server.log_text
    assert len(printed.splitlines()) > 30
    found = {
        what: form
        for what, secret in run.secrets.items()
        for form in forms(secret)
        if form in printed
    }
    assert found == {}
    assert "/ws/…" in printed, "tokens were in what was printed"
    if log_format == "json":
        check_json(printed)
    else:
        others = [
            line
            for line in printed.splitlines()
            if not LINE.match(line) and not OF_SERVERS.match(line)
        ]
        assert others == []


def check_json(printed: str) -> None:
    """Each line is an object, and those of a stream say of which."""
    lines = [json.loads(line) for line in printed.splitlines()]
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys()
    assert any(line.get("stream") == "alice" for line in lines)
    loggers = {line["logger"] for line in lines}
    assert "live" in loggers
    assert loggers & {"daphne.access", "uvicorn.access"}
