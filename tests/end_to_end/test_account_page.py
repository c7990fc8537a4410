"""/account/ in a browser: what the owner of an account types, presses, reads and scans."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest
from playwright.async_api import Locator, Page, expect

from relay_project.addresses import own_addresses
from standin import TikTok
from tests.end_to_end.conftest import ON_UVICORN
from tests.support.browsing import PASSWORD, add_person, elsewhere, http
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_UVICORN]

# Milliseconds until what happens at the relay is on the page, on a machine that is busy.
SHOWN_WITHIN = 15_000.0
_numbers = itertools.count(1)


async def open_account(page: Page, server: Server, tiktok_username: str = "") -> Account:
    """Go to the account page, and sign somebody new in on the way."""
    person = await add_person(server, f"owner{next(_numbers)}-{server.kind}", tiktok_username)
    await page.goto(f"{http(server)}/account/")
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Account")).to_be_visible()
    return person


def said(page: Page, what: str) -> Locator:
    """What is said beside a form while nothing is sent."""
    return page.locator(f"[data-said={what}]")


async def issue(page: Page, label: str) -> str:
    """Issue a token; returns the socket's address as it is shown."""
    await open_form(page)
    await page.get_by_label("Label").fill(label)
    await page.get_by_role("button", name="Issue a token").click()
    return await page.get_by_label("Socket address", exact=True).input_value()


async def open_form(page: Page) -> None:
    """Open the form for a token. It is folded where the account has a token."""
    await page.locator("summary", has_text="Issue a token").click()


async def open_username(page: Page) -> None:
    """Open the form for the username, which is folded once there is one."""
    await page.locator("#username > summary").click()


class TestUsername:
    async def test_a_username_is_set_on_the_page(self, server: Server, page: Page) -> None:
        await open_account(page, server)
        await expect(page.get_by_text("Three steps to your LIVE on the phone")).to_be_visible()
        await page.get_by_label("TikTok username").fill("https://www.tiktok.com/@Anna.Live/live")
        await expect(said(page, "username")).to_have_text("→ @anna.live")
        await page.get_by_role("button", name="Save the username").click()
        await expect(page.get_by_text("your app gets the LIVE of @anna.live")).to_be_visible()
        await expect(page.get_by_label("TikTok username")).to_be_hidden()
        await open_username(page)
        await expect(page.get_by_label("TikTok username")).to_have_value("anna.live")

    async def test_it_says_what_is_wrong_while_typing(self, server: Server, page: Page) -> None:
        await open_account(page, server)
        field = page.get_by_label("TikTok username")
        await field.press_sequentially("anna live")
        await expect(said(page, "username")).to_contain_text("TikTok has no such username")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await field.fill("anna.live")
        await expect(said(page, "username")).to_be_empty()
        await expect(field).not_to_have_attribute("aria-invalid", "true")

    async def test_it_is_saved_without_javascript(self, server: Server, page: Page) -> None:
        browser = page.context.browser
        assert browser is not None
        context = await browser.new_context(java_script_enabled=False)
        try:
            plain = await context.new_page()
            await open_account(plain, server)
            await expect(plain.get_by_role("button", name="Is it live now?")).to_be_hidden()
            await plain.get_by_label("TikTok username").fill("@Anna")
            await plain.get_by_role("button", name="Save the username").click()
            await expect(plain.get_by_text("your app gets the LIVE of @anna.")).to_be_visible()
        finally:
            await context.close()


class TestIsLive:
    async def test_a_live_streamer_is_told_as_live(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer)
        await open_account(page, server, streamer)
        await open_username(page)
        await page.get_by_role("button", name="Is it live now?").click()
        await expect(said(page, "is-live")).to_have_text(f"Yes: @{streamer} is live now.")

    async def test_it_asks_for_what_is_typed(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.room(streamer)
        await open_account(page, server, "somebody")
        await open_username(page)
        await page.get_by_label("TikTok username").fill(streamer)
        await page.get_by_role("button", name="Is it live now?").click()
        await expect(said(page, "is-live")).to_have_text(f"No: @{streamer} is not live right now.")
        await page.get_by_label("TikTok username").fill("another")
        await expect(said(page, "is-live")).to_be_empty()

    async def test_it_says_why_it_does_not_know(
        self, server: Server, page: Page, streamer: str
    ) -> None:
        await open_account(page, server, streamer)
        await open_username(page)
        await page.get_by_role("button", name="Is it live now?").click()
        await expect(said(page, "is-live")).to_contain_text(f"TikTok knows no @{streamer}")


class TestTokens:
    async def test_a_revoked_token_closes_its_phone(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        """A token is issued, used by a phone, and revoked: the phone notices within a second."""
        tiktok.go_live(streamer)
        await open_account(page, server, streamer)
        address = await issue(page, "Kitchen phone")
        assert re.fullmatch(rf"{server.address}/ws/[\w-]{{43}}", address)
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await page.get_by_role("link", name="Done, back to the account").click()
            await expect(page.get_by_text("Still connected from 127.0.0.1.")).to_be_visible()
            row = page.get_by_role("listitem").filter(has_text="Kitchen phone")
            await row.get_by_role("link", name="Revoke").click()
            await page.get_by_role("button", name="Revoke the token").click()
            async with asyncio.timeout(1):
                error, _code = await phone.explanation()
        assert error["code"] == "token_revoked"
        await page.locator("summary", has_text="Revoked and expired").click()
        await expect(row.get_by_text("revoked")).to_be_visible()

    async def test_it_shows_a_token_once(self, server: Server, page: Page) -> None:
        await open_account(page, server, "somebody")
        address = await issue(page, "Kitchen phone")
        token = address.rpartition("/")[2]
        await page.reload()
        await expect(page.get_by_text("No other token was issued.")).to_be_visible()
        await expect(page.get_by_role("listitem").filter(has_text="Kitchen phone")).to_have_count(1)
        assert token not in await page.content()

    async def test_it_shows_a_code_that_a_phone_can_scan(self, server: Server, page: Page) -> None:
        await page.emulate_media(color_scheme="dark")
        await open_account(page, server, "somebody")
        await issue(page, "")
        code = page.get_by_role(
            "img", name=f"QR code of the socket address at 127.0.0.1:{server.port}"
        )
        assert await code.evaluate("image => image.complete && image.naturalWidth > 0")
        box = await code.bounding_box()
        assert box is not None
        assert box["width"] == pytest.approx(box["height"])
        assert box["width"] > 200

    async def test_it_copies(self, server: Server, page: Page) -> None:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await open_account(page, server, "somebody")
        address = await issue(page, "")
        await page.get_by_role("button", name="Copy the socket address").click()
        await expect(page.get_by_text("Copied.")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == address

    async def test_it_issues_one_on_a_double_click(self, server: Server, page: Page) -> None:
        person = await open_account(page, server, "somebody")
        await open_form(page)
        await page.get_by_role("button", name="Issue a token").dblclick()
        await expect(page.get_by_label("Socket address", exact=True)).to_be_visible()
        sql = "SELECT * FROM accounts_accesstoken WHERE user_id = ?"
        assert len(server.execute(sql, person.user_id)) == 2  # with that of add_account

    async def test_it_issues_one_however_fast_the_form_is_sent(
        self, server: Server, page: Page
    ) -> None:
        person = await open_account(page, server, "somebody")
        form = page.locator("form[action='/account/tokens/']")
        sent = {
            name: await form.locator(f"[name={name}]").input_value()
            for name in ("csrfmiddlewaretoken", "form_id")
        }
        address = f"{http(server)}/account/tokens/"
        answers = await asyncio.gather(
            *(page.request.post(address, form={**sent}, max_redirects=0) for _ in range(8))
        )
        assert sorted(answer.status for answer in answers) == [200] + [302] * 7
        sql = "SELECT * FROM accounts_accesstoken WHERE user_id = ?"
        assert len(server.execute(sql, person.user_id)) == 2  # with that of add_account


class TestTokenPage:
    async def test_it_says_what_came_of_the_phone_while_it_is_looked_at(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_account(page, server, streamer)
        address = await issue(page, "Kitchen phone")
        light = page.locator("#token-light")
        await expect(light).to_have_text("Waiting for the phone…")
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await expect(light).to_contain_text("Connected", timeout=SHOWN_WITHIN)
            await expect(light).to_contain_text("127.0.0.1 · Python/", timeout=SHOWN_WITHIN)
            await room.end()
            await phone.until_closed()
        await expect(light).to_contain_text("has closed", timeout=SHOWN_WITHIN)
        async with Phone(f"{server.address}/ws/{address.rpartition('/')[2]}?types=none") as phone:
            await phone.explanation()
        await expect(light).to_contain_text(
            "It reached the relay, and was told", timeout=SHOWN_WITHIN
        )

    async def test_another_address_of_the_server_can_be_chosen(
        self, server: Server, page: Page
    ) -> None:
        if not (own := own_addresses()):
            pytest.skip("this machine has loopback addresses alone")
        other = f"{own[0]}:{server.port}"
        await open_account(page, server, "somebody")
        address = await issue(page, "")
        await expect(page.get_by_text("A phone can't use the address 127.0.0.1")).to_be_visible()
        await page.get_by_label(other).check()
        token = address.rpartition("/")[2]
        field = page.get_by_label("Socket address", exact=True)
        await expect(field).to_have_value(f"ws://{other}/ws/{token}")
        await expect(page.locator("pre:visible")).to_contain_text(f'url: "ws://{other}"')
        codes = page.get_by_role("img", name="QR code of the socket address")
        await expect(codes).to_have_count(1)
        await expect(codes).to_have_accessible_name(f"QR code of the socket address at {other}")
        await expect(page.get_by_text(f"takes no connections at {other} yet")).to_be_visible()

    async def test_its_tabs_go_by_keyboard(self, server: Server, page: Page) -> None:
        await open_account(page, server, "somebody")
        await issue(page, "")
        lines = page.get_by_role("tabpanel")
        await expect(lines).to_have_accessible_name("JavaScript")
        await page.get_by_role("tab", name="JavaScript").press("ArrowLeft")
        await expect(page.get_by_role("tab", name="Dart")).to_be_focused()
        await expect(lines).to_have_accessible_name("Dart")
        await expect(lines).to_contain_text("not tested here")
        await page.keyboard.press("Home")
        await page.keyboard.press("ArrowRight")
        await expect(lines).to_have_accessible_name("Python")
        await expect(page.get_by_role("tab", selected=True)).to_have_text("Python")


class TestSigningIn:
    async def test_it_pauses_after_ten_wrong_passwords(self, server: Server, page: Page) -> None:
        person = await add_person(server, f"owner{next(_numbers)}-{server.kind}")
        await page.goto(f"{http(server)}/login/")
        csrf_token = await page.locator("main [name=csrfmiddlewaretoken]").input_value()
        form = {"csrfmiddlewaretoken": csrf_token, "username": person.username}
        statuses = []
        for password in ["wrong"] * 10 + [PASSWORD]:
            answer = await page.request.post(page.url, form={**form, "password": password})
            statuses.append(answer.status)
        assert statuses == [200] * 9 + [429] * 2
        assert "Too many wrong passwords" in await answer.text()


class TestHistory:
    async def test_a_failed_connection_is_explained_on_the_page(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.room(streamer)
        person = await open_account(page, server, streamer)
        await expect(page.get_by_text("No app has connected with your tokens yet.")).to_be_visible()
        async with Phone(f"{server.address}/ws/{person.token}") as phone:
            await phone.explanation()
        await server.closed_row(person)
        await page.reload()
        row = page.get_by_role("listitem").filter(has_text="the streamer is not live")
        await expect(row).to_contain_text("TikTok Live connection error: the streamer is not live.")

    async def test_it_shows_times_of_the_reader_s_clock(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.room(streamer)
        person = await open_account(page, server, streamer)
        async with Phone(f"{server.address}/ws/{person.token}") as phone:
            await phone.explanation()
        await server.closed_row(person)
        server.execute(
            "UPDATE live_connectionlog SET opened_at = ? WHERE account_id = ?",
            "2026-05-04 20:30:00",
            person.user_id,
        )
        async with elsewhere(page) as there:
            await there.goto(f"{http(server)}/account/")
            row = there.get_by_role("listitem").filter(has_text="the streamer is not live")
            await expect(row).to_contain_text("May 5, 2026 01:30")
            await expect(
                there.get_by_role("main").get_by_text("device: Asia/Yekaterinburg, UTC+5.")
            ).to_be_visible()
