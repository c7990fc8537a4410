"""People in front of a browser: accounts that can sign in, and signing them in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import Page

from tests.support.server import Account, Server

PASSWORD = "of the tests, only"
# Seconds. A first page takes its time on a machine that is busy.
ANSWER_WITHIN = 20.0


def http(server: Server) -> str:
    """The address of the server's pages."""
    return server.address.replace("ws", "http", 1)


async def add_person(
    server: Server, name: str, tiktok_username: str = "", *arguments: str
) -> Account:
    """An account with `PASSWORD`; `--staff` among the arguments makes it staff."""
    return await server.add_account(name, tiktok_username, "--password", PASSWORD, *arguments)


async def sign_in(page: Page, server: Server, name: str) -> None:
    """Have somebody signed in, and go to the page that people land on who sign in."""
    session = await server.begin_session(name)
    cookie = {"name": "sessionid", "value": session.session, "url": http(server)}
    await page.context.add_cookies([cookie])  # type: ignore[list-item]
    await page.goto(f"{http(server)}{'/staff/' if session.is_staff else '/'}")


@asynccontextmanager
async def elsewhere(page: Page) -> AsyncIterator[Page]:
    """An empty page of whoever is signed in there, on a device in Yekaterinburg."""
    browser = page.context.browser
    assert browser is not None
    context = await browser.new_context(
        timezone_id="Asia/Yekaterinburg", storage_state=await page.context.storage_state()
    )
    try:
        yield await context.new_page()
    finally:
        await context.close()


@asynccontextmanager
async def signed_in(server: Server, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen, in which somebody is signed in."""
    session = await server.begin_session(name)
    cookies = {"sessionid": session.session}
    # Uvicorn closes a connection that was idle for five seconds: one that is nearly as old would be
    # closed while a request is on its way.
    limits = httpx.Limits(keepalive_expiry=2)
    async with httpx.AsyncClient(
        base_url=http(server), timeout=ANSWER_WITHIN, cookies=cookies, limits=limits
    ) as browser:
        yield browser


async def post(
    browser: httpx.AsyncClient, address: str, /, **values: str | list[str]
) -> httpx.Response:
    """Send a form, with the token that any page has."""
    page = await browser.get("/login/")
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    return await browser.post(address, data={**values, "csrfmiddlewaretoken": found[1]})
