"""How soon pages show something in a real browser, and whether what they show then stays in place.

Both are Chromium's own measurements: the first contentful paint, in ms from the click, and the
layout shift, summed over the two seconds after loading (0: nothing moved; Google calls up to 0.1
good, https://web.dev/articles/cls). Each page is opened on a phone's screen and on a desktop's, in
a browser that has nothing in its cache but what the page of signing in has left there. A LIVE goes
on meanwhile. The reference is the smallest page of the same server, `/healthz`, in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.results import Options, Row

__all__ = ["run"]

_TIMES, _QUICK_TIMES = 7, 2
_GOAL_MS = 500
_SIZES = {"phone": (390, 844), "desktop": (1280, 860)}
# Seconds for which a page is watched for shifts after it has loaded.
_WATCHED = 2.0
_PAGES = {
    "console": "/",
    "account": "/account/",
    "a LIVE": "/lives/{live}/",
    "LIVEs": "/lives/",
    "overlays": "/overlays/",
    "an overlay's form": "/overlays/new/alerts/",
    "reading aloud": "/aloud/",
    "webhooks": "/webhooks/",
    "dashboard": "/staff/",
    "a stream": "/staff/streams/anna.live/",
    "connections": "/staff/connections/",
    "a connection": "/staff/connections/1/",
    "documentation": "/docs/",
    "admin: accounts": "/admin/accounts/user/",
}
_OBSERVE = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
_PAINT = "performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)[0]"


def run(options: Options) -> list[Row]:
    return asyncio.run(_run(options.of(_TIMES, _QUICK_TIMES)))


async def _run(times: int) -> list[Row]:
    from tests.support.browsing import http, sign_in

    rows = []
    async with _site() as (browser, server, live):
        for size, (width, height) in _SIZES.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height}, base_url=http(server)
            )
            await context.add_init_script(_OBSERVE)
            page = await context.new_page()
            await sign_in(page, server, "anna")
            await page.close()
            reference, _shift = await _measure(context, "/healthz", times)
            for what, address in _PAGES.items():
                paint, shift = await _measure(context, address.format(live=live), times)
                rows.append(_row(f"{what}, {size}", paint, reference, shift))
            await context.close()
    return rows


@asynccontextmanager
async def _site() -> AsyncIterator[tuple[Any, Any, int]]:
    """A browser, a server with a LIVE that goes on, and the primary key of one that is over."""
    from playwright.async_api import async_playwright

    from standin import TikTok
    from standin.__main__ import generated, stream
    from tests.support.browsing import add_person
    from tests.support.chromium import CHROMIUM, CHROMIUM_ARGUMENTS
    from tests.support.lives import hear_in
    from tests.support.phone import Phone
    from tests.support.server import Server

    with tempfile.TemporaryDirectory() as folder:
        async with TikTok() as tiktok:
            settings = {**tiktok.environment(), "PYTHONASYNCIODEBUG": ""}
            server = Server("uvicorn", Path(folder), settings)
            await server.start()
            try:
                anna = await add_person(server, "anna", "anna.live", "--staff")
                server.execute("UPDATE accounts_user SET is_superuser = 1")
                live = await hear_in(server, "anna.live", tiktok.pictures, 11)
                tiktok.go_live("anna.live")
                async with Phone(f"{server.address}/ws/{anna.token}") as phone:
                    await phone.until_type("connected")
                    streaming = asyncio.create_task(stream(tiktok, generated(), rate=6))
                    async with async_playwright() as playwright:
                        browser = await playwright.chromium.launch(
                            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
                        )
                        yield browser, server, live
                        await browser.close()
                    streaming.cancel()
                    await asyncio.wait([streaming])
            finally:
                await server.stop()


async def _measure(context: Any, address: str, times: int) -> tuple[list[float], float]:
    """The first contentful paints, in ms, and the largest sum of shifts."""
    paints, shifts = [], []
    for _ in range(times):
        page = await context.new_page()
        await page.goto(address, wait_until="load")
        await asyncio.sleep(_WATCHED)
        paints.append(float(await page.evaluate(_PAINT)))
        shifts.append(float(await page.evaluate("window.shifts")))
        await page.close()
    return paints, max(shifts)


def _row(what: str, paints: list[float], reference: list[float], shift: float) -> Row:
    median, of_reference = statistics.median(paints), statistics.median(reference)
    return Row(
        what=f"first paint: {what}",
        relay=f"{median:.0f} ms (at most {max(paints):.0f}), shift {shift:.3f}",
        reference=f"{of_reference:.0f} ms (/healthz)",
        ratio=f"{median / of_reference:.1f}",
        goal=f"≤ {_GOAL_MS} ms, shift 0",
        met=median <= _GOAL_MS and round(shift, 3) == 0,
        figures={"paints_ms": paints, "reference_ms": reference, "layout_shift": shift},
    )
