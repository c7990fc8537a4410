"""A LIVE is read aloud, in a real browser.

Chromium without a screen has no voices, so what is watched is what the page asks of the browser.
Each speech ends when the test says so.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from standin import TikTok, messages
from tests.end_to_end.conftest import ON_UVICORN
from tests.support.browsing import add_person, http, sign_in
from tests.support.server import Server
from tests.support.sounds import mp3, wav

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_UVICORN]

WITHIN = 15_000.0  # ms
_numbers = itertools.count(1)

# Before any script of the page: what is spoken, played and locked is noted.
_LISTEN = """
window.spoken = [];
window.waiting = [];
window.played = [];
window.locks = 0;
window.forbidden = [];
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
  window.forbidden.push(`${effectiveDirective}: ${blockedURI}`);
});
SpeechSynthesis.prototype.speak = (utterance) => {
  const { text, lang, rate, volume } = utterance;
  window.spoken.push({ text, lang, rate, volume });
  window.waiting.push(utterance);
  utterance.dispatchEvent(new Event("start"));
};
window.endSpeech = () => window.waiting.shift()?.dispatchEvent(new Event("end"));
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...values) {
  window.played.push(this.buffer.duration);
  start.apply(this, values);
};
const request = WakeLock.prototype.request;
WakeLock.prototype.request = function (...values) {
  window.locks += 1;
  return request.apply(this, values);
};
"""


async def open_console(page: Page, server: Server, tiktok_username: str) -> None:
    """Sign somebody new in, who opens what there is of reading aloud."""
    await page.add_init_script(_LISTEN)
    await page.set_viewport_size({"width": 360, "height": 740})
    name = f"listener{next(_numbers)}"
    await add_person(server, name, tiktok_username)
    await sign_in(page, server, name)
    await open_panel(page)
    await expect(page.get_by_label("Volume of the voice")).to_be_enabled(timeout=WITHIN)


def panel(page: Page) -> Locator:
    return page.locator("#aloud")


async def open_panel(page: Page) -> None:
    """It is among the settings."""
    await page.get_by_role("button", name="Settings").click()
    await panel(page).locator("summary").click()


async def spoken(page: Page, count: int) -> list[dict[str, Any]]:
    """What was spoken, as soon as it is so many texts."""
    await page.wait_for_function("count => window.spoken.length >= count", arg=count)
    texts: list[dict[str, Any]] = await page.evaluate("window.spoken")
    assert len(texts) == count
    return texts


async def said_until(page: Page, last: str) -> list[str]:
    """All that is spoken up to this text, with no more waiting than each sound takes."""
    while True:
        await page.wait_for_function("() => window.waiting.length")
        texts = [each["text"] for each in await page.evaluate("window.spoken")]
        if texts[-1] == last:
            return texts
        await page.evaluate("window.endSpeech()")


async def switch_on(page: Page) -> None:
    await page.get_by_role("switch", name="Read aloud in this browser").check()
    [greeting] = await spoken(page, 1)
    assert greeting["text"] == "Reading aloud is on."
    await page.evaluate("window.endSpeech()")


class TestTheConsole:
    async def test_it_reads_comments_in_their_language_and_gifts_with_a_sound(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer)
        await room.wait_for_socket()
        await switch_on(page)
        await room.push(messages.chat("maria", "привет, casino.xyz", language="ru"))
        await spoken(page, 2)
        await page.evaluate("window.endSpeech()")
        heard = [(each["text"], each["lang"]) for each in (await spoken(page, 3))[1:]]
        assert heard == [("Maria says:", "en"), ("привет,", "ru")]
        await page.evaluate("window.endSpeech()")
        assert await page.evaluate("window.played") == []
        await room.push(*messages.streak("dave", "Rose", count=3))
        assert (await spoken(page, 4))[-1]["text"] == "Dave sent Rose, 3 times"
        # The project's own sound, as far as Chromium could decode it.
        [seconds] = await page.evaluate("window.played")
        assert seconds == pytest.approx(0.59, abs=0.01)

    async def test_a_full_queue_drops_comments_and_no_gift(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer)
        await room.wait_for_socket()
        await switch_on(page)
        await room.push(
            messages.chat("maria", "the first"),
            messages.gift("dave", "Galaxy", combo=False),
            *(messages.chat("maria", f"no {number}") for number in range(60)),
            messages.gift("erin", "Rose", combo=False),
            messages.chat("maria", "the last"),
        )
        await expect(page.get_by_role("log")).to_contain_text("the last")
        texts = await said_until(page, "the last")
        assert texts[1:3] == ["Maria says:", "the first"]
        assert [text for text in texts if "sent" in text] == ["Dave sent Galaxy", "Erin sent Rose"]
        comments = [text for text in texts if text.startswith("no ")]
        assert comments == [f"no {number}" for number in range(43, 60)]

    async def test_it_speaks_after_a_tap_only_and_says_so(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer)
        state = page.locator("#aloud-state")
        await expect(state).to_have_text("off")
        await switch_on(page)
        # Which is true of this browser.
        await expect(state).to_have_text("no voices here: sounds only", timeout=WITHIN)
        await page.reload()
        await expect(state).to_have_text("tap the page to start")
        await room.push(messages.chat("maria", "nobody hears this"))
        await expect(page.get_by_role("log")).to_contain_text("nobody hears this")
        assert await page.evaluate("window.spoken") == []
        await page.locator("#state").click()
        assert (await spoken(page, 1))[0]["text"] == "Reading aloud is on."

    async def test_it_keeps_the_screen_on_while_that_is_wanted(
        self, page: Page, server: Server
    ) -> None:
        await open_console(page, server, "")
        switch = page.get_by_role("switch", name="Keep the screen on")
        assert await page.evaluate("window.locks") == 0
        await switch.check()
        await page.wait_for_function("() => window.locks === 1")
        await page.reload()
        await page.wait_for_function("() => window.locks === 1")
        await open_panel(page)
        await switch.uncheck()
        await page.reload()
        await expect(page.locator("#screen-on")).not_to_be_checked()
        assert await page.evaluate("window.locks") == 0

    async def test_its_volume_is_that_of_the_account(self, page: Page, server: Server) -> None:
        await open_console(page, server, "")
        slider = page.get_by_label("Volume of the voice")
        await slider.focus()
        async with page.expect_response("**/aloud/volume/") as changed:
            await page.keyboard.press("ArrowLeft")
        assert (await changed.value).status == 200
        await page.get_by_role("button", name="Test the voice").click()
        assert (await spoken(page, 1))[0]["volume"] == pytest.approx(0.95)
        other = await page.context.new_page()
        await other.goto(f"{http(server)}/aloud/")
        await expect(other.get_by_label("Volume of the voice")).to_have_value("95")


class TestTheSettings:
    async def test_a_sound_of_one_s_own_is_uploaded_chosen_and_heard(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer)
        await page.goto(f"{http(server)}/aloud/")
        for name, content in (("Long.wav", wav(seconds=0.25)), ("Other.mp3", mp3(frames=8))):
            file = FilePayload(name=name, mimeType="audio/wav", buffer=content)
            await page.get_by_label("Sound file").set_input_files(file)
            await page.get_by_role("button", name="Upload the sound").click()
            await expect(page.get_by_text("is stored")).to_be_visible()
        await page.get_by_role("button", name="Play: Long").click()
        await page.wait_for_function("() => window.played.length === 1")
        await page.get_by_label("Sound of a new follower", exact=True).select_option("Long")
        await page.get_by_label("New followers").uncheck()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        await page.goto(http(server))
        await open_panel(page)
        await expect(page.get_by_label("Volume of the voice")).to_be_enabled()
        await room.wait_for_socket()
        await switch_on(page)
        await room.push(messages.follow("carol"), messages.chat("maria", "welcome"))
        await said_until(page, "welcome")
        assert await page.evaluate("window.played") == [0.25]


class TestTheOverlay:
    async def test_it_reads_aloud_where_nobody_is_signed_in(
        self, page: Page, server: Server, tiktok: TikTok, streamer: str, browser: Browser
    ) -> None:
        room = tiktok.go_live(streamer)
        await open_console(page, server, streamer)
        await page.goto(f"{http(server)}/overlays/new/aloud/")
        await page.get_by_label("Style").select_option("label")
        await page.get_by_role("button", name="Make the overlay").click()
        address = await page.locator("#address").input_value()
        async with await browser.new_context() as context:
            obs = await context.new_page()
            await obs.add_init_script(_LISTEN)
            async with obs.expect_response("**/aloud.json"):
                await obs.goto(address)
            await room.wait_for_socket()
            await room.push(messages.chat("maria", "привет", language="ru"))
            await spoken(obs, 1)
            await expect(obs.locator(".aloud")).to_have_text("Maria says: привет")
            await obs.evaluate("window.endSpeech()")
            heard = [(each["text"], each["lang"]) for each in await spoken(obs, 2)]
            assert heard == [("Maria says:", "en"), ("привет", "ru")]
            await obs.evaluate("window.endSpeech()")
            await page.goto(f"{http(server)}/aloud/")
            await page.get_by_label("Never read").fill("spoiler")
            async with obs.expect_response("**/aloud.json"):
                await page.get_by_role("button", name="Save").click()
            await room.push(
                messages.chat("bob", "a spoiler"), messages.gift("dave", "Galaxy", combo=False)
            )
            texts = await said_until(obs, "Dave sent Galaxy")
            assert texts[2:] == ["Dave sent Galaxy"]
            assert await obs.evaluate("window.forbidden") == []
        secret = address.rstrip("/").rpartition("/")[2]
        assert secret not in server.log_text
