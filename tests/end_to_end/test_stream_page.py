"""/staff/streams/<username>/ in a browser: what staff see of one LIVE, and what they can do."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from standin import Failure, TikTok, messages
from tests.end_to_end.conftest import ON_DAPHNE, AddAccount, OnAir
from tests.support.browsing import add_person, http, sign_in
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_DAPHNE]

WITHIN = 5_000  # ms
FAILURES = [
    ([Failure.USER_NOT_FOUND], "user_not_found"),
    ([Failure.AGE_RESTRICTED, Failure.WEBCAST_200], "age_restricted"),
    ([Failure.CAPTCHA], "tiktok_blocked"),
    ([Failure.SIGN_403], "sign_forbidden"),
    ([Failure.SIGN_500], "sign_unavailable"),
    ([Failure.SIGN_HANG], "tiktok_timeout"),
    ([Failure.WEBCAST_403], "tiktok_blocked"),
]


async def open_page(page: Page, server: Server, streamer: str) -> None:
    """Signed in as a new member of the staff."""
    await add_person(server, f"staff-{streamer}", "", "--staff")
    await sign_in(page, server, f"staff-{streamer}")
    await page.goto(f"{http(server)}/staff/streams/{streamer}/")


class TestStreamPage:
    async def test_the_page_follows_a_stream_from_start_to_listener(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        page: Page,
    ) -> None:
        room = tiktok.go_live(streamer, title="Cooking")
        account = await add_account()
        await open_page(page, server, streamer)
        await expect(page.get_by_text("No app listens to this LIVE now")).to_be_visible()
        await expect(page.get_by_role("button", name="Reconnect now")).to_be_hidden()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await room.push(messages.chat("viewer7", "<b>hello</b>"))
            await expect(page.locator("#state")).to_contain_text(str(room.room_id), timeout=WITHIN)
            listener = page.locator("#listeners").get_by_role("row", name=account.username)
            await expect(listener).to_contain_text(f"{account.token[:8]}…")
            await expect(page.locator("#events")).to_contain_text("viewer7: <b>hello</b>")
            await expect(page.locator("#health")).to_contain_text("as expected")
            await expect(page.locator("#connections")).to_contain_text("still open")
            await expect(page.get_by_role("button", name="Reconnect now")).to_be_visible()
            await expect(page.locator("#rates-chart canvas")).to_be_visible(timeout=15_000)
            await listener.get_by_role("link").click()
            await expect(page.get_by_text("It is connected to the LIVE of")).to_be_visible()

    async def test_it_says_what_tiktok_has_changed(
        self, server: Server, streamer: str, on_air: OnAir, page: Page
    ) -> None:
        new = messages.Message("WebcastNovelty", b"\x08\x01", 1)
        broken = messages.Message("WebcastChatMessage", b"\xff", 2)
        await on_air.room.push(new, broken, *(messages.chat("viewer", "") for _ in range(40)))
        await on_air.phone.events(40)
        await open_page(page, server, streamer)
        health = page.locator("#health")
        for text in (
            "Comments without text: 40 of the last 40 (normal: 10 %)",
            "WebcastNovelty: 1 message that TikTokLive does not know",
            "WebcastChatMessage: 1 message could not be read",
        ):
            await expect(health).to_contain_text(text)
        await page.goto(f"{http(server)}/staff/")
        row = page.get_by_role("row", name=f"@{streamer}")
        await expect(row).to_contain_text("3 kinds of messages to look at")
        assert f"@{streamer}: Comments without text: 30 of the last 30" in server.log_text

    async def test_it_leaves_alone_what_somebody_uses(
        self, server: Server, streamer: str, on_air: OnAir, page: Page
    ) -> None:
        """Focus and selection stay where they are, while new events come in above."""
        await on_air.room.push(messages.chat("viewer7", "first"))
        await on_air.phone.until_type("comment")
        await open_page(page, server, streamer)
        events = page.locator("#events")
        await events.get_by_role("list").focus()
        await events.get_by_text("viewer7: first").select_text()
        await on_air.room.push(messages.chat("viewer7", "second"))
        await expect(events).to_contain_text("second", timeout=WITHIN)
        assert await page.evaluate("document.getSelection().toString()") == "viewer7: first"
        await expect(events.get_by_role("list")).to_be_focused()

    async def test_it_says_when_it_is_over(self, server: Server, streamer: str, page: Page) -> None:
        await open_page(page, server, streamer)
        await page.context.clear_cookies()
        over = page.get_by_text("This page is no longer updated. Reload it.")
        await expect(over).to_be_visible(timeout=WITHIN)


class TestActions:
    async def test_reconnecting_makes_a_new_connection_and_keeps_the_sockets(
        self, server: Server, streamer: str, on_air: OnAir, page: Page
    ) -> None:
        room, _account, phone = on_air
        await open_page(page, server, streamer)
        (first,) = room.sockets
        await page.get_by_role("button", name="Reconnect now").click()
        await expect(page.get_by_text("The relay has been asked to reconnect.")).to_be_visible()
        await phone.until(lambda frame: frame["data"].get("state") == "reconnecting")
        await phone.until(lambda frame: frame["data"].get("state") == "live")
        assert first not in room.sockets
        assert len(room.sockets) == 1
        await room.push(messages.chat("viewer", "still here"))
        (comment,) = await phone.events(1)
        assert comment["data"]["text"] == "still here"
        past = page.locator("#history").get_by_role("listitem").filter(has_text="Cut off")
        await expect(past).to_contain_text(
            "connection_lost · The staff asked for a new connection.", timeout=WITHIN
        )

    async def test_disconnecting_closes_every_socket(
        self,
        server: Server,
        streamer: str,
        add_account: AddAccount,
        on_air: OnAir,
        page: Page,
    ) -> None:
        account = await add_account()
        await open_page(page, server, streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as other:
            await other.until_type("connected")
            button = page.get_by_role("button", name="Disconnect all")
            await expect(button).to_be_hidden()
            await page.get_by_text("Disconnect all …").click()
            await button.click()
            for error, code in await asyncio.gather(
                on_air.phone.explanation(), other.explanation()
            ):
                assert (error["code"], code) == ("disconnected", 1008)
            await expect(page.locator("#listeners")).to_have_count(0, timeout=WITHIN)
            await expect(page.get_by_text("Disconnect all …")).to_be_hidden()


class TestTheConnectionTest:
    async def test_a_tested_connection_is_told_with_its_seconds(
        self, server: Server, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_page(page, server, streamer)
        await page.get_by_role("button", name="Test the connection").click()
        outcome = page.locator("#outcome")
        await expect(outcome).to_contain_text(f"to room {room.room_id}", timeout=WITHIN)
        await expect(outcome).to_contain_text("Connected in")
        await expect(page.get_by_role("button", name="Test the connection")).to_be_focused()

    async def test_it_says_that_nobody_is_live(
        self, server: Server, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        tiktok.go_live(streamer).offline()
        await open_page(page, server, streamer)
        await page.get_by_role("button", name="Test the connection").click()
        outcome = page.locator("#outcome")
        await expect(outcome).to_contain_text("user_offline", timeout=WITHIN)
        await expect(outcome).to_contain_text(f"@{streamer} is not live on TikTok right now.")

    async def test_it_explains_each_failure(
        self, server: Server, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_page(page, server, streamer)
        outcome = page.locator("#outcome")
        for kinds, code in FAILURES:
            for kind in kinds:
                room.fail(kind)
            await page.get_by_role("button", name="Test the connection").click()
            await expect(outcome.locator("code")).to_have_text(code, timeout=WITHIN)
            await expect(outcome).to_contain_text("TikTok Live connection error")
            room.clear()
            await page.reload()

    async def test_it_works_without_scripts(
        self, server: Server, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        room = tiktok.go_live(streamer)
        await page.route("**/stream.js", lambda route: route.abort())
        await open_page(page, server, streamer)
        await page.get_by_role("button", name="Test the connection").click()
        await expect(page).to_have_url(f"{http(server)}/staff/streams/{streamer}/test/")
        await expect(page.locator("#outcome")).to_contain_text(f"to room {room.room_id}")
