"""The live console, as people see it: a real browser, real servers, the stand-in for TikTok."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, async_playwright, expect
from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction as BattleAction

from accounts.models import PREFIX_LENGTH
from live.protocol.errors import ErrorCode, RelayError
from rehearsal.plan import rehearsed
from standin import Failure, Message, TikTok, messages
from standin.room import Room
from tests.end_to_end.conftest import SETTINGS
from tests.support.browsing import PASSWORD, add_person, http, sign_in
from tests.support.chromium import CHROMIUM, CHROMIUM_ARGUMENTS, installed
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE, SMALL_PHONE = (390, 844), (360, 640)
WITHIN = 15_000.0  # ms
_numbers = itertools.count(1)
# The colour that a name of the palette stands for.
_COLOUR = """
(name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
"""
# Whether nothing else is above an element, in its middle.
_IS_ON_TOP = """
(element) => {
  const { left, top, width, height } = element.getBoundingClientRect();
  const found = document.elementFromPoint(left + width / 2, top + height / 2);
  return element === found || element.contains(found);
}
"""
# How many lines the text of an element takes.
_LINES = """
(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One server only: what differs between servers is tested elsewhere."""
    settings = {**tiktok.environment(), **SETTINGS, "RELAY_TEST_ENDPOINT": "always"}
    server = Server("uvicorn", tmp_path_factory.mktemp("console"), settings)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """A machine that is busy takes its time."""
    expect.set_options(timeout=WITHIN)
    yield
    expect.set_options(timeout=None)


async def open_console(
    page: Page,
    server: Server,
    tiktok_username: str,
    *arguments: str,
    size: tuple[int, int] = PHONE,
) -> Account:
    """Sign somebody new in, who lands on the console."""
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    name = f"viewer{next(_numbers)}"
    account = await add_person(server, name, tiktok_username, *arguments)
    await sign_in(page, server, name)
    await page.wait_for_load_state()  # then its scripts have run
    return account


async def watch(page: Page, server: Server, tiktok: TikTok, streamer: str) -> Room:
    """Open the console of a streamer who is live."""
    room = tiktok.go_live(streamer, title="Evening songs")
    await open_console(page, server, streamer)
    await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
    await room.wait_for_socket()
    return room


async def use_language(page: Page, server: Server, language: str) -> None:
    """Load the console in that language."""
    cookie = {"name": "django_language", "value": language, "url": http(server)}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto(http(server))
    await expect(page.locator("html")).to_have_attribute("lang", language)


async def width_of(page: Page) -> int:
    """What the page needs, in pixels: more than the window's, and it scrolls sideways."""
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    return width


def state(page: Page) -> Locator:
    return page.locator("#state")


def feed(page: Page) -> Locator:
    return page.get_by_role("log", name="Comments and events")


def past(page: Page) -> Locator:
    return page.locator("#past")


async def open_settings(page: Page) -> None:
    """Unless they are open."""
    if not await page.locator("#settings").is_visible():
        await page.get_by_role("button", name="Settings").click()


async def open_past(page: Page) -> None:
    """The list of past errors, unless it is open."""
    await open_settings(page)
    if not await page.locator("#past-list").is_visible():
        await past(page).locator("summary").click()


async def switch_test(page: Page, *, on: bool) -> None:
    await open_settings(page)
    await page.get_by_role("switch", name="Test events").set_checked(on)


def entries(page: Page) -> Locator:
    return page.locator("#feed > *")


def snackbar(page: Page) -> Locator:
    return page.get_by_role("alert")


async def is_at_its_end(feed: Locator) -> bool:
    left: float = await feed.evaluate("f => f.scrollHeight - f.scrollTop - f.clientHeight")
    return left < 2


async def stored_token(page: Page) -> str:
    token: str = await page.evaluate("localStorage.getItem('console-token')")
    return token


class TestANewcomer:
    async def test_a_newcomer_sees_events_and_no_token_in_any_address(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("websocket", lambda socket: requested.append(socket.url))
        room = await watch(page, server, tiktok, streamer)
        await expect(state(page)).to_contain_text("Evening songs")
        await room.push(messages.chat("maria", "<b>hello</b>"))
        await expect(feed(page)).to_have_text("MMaria<b>hello</b>")
        token = await stored_token(page)
        assert requested
        assert not [address for address in requested if token in address]
        assert token not in server.log_text
        assert {address.split("/")[2] for address in requested} == {f"127.0.0.1:{server.port}"}

    async def test_it_is_told_to_wait_for_the_live(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.room(streamer)
        await open_console(page, server, streamer)
        await expect(state(page)).to_have_text(
            re.compile(rf"Waiting for the LIVE\s+@{streamer}"), use_inner_text=True
        )
        await expect(snackbar(page)).to_be_hidden()

    async def test_it_can_disconnect_and_connect(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await page.get_by_role("button", name="Disconnect").click()
        await expect(state(page)).to_contain_text("Not connected")
        await room.wait_until_left()
        await page.get_by_role("button", name="Connect", exact=True).click()
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")

    async def test_it_has_the_live_so_far_at_once(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        phone = await server.add_account(f"phone-of-{streamer}", streamer)
        async with Phone(f"{server.address}/ws/{phone.token}") as early:
            await early.until_type("connected")
            await room.wait_for_socket()
            first = messages.gift("dave", repeat_count=2, repeat_end=False, group_id=77)
            await room.push(
                messages.chat("maria", "before you came"),
                messages.viewers(1284, total=2000),
                messages.like("bob", 15, total=329306),
                first,
            )
            await early.events(4)
            await open_console(page, server, streamer)
            await expect(feed(page)).to_contain_text("before you came")
        await expect(page.locator("#count-viewers")).to_have_text("1,284")
        await expect(page.locator("#count-likes")).to_have_text("329K")
        await expect(page.locator("#gifts-list > *")).to_contain_text("×2")

    async def test_it_fits_a_small_phone(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await page.set_viewport_size({"width": SMALL_PHONE[0], "height": SMALL_PHONE[1]})
        await room.push(
            messages.chat("maria", "w" * 300),
            *messages.streak("dave" * 10, "Rose" * 10, count=2),
            messages.viewers(10, top=["erin" * 20, "dave", "bob"]),
        )
        await expect(entries(page)).to_have_count(2)
        assert await width_of(page) == SMALL_PHONE[0]

    @pytest.mark.parametrize("language", ["en", "ru"])
    async def test_large_sums_and_their_curve_fit_a_small_phone(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str, language: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer, size=SMALL_PHONE)
        await use_language(page, server, language)
        await room.wait_for_socket()
        top = ["erin", "dave", "bob"]
        await room.push(
            messages.viewers(45_678, top=top),
            messages.like("bob", 15, total=87_654),
            messages.gift("dave", diamonds=54_321, combo=False),
        )
        await expect(page.locator("#count-diamonds")).to_have_text(re.compile("54.321"))
        # The curve begins with the second ten seconds.
        await page.evaluate("document.querySelector('#trail').setAttribute('points', '0,20 60,0')")
        await expect(page.locator(".trail svg")).to_be_visible()
        await expect(page.locator("#top-faces > *")).to_have_count(3)
        assert await width_of(page) == SMALL_PHONE[0]
        await room.push(
            messages.viewers(345_678, top=top),
            messages.like("bob", 15, total=987_654),
            messages.gift("dave", diamonds=400_000, combo=False),
        )
        await expect(page.locator("#count-diamonds")).to_have_text(re.compile("454"))
        assert await width_of(page) == SMALL_PHONE[0]

    async def test_a_small_phone_has_the_names_of_top_gifters_behind_their_pictures(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await page.set_viewport_size({"width": SMALL_PHONE[0], "height": SMALL_PHONE[1]})
        await room.push(messages.viewers(10, top=["oscar.meier", "theodora_k", "maximilian"]))
        await expect(page.locator("#top-faces > *")).to_have_count(3)
        await page.get_by_role("button", name="Top gifters").click()
        names = page.locator("#top-list .name")
        await expect(names).to_have_count(3)
        await expect(names.first).to_be_visible()
        cut = "it => it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight"
        assert not [
            await name.inner_text() for name in await names.all() if await name.evaluate(cut)
        ]

    async def test_a_small_phone_in_russian_has_room_for_the_console(
        self, server: Server, browser: Browser, tiktok: TikTok, streamer: str
    ) -> None:
        width, height = SMALL_PHONE
        room = tiktok.go_live(streamer)
        name = f"viewer{next(_numbers)}.of.the.evening"
        await add_person(server, name, streamer, "--staff")
        context = await browser.new_context(
            locale="en", viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        try:
            page = await context.new_page()
            await sign_in(page, server, name)
            cookie = {"name": "django_language", "value": "ru", "url": http(server)}
            await context.add_cookies([cookie])  # type: ignore[list-item]
            await page.goto(f"{http(server)}/")
            await room.wait_for_socket()
            assert await page.evaluate("document.documentElement.lang") == "ru"
            room.fail(Failure.WEBCAST_HANG)
            await room.cut()
            label = page.locator("#state-label")
            await expect(label).to_have_text("Переподключение")
            assert await label.evaluate(_LINES) == 1
            word = await label.bounding_box()
            button = await page.locator("#connect").bounding_box()
            assert word is not None
            assert button is not None
            assert word["x"] + word["width"] <= button["x"]
            for address in ("/", "/staff/connections/"):
                await page.goto(f"{http(server)}{address}")
                header = await page.locator(".site-header").bounding_box()
                assert header is not None
                assert header["height"] <= (48 if address == "/" else 120)
        finally:
            await context.close()


class TestTheScreen:
    @pytest.mark.parametrize(
        ("size", "language", "least"), [((390, 844), "en", 0.6), ((360, 800), "ru", 0.5)]
    )
    async def test_the_feed_has_most_of_a_phone(
        self,
        page: Page,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        size: tuple[int, int],
        language: str,
        least: float,
    ) -> None:
        room = tiktok.go_live(streamer, title="Evening songs")
        await open_console(page, server, streamer, "--staff", size=size)
        await use_language(page, server, language)
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await room.wait_for_socket()
        gift = messages.gift("dave", repeat_count=2, repeat_end=False, group_id=77)
        await room.push(
            gift,
            messages.gift("erin", repeat_count=5, repeat_end=False, group_id=78),
            messages.viewers(10, top=["erin", "dave", "bob"]),
            messages.join("ann"),
            messages.like("bob"),
            messages.goal("dave", "Roses for a new oven", progress=40, target=500),
            *(messages.chat("maria", f"no {number}") for number in range(30)),
        )
        await expect(page.locator("#tray > *")).to_have_count(2)
        await expect(page.locator("#top-faces > *")).to_have_count(3)
        await expect(entries(page)).to_have_count(30)
        # Without what lies over it.
        height = await page.locator("#feed").evaluate(
            "feed => feed.clientHeight - document.getElementById('over').offsetHeight"
        )
        assert height >= least * size[1]
        whole = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert whole == list(size)

    async def test_large_text_is_for_a_screen_beside_the_camera(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await page.set_viewport_size({"width": 768, "height": 1024})
        await room.push(messages.chat("maria", "hello"))
        text = entries(page).first.locator(".text")
        size = "text => parseFloat(getComputedStyle(text).fontSize)"
        before = await text.evaluate(size)
        large = page.get_by_role("button", name="Large text")
        for leave in ("Escape", "a tap"):
            await large.click()
            await expect(page.locator(".tools")).to_be_hidden()
            assert await text.evaluate(size) >= 1.5 * before
            box = await feed(page).bounding_box()
            assert box is not None
            assert box["width"] == 768
            if leave == "Escape":
                await page.keyboard.press(leave)
            else:
                await feed(page).click()
            await expect(large).to_be_focused()
            assert await text.evaluate(size) == before

    async def test_each_button_that_is_only_a_picture_says_what_it_does(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        await watch(page, server, tiktok, streamer)
        for name in ("Disconnect", "Top gifters and gifts", "Large text", "Settings"):
            button = page.locator(".console").get_by_role("button", name=name)
            await expect(button).to_have_attribute("title", re.compile(name))
        await page.set_viewport_size({"width": 768, "height": 1024})
        for words in ("Disconnect", "Large text", "Settings"):
            box = await page.locator(".console").get_by_text(words, exact=True).first.bounding_box()
            assert box is not None
            assert box["width"] > 40
        for line in (".site-header", ".tools"):
            box = await page.locator(line).bounding_box()
            assert box is not None
            assert box["height"] <= 48


class TestWithoutAUsername:
    async def test_no_socket_is_opened(self, page: Page, server: Server) -> None:
        opened: list[str] = []
        page.on("websocket", lambda socket: opened.append(socket.url))
        account = await open_console(page, server, "")
        await expect(page.get_by_label("Your TikTok username")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await expect(state(page)).to_contain_text("Not connected")
        await expect(page.locator("#connect")).to_be_hidden()
        assert opened == []
        log = "SELECT id FROM live_connectionlog WHERE account_id = ?"
        assert server.execute(log, account.user_id) == []

    async def test_the_way_to_the_first_event_is_in_the_feed_s_place(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, "")
        name = page.get_by_label("Your TikTok username")
        await name.fill("no such name")
        await page.get_by_role("button", name="Save").click()
        await expect(name).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#welcome-live")).to_be_hidden()
        await name.fill(f"https://www.tiktok.com/@{streamer}/live")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text(f"Yes: @{streamer} is live now.")).to_be_visible()
        await page.locator("#welcome-connect").click()
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await room.wait_for_socket()
        await room.push(messages.chat("maria", "the first event"))
        await expect(feed(page)).to_contain_text("the first event")
        await expect(page.locator("#welcome")).to_be_hidden()

    async def test_test_events_need_none(self, page: Page, server: Server) -> None:
        await open_console(page, server, "")
        await page.get_by_role("button", name="See test events").click()
        await expect(page.locator("#test-banner")).to_be_visible()
        await expect(entries(page).first).to_be_visible()
        await switch_test(page, on=False)
        await expect(page.get_by_label("Your TikTok username")).to_be_visible()
        await expect(state(page)).to_contain_text("Not connected")


class TestTheFeed:
    async def test_the_feed_tells_each_kind_of_event(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(
            messages.follow("carol"),
            messages.share("bob", users_joined=2),
            messages.subscribe("dave"),
            messages.question("erin", "how long have you been live?"),
            messages.gift("erin", "Galaxy", combo=False),
        )
        for text in (
            "Carol follows now",
            "Bob shared the LIVE, 2 people came by it",
            "Dave subscribed",
            "Question how long have you been live?",
            "Erin sent Galaxy",
        ):
            await expect(feed(page)).to_contain_text(text)
        await expect(entries(page)).to_have_count(5)

    async def test_it_rolls_joins_and_likes_into_a_line_each(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        for name in ("ann", "bob", "carol"):
            await room.push(messages.join(name))
        joins, likes = page.locator("#rolled-join"), page.locator("#rolled-like")
        await expect(joins).to_have_text("Carol and 2 others joined")
        await room.push(
            messages.chat("maria", "hi"),
            messages.join("dave"),
            messages.like("bob", 15, total=100),
            messages.like("bob", 5, total=105),
        )
        await expect(likes).to_have_text("Bob sent 20 likes")
        await expect(joins).to_have_text("Dave and 3 others joined")
        await expect(entries(page)).to_have_count(1)

    async def test_chips_choose_what_it_shows(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(
            messages.chat("maria", "hi"),
            messages.gift("dave", "Galaxy", combo=False),
            messages.follow("carol"),
        )
        await expect(entries(page)).to_have_count(3)
        gifts = page.locator("#filters").get_by_role("button", name="Gifts")
        await gifts.click()
        await expect(gifts).to_have_attribute("aria-pressed", "true")
        await room.push(messages.chat("maria", "ho"), messages.gift("erin", combo=False))
        await expect(entries(page)).to_contain_text(["Dave sent Galaxy", "Erin sent"])
        await page.reload()
        await expect(state(page)).to_contain_text("LIVE @")
        await expect(gifts).to_have_attribute("aria-pressed", "true")
        await room.push(messages.chat("maria", "hm"), messages.gift("bob", combo=False))
        await expect(entries(page)).to_contain_text(["Bob sent"])
        await page.locator("#filters").get_by_role("button", name="All").click()

    async def test_it_has_each_line_s_time(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(messages.chat("maria", "hi"))
        line = entries(page).first
        await expect(line).to_have_attribute("title", re.compile(r"^\d\d:\d\d:\d\d$"))
        shown = "line => getComputedStyle(line, '::after').content"
        assert await line.evaluate(shown) == "none"
        await line.click()
        assert (await line.evaluate(shown)).strip('"') == await line.get_attribute("title")
        await line.click()
        await open_settings(page)
        await page.get_by_role("switch", name="Show the time of each line").check()
        assert (await line.evaluate(shown)).strip('"') == await line.get_attribute("title")

    async def test_what_goes_on_stands_above_and_below_it(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        teams = {streamer: {"dave": 30}}, {"rival": {"zoe": 10}}
        await room.push(
            messages.battle(BattleAction.OPEN, *teams),
            messages.battle_scores(*teams),
            messages.goal("dave", "Roses for a new oven", progress=40, target=500),
            messages.poll(("Rolls", 3), ("Focaccia", 1), title="What next?"),
            messages.caption("now we fold the dough"),
            messages.rank(12),
        )
        await expect(page.locator("#battle")).to_contain_text(re.compile(r"30.*10"))
        await expect(page.locator("#poll")).to_contain_text(re.compile("What next.*Rolls.*3"))
        await expect(page.locator("#goal")).to_contain_text("40 / 500")
        await expect(page.locator("#caption")).to_have_text("now we fold the dough")
        await expect(feed(page)).to_contain_text("Ranking")

    async def test_it_takes_off_what_moderators_delete(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        rude, kind = messages.chat("troll", "rude"), messages.chat("maria", "kind")
        await room.push(rude, kind, messages.chat("spammer", "buy"), messages.chat("spammer", "!"))
        await expect(entries(page)).to_have_count(4)
        await room.push(messages.delete(rude, users=["spammer"]))
        await expect(feed(page)).to_have_text("MMariakind")

    async def test_it_shows_what_is_pinned(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        pinned = page.locator("#pinned")
        pin = messages.pin(messages.chat("carol", "the setlist"), "bob")
        await room.push(pin)
        await expect(pinned).to_contain_text("the setlist")
        await room.push(messages.unpin(pin, "bob"))
        await expect(pinned).to_be_hidden()

    async def test_it_stays_bounded_in_a_burst(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        comments = [messages.chat(f"fan{number % 50}", f"no {number}") for number in range(2000)]
        for batch in _batches(comments, 100):
            await room.push(*batch)
        await expect(entries(page).last).to_contain_text("no 1999")
        assert await entries(page).count() == 300
        assert await is_at_its_end(feed(page))

    async def test_it_stays_where_somebody_reads(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(*(messages.chat("maria", f"no {number}") for number in range(50)))
        await expect(entries(page)).to_have_count(50)
        await feed(page).focus()
        await page.keyboard.press("Home")
        await expect(entries(page).first).to_be_in_viewport(ratio=1)
        newer = page.get_by_role("button", name="new event")
        await expect(newer).to_be_hidden()
        await room.push(messages.chat("maria", "the newest"))
        await expect(newer).to_have_text(re.compile("1 new event"))
        await expect(entries(page).first).to_be_in_viewport(ratio=1)
        await newer.click()
        await expect(newer).to_be_hidden()
        assert await is_at_its_end(feed(page))
        await room.push(messages.chat("maria", "even newer"))
        await expect(entries(page)).to_have_count(52)
        assert await is_at_its_end(feed(page))


class TestGifts:
    async def test_it_counts_a_streak_up_in_place(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        cards, diamonds = page.locator("#gifts-list > *"), page.locator("#count-diamonds")
        *steps, end = messages.streak("dave", "Rose", count=3, diamonds=5)
        for number, step in enumerate(steps, start=1):
            await room.push(step)
            await expect(cards).to_have_count(1)
            await expect(cards).to_contain_text(f"×{number}")
            await expect(cards).to_have_attribute("data-streak", "ongoing")
            await expect(diamonds).to_have_text("0")
        await room.push(end)
        await expect(cards).to_have_attribute("data-streak", "ended")
        await expect(diamonds).to_have_text("15")
        await room.push(messages.gift("erin", "Galaxy", diamonds=1000, combo=False))
        await expect(cards).to_have_count(2)
        await expect(cards.first).to_contain_text("Galaxy")
        await expect(diamonds).to_have_text("1,015")

    async def test_it_tells_the_top_gifters(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        top = page.locator("#top-list > *")
        await room.push(
            messages.gift("dave", diamonds=5, combo=False),
            messages.gift("erin", diamonds=9, combo=False),
        )
        await expect(top).to_contain_text(["Erin", "Dave"])
        await room.push(messages.viewers(7, top=["zoe"]))
        await expect(top).to_contain_text(["Zoe"])
        await expect(page.locator("#count-viewers")).to_have_text("7")


class TestTheStateLine:
    async def test_it_is_amber_while_something_is_awaited_and_red_after_an_error_alone(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.USER_NOT_FOUND)
        await open_console(page, server, streamer)
        await expect(state(page)).to_have_attribute("data-state", "failed")
        await expect(state(page)).to_contain_text(
            re.compile("Not connected.*no such user", re.DOTALL)
        )
        amber, red = [await page.evaluate(_COLOUR, name) for name in ("--amber", "--bad")]
        label = page.locator("#state-label")
        await expect(label).to_have_css("color", red)
        for awaiting in ("waiting", "connecting", "reconnecting", "deaf"):
            await state(page).evaluate("(it, state) => { it.dataset.state = state; }", awaiting)
            await expect(label).to_have_css("color", amber)
        for calm in ("off", "ended", "live", "quiet"):
            await state(page).evaluate("(it, state) => { it.dataset.state = state; }", calm)
            await expect(label).not_to_have_css("color", red)

    async def test_it_counts_down_to_the_next_attempt(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        # A key of its own, so that no other test meets its closed gate.
        room.fail(Failure.SIGN_429, reset_in=600)
        await page.clock.install()
        await open_console(page, server, streamer, "--sign-api-key", f"key-of-{streamer}")
        await expect(state(page)).to_contain_text("Reconnecting in 9 min")
        await expect(state(page)).to_contain_text("Rate limit of the TikTok API")
        await pause(page)
        before = await seconds_told(state(page))
        await page.clock.run_for(7000)
        assert await seconds_told(state(page)) == before - 7

    async def test_it_tells_of_a_cut_upstream_and_the_gap(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        room.fail(Failure.WEBCAST_HANG, times=1)
        await room.cut()
        await expect(state(page)).to_contain_text(re.compile(r"Reconnecting\s+in \d+ s"))
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}", timeout=2 * WITHIN)
        await expect(feed(page)).to_contain_text("Some events were missed")

    async def test_it_tells_the_end_of_the_live(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(messages.viewers(42), messages.gift("dave", diamonds=1500, combo=False))
        await expect(page.locator("#count-diamonds")).to_have_text("1,500")
        await room.end()
        await expect(feed(page)).to_contain_text("The LIVE has ended")
        await expect(state(page)).to_contain_text("The LIVE has ended")
        recap = page.locator("#feed > .recap")
        await expect(recap).to_contain_text(re.compile("Duration.*Most viewers42"))
        await expect(recap).to_contain_text(re.compile("Diamonds.*1,500.*Dave"))
        afterwards = page.get_by_role("link", name="See how it went")
        await expect(afterwards).to_have_attribute("href", "/lives/last/")
        await page.get_by_role("button", name="Connect").click()
        await expect(state(page)).to_contain_text(f"Waiting for the LIVE @{streamer}")


# What makes each error happen for real, with the console waiting for the streamer.
REAL_ERRORS = [
    (Failure.USER_NOT_FOUND, ErrorCode.USER_NOT_FOUND),
    (Failure.AGE_RESTRICTED, ErrorCode.AGE_RESTRICTED),
    (Failure.CAPTCHA, ErrorCode.TIKTOK_BLOCKED),
    (Failure.SIGN_401, ErrorCode.SIGN_FORBIDDEN),
    (Failure.SIGN_500, ErrorCode.SIGN_UNAVAILABLE),
    (Failure.SIGN_HANG, ErrorCode.TIKTOK_TIMEOUT),
    (Failure.CUT_AT_ONCE, ErrorCode.CONNECTION_LOST),
    (Failure.SIGN_429, ErrorCode.RATE_LIMITED),
]
# Whose hint is to connect again, as the page does by itself.
CONNECTED_AGAIN = {ErrorCode.CONNECTION_LOST, ErrorCode.TOO_SLOW}


class TestAnError:
    """At the size of a phone."""

    async def test_every_error_is_shown_for_8_seconds_and_kept(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        """Played by the test endpoint, since some have no cause that could be had at will."""
        tiktok.go_live(streamer)  # or the console's first connection would add an error of its own
        await page.clock.install()
        await open_console(page, server, streamer)
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await switch_test(page, on=True)
        await expect(page.locator("#test-banner")).to_be_visible()
        await pause(page)
        for code in ErrorCode:
            await open_settings(page)
            await page.get_by_label("Error", exact=True).select_option(code)
            await expect(snackbar(page)).to_be_visible()
            await stop_trying(page)
            await check_8_seconds(page, rehearsed(code, streamer))
        await expect(page.locator("#past-count")).to_have_text(str(len(ErrorCode)))

    @pytest.mark.parametrize(("failure", "code"), REAL_ERRORS, ids=[str(c) for _, c in REAL_ERRORS])
    async def test_it_is_shown_for_8_seconds_and_kept(
        self,
        page: Page,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        failure: Failure,
        code: ErrorCode,
    ) -> None:
        room = tiktok.go_live(streamer)
        room.fail(failure)
        if failure is Failure.AGE_RESTRICTED:  # told only if the socket is refused, too
            room.fail(Failure.WEBCAST_200)
        await page.clock.install()
        await open_console(page, server, streamer, "--sign-api-key", f"key-of-{streamer}")
        await connect_while_the_clock_stands(page)
        await check_8_seconds(page, RelayError(code, username=streamer))

    async def test_it_leads_to_where_it_can_be_mended(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.USER_NOT_FOUND)
        await open_console(page, server, streamer)
        await snackbar(page).get_by_role("link", name="Open the account page").click()
        await expect(page).to_have_url(f"{http(server)}/account/")

    async def test_it_can_be_tried_again_now(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer)
        await page.clock.install()
        await open_console(page, server, streamer)
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await switch_test(page, on=True)
        await pause(page)  # so that nothing but the button connects
        await page.get_by_label("Error", exact=True).select_option("connection_lost")
        await expect(state(page)).to_have_attribute("data-state", "reconnecting")
        async with page.expect_websocket(timeout=WITHIN):
            await snackbar(page).get_by_role("button", name="Try now").click()

    async def test_it_covers_no_control_and_not_the_newest_line(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await page.set_viewport_size({"width": SMALL_PHONE[0], "height": SMALL_PHONE[1]})
        await room.push(*(messages.chat("maria", f"no {number}") for number in range(40)))
        await expect(entries(page)).to_have_count(40)
        room.fail(Failure.SIGN_401)
        room.fail(Failure.WEBCAST_HANG)
        await room.cut()
        await expect(snackbar(page)).to_be_visible(timeout=2 * WITHIN)
        await expect(entries(page).last).to_be_in_viewport(ratio=1)
        for control in await page.locator("#connect, .chip, .tool, #feed > :last-child").all():
            assert await control.evaluate(_IS_ON_TOP)

    async def test_it_counts_down_when_there_is_a_time_to_wait_for(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.SIGN_429, reset_in=3590)
        await page.clock.install()
        await open_console(page, server, streamer, "--sign-api-key", f"key-of-{streamer}")
        await connect_while_the_clock_stands(page)
        amber = await page.evaluate(_COLOUR, "--amber")
        await expect(snackbar(page).locator("strong").first).to_have_css("color", amber)
        counting = page.locator(".countdown [aria-hidden]")
        await expect(counting).to_have_text(re.compile(r"Try again in 59 min \d+ s"))
        # Who listens hears a time that stays right, whenever it is read.
        heard = page.locator(".countdown .spoken")
        await expect(heard).to_have_text(re.compile(r"Possible again at \d+:\d\d"))
        told = await heard.inner_text()
        before = await seconds_told(counting)
        for passed in (1, 2, 3):
            await page.clock.run_for(1000)
            assert await seconds_told(counting) == before - passed
        assert await heard.inner_text() == told
        await page.keyboard.press("Escape")
        await open_past(page)
        kept = page.get_by_role("list", name="Past errors").get_by_role("listitem").first
        await expect(kept).to_contain_text("Possible again at")

    async def test_it_is_dismissed_by_escape_and_by_its_button(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer).fail(Failure.USER_NOT_FOUND)
        await open_console(page, server, streamer)
        await expect(snackbar(page)).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(snackbar(page)).to_be_hidden()
        await page.get_by_role("button", name="Connect").click()
        await page.get_by_role("button", name="Dismiss").click()
        await expect(snackbar(page)).to_be_hidden()
        await expect(page.get_by_role("button", name="Connect")).to_be_focused()
        await expect(page.locator("#past-badge-count")).to_have_text("2")


async def pause(page: Page) -> None:
    """Let the page's clock stand still."""
    await page.clock.pause_at(await page.evaluate("Date.now()") / 1000 + 1)


async def connect_while_the_clock_stands(page: Page) -> None:
    """See the first error come and go, then connect again, so that it comes at a known time."""
    await expect(snackbar(page)).to_be_visible()
    await pause(page)
    await page.keyboard.press("Escape")
    await expect(snackbar(page)).to_be_hidden()
    button = page.locator("#connect")
    if await button.inner_text() == "Disconnect":  # it was about to try again
        await button.click()
    await button.click()
    await expect(snackbar(page)).to_be_visible()


async def stop_trying(page: Page) -> None:
    """After an error: those that pass by themselves would come again."""
    await expect(state(page)).to_have_attribute("data-state", re.compile("failed|reconnecting"))
    button = page.locator("#connect")
    if await state(page).get_attribute("data-state") == "reconnecting":
        await button.click()
    await expect(button).to_have_text("Connect")


async def check_8_seconds(page: Page, error: RelayError) -> None:
    """The error is on the screen for 8 seconds by the page's clock, and then in the list."""
    frame = error.explain("en")
    texts = [text for text in (frame.title, frame.detail, frame.hint) if isinstance(text, str)]
    if error.code in CONNECTED_AGAIN and isinstance(frame.hint, str):
        texts.remove(frame.hint)
        await expect(snackbar(page)).not_to_contain_text(frame.hint)
    for text in texts:
        await expect(snackbar(page)).to_contain_text(text)
    shown = page.locator("#snackbar")
    await shown.evaluate("it => Promise.all(it.getAnimations().map(({ finished }) => finished))")
    box = await shown.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE[0]
    assert box["y"] + box["height"] <= PHONE[1]
    await page.clock.run_for(7999)
    await expect(snackbar(page)).to_be_visible()
    await page.clock.run_for(1)
    await expect(snackbar(page)).to_be_hidden()
    await open_past(page)
    kept = page.locator("#past-list").get_by_role("listitem").first
    for text in texts:
        await expect(kept).to_contain_text(text)


async def seconds_told(shown: Locator) -> int:
    """Of a text such as "in 59 min 12 s"."""
    found = re.search(r"in (?:(\d+) min )?(\d+) s", await shown.inner_text())
    assert found
    return 60 * int(found[1] or 0) + int(found[2])


class TestTheToken:
    async def test_it_serves_all_tabs(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer)
        account = await open_console(page, server, streamer)
        await expect(state(page)).to_contain_text("LIVE @")
        token = await stored_token(page)
        await page.reload()
        await expect(state(page)).to_contain_text("LIVE @")
        tab = await page.context.new_page()
        await tab.goto(http(server))
        await expect(state(tab)).to_contain_text("LIVE @")
        assert await stored_token(tab) == token
        assert len(consoles_tokens(server, account)) == 1

    async def test_it_is_revoked_by_signing_out(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        await watch(page, server, tiktok, streamer)
        token = await stored_token(page)
        await page.get_by_role("button", name="Menu").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{http(server)}/login/")
        async with Phone(f"{server.address}/ws/{token}") as phone:
            error, _closed_with = await phone.explanation()
        assert error["code"] == ErrorCode.TOKEN_REVOKED

    async def test_it_is_replaced_by_itself_when_the_relay_refuses_it(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        phone = await server.add_account(f"phone-of-{streamer}", streamer)
        async with Phone(f"{server.address}/ws/{phone.token}"):  # the servers of tests don't linger
            await room.push(messages.chat("maria", "before"))
            await expect(feed(page)).to_contain_text("before")
            token = await stored_token(page)
            await revoke(page, server)
            await room.push(messages.chat("maria", "meanwhile"))
            await until_replaced(page, token)
            await room.push(messages.chat("maria", "after"))
            told = [re.compile(text) for text in ("before", "meanwhile", "after")]
            await expect(entries(page)).to_have_text(told)
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await expect(page.locator("#past-badge")).to_be_hidden()

    async def test_it_is_given_up_when_the_new_one_is_refused_too(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        await watch(page, server, tiktok, streamer)
        issued: list[str] = []

        async def issue(route: Route) -> None:
            issued.append(f"unknown-to-the-relay-{len(issued)}")
            await route.fulfill(json={"token": issued[-1]})

        await page.route("**/console/token/", issue)
        await revoke(page, server)
        await expect(snackbar(page)).to_contain_text("The server does not know this token.")
        await expect(state(page)).to_contain_text("Not connected")
        await expect(page.locator("#past-count")).to_have_text("1")
        assert len(issued) == 1
        await page.unroute("**/console/token/")
        await page.get_by_role("button", name="Connect").click()
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")

    async def test_it_is_over_once_the_password_is_another(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        tiktok.go_live(streamer)
        account = await open_console(page, server, streamer)
        await expect(state(page)).to_contain_text("LIVE @")
        assert page.context.browser is not None
        async with await page.context.browser.new_context() as context:
            owner = await context.new_page()
            await sign_in(owner, server, account.username)
            await expect(state(owner)).to_contain_text("LIVE @")
            token = await stored_token(owner)
            await change_password(await context.new_page(), server)
            await expect(state(page)).to_contain_text("Not connected")
            await expect(snackbar(page)).to_contain_text("you are signed out")
            await until_replaced(owner, token)
            await expect(state(owner)).to_contain_text("LIVE @")
            await expect(owner.locator("#past-badge")).to_be_hidden()


def consoles_tokens(server: Server, account: Account) -> list[dict[str, object]]:
    return server.execute(
        "SELECT * FROM accounts_accesstoken WHERE user_id = ? AND session_digest != ''",
        account.user_id,
    )


async def revoke(page: Page, server: Server) -> None:
    """The page's token, on the account page in another tab."""
    prefix = (await stored_token(page))[:PREFIX_LENGTH]
    tab = await page.context.new_page()
    await tab.goto(f"{http(server)}/account/")
    await tab.locator("#browsers > summary").click()
    await tab.get_by_role("link", name=prefix).click()
    await tab.get_by_role("button", name="Revoke").click()
    await expect(tab.get_by_text("has been revoked")).to_be_visible()
    await tab.close()


async def until_replaced(page: Page, token: str) -> None:
    other = "token => localStorage.getItem('console-token') !== token"
    await page.wait_for_function(other, arg=token, polling=100)


async def change_password(page: Page, server: Server) -> None:
    """Of whoever is signed in."""
    await page.goto(f"{http(server)}/account/password/")
    await page.get_by_label("Old password").fill(PASSWORD)
    await page.get_by_label("New password", exact=True).fill(f"{PASSWORD}, anew")
    await page.get_by_label("New password confirmation").fill(f"{PASSWORD}, anew")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("Your password has been changed.")).to_be_visible()


class TestTheTestSwitch:
    async def test_the_switch_leads_to_test_events_and_back(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = await watch(page, server, tiktok, streamer)
        await room.push(messages.chat("maria", "really"))
        await expect(feed(page)).to_contain_text("really")
        banner = page.locator("#test-banner")
        await expect(banner).to_be_hidden()
        await switch_test(page, on=True)
        await expect(banner).to_have_text("TEST Nothing here is real.")
        await expect(state(page)).to_contain_text("LIVE")
        await expect(feed(page)).not_to_contain_text("really")
        await expect(entries(page).nth(2)).to_be_visible()
        await switch_test(page, on=False)
        await expect(banner).to_be_hidden()
        await expect(state(page)).to_contain_text(f"LIVE @{streamer}")
        await room.wait_for_socket()
        await room.push(messages.chat("maria", "real again"))
        await expect(entries(page).last).to_contain_text("real again")
        assert await entries(page).count() <= 2


class TestInstalling:
    async def test_chromium_can_install_the_console(
        self, server: Server, streamer: str, tmp_path: Path
    ) -> None:
        """Not in `browser`: the headless shell installs nothing, nor does a private window."""
        await add_person(server, f"installer-{streamer}", streamer)
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path, executable_path=installed(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            page = context.pages[0]
            await sign_in(page, server, f"installer-{streamer}")
            session = await context.new_cdp_session(page)
            manifest = await session.send("Page.getAppManifest")
            assert manifest["url"] == f"{http(server)}/manifest.webmanifest"
            assert manifest["errors"] == []
            found = await session.send("Page.getInstallabilityErrors")
            assert found["installabilityErrors"] == []
            await context.close()


def _batches(all_messages: list[Message], size: int) -> list[list[Message]]:
    return [all_messages[start : start + size] for start in range(0, len(all_messages), size)]
