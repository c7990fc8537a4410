"""The relay on a Unix socket behind Debian's nginx, with the configuration of deploy/nginx.conf."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from standin import TikTok, messages
from tests.end_to_end.conftest import SETTINGS, StartServer
from tests.support.browsing import ANSWER_WITHIN
from tests.support.certificates import make_certificate
from tests.support.nginx import HOST, Nginx, running_nginx
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Seconds that stand in the place of nginx's 60 and the relay's 20, where silence is what is tested:
# a page that a busy machine takes longer for would be an error of nginx.
SILENCE = 2.0
PING = 0.5
PHONE = "127.0.0.7"


class House(NamedTuple):
    """A relay and the nginx before it."""

    server: Server
    nginx: Nginx
    tls: ssl.SSLContext

    def phone(self, path: str, **options: Any) -> Phone:
        """A phone that sends no pings."""
        return Phone(
            f"wss://{HOST}:{self.nginx.https}{path}",
            host="127.0.0.1",
            ssl=self.tls,
            ping_interval=None,
            **options,
        )

    def with_bearer(self, account: Account, **options: Any) -> Phone:
        return self.phone("/ws", subprotocols=["bearer", account.token], **options)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Host": f"{HOST}:{self.nginx.https}", **options.pop("headers", {})}
        async with httpx.AsyncClient(
            verify=self.tls, trust_env=False, timeout=ANSWER_WITHIN
        ) as client:
            return await client.request(
                method,
                f"https://127.0.0.1:{self.nginx.https}{path}",
                headers=headers,
                extensions={"sni_hostname": HOST},
                **options,
            )


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    start_server: StartServer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    """Parametrised, with nginx's patience and the seconds between two of the relay's pings."""
    patience, ping = getattr(request, "param", (60, 20))
    folder = tmp_path / "nginx"
    folder.mkdir()
    certificates = make_certificate(folder, HOST)
    socket = tmp_path / "relay.sock"
    server = await start_server(
        "uvicorn",
        UVICORN_UDS=str(socket),
        UVICORN_WS_PING_INTERVAL=str(ping),
        **SETTINGS,
        ALLOWED_HOSTS=HOST,
        HTTPS_ONLY="on",
        TRUSTED_PROXIES="unix",
    )
    replaced = {
        "server unix:/run/relay/1/relay.sock": f"server unix:{socket}",
        # A second process, which has just been stopped.
        "# server unix:/run/relay/2/relay.sock": f"server unix:{tmp_path}/stopped.sock",
        "/etc/letsencrypt/live/relay.example/fullchain.pem": f"{folder}/certificate.pem",
        "/etc/letsencrypt/live/relay.example/privkey.pem": f"{folder}/certificate.pem",
        "proxy_read_timeout 60s;": f"proxy_read_timeout {patience:g}s;",
    }
    async with running_nginx(folder, replaced) as nginx:
        yield House(server, nginx, certificates.client)


async def test_a_phone_gets_events_and_has_its_own_address(
    house: House, tiktok: TikTok, streamer: str
) -> None:
    room = tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    lies = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1"}
    connecting = house.with_bearer(account, local_addr=(PHONE, 0), additional_headers=lies)
    async with connecting as phone:
        assert phone.socket.subprotocol == "bearer"
        await phone.until_type("connected")
        await room.push(messages.chat("viewer", "hello"))
        frame = await phone.until_type("comment")
    assert frame["data"]["text"] == "hello"
    row = await house.server.closed_row(account)
    assert row["address"] == PHONE


async def test_an_address_with_a_token_stands_in_none_of_nginx_s_logs(
    house: House, tiktok: TikTok, streamer: str
) -> None:
    tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    async with house.phone(f"/ws/{account.token}") as phone:
        await phone.until_type("connected")
    await house.server.stop()
    with pytest.raises(InvalidStatus) as refusal:
        async with house.phone(f"/ws/{account.token}"):
            pass
    assert refusal.value.response.status_code == 502
    assert account.token not in house.nginx.logs()
    assert account.token not in house.server.log_text


@pytest.mark.parametrize("house", [(SILENCE, PING)], indirect=True)
async def test_a_silence_that_is_longer_than_nginx_s_patience_ends_no_socket(
    house: House, tiktok: TikTok, streamer: str
) -> None:
    room = tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    async with house.with_bearer(account) as phone:
        await phone.until_type("connected")
        heard = asyncio.create_task(phone.until_type("comment"))
        await asyncio.wait({heard}, timeout=2 * SILENCE + 1)
        assert not heard.done()
        await room.push(messages.chat("viewer", "at last"))
        await heard


@pytest.mark.parametrize("house", [(SILENCE, 20)], indirect=True)
async def test_it_is_the_pings_that_keep_it_open(
    house: House, tiktok: TikTok, streamer: str
) -> None:
    tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    async with house.with_bearer(account) as phone:
        await phone.until_type("connected")
        assert await phone.until_closed() == 1006


async def test_what_a_stopped_process_can_t_take_another_one_gets(
    house: House, tiktok: TikTok, streamer: str
) -> None:
    tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):  # the stopped one has always the fewest
            phone = await stack.enter_async_context(house.with_bearer(account))
            await phone.until_type("connected")


async def test_a_reload_keeps_open_sockets(house: House, tiktok: TikTok, streamer: str) -> None:
    room = tiktok.go_live(streamer)
    account = await house.server.add_account("phone", streamer)
    async with house.with_bearer(account) as old:
        await old.until_type("connected")
        await house.nginx.reload()
        async with house.with_bearer(account) as new:
            await new.until_type("connected")
            await room.push(messages.chat("viewer", "to both"))
            for phone in (old, new):
                await phone.until_type("comment")


async def test_pages_know_that_they_are_https(house: House) -> None:
    page = await house.ask("GET", "/login/")
    assert page.status_code == 200
    assert page.headers["strict-transport-security"].startswith("max-age=")
    cookies = page.headers["set-cookie"]
    assert "csrftoken=" in cookies
    assert "Secure" in cookies
    token = page.cookies["csrftoken"]
    form = {"username": "nobody", "password": "wrong", "csrfmiddlewaretoken": token}
    answers = [
        await house.ask(
            "POST",
            "/login/",
            data=form,
            headers={"Cookie": f"csrftoken={token}", "Origin": origin, "Referer": f"{origin}/"},
        )
        for origin in (f"https://{HOST}:{house.nginx.https}", "https://other.example")
    ]
    assert [answer.status_code for answer in answers] == [200, 403]


async def test_plain_http_leads_to_https(house: House) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(
            f"http://127.0.0.1:{house.nginx.http}/account/?a=b", headers={"Host": HOST}
        )
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{HOST}/account/?a=b"
