"""The page of a LIVE in a real browser: its recap's picture, and its charts under a finger."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from standin import TikTok
from tests.end_to_end.conftest import SETTINGS
from tests.support.browsing import add_person, http, sign_in
from tests.support.lives import hear_in
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 15_000.0  # ms
# How many colours a part of the picture has: x, y, width, height.
_COLOURS = """
(canvas, place) => {
  const { data } = canvas.getContext("2d").getImageData(...place);
  return new Set(new Uint32Array(data.buffer)).size;
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    settings = {**tiktok.environment(), **SETTINGS, "RELAY_PICTURE_HOSTS": tiktok.url}
    server = Server("uvicorn", tmp_path_factory.mktemp("lives"), settings)
    await server.start()
    await add_person(server, "anna", "anna.bakes")
    await hear_in(server, "anna.bakes", tiktok.pictures, 2)
    yield server
    await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def live_page(page: Page, server: Server) -> Page:
    await sign_in(page, server, "anna")
    await page.goto(f"{http(server)}/lives/last/")
    await expect(page.locator("#recap[data-state=ready]")).to_be_visible(timeout=WITHIN)
    return page


class TestRecap:
    async def test_it_is_saved_as_a_png_for_a_phone_s_screen(
        self, live_page: Page, tmp_path: Path
    ) -> None:
        async with live_page.expect_download() as saving:
            await live_page.get_by_role("button", name="Save picture").click()
        saved = await saving.value
        assert saved.suggested_filename.startswith("anna.bakes-")
        assert saved.suggested_filename.endswith(".png")
        await saved.save_as(tmp_path / "recap.png")
        content = (tmp_path / "recap.png").read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">II", content[16:24]) == (1080, 1920)

    async def test_each_part_of_it_is_drawn(self, live_page: Page) -> None:
        canvas = live_page.locator("#recap-picture")
        for part, place in {
            "the name": [84, 180, 600, 80],
            "the diamonds": [84, 480, 500, 160],
            "the picture of the biggest gift": [790, 460, 180, 180],
            "the figures": [84, 760, 900, 320],
            "the course": [84, 1180, 900, 200],
            "the picture of the first gifter": [100, 1536, 56, 56],
        }.items():
            assert await canvas.evaluate(_COLOURS, place) > 20, part

    async def test_without_gifts_and_pictures_it_is_drawn_too(
        self, live_page: Page, server: Server
    ) -> None:
        [live] = server.execute("SELECT id, began_at FROM history_live ORDER BY began_at LIMIT 1")
        for table in ("gifter", "minute", "battle"):
            server.execute(f"DELETE FROM history_{table} WHERE live_id = ?", live["id"])
        server.execute("UPDATE history_live SET biggest_gifts = '[]' WHERE id = ?", live["id"])
        await live_page.goto(f"{http(server)}/lives/{live['id']}/")
        await expect(live_page.locator("#recap[data-state=ready]")).to_be_visible(timeout=WITHIN)


class TestCharts:
    async def test_they_say_what_was_at_the_place_that_is_pointed_at(self, live_page: Page) -> None:
        reading = live_page.locator("#reading")
        await expect(reading).to_be_hidden()
        await live_page.locator(".chart.viewers svg").hover()
        await expect(reading).to_contain_text("viewers")
        await live_page.mouse.move(0, 0)
        await expect(reading).to_be_hidden()
