"""What administrators change takes effect on open sockets, within a second."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from standin import TikTok
from tests.end_to_end.conftest import ON_DAPHNE, AddAccount, OnAir
from tests.support.browsing import ANSWER_WITHIN, PASSWORD, add_person, http
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_DAPHNE]

WITHIN = 1.0  # seconds
LIST = "/admin/accounts/user/"
_INPUT = re.compile(r"<input[^>]* name=\"([^\"]+)\"[^>]*>")


class Administrator:
    """Somebody who is signed in to the admin."""

    def __init__(self, browser: httpx.AsyncClient) -> None:
        self._browser = browser

    async def sign_in(self, name: str) -> None:
        await self._post("/admin/login/", username=name, password=PASSWORD)

    async def change(self, account: Account, **values: str) -> None:
        """Save the account's page with other values."""
        address = f"{LIST}{account.user_id}/change/"
        page = (await self._browser.get(address)).text
        await self._post(address, **{**_values(page), "is_active": "on", **values})

    async def choose(self, action: str, account: Account) -> None:
        """The action of the list, confirmed."""
        await self._post(
            LIST, action=action, _selected_action=str(account.user_id), confirmed="yes"
        )

    async def delete(self, account: Account) -> None:
        await self._post(f"{LIST}{account.user_id}/delete/", post="yes")

    async def _post(self, address: str, **values: str) -> None:
        page = (await self._browser.get(address)).text
        token = _values(page)["csrfmiddlewaretoken"]
        answer = await self._browser.post(address, data={"csrfmiddlewaretoken": token, **values})
        self.done_at = time.monotonic()
        assert answer.status_code == 302, re.findall(r'class="error.*', answer.text)


def _values(page: str) -> dict[str, str]:
    """What the text fields of the page's forms hold."""
    return {
        found[1]: value[1] if (value := re.search(r' value="([^"]*)"', found[0])) else ""
        for found in _INPUT.finditer(page)
        if 'type="checkbox"' not in found[0] and 'type="submit"' not in found[0]
    }


@pytest_asyncio.fixture(loop_scope="session")
async def administrator(server: Server, streamer: str) -> AsyncIterator[Administrator]:
    boss = await add_person(server, f"boss-{streamer}", "", "--staff")
    server.execute("UPDATE accounts_user SET is_superuser = 1 WHERE id = ?", boss.user_id)
    async with httpx.AsyncClient(base_url=http(server), timeout=ANSWER_WITHIN) as browser:
        administrator = Administrator(browser)
        await administrator.sign_in(boss.username)
        yield administrator


async def is_told_in_time(phone: Phone, administrator: Administrator, code: str) -> None:
    error, close_code = await phone.explanation()
    assert time.monotonic() - administrator.done_at < WITHIN
    assert (error["code"], close_code) == (code, 1008)


class TestTheAdmin:
    async def test_a_username_changed_in_admin_moves_the_phone(
        self, tiktok: TikTok, streamer: str, on_air: OnAir, administrator: Administrator
    ) -> None:
        other = tiktok.go_live(f"{streamer}b")
        await administrator.change(on_air.account, tiktok_username=f"@{streamer}b")
        connected = await on_air.phone.until_type("connected")
        assert time.monotonic() - administrator.done_at < WITHIN
        assert connected["data"]["username"] == f"{streamer}b"
        assert connected["data"]["room_id"] == str(other.room_id)

    @pytest.mark.parametrize(
        ("action", "code"),
        [
            ("revoke_tokens", "token_revoked"),
            ("disable", "account_disabled"),
            ("disconnect", "disconnected"),
        ],
    )
    async def test_it_ends_open_sockets(
        self, on_air: OnAir, administrator: Administrator, action: str, code: str
    ) -> None:
        await administrator.choose(action, on_air.account)
        await is_told_in_time(on_air.phone, administrator, code)

    async def test_it_clears_the_username(
        self, on_air: OnAir, administrator: Administrator
    ) -> None:
        await administrator.change(on_air.account, tiktok_username="")
        await is_told_in_time(on_air.phone, administrator, "username_missing")

    async def test_it_deletes_the_account(
        self, on_air: OnAir, administrator: Administrator
    ) -> None:
        await administrator.delete(on_air.account)
        await is_told_in_time(on_air.phone, administrator, "token_revoked")

    async def test_it_leaves_others_alone(
        self,
        server: Server,
        add_account: AddAccount,
        on_air: OnAir,
        administrator: Administrator,
    ) -> None:
        other = await add_account()
        async with Phone(f"{server.address}/ws/{other.token}") as untouched:
            await untouched.until_type("connected")
            await administrator.choose("disconnect", on_air.account)
            await is_told_in_time(on_air.phone, administrator, "disconnected")
            await untouched.socket.send('{"type":"ping","id":1}')
            await untouched.until_type("pong")
