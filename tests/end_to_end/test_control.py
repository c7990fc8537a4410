"""What staff and accounts change takes effect on open sockets, within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from standin import TikTok, messages
from tests.end_to_end.browsing import http
from tests.end_to_end.conftest import AddAccount
from tests.end_to_end.phone import Phone
from tests.end_to_end.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 1.0  # seconds


async def change(server: Server, token: str, **values: str) -> None:
    async with httpx.AsyncClient(base_url=http(server)) as client:
        answer = await client.patch(
            "/api/v1/account", json=values, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200, answer.text


async def within_a_second(wanted: Callable[[], Awaitable[Any]]) -> Any:
    began = time.monotonic()
    result = await wanted()
    assert time.monotonic() - began < WITHIN
    return result


class TestAChangedUsername:
    async def test_it_works(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        other = tiktok.go_live(f"{streamer}b")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"@{streamer}b")
            connected = await within_a_second(lambda: phone.until_type("connected"))
            assert connected["data"]["username"] == f"{streamer}b"
            assert connected["data"]["room_id"] == str(other.room_id)
            assert connected["data"]["resumed"] is False
            await other.push(messages.chat("viewer", "of the other LIVE"))
            comment = await phone.until_type("comment")
            assert comment["data"]["text"] == "of the other LIVE"

    async def test_it_lets_go_of_the_former_live(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        former = tiktok.go_live(streamer)
        tiktok.go_live(f"{streamer}b")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"{streamer}b")
            await former.wait_until_left()
            await phone.until_type("connected")

    async def test_it_is_refused_when_there_is_none_any_more(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username="")
            error, code = await within_a_second(phone.explanation)
            assert (error["code"], code) == ("username_missing", 1008)

    async def test_it_says_so_when_the_other_streamer_is_offline(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        tiktok.room(f"{streamer}b")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"{streamer}b")
            error, code = await phone.explanation()
            assert (error["code"], code) == ("user_offline", 1011)
            assert f"@{streamer}b" in error["detail"]

    async def test_it_is_in_the_log_with_what_happened(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        tiktok.go_live(f"{streamer}b")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"{streamer}b")
            await phone.until_type("connected")
        row = await server.closed_row(account)
        whats = [what for _at, what, _detail in server.timeline(row)]
        assert whats == ["opened", *["connecting", "live"] * 2, "closed"]


class TestTheSettings:
    async def test_another_language_hurts_no_socket(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, language="ru")
            await asyncio.sleep(0.3)  # that it has come to nothing can't be waited for
            await room.push(messages.chat("viewer", "still there"))
            assert (await phone.until_type("comment"))["data"]["text"] == "still there"

    async def test_errors_are_told_in_the_account_s_language(
        self, server: Server, add_account: AddAccount
    ) -> None:
        account = await add_account("")
        await change(server, account.token, language="ru")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, _code = await phone.explanation()
        assert error["title"] == "TikTok username не указан"
        async with Phone(f"{server.address}/ws/{account.token}?lang=en") as phone:
            error, _code = await phone.explanation()
        assert error["title"] == "TikTok username is not set"
