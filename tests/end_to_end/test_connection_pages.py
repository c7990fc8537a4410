"""/staff/connections/ in a browser: how staff find out why a phone did not connect."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, StorageState, expect

from standin import TikTok
from tests.end_to_end.conftest import SETTINGS
from tests.support.browsing import add_person, elsewhere, http, sign_in
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE_SIZE = {"width": 360, "height": 740}
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One server will do: what is tested is the browser's part."""
    settings = {**tiktok.environment(), **SETTINGS}
    server = Server("uvicorn", tmp_path_factory.mktemp("connections"), settings)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signed_in(browser: Browser, server: Server) -> StorageState:
    """What a browser keeps in which staff have signed in."""
    await add_person(server, "boss", "", "--staff")
    async with await browser.new_context() as context:
        await sign_in(await context.new_page(), server, "boss")
        return await context.storage_state()


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def _staff(page: Page, signed_in: StorageState) -> None:
    await page.context.add_cookies(signed_in["cookies"])  # type: ignore[arg-type]


@pytest.fixture
def anna() -> str:
    """An account name that no other test uses, nor is it a part of another."""
    return f"anna{next(_numbers):03}"


async def call(server: Server, account: Account) -> None:
    """A phone that does not get in."""
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        await phone.until_closed()
    await server.closed_row(account)


async def faults(page: Page) -> list[str]:
    """What axe-core finds."""
    found = await Axe().run(page)
    return [violation["id"] for violation in found.response["violations"]]


class TestFindingTheReason:
    async def test_the_reason_is_three_clicks_from_the_dashboard(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        """From the dashboard to the reason in three clicks."""
        account = await server.add_account(anna, streamer)
        await call(server, account)
        await page.goto(f"{http(server)}/staff/")
        await page.get_by_role("link", name="Connections").first.click()
        await page.get_by_role("row").filter(has_text=anna).get_by_role("link").click()
        reason = page.get_by_text("TikTok Live connection error: no such user").first
        await expect(reason).to_be_visible()
        await expect(page.get_by_role("listitem").filter(has_text="1011")).to_be_visible()

    async def test_it_is_found_among_others(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        bert = anna.replace("anna", "bert")
        for name in (anna, bert):
            await call(server, await server.add_account(name, f"{streamer}.{name}"))
        await page.goto(f"{http(server)}/staff/connections/")
        search = page.get_by_role("searchbox")
        await search.fill(f"@{streamer}.{anna} nobody")
        await search.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Nothing here is called “nobody”.")
        await search.fill(f"@{streamer}.{anna} TikTok: no such user today")
        await search.press("Enter")
        await page.get_by_role("link", name="Failed").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator("tbody tr")).to_contain_text(anna)

    async def test_it_is_sorted_by_the_headings(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        await call(server, await server.add_account(anna, streamer))
        await page.goto(f"{http(server)}/staff/connections/?error=user_not_found")
        heading = page.get_by_role("columnheader", name="Frames sent")
        await heading.get_by_role("link").click()
        await expect(heading).to_have_attribute("aria-sort", "descending")
        await heading.get_by_role("link").click()
        await expect(heading).to_have_attribute("aria-sort", "ascending")
        await expect(page.get_by_label("Error", exact=True)).to_have_value("user_not_found")

    async def test_it_is_downloaded(
        self, server: Server, page: Page, streamer: str, anna: str, tmp_path: Path
    ) -> None:
        await call(server, await server.add_account(anna, streamer))
        await page.goto(f"{http(server)}/staff/connections/?error=user_not_found&account={anna}")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download as CSV").click()
        file = tmp_path / "connections.csv"
        await (await download.value).save_as(file)
        head, row = file.read_text("utf-8-sig").splitlines()
        assert head.startswith("id,opened_at,")
        assert f",{anna},{streamer}," in row


class TestLiveRows:
    async def test_a_row_appears_and_changes_and_the_focus_stays(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str, anna: str
    ) -> None:
        """A row appears, and changes, while the focus stays where it is."""
        account = await server.add_account(anna, streamer)
        await call(server, account)
        tiktok.go_live(streamer)
        await page.goto(f"{http(server)}/staff/connections/?account={anna}")
        rows = page.locator("tbody tr")
        await expect(rows).to_have_count(1)
        await rows.get_by_role("link").focus()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await expect(rows).to_have_count(2)
            await expect(rows.first).to_contain_text("Still open")
            await expect(page.get_by_role("status")).to_have_text("1 new connection")
        await expect(rows.first).to_contain_text("1000")
        await expect(rows.last.get_by_role("link")).to_be_focused()

    async def test_it_can_be_paused(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        account = await server.add_account(anna, streamer)
        await page.goto(f"{http(server)}/staff/connections/?account={anna}")
        switch = page.get_by_role("switch", name="Live updates")
        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "false")
        await call(server, account)
        await expect(page.get_by_text("No connection matches")).to_be_visible()
        await switch.click()
        await expect(page.locator("tbody tr")).to_have_count(1)

    async def test_it_says_when_it_is_over(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        await page.goto(f"{http(server)}/staff/connections/")
        await expect(page.get_by_role("switch")).to_be_visible()
        await page.context.clear_cookies()
        await call(server, await server.add_account(anna, streamer))
        await expect(page.get_by_role("status")).to_contain_text("no longer updated")


class TestOneConnection:
    async def test_it_follows_an_open_one(
        self, server: Server, page: Page, tiktok: TikTok, streamer: str, anna: str
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await server.add_account(anna, streamer)
        timeline = page.locator(".timeline")
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await page.goto(f"{http(server)}/staff/connections/?account={anna}")
            await page.locator("tbody tr").get_by_role("link").click()
            await expect(page.get_by_text("It is connected to the LIVE of")).to_be_visible()
            await expect(timeline).to_contain_text("Live")
            await room.cut()
            await expect(timeline).to_contain_text("Reconnecting")
        await expect(page.get_by_role("status")).to_have_text("The connection is closed.")
        await expect(timeline).to_contain_text("Closed")
        await expect(timeline).to_contain_text("frames sent")


class TestAccessibility:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_axe_core_finds_nothing_and_nothing_scrolls_sideways(
        self, server: Server, page: Page, streamer: str, anna: str, scheme: str
    ) -> None:
        """Nothing for axe-core to find, no scrolling sideways, on a phone and on a desk."""
        account = await server.add_account(anna, streamer)
        await call(server, account)
        row = await server.closed_row(account)
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        addresses = ("", "?code=77&error=rate_limited", "?sort=-frames", f"{row['id']}/")
        for size in (PHONE_SIZE, {"width": 1200, "height": 800}):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            for address in addresses:
                await page.goto(f"{http(server)}/staff/connections/{address}")
                await expect(page.get_by_role("heading", level=1)).to_be_visible()
                assert await faults(page) == []
                width = await page.evaluate("document.documentElement.scrollWidth")
                assert width <= size["width"], address

    async def test_its_headings_are_seen_when_they_have_the_focus(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        await call(server, await server.add_account(anna, streamer))
        await page.set_viewport_size(PHONE_SIZE)  # type: ignore[arg-type]
        await page.goto(f"{http(server)}/staff/connections/")
        link = page.get_by_role("link", name="Frames sent")
        await link.focus()
        box = await link.bounding_box()
        assert box is not None
        assert box["height"] >= 24


class TestTimes:
    async def test_times_are_those_of_the_device_and_stay_so_when_the_page_is_refreshed(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        bert = anna.replace("anna", "bert")
        account = await server.add_account(anna, streamer)
        await call(server, account)
        server.execute(
            "UPDATE live_connectionlog SET opened_at = ? WHERE account_id = ?",
            "2026-05-04 20:30:05",
            account.user_id,
        )
        async with elsewhere(page) as there:
            await there.goto(f"{http(server)}/staff/connections/")
            row = there.get_by_role("row").filter(has_text=anna)
            await expect(row).to_contain_text("May 5, 2026, 01:30")
            await expect(
                there.get_by_role("main").get_by_text("device: Asia/Yekaterinburg, UTC+5.")
            ).to_be_visible()
            await call(server, await server.add_account(bert, streamer))
            await expect(there.get_by_role("row").filter(has_text=bert)).to_be_visible()
            await expect(row).to_contain_text("May 5, 2026, 01:30")
            await row.get_by_role("link").click()
            heading = there.get_by_role("heading", level=1)
            await expect(heading).to_have_text("Connection of May 5, 2026, 01:30:05")
            in_utc = there.locator(".facts time").first
            await expect(in_utc).to_have_attribute("title", "May 4, 2026, 20:30:05 UTC")

    async def test_the_filters_of_time_take_those_of_the_device(
        self, server: Server, page: Page, streamer: str, anna: str
    ) -> None:
        account = await server.add_account(anna, streamer)
        await call(server, account)
        server.execute(
            "UPDATE live_connectionlog SET opened_at = ? WHERE account_id = ?",
            "2026-05-04 20:35:00",
            account.user_id,
        )
        async with elsewhere(page) as there:
            await there.goto(f"{http(server)}/staff/connections/?account={anna}")
            since = there.get_by_label("Since (Asia/Yekaterinburg)")
            for typed, found in (("2026-05-05T01:40", 0), ("2026-05-05T01:30", 1)):
                if not await since.is_visible():
                    await there.get_by_text("More filters").click()
                await since.fill(typed)
                await there.get_by_role("button", name="Show").click()
                await expect(there.locator("#rows tbody tr")).to_have_count(found)
            await expect(there).to_have_url(re.compile("since=2026-05-04T20%3A30%3A00.000Z"))
            await expect(since).to_have_value("2026-05-05T01:30")
            # A link as the dashboard makes it, and one that somebody kept, without a zone.
            for moment in ("2026-05-04T20:30Z", "2026-05-04T20:30"):
                await there.goto(f"{http(server)}/staff/connections/?since={moment}")
                await expect(since).to_have_value("2026-05-05T01:30")
