"""Webhooks of a real server: what a receiver gets of a LIVE, and the pages in a browser."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from standin import TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.browsing import add_person, post, sign_in, signed_in
from tests.support.phone import Phone
from tests.support.receiver import Receiver, Reply
from tests.support.server import SERVERS, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SETTINGS = {
    "RELAY_BLOCK_PAUSE": "0",
    "RELAY_CONNECT_TIMEOUT": "3",
    "TIKTOK_ROUTES": "direct",
    "WEBHOOK_ALLOW": "127.0.0.1",
}
ALL = ["live.started", "live.ended", "gift", "subscribe", "error"]


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def add_webhook(browser: httpx.AsyncClient, address: str, least_diamonds: int = 1) -> str:
    """Fill in the form; returns the secret, which the page shows."""
    values: dict[str, str | list[str]] = {
        "address": address,
        "events": ALL,
        "least_diamonds": str(least_diamonds),
    }
    answer = await post(browser, "/webhooks/new/", **values)
    shown = re.search(r'value="(whsec_[^"]+)"', answer.text)
    assert shown, answer.text
    return html.unescape(shown[1])


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_receiver_is_told_of_a_live_and_can_verify_it(
    start_server: StartServer, tiktok: TikTok, streamer: str, receiver: Receiver, kind: str
) -> None:
    server = await start_server(kind, **SETTINGS)
    account = await add_person(server, "anna", streamer)
    async with signed_in(server, "anna") as browser:
        secret = await add_webhook(browser, receiver.url, least_diamonds=5)
    room = tiktok.go_live(streamer, title="Добрый вечер")
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        await phone.until_type("connected")
        started = (await receiver.until_type("live.started")).verified(secret)
        await room.push(
            messages.gift("gert", "Rose", diamonds=1, repeat_count=4),
            messages.gift("gert", "Lion", diamonds=100, repeat_count=2),
            messages.subscribe("gert", months=3),
        )
        gift = (await receiver.until_type("gift")).verified(secret)
        subscribed = (await receiver.until_type("subscribe")).verified(secret)
        await room.end()
        ended = (await receiver.until_type("live.ended")).verified(secret)
    assert started["data"]["username"] == streamer
    assert started["data"]["room_id"] == str(room.room_id)
    assert gift["data"]["gift"]["name"] == "Lion"
    assert gift["data"]["diamonds_total"] == 200
    assert gift["data"]["live"] == started["data"]["live"]
    assert subscribed["data"]["user"]["nickname"] == gift["data"]["user"]["nickname"]
    recap = ended["data"]["recap"]
    assert (recap["diamonds"], recap["gifts"], recap["subscriptions"]) == (204, 6, 1)
    assert recap["top"][0]["diamonds"] == 204
    assert [got.json["type"] for got in receiver.got] == [
        "live.started",
        "gift",
        "subscribe",
        "live.ended",
    ]
    assert len({got.id for got in receiver.got}) == 4
    for private in (secret, "/hook", receiver.url):
        assert private not in server.log_text


async def test_what_could_not_be_sent_is_sent_after_a_restart(
    start_server: StartServer, tiktok: TikTok, streamer: str, receiver: Receiver, tmp_path: Path
) -> None:
    server = await start_server("uvicorn", **SETTINGS)
    await add_person(server, "anna", streamer)
    receiver.replies.append(Reply(after=60))
    async with signed_in(server, "anna") as browser:
        secret = await add_webhook(browser, receiver.url)
        hook = server.execute("SELECT id FROM webhooks_webhook")[0]["id"]
        await post(browser, f"/webhooks/{hook}/test/")
        [first] = await receiver.until(1)
    await server.stop()  # in the middle of it
    again = Server("uvicorn", tmp_path, server.environment)
    again.database = server.database
    await again.start()
    try:
        second = (await receiver.until(2))[1]
    finally:
        await again.stop()
    assert second.verified(secret) == first.json
    assert second.id == first.id


async def test_a_webhook_is_added_and_tried_by_hand(
    start_server: StartServer, receiver: Receiver, page: Page
) -> None:
    server = await start_server("daphne", **SETTINGS)
    await add_person(server, "anna", "anna.live")
    await sign_in(page, server, "anna")
    await page.get_by_role("link", name="Webhooks").click()
    await page.get_by_role("link", name="Add a webhook").click()
    await page.get_by_label("Address").fill("http://192.168.1.1/hook")
    await page.get_by_role("button", name="Add the webhook").click()
    await expect(page.get_by_text("in the server's own networks")).to_be_visible()
    await page.get_by_label("Address").fill(receiver.url)
    await page.get_by_label("Name").fill("My program")
    await page.get_by_role("button", name="Add the webhook").click()
    secret = await page.get_by_label("Secret").input_value()
    await page.get_by_role("link", name="on to the webhook").click()
    assert secret not in await page.content()

    receiver.replies.append(Reply(500, body="сломан <b>".encode()))
    await page.get_by_role("button", name="Send a test").click()
    [got] = await receiver.until(1)
    assert got.verified(secret)["type"] == "test"
    # Nobody reloads the page.
    first = page.locator(".deliveries details").first
    await expect(first.get_by_text("failed")).to_be_visible()
    await first.locator("summary").click()
    await expect(first.get_by_text("сломан <b>")).to_be_visible()
    await first.get_by_role("button", name="Send again").click()
    again = (await receiver.until(2))[1]
    assert again.id == got.id
    await expect(page.locator(".deliveries details").first.get_by_text("delivered")).to_be_visible()
