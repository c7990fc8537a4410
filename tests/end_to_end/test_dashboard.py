"""/staff/ in a browser: it shows what happens without being loaded again."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from standin import TikTok
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount, OnAir, StartServer
from tests.support.browsing import ANSWER_WITHIN, add_person, http, sign_in
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 2_000  # ms
CLOSE_FORBIDDEN = 4403
# The place of a stream's sockets among the cells of its row.
SOCKETS = 4


async def open_dashboard(page: Page, server: Server, streamer: str) -> str:
    """Signed in as a new member of the staff, whose name is returned; it is up to date."""
    name = f"staff-{streamer}"
    await add_person(server, name, "", "--staff")
    await sign_in(page, server, name)  # it leads staff there
    await expect(page.get_by_text("Updates by itself")).to_be_visible()
    return name


def take(route: WebSocketRoute, sockets: list[WebSocketRoute]) -> None:
    """Pass the page's socket on to the server, and keep it."""
    route.connect_to_server()
    sockets.append(route)


class TestDashboard:
    @ON_UVICORN
    async def test_a_stream_appears_and_leads_to_its_page(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        page: Page,
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        await open_dashboard(page, server, streamer)
        row = page.get_by_role("row", name=f"@{streamer}")
        await expect(row).to_have_count(0)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await expect(row).to_contain_text("Live", timeout=WITHIN)
            await expect(row.get_by_role("cell").nth(SOCKETS)).to_have_text("1")
            async with Phone(f"{server.address}/ws/{account.token}"):
                await expect(row.get_by_role("cell").nth(SOCKETS)).to_have_text("2", timeout=WITHIN)
            await row.get_by_role("link").click()
            await expect(page).to_have_url(re.compile(f"/staff/streams/{streamer}/$"))

    @ON_UVICORN
    async def test_it_shows_a_failure(
        self, server: Server, streamer: str, add_account: AddAccount, page: Page
    ) -> None:
        account = await add_account()
        await open_dashboard(page, server, streamer)
        failures = page.locator("#failures")
        before = await failures.get_by_role("listitem").all_text_contents()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            error, _code = await phone.explanation()
        item = failures.get_by_role("listitem").filter(has_text=error["code"])
        # Another socket's end may just have had it look: then it waits for five seconds.
        await expect(item).to_be_visible(timeout=6_000)
        await expect(failures).not_to_have_text("".join(before), timeout=6_000)
        await item.get_by_role("link").click()
        await expect(page).to_have_url(
            re.compile(f"/staff/connections/\\?error={error['code']}&since=")
        )
        await expect(page.get_by_text(f"@{streamer}").first).to_be_visible()

    @ON_UVICORN
    async def test_it_leaves_alone_what_somebody_uses(
        self, server: Server, streamer: str, on_air: OnAir, page: Page
    ) -> None:
        """Focus stays, and what was unfolded stays so, while the numbers change."""
        await open_dashboard(page, server, streamer)
        table = page.locator("#history-table")
        await page.get_by_text("The charts as a table").click()
        await expect(table).to_be_visible()
        row = page.get_by_role("row", name=f"@{streamer}")
        await row.get_by_role("link").focus()
        age = await row.get_by_role("cell").nth(1).text_content()
        await expect(row.get_by_role("cell").nth(1)).not_to_have_text(str(age), timeout=WITHIN)
        await expect(row.get_by_role("link")).to_be_focused()
        await expect(table).to_be_visible()

    async def test_the_hours_of_the_routes_stay_unfolded(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, page: Page
    ) -> None:
        server = await start_server("uvicorn", TIKTOK_ROUTES="direct,signed")
        tiktok.go_live(streamer)
        await open_dashboard(page, server, streamer)
        await page.get_by_text("Ways to TikTok").click()
        await page.get_by_text("Hour by hour").click()
        hours = page.locator("#hours-of-routes")
        await expect(hours).to_be_visible()
        account = await server.add_account("anna", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await expect(hours).to_contain_text("1 (100%)", timeout=WITHIN)
            await expect(hours).to_be_visible()

    @ON_DAPHNE
    async def test_it_comes_back_after_the_connection_was_lost(
        self, server: Server, streamer: str, page: Page
    ) -> None:
        # The first socket is cut by the browser; the next one goes through.
        sockets: list[WebSocketRoute] = []
        await page.route_web_socket("**/staff/socket", lambda route: take(route, sockets))
        await open_dashboard(page, server, streamer)
        await sockets[0].close(code=1011)
        await expect(page.get_by_text("Connection lost, trying again.")).to_be_visible()
        await expect(page.get_by_text("Updates by itself")).to_be_visible()
        assert len(sockets) == 2

    @ON_DAPHNE
    async def test_it_says_so_when_somebody_is_signed_out(
        self, server: Server, streamer: str, page: Page
    ) -> None:
        await open_dashboard(page, server, streamer)
        await page.context.clear_cookies()
        # As after a server's restart: the page connects again, and is a stranger now.
        await page.evaluate(
            "() => import('/static/live/staff-socket.js').then(({watch}) =>"
            " watch({}, (link) => { document.title = link; }))"
        )
        await expect(page).to_have_title("forbidden")

    @ON_DAPHNE
    async def test_it_shows_numbers_without_scripts(
        self, server: Server, streamer: str, on_air: OnAir, browser: Browser
    ) -> None:
        name = f"staff-{streamer}"
        await add_person(server, name, "", "--staff")
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await sign_in(page, server, name)
        await page.goto(f"{http(server)}/staff/")
        row = page.get_by_role("row", name=f"@{streamer}")
        await expect(row).to_contain_text("Live")
        await expect(page.get_by_text("As of")).to_be_visible()
        await expect(page.locator(".scripted").first).to_be_hidden()
        await context.close()


class TestTheSocket:
    async def test_it_is_for_staff_alone(self, server: Server, streamer: str, page: Page) -> None:
        await add_person(server, f"user-{streamer}")
        await sign_in(page, server, f"user-{streamer}")
        answer = await page.goto(f"{http(server)}/staff/")
        assert answer is not None
        assert answer.status == 403
        code = await page.evaluate(
            "() => new Promise((done) => {"
            " new WebSocket('/staff/socket').onclose = (event) => done(event.code); })"
        )
        assert code == CLOSE_FORBIDDEN

    async def test_it_refuses_pages_of_other_sites(
        self, server: Server, streamer: str, page: Page
    ) -> None:
        await open_dashboard(page, server, streamer)
        (session,) = [
            cookie["value"]
            for cookie in await page.context.cookies()
            if cookie["name"] == "sessionid"
        ]
        headers = {"Cookie": f"sessionid={session}"}
        address = f"{server.address}/staff/socket"
        with pytest.raises(InvalidStatus, match="403"):
            await connect(
                address, additional_headers=headers, origin=Origin("https://evil.example")
            )
        with pytest.raises(InvalidStatus, match="403"):
            await connect(address, additional_headers=headers)
        async with connect(
            address, additional_headers=headers, origin=Origin(http(server))
        ) as socket:
            assert '"type":"numbers"' in str(await socket.recv())


@ON_UVICORN
class TestHistory:
    async def test_it_is_for_staff_alone(self, server: Server) -> None:
        async with httpx.AsyncClient(base_url=http(server), timeout=ANSWER_WITHIN) as stranger:
            answer = await stranger.get("/staff/history.json")
        assert answer.headers["Location"].startswith("/login/")
