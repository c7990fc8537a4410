"""Overlays in a real browser, as OBS opens them: real servers, the stand-in for TikTok."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from live.protocol.errors import ErrorCode
from standin import TikTok, messages
from tests.end_to_end.conftest import SETTINGS
from tests.support.browsing import add_person, http, post, sign_in, signed_in
from tests.support.overlays import form_values, make_overlay
from tests.support.phone import Phone
from tests.support.proxy import CuttableProxy
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 15_000.0  # ms
_numbers = itertools.count(1)
# Before any script of the page.
_WATCH = """
window.forbidden = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.forbidden.push(`${event.effectiveDirective}: ${event.blockedURI}`);
});
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    settings = {**tiktok.environment(), **SETTINGS, "RELAY_PICTURE_HOSTS": tiktok.url}
    server = Server("uvicorn", tmp_path_factory.mktemp("overlays"), settings)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A machine that is busy takes its time."""
    expect.set_options(timeout=WITHIN)
    yield
    expect.set_options(timeout=None)


@pytest_asyncio.fixture(loop_scope="session")
async def name(server: Server, streamer: str) -> str:
    """Somebody whose LIVE is that of `streamer`, and who can sign in."""
    name = f"owner{next(_numbers)}"
    await add_person(server, name, streamer)
    return name


@asynccontextmanager
async def obs(
    browser: Browser, address: str, answer_sums: Callable[[Route], Awaitable[None]] | None = None
) -> AsyncIterator[Page]:
    """The page of an overlay, without anything stored. It must keep to its policy, ask no other
    host, and get no cookie.

    Args:
        answer_sums: answers when it asks for the sums of the LIVE, in the server's place.
    """
    context = await browser.new_context(viewport={"width": 800, "height": 400})
    if answer_sums is not None:
        await context.route("**/sums.json*", answer_sums)
    page = await context.new_page()
    asked: list[str] = []
    thrown: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: thrown.append(str(error)))
    await page.add_init_script(_WATCH)
    await page.goto(address)
    yield page
    assert await page.evaluate("window.forbidden") == []
    assert {url.split("/")[2] for url in asked} == {address.split("/")[2]}
    assert await context.cookies() == []
    assert thrown == []
    await context.close()


class TestAlerts:
    async def test_a_streak_counts_up_with_its_picture_and_nothing_is_shown_twice_after_a_break(
        self, browser: Browser, server: Server, tiktok: TikTok, streamer: str, name: str
    ) -> None:
        room = tiktok.go_live(streamer)
        _pk, secret = await make_overlay(server, name, "alerts", duration=30, threshold=1)
        async with (
            CuttableProxy(server.port) as proxy,
            obs(browser, f"{proxy.address}/overlay/{secret}/") as page,
        ):
            await room.wait_for_socket()
            alert = page.locator(".alert:not(.leaving)")
            with messages.pictures_at(tiktok.pictures):
                for count in (1, 2, 3):
                    await room.push(
                        messages.gift("dave", repeat_count=count, repeat_end=False, group_id=5)
                    )
                    shown = "" if count == 1 else f"×{count}"
                    await expect(alert.locator(".count")).to_have_text(shown)
            await expect(alert).to_contain_text("Dave")
            await expect(alert).to_contain_text("sends Rose")
            picture = alert.locator(".gift-picture img")
            await expect(picture).to_have_js_property("complete", True)
            assert await picture.evaluate("image => image.naturalWidth") > 0
            # The connection breaks; meanwhile the streak ends, and somebody follows.
            await page.evaluate("document.querySelector('.alert').dataset.isFirst = 'yes'")
            proxy.cut()
            await room.push(
                messages.gift("dave", repeat_count=4, repeat_end=True, group_id=5),
                messages.follow("erin"),
            )
            await expect(alert.locator(".count")).to_have_text("×4")
            assert await page.locator(".alert").count() == 1
            assert await alert.get_attribute("data-is-first") == "yes"
        assert secret not in server.log_text

    async def test_a_test_reaches_it_and_says_that_it_is_one(
        self, browser: Browser, server: Server, tiktok: TikTok, streamer: str, name: str
    ) -> None:
        """Though the streamer is not live."""
        tiktok.room(streamer)
        pk, secret = await make_overlay(server, name, "alerts")
        address = f"{http(server)}/overlay/{secret}/"
        async with obs(browser, address) as page, signed_in(server, name) as owner:
            while not (await owner.get(f"/overlays/{pk}/state.json")).json()["connected"]:
                await page.wait_for_timeout(50)
            await post(owner, f"/overlays/{pk}/test/", event="follow")
            await expect(page.locator(".alert")).to_contain_text("is a new follower")
            await expect(page.locator("#mark")).to_have_text("Test")

    async def test_a_test_comes_before_what_waits_and_stays_marked(
        self, browser: Browser, server: Server, tiktok: TikTok, streamer: str, name: str
    ) -> None:
        room = tiktok.go_live(streamer)
        pk, secret = await make_overlay(server, name, "alerts", duration=30)
        async with (
            obs(browser, f"{http(server)}/overlay/{secret}/") as page,
            signed_in(server, name) as owner,
        ):
            await room.wait_for_socket()
            await room.push(messages.follow("erin"), messages.follow("dave"))
            alert = page.locator(".alert:not(.leaving)")
            await expect(alert).to_contain_text("Erin")
            await post(owner, f"/overlays/{pk}/test/", event="big")
            await expect(alert).to_contain_text("sends Galaxy")
            await page.wait_for_timeout(5000)  # longer than the mark is there for other tests
            await expect(alert).to_contain_text("sends Galaxy")
            await expect(page.locator("#mark")).to_have_text("Test")


class TestAGoal:
    async def test_it_is_right_at_once_and_moves(
        self, browser: Browser, server: Server, tiktok: TikTok, streamer: str, name: str
    ) -> None:
        room = tiktok.go_live(streamer)
        phone = await server.add_account(f"phone-of-{streamer}", streamer)
        pk, secret = await make_overlay(
            server, name, "goal", metric="likes", target=1000, start=0, title="Likes!"
        )
        async with Phone(f"{server.address}/ws/{phone.token}") as early:
            await early.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.like("bob", 15, total=250))
            await early.until_type("like")
            async with (
                obs(browser, f"{http(server)}/overlay/{secret}/") as page,
                signed_in(server, name) as owner,
            ):
                figures = page.locator(".figures")
                await expect(figures).to_have_text("250/1,000")
                await room.push(messages.like("bob", 15, total=500))
                await expect(figures).to_have_text("500/1,000")
                part = await page.locator(".fill").evaluate(
                    "fill => fill.style.getPropertyValue('--part')"
                )
                assert part == "0.5"
                # What is saved on its page is there at once.
                values = form_values("goal", metric="likes", target=2000, start=100, style="slim")
                await post(owner, f"/overlays/{pk}/", **values)
                await expect(figures).to_have_text("600/2,000")
                await expect(page.locator("#stage")).to_have_attribute("data-style", "slim")

    async def test_opened_in_the_middle_it_has_what_was_given_before(
        self, browser: Browser, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        """The server has counted that; a snapshot has no diamonds. As long as it has not counted up
        to the opening, the overlay shows what it has, and goes on to ask."""
        room = tiktok.go_live(streamer)
        is_behind = True

        async def answer_sums(route: Route) -> None:
            answer = await route.fetch()
            sums = await answer.json()
            if is_behind and sums:
                sums["offset"] = 0
            await route.fulfill(response=answer, json=sums)

        name = f"owner{next(_numbers)}"
        account = await add_person(server, name, streamer)
        _pk, secret = await make_overlay(server, name, "goal", metric="diamonds", target=1000)
        async with Phone(f"{server.address}/ws/{account.token}") as early:
            await early.until_type("connected")
            await room.wait_for_socket()
            await room.push(
                messages.gift("dave", "Galaxy", diamonds=300, combo=False),
                messages.gift("erin", "Lion", diamonds=120, combo=False),
                messages.chat("maria", "what a LIVE"),
            )
            await early.until_type("comment")
            async with obs(browser, f"{http(server)}/overlay/{secret}/", answer_sums) as page:
                figures = page.locator(".figures")
                await expect(figures).to_have_text("420/1,000")
                await room.push(messages.gift("dave", "Galaxy", diamonds=80, combo=False))
                await expect(figures).to_have_text("500/1,000")
                # What the server comes to has that gift, too: it is counted once.
                is_behind = False
                async with page.expect_response("**/sums.json*"):
                    pass
                await room.push(messages.gift("erin", "Rose", diamonds=1, combo=False))
                await expect(figures).to_have_text("501/1,000")


class TestItsSecret:
    @pytest.mark.parametrize("action", ["renew", "delete"])
    async def test_its_open_page_goes_dark_once_it_is_renewed_or_deleted(
        self,
        browser: Browser,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        name: str,
        action: str,
    ) -> None:
        room = tiktok.go_live(streamer)
        pk, secret = await make_overlay(server, name, "chat")
        address = f"{http(server)}/overlay/{secret}/"
        async with obs(browser, address) as page, signed_in(server, name) as owner:
            await room.wait_for_socket()
            await room.push(messages.chat("maria", "hello"))
            await expect(page.locator(".line")).to_be_visible()
            await post(owner, f"/overlays/{pk}/{action}/")
            await expect(page.locator("#stage > *")).to_have_count(0)

    async def test_it_opens_its_own_socket_alone_and_no_more_once_renewed(
        self, server: Server, tiktok: TikTok, streamer: str, name: str, own_address: str
    ) -> None:
        room = tiktok.go_live(streamer)
        pk, secret = await make_overlay(server, name, "chat")
        async with signed_in(server, name) as owner:
            async with Phone(f"{server.address}/ws/overlay/{secret}") as socket:
                await socket.until_type("connected")
                await room.wait_for_socket()
                await room.push(messages.gift("dave"), messages.chat("maria", "hello"))
                await socket.until_type("comment")
                assert "gift" not in {frame["type"] for frame in socket.frames}
                await post(owner, f"/overlays/{pk}/renew/")
                explained, _close_code = await socket.explanation()
                assert explained["code"] == ErrorCode.TOKEN_REVOKED
            rows = server.execute(
                "SELECT * FROM live_connectionlog WHERE token_prefix = ?", secret[:8]
            )
            assert [row["tiktok_username"] for row in rows] == [streamer]
        for path in (f"/ws/overlay/{secret}", f"/ws/{secret}"):
            async with Phone(server.address + path, local_addr=(own_address, 0)) as socket:
                explained, _close_code = await socket.explanation()
                assert explained["code"] == ErrorCode.INVALID_TOKEN
        assert secret not in server.log_text


class TestTheForm:
    async def test_a_laptop_shows_the_address_and_the_test_without_scrolling(
        self, page: Page, server: Server, name: str
    ) -> None:
        await page.set_viewport_size({"width": 1280, "height": 800})
        pk, _secret = await make_overlay(server, name, "alerts")
        await sign_in(page, server, name)
        await page.goto(f"{http(server)}/overlays/{pk}/")
        for shown in (
            page.get_by_label("Address", exact=True),
            page.get_by_role("button", name="Copy"),
            page.locator("#frame"),
            page.get_by_role("button", name="Test alert"),
        ):
            await expect(shown).to_be_in_viewport(ratio=1)

    async def test_the_preview_shows_invented_events_and_what_is_chosen(
        self, page: Page, server: Server, name: str
    ) -> None:
        """Though the test endpoint is off."""
        await sign_in(page, server, name)
        await page.get_by_role("link", name="Overlays").click()
        await page.get_by_role("link", name="Chat").click()
        shown = page.frame_locator("#preview")
        await expect(shown.locator(".line").first).to_be_visible()
        await expect(shown.locator("#mark")).to_have_text("Preview")
        await page.get_by_label("Style").select_option("cards")
        await expect(shown.locator("#stage")).to_have_attribute("data-style", "cards")
        await page.get_by_role("button", name="Test", exact=True).click()
        await expect(shown.locator(".line", has_text="Hello! Привет!")).to_be_visible()
        await page.get_by_role("button", name="Make the overlay").click()
        address = re.compile(rf"^{re.escape(http(server))}/overlay/ov_[\w-]+/$")
        await expect(page.get_by_label("Address", exact=True)).to_have_value(address)
        await expect(page.locator("#light")).to_have_text("Not connected yet")
