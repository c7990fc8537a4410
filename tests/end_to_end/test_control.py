"""What staff and accounts change takes effect on open sockets, within a second."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from standin import Kind, TikTok, messages
from tests.end_to_end.conftest import ON_UVICORN, AddAccount
from tests.support.browsing import ANSWER_WITHIN, PASSWORD, http, post, signed_in
from tests.support.phone import Phone
from tests.support.server import Server
from tests.support.tiktok_proxy import TikTokProxy

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_UVICORN]

WITHIN = 1.0  # seconds


async def change(server: Server, token: str, **values: str) -> None:
    async with httpx.AsyncClient(base_url=http(server), timeout=ANSWER_WITHIN) as client:
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
    async def test_a_changed_username_moves_the_phone_to_the_other_live(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        other = tiktok.go_live(f"{streamer}b")
        account = await add_account(streamer, "--manage")
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
        account = await add_account(streamer, "--manage")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"{streamer}b")
            await former.wait_until_left()
            await phone.until_type("connected")

    async def test_it_is_refused_when_there_is_none_any_more(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account(streamer, "--manage")
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
        account = await add_account(streamer, "--manage")
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
        account = await add_account(streamer, "--manage")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, tiktok_username=f"{streamer}b")
            await phone.until_type("connected")
        row = await server.closed_row(account)
        timeline = server.timeline(row)
        stages = ["connecting", "live"]
        assert [what for _at, what, _detail in timeline] == [
            *("opened", *stages, "moved", *stages, "closed")
        ]
        assert timeline[3][2] == {"username": f"{streamer}b"}
        assert row["tiktok_username"] == f"{streamer}b"

    async def test_the_last_of_several_counts(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        for letter in ("", "b", "c", "d"):
            tiktok.go_live(f"{streamer}{letter}")
        account = await add_account(streamer, "--manage")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            for letter in "bcd":
                await change(server, account.token, tiktok_username=f"{streamer}{letter}")
            await phone.until(
                lambda frame: (
                    frame["type"] == "connected" and frame["data"]["username"] == f"{streamer}d"
                )
            )


class TestAnotherKey:
    async def test_a_reconnect_uses_it(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account(
            streamer, "--password", PASSWORD, "--sign-api-key", "the-old-one"
        )
        other = await add_account(streamer, "--manage")
        async with (
            Phone(f"{server.address}/ws/{account.token}") as phone,
            Phone(f"{server.address}/ws/{other.token}") as others_phone,
            signed_in(server, account.username) as browser,
        ):
            await phone.until_type("connected")
            await post(browser, "/account/api-key/", new_sign_api_key="the-new-one")
            # Changes take effect in their order: with the second, the first has.
            await change(server, other.token, tiktok_username="")
            await others_phone.explanation()
            await room.cut()
            await phone.until(lambda frame: frame["data"].get("state") == "reconnecting")
            await phone.until(lambda frame: frame["data"].get("state") == "live")
        keys = [
            request.headers.get("X-Api-Key")
            for request in tiktok.requests
            if request.kind is Kind.SIGN and request.room is room
        ]
        assert keys == ["the-old-one", "the-new-one"]


class TestAnotherProxy:
    async def test_a_reconnect_goes_through_it(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        async with TikTokProxy() as old, TikTokProxy() as new:
            account = await add_account(
                streamer, "--password", PASSWORD, "--proxy", old.address("socks5")
            )
            other = await add_account(streamer, "--manage")
            async with (
                Phone(f"{server.address}/ws/{account.token}") as phone,
                Phone(f"{server.address}/ws/{other.token}") as others_phone,
                signed_in(server, account.username) as browser,
            ):
                await phone.until_type("connected")
                assert old.count("socks5", tiktok.port)
                passages = list(old.passages)
                await post(browser, "/account/proxy/", new_proxy=new.address())
                # Changes take effect in their order: with the second, the first has.
                await change(server, other.token, tiktok_username="")
                await others_phone.explanation()
                await room.cut()
                await phone.until(lambda frame: frame["data"].get("state") == "reconnecting")
                await phone.until(lambda frame: frame["data"].get("state") == "live")
            assert new.count("connect", tiktok.port) == 1  # the socket
            assert new.count("forward", tiktok.port)
            assert old.passages == passages
            for secret in (old.password, quote(old.password, safe=""), f":{new.port}"):
                assert secret not in server.log_text


class TestTheSettings:
    async def test_another_language_hurts_no_socket(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account(streamer, "--manage")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await change(server, account.token, language="ru")
            # Changes take effect in their order: with the second, the first has.
            other = await add_account(streamer, "--manage")
            async with Phone(f"{server.address}/ws/{other.token}") as others_phone:
                await others_phone.until_type("connected")
                await change(server, other.token, tiktok_username="")
                await others_phone.explanation()
            await room.push(messages.chat("viewer", "still there"))
            assert (await phone.until_type("comment"))["data"]["text"] == "still there"

    async def test_errors_are_told_in_the_account_s_language(
        self, server: Server, add_account: AddAccount
    ) -> None:
        account = await add_account("", "--manage")
        await change(server, account.token, language="ru")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, _code = await phone.explanation()
        assert error["title"] == "TikTok username не указан"
        async with Phone(f"{server.address}/ws/{account.token}?lang=en") as phone:
            error, _code = await phone.explanation()
        assert error["title"] == "TikTok username is not set"
