"""/staff/streams/: what staff see of the streams of now."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from standin import TikTok, messages
from tests.end_to_end.conftest import AddAccount
from tests.end_to_end.phone import Phone
from tests.end_to_end.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = "/staff/streams/"
PASSWORD = "of the tests, only"


@asynccontextmanager
async def signed_in(server: Server, name: str, *arguments: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which that account, which is new, is signed in."""
    await server.manage(
        "add_account", name, "--tiktok-username", "someone", "--password", PASSWORD, *arguments
    )
    async with httpx.AsyncClient(base_url=http(server)) as browser:
        form = await browser.get("/login/")
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert found
        answer = await browser.post(
            "/login/",
            data={"username": name, "password": PASSWORD, "csrfmiddlewaretoken": found[1]},
        )
        assert answer.status_code == 302, answer.text
        yield browser


def http(server: Server) -> str:
    return server.address.replace("ws", "http", 1)


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


class TestStreamPage:
    async def test_it_works(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with (
            signed_in(server, f"staff-{streamer}", "--staff") as browser,
            Phone(f"{server.address}/ws/{account.token}") as phone,
        ):
            await phone.until_type("connected")
            await room.push(messages.chat("viewer", "hello"))
            await phone.events(1)
            shown = text_of((await browser.get(PAGE)).text)
        assert re.search(rf"@{streamer} live {room.room_id} 1 \d+ as expected", shown)

    async def test_it_says_what_tiktok_has_changed(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        new = messages.Message("WebcastNovelty", b"\x08\x01", 1)
        broken = messages.Message("WebcastChatMessage", b"\xff", 2)
        async with (
            signed_in(server, f"staff-{streamer}", "--staff") as browser,
            Phone(f"{server.address}/ws/{account.token}") as phone,
        ):
            await phone.until_type("connected")
            await room.push(new, broken, *(messages.chat("viewer", "") for _ in range(40)))
            await phone.events(40)
            shown = text_of((await browser.get(PAGE)).text)
        assert "Comments without text: 40 of the last 40 (normal: 10 %)" in shown
        assert "WebcastNovelty: 1 message that TikTokLive does not know" in shown
        assert "WebcastChatMessage: 1 message could not be read" in shown
        assert f"@{streamer}: Comments without text: 30 of the last 30" in server.log_text

    async def test_it_is_for_staff_alone(self, server: Server, streamer: str) -> None:
        async with signed_in(server, f"user-{streamer}") as browser:
            assert (await browser.get(PAGE)).status_code == 403
        async with httpx.AsyncClient(base_url=http(server)) as stranger:
            assert (await stranger.get(PAGE)).headers["Location"].startswith("/login/")
