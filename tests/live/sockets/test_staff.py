"""`/staff/socket`: who gets in, and what a page gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from live.relay import groups
from live.sockets import staff as staff_socket
from live.sockets.staff import FORBIDDEN

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0


class Page:
    """A page's socket, without a server in between. `takes` is cleared for one that reads nothing.

    Attributes:
        sent: what the application has sent, as ASGI has it.
    """

    def __init__(
        self, cookie: str, origin: str | None = "http://localhost", host: str = "localhost"
    ) -> None:
        headers = [(b"host", host.encode()), (b"cookie", f"sessionid={cookie}".encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        self.scope = {"type": "websocket", "path": "/staff/socket", "headers": headers}
        self.takes = asyncio.Event()
        self.takes.set()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received.put_nowait({"type": "websocket.connect"})

    async def send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        self.sent.put_nowait(message)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN):
            return await self.sent.get()

    async def news(self) -> dict[str, Any]:
        """The next thing that the page is told."""
        message = await self.next()
        assert message["type"] == "websocket.send"
        told: dict[str, Any] = json.loads(message["text"])
        return told


@asynccontextmanager
async def opened(page: Page) -> AsyncIterator[Page]:
    application = asyncio.create_task(
        staff_socket.staff_socket()(page.scope, page.received.get, page.send)
    )
    try:
        yield page
    finally:
        page.takes.set()
        page.received.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(WITHIN):
            await application


async def publish(what: str, **content: Any) -> None:
    await get_channel_layer().group_send(groups.STAFF, {"type": f"staff.{what}", **content})


async def joined() -> None:
    """Return once the page is a member of the group."""
    async with asyncio.timeout(WITHIN):
        while groups.STAFF not in get_channel_layer().groups:
            await asyncio.sleep(0.01)


async def delivered() -> None:
    """Return once the members of the group have taken all that was published, but the last of it,
    which may still be under way."""
    layer = get_channel_layer()
    members = [layer.channels[name] for name in layer.groups[groups.STAFF]]
    async with asyncio.timeout(WITHIN):
        while not all(queue.empty() for queue in members):
            await asyncio.sleep(0.01)


async def cookie_of(user: User) -> str:
    client = Client()
    await sync_to_async(client.force_login)(user)
    return client.cookies["sessionid"].value


@pytest.fixture
async def user() -> User:
    return await User.objects.acreate(username="boss", is_staff=True)


@pytest.fixture
async def cookie(user: User) -> str:
    return await cookie_of(user)


def numbers(**values: Any) -> dict[str, Any]:
    is_test = values.setdefault("is_test", False)
    return {"source": f"1-{is_test}", **values}


class TestStaffSocket:
    async def test_staff_hear_what_is_published(self, cookie: str) -> None:
        async with opened(Page(cookie)) as page:
            assert (await page.next())["type"] == "websocket.accept"
            await joined()
            await publish("numbers", numbers=numbers(sockets=3))
            assert await page.news() == {"type": "numbers", **numbers(sockets=3)}
            await publish("connections")
            assert await page.news() == {"type": "connections"}

    async def test_it_tells_relays_that_somebody_watches(self, cookie: str) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("relays", channel)
        async with opened(Page(cookie)), asyncio.timeout(WITHIN):
            assert await layer.receive(channel) == {"type": "staff.watching"}
        await layer.group_discard("relays", channel)

    async def test_two_processes_numbers_do_not_replace_each_other(self, cookie: str) -> None:
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
            page.takes.clear()
            for _ in range(3):
                await publish("numbers", numbers=numbers(sockets=0))
            for source in ("1-live", "2-live"):
                await publish("numbers", numbers=numbers(source=source, sockets=3))
            await delivered()
            page.takes.set()
            told: set[Any] = set()
            async with asyncio.timeout(WITHIN):
                while not {"1-live", "2-live"} <= told:
                    told.add((await page.news())["source"])

    async def test_it_keeps_only_the_newest_for_a_slow_page(self, cookie: str) -> None:
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
            page.takes.clear()
            for sockets in range(20):
                await publish("numbers", numbers=numbers(sockets=sockets))
                await publish("numbers", numbers=numbers(is_test=True, sockets=sockets))
                await publish("connections")
            await delivered()
            page.takes.set()
            told = [await page.news()]
            while told[-1] != {"type": "connections"} or len(told) < 3:
                told.append(await page.news())
            assert [news.get("sockets") for news in told[-3:-1]] == [19, 19]
            # What was on its way when the page stopped, and the newest.
            assert len(told) <= 6

    async def test_it_leaves_the_group_with_the_page(self, cookie: str) -> None:
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
        assert groups.STAFF not in get_channel_layer().groups

    async def test_it_drops_a_page_that_takes_nothing(
        self, cookie: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(staff_socket, "_SEND_TIMEOUT", 0.05)
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
            page.takes.clear()
            await publish("numbers", numbers=numbers())
            async with asyncio.timeout(WITHIN):
                while groups.STAFF in get_channel_layer().groups:
                    await asyncio.sleep(0.01)


class TestWhoGetsIn:
    async def close_code(self, page: Page) -> Any:
        async with opened(page):
            assert (await page.next())["type"] == "websocket.accept"
            message = await page.next()
            assert message["type"] == "websocket.close"
            return message["code"]

    async def test_staff_get_in(self, cookie: str) -> None:
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
            assert page.sent.empty()

    @pytest.mark.parametrize("cookie", ["", "nobodys"])
    async def test_it_refuses_strangers(self, cookie: str) -> None:
        assert await self.close_code(Page(cookie)) == FORBIDDEN

    async def test_it_refuses_others(self) -> None:
        guest = await User.objects.acreate(username="guest")
        assert await self.close_code(Page(await cookie_of(guest))) == FORBIDDEN

    async def test_it_refuses_those_who_are_disabled(self, user: User, cookie: str) -> None:
        user.is_active = False
        await user.asave()
        assert await self.close_code(Page(cookie)) == FORBIDDEN

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("https://relay.example", "relay.example"),
            ("https://relay.example", "relay.example:443"),
            ("http://relay.example", "relay.example:80"),
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("https://relay.example:8443", "relay.example:8443"),
            ("http://[::1]:8000", "[::1]:8000"),
        ],
    )
    async def test_it_takes_its_own_pages(self, cookie: str, origin: str, host: str) -> None:
        async with opened(Page(cookie, origin, host)) as page:
            assert (await page.next())["type"] == "websocket.accept"
            await joined()

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("https://evil.example", "relay.example"),
            ("http://localhost:3000", "localhost"),
            ("http://localhost:3000", "localhost:8000"),
            ("http://localhost", "localhost:8000"),
            ("https://relay.example", "relay.example:80"),
            ("https://relay.example.evil.example", "relay.example"),
            ("https://relay.example@evil.example", "relay.example"),
            ("https://relay.example:port", "relay.example:port"),
            ("http://[::1", "[::1"),
            ("ftp://relay.example", "relay.example"),
            ("relay.example", "relay.example"),
            ("null", "null"),
            ("null", ""),
            ("https://", ""),
            ("", ""),
            (None, "relay.example"),
        ],
    )
    async def test_it_refuses_pages_of_other_sites(
        self, cookie: str, origin: str | None, host: str, settings: Settings
    ) -> None:
        settings.ALLOWED_HOSTS = ["*"]
        async with opened(Page(cookie, origin, host)) as page:
            assert (await page.next())["type"] == "websocket.close"

    async def test_it_takes_pages_of_origins_that_forms_may_come_from(
        self, cookie: str, settings: Settings
    ) -> None:
        settings.CSRF_TRUSTED_ORIGINS = ["https://relay.example"]
        async with opened(Page(cookie, "https://relay.example", "127.0.0.1:8000")) as page:
            assert (await page.next())["type"] == "websocket.accept"
            await joined()

    @pytest.mark.parametrize("change", ["no longer staff", "signed out"])
    async def test_it_notices_who_is_not_staff_any_more(
        self, user: User, cookie: str, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(staff_socket, "_CHECK", 0.05)
        async with opened(Page(cookie)) as page:
            await page.next()
            await joined()
            if change == "signed out":
                await sync_to_async(_sign_out)(cookie)
            else:
                user.is_staff = False
                await user.asave()
            assert await page.next() == {"type": "websocket.close", "code": FORBIDDEN}


def _sign_out(cookie: str) -> None:
    client = Client()
    client.cookies["sessionid"] = cookie
    client.logout()
