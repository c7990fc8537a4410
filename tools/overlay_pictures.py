"""The pictures of overlays in docs/app/overlays.md: `python -m tools.overlay_pictures`.

Real overlays are drawn by Chromium with invented events, and laid over a coloured surface in the
place of somebody's camera.
"""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import django
from playwright.async_api import BrowserContext, Page, async_playwright

from tests.support.browsing import add_person, http, sign_in
from tests.support.chromium import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.support.server import ROOT, Server

PICTURES = ROOT / "docs" / "pictures"
WATCHED = 35  # seconds of the invented LIVE
STREAK = 3.4  # seconds after which the streak of a test has come to its end


class Placed(NamedTuple):
    """An overlay, and where it stands: left, top, width, height in pixels."""

    kind: str
    options: dict[str, Any]
    place: tuple[int, int, int, int]
    test: str = ""


ALERT = [Placed("alerts", {"style": "glass", "position": "centre"}, (0, 0, 800, 260), "streak")]
SCREEN = [
    Placed("counters", {"style": "pills", "size": 80}, (10, 10, 620, 70)),
    Placed("goal", {"style": "bar", "target": 5000, "size": 90}, (560, 0, 700, 130)),
    Placed("chat", {"style": "bubbles", "count": 7, "size": 85}, (10, 250, 440, 370)),
    Placed("top", {"style": "podium", "size": 90}, (850, 330, 410, 300)),
    Placed("ticker", {"style": "strip", "count": 20}, (0, 625, 1270, 95)),
    Placed("alerts", {"style": "party", "size": 110}, (360, 140, 640, 260), "big"),
]


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = Server("uvicorn", Path(folder), {"PYTHONASYNCIODEBUG": ""})
        await server.start()
        try:
            await add_person(server, "anna", "anna.bakes")
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
                )
                context = await browser.new_context()
                await sign_in(await context.new_page(), server, "anna")
                await take(context, http(server), "overlay-alert", ALERT, (800, 260), 1)
                await take(context, http(server), "overlays", SCREEN, (1270, 720), WATCHED)
                await browser.close()
        finally:
            await server.stop()


async def take(
    context: BrowserContext,
    site: str,
    name: str,
    overlays: list[Placed],
    size: tuple[int, int],
    seconds: float,
) -> None:
    pages = [(placed, await drawn(context, site, placed)) for placed in overlays]
    await asyncio.sleep(seconds)
    layers = []
    for placed, page in pages:
        if placed.test:
            await page.evaluate(f"postMessage({{test: '{placed.test}'}}, location.origin)")
            await asyncio.sleep(STREAK if placed.test == "streak" else 1.2)
        await page.evaluate("document.querySelector('#mark').style.display = 'none'")
        picture = base64.b64encode(await page.screenshot(omit_background=True)).decode()
        left, top, width, height = placed.place
        layers.append(
            f'<img src="data:image/png;base64,{picture}" style="position: absolute;'
            f' left: {left}px; top: {top}px; width: {width}px; height: {height}px">'
        )
        await page.close()
    screen = await context.new_page()
    await screen.set_viewport_size({"width": size[0], "height": size[1]})
    background = "#594a72"  # a gradient would make files of 400 kB
    await screen.set_content(f'<body style="margin: 0; background: {background}">{"".join(layers)}')
    await screen.screenshot(path=PICTURES / f"{name}.png")
    await screen.close()


async def drawn(context: BrowserContext, site: str, placed: Placed) -> Page:
    """The overlay's preview as a page of its own, which takes the form's part, too."""
    page = await context.new_page()
    _left, _top, width, height = placed.place
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(f"{site}/overlays/preview/{placed.kind}/")
    from live.overlays.kinds import KINDS

    options = {**KINDS[placed.kind].form.defaults(), **placed.options}
    # Alerts show nothing but the test.
    message = {"options": options} | ({} if placed.test else {"source": "made-up"})
    await page.evaluate("message => postMessage(message, location.origin)", message)
    return page


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    django.setup()
    asyncio.run(main())
