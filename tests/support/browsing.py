"""People in front of a browser: accounts that can sign in, and signing them in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from playwright.async_api import Page, expect

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
    """Sign in by hand; ends on the page that people land on."""
    await page.goto(f"{http(server)}/login/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


@asynccontextmanager
async def signed_in(server: Server, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen, in which somebody is signed in."""
    async with httpx.AsyncClient(base_url=http(server), timeout=ANSWER_WITHIN) as browser:
        answer = await post(browser, "/login/", username=name, password=PASSWORD)
        assert answer.status_code == 302, answer.text
        yield browser


async def post(
    browser: httpx.AsyncClient, address: str, /, **values: str | list[str]
) -> httpx.Response:
    """Send a form, with the token that any page has."""
    page = await browser.get("/login/")
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found
    return await browser.post(address, data={**values, "csrfmiddlewaretoken": found[1]})
