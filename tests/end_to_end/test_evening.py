"""One evening of a streamer, from end to end: nobody connects an app, and the LIVE is heard, told
of, shown, read aloud, and kept."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from standin import Message, TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support import history_oracle as oracle
from tests.support.browsing import add_person, http, post, sign_in, signed_in
from tests.support.overlays import make_overlay
from tests.support.receiver import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 20_000.0  # ms
OVERLAYS: dict[str, dict[str, Any]] = {
    "alerts": {"duration": 30, "threshold": 1},
    "goal": {"metric": "diamonds", "target": 1000, "start": 0},
    "aloud": {},
}
# Chromium without a screen has no voices: what the page asks to be spoken is noted.
_LISTEN = """
window.spoken = [];
SpeechSynthesis.prototype.speak = (utterance) => {
  window.spoken.push(utterance.text);
  utterance.dispatchEvent(new Event("start"));
  setTimeout(() => utterance.dispatchEvent(new Event("end")));
};
"""


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def obs(browser: Browser, address: str) -> Page:
    """A page of its own, with nothing stored."""
    context = await browser.new_context(viewport={"width": 800, "height": 400})
    page = await context.new_page()
    await page.add_init_script(_LISTEN)
    await page.goto(address)
    return page


def some_messages() -> list[Message]:
    """A streak, other gifts, comments and likes."""
    return [
        messages.chat("maria", "what a voice", language="en"),
        *messages.streak("dave", "Rose", count=7, diamonds=1),
        messages.gift("erin", "Lion", gift_id=7, diamonds=300, combo=False),
        messages.like("frank", 12),
        messages.viewers(120),
        messages.follow("gina"),
    ]


async def test_a_watched_account_s_live_is_told_of_shown_read_aloud_and_kept(
    start_server: StartServer,
    tiktok: TikTok,
    streamer: str,
    receiver: Receiver,
    browser: Browser,
    page: Page,
    tmp_path: Path,
) -> None:
    expect.set_options(timeout=WITHIN)
    server = await start_server(
        "uvicorn",
        RELAY_BLOCK_PAUSE="0",
        RELAY_PICTURE_HOSTS=tiktok.url,
        RELAY_WAIT_INTERVAL="0.3",
        TIKTOK_ROUTES="direct",
        WEBHOOK_ALLOW="127.0.0.1",
    )
    tiktok.room(streamer)  # TikTok knows the streamer, who is not live yet
    await add_person(server, "anna", streamer)
    async with signed_in(server, "anna") as owner:
        await post(owner, "/account/watching/", is_watched="on")
        added = await post(
            owner,
            "/webhooks/new/",
            address=receiver.url,
            events=["live.started", "live.ended", "gift"],
            least_diamonds="100",
        )
        found = re.search(r'value="(whsec_[^"]+)"', added.text)
        assert found, added.text
        secret = found[1]

    # The LIVE begins, and no app is connected.
    room = tiktok.go_live(streamer, title="Evening songs")
    started = (await receiver.until_type("live.started")).verified(secret)
    assert started["data"]["username"] == streamer
    assert started["data"]["room_id"] == str(room.room_id)

    # What is on the screen and aloud.
    shown: dict[str, Page] = {}
    for kind, options in OVERLAYS.items():
        pk, overlay = await make_overlay(server, "anna", kind, **options)
        shown[kind] = await obs(browser, f"{http(server)}/overlay/{overlay}/")
        async with signed_in(server, "anna") as owner:
            while not (await owner.get(f"/overlays/{pk}/state.json")).json()["connected"]:
                await page.wait_for_timeout(50)
    sent = some_messages()
    with messages.pictures_at(tiktok.pictures):
        await room.push(*sent)
    sums = oracle.count(sent)
    diamonds = sums.diamonds.total()
    await expect(shown["alerts"].locator(".alert").first).to_be_visible()
    await expect(shown["goal"].locator("body")).to_contain_text(str(diamonds))
    await shown["aloud"].wait_for_function(
        "() => window.spoken.some((text) => text.includes('what a voice'))"
    )
    gift = (await receiver.until_type("gift")).verified(secret)
    assert gift["data"]["gift"]["name"] == "Lion"

    # It ends: what is left of it says what TikTok has sent.
    await room.end()
    ended = (await receiver.until_type("live.ended")).verified(secret)
    assert ended["data"]["recap"]["diamonds"] == diamonds
    assert ended["data"]["recap"]["gifts"] == sums.gifts.total()
    await sign_in(page, server, "anna")
    await page.goto(f"{http(server)}/lives/last/")
    await expect(page.locator("h1")).to_contain_text("Evening songs")
    await expect(page.locator("#content")).to_contain_text(f"{diamonds:,}")
    await expect(page.locator("#recap[data-state=ready]")).to_be_visible()
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save picture").click()
    await (await saving.value).save_as(tmp_path / "recap.png")
    assert (tmp_path / "recap.png").stat().st_size > 10_000
    kept: dict[str, Any] = json.loads(
        await page.evaluate("async () => (await fetch('all.json')).text()")
    )
    assert kept["live"]["diamonds"] == diamonds
    for each in shown.values():
        await each.context.close()
