"""The README's pictures: `make screenshots`.

A server, the stand-in and a few phones, all real, run for half a minute; then Chromium looks at
the pages. Only the times in the connection log are not as they were: failures of that half minute
are spread over six hours, or the charts would have one bar.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from standin import Failure, Message, TikTok, messages
from standin.scenario import Scenario
from tests.support.browsing import add_person, http, sign_in
from tests.support.chromium import CHROMIUM, CHROMIUM_ARGUMENTS
from tests.support.lives import hear_in
from tests.support.server import ROOT, Account, Server

PICTURES = ROOT / "docs" / "pictures"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}
# The LIVEs, with how many phones listen to each.
LIVES = {"anna.bakes": 3, "northern_lights": 2, "guitar.mo": 1}
# Streamers whom something keeps from being relayed, and how often an app has tried.
FAILURES = {
    "zoe_cooks": (Failure.SIGN_429, 7),
    "late.larry": (None, 9),
    "robot.rita": (Failure.CAPTCHA, 3),
    "slow.sam": (Failure.SIGN_500, 4),
}
RATE = 6  # messages a second, of each LIVE
WATCHED = 25  # seconds
SPREAD = timedelta(hours=6)


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with TikTok() as tiktok, serving(tiktok, Path(folder)) as server:
            with messages.pictures_at(tiktok.pictures):
                await take(tiktok, server)


@contextlib.asynccontextmanager
async def serving(tiktok: TikTok, folder: Path) -> AsyncIterator[Server]:
    server = Server("uvicorn", folder, {**tiktok.environment(), "PYTHONASYNCIODEBUG": ""})
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def take(tiktok: TikTok, server: Server) -> None:
    await fail(tiktok, server)
    for name in LIVES:
        tiktok.go_live(name, title="Sunday bread, from the starter on")
    anna = await add_person(server, "anna", "anna.bakes")
    await add_person(server, "olga", "", "--staff")
    async with contextlib.AsyncExitStack() as phones, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
        )
        for name, count in LIVES.items():
            account = anna if name == "anna.bakes" else await add_person(server, name, name)
            for _ in range(count):
                await phones.enter_async_context(listening(server, account))
        live = await hear_in(server, "anna.bakes", tiktok.pictures, 11)
        streaming = asyncio.create_task(perform(tiktok))
        await look(browser, server)
        await look_back(browser, server, live)
        streaming.cancel()
        await asyncio.wait([streaming])
        await browser.close()


async def fail(tiktok: TikTok, server: Server) -> None:
    """Have apps fail to connect, as they do in the course of a day."""
    for name, (failure, times) in FAILURES.items():
        room = tiktok.room(name)
        if failure is not None:
            room.go_live()
        # A key of its own, so that nobody else's sign gate closes.
        account = await add_person(server, name, name, "--sign-api-key", f"of-{name}")
        for _ in range(times):
            if failure is not None:
                room.fail(failure)
            await listen(server, account)
        await server.closed_row(account)
    rows = server.execute("SELECT id FROM live_connectionlog")
    rng = random.Random(7)  # noqa: S311 -- no secret
    now = datetime.now(UTC)
    for row in rows:
        opened = now - SPREAD * rng.random()
        closed = opened + timedelta(seconds=rng.uniform(0.4, 3))
        server.execute(
            "UPDATE live_connectionlog SET opened_at = ?, closed_at = ? WHERE id = ?",
            *(moment.replace(tzinfo=None).isoformat(" ") for moment in (opened, closed)),
            row["id"],
        )


async def listen(server: Server, account: Account) -> None:
    """A phone that takes all it gets, until the relay closes."""
    async with connect(f"{server.address}/ws/{account.token}", max_size=None) as phone:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await phone.recv()


@contextlib.asynccontextmanager
async def listening(server: Server, account: Account) -> AsyncIterator[None]:
    phone = asyncio.create_task(listen(server, account))
    try:
        yield
    finally:
        phone.cancel()
        await asyncio.wait([phone])


async def perform(tiktok: TikTok) -> None:
    """Stream to every LIVE, to each a generated one of its own."""
    lives = [(tiktok.rooms[name], generated(number)) for number, name in enumerate(LIVES, 1)]
    while True:
        for room, source in lives:
            await room.push(next(source))
        await asyncio.sleep(1 / RATE)


def generated(seed: int) -> Iterator[Message]:
    source = Scenario(random.Random(seed))  # noqa: S311 -- no secret
    return (step for step in source if isinstance(step, Message))


async def look(browser: Browser, server: Server) -> None:
    console = await open_page(browser, server, "anna", PHONE, "light")
    dark = await open_page(browser, server, "anna", PHONE, "dark")
    staff = await open_page(browser, server, "olga", DESK, "light")
    await staff.goto(f"{http(server)}/staff/")
    await asyncio.sleep(WATCHED)
    await console.screenshot(path=PICTURES / "console.png")
    await dark.screenshot(path=PICTURES / "console-dark.png")
    await staff.screenshot(path=PICTURES / "dashboard.png")
    await staff.goto(f"{http(server)}/staff/connections/")
    await staff.screenshot(path=PICTURES / "connections.png")


async def look_back(browser: Browser, server: Server, live: int) -> None:
    """A LIVE that is over, and its recap's picture, made smaller."""
    for size, name in ((DESK, "live.png"), (PHONE, "recap.png")):
        page = await open_page(browser, server, "anna", size, "light")
        await page.goto(f"{http(server)}/lives/{live}/")
        await page.locator("#recap[data-state=ready]").wait_for()
        if size is DESK:
            await page.screenshot(path=PICTURES / name)
        else:
            await page.locator("#recap-picture").screenshot(path=PICTURES / name)
        await page.context.close()


async def open_page(
    browser: Browser, server: Server, name: str, size: dict[str, int], scheme: str
) -> Page:
    """A page of somebody who is signed in, and so on the console."""
    context = await browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        device_scale_factor=2 if size is PHONE else 1,
    )
    page = await context.new_page()
    await sign_in(page, server, name)
    return page


if __name__ == "__main__":
    asyncio.run(main())
