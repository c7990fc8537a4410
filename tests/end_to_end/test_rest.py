"""The REST API in the real servers, and fuzzed against its own description."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest

from live.protocol.frames import State
from standin import Kind, TikTok
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount
from tests.support.phone import Phone
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

FUZZING = Path(__file__).with_name("schemathesis.toml")
FUZZED_WITHIN = 120


def app(server: Server, account: Account, source: str = "127.0.0.1") -> httpx.AsyncClient:
    """The HTTP side of the account's app, which has the address `source`."""
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(local_address=source),
        base_url=f"http://127.0.0.1:{server.port}/api/v1",
        headers={"Authorization": f"Bearer {account.token}"},
        timeout=20,
    )


async def fuzz(server: Server, account: Account, method: str, folder: Path) -> None:
    """Schemathesis has nothing to say against the operations of that method."""
    fuzzing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(FUZZING)),
        *("run", f"http://127.0.0.1:{server.port}/api/v1/openapi.json"),
        *("--include-method", method),
        *("--header", f"Authorization: Bearer {account.token}"),
        cwd=folder,  # where it leaves its notes
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(FUZZED_WITHIN):
        report, _ = await fuzzing.communicate()
    assert fuzzing.returncode == 0, report.decode()


class TestTheRestApi:
    @ON_DAPHNE
    async def test_an_app_changes_its_username_and_reads_status_and_gifts(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.room(streamer)
        account = await add_account("somebody.else", "--manage")
        async with app(server, account) as client:
            changed = await client.patch("/account", json={"tiktok_username": f"@{streamer}"})
            assert changed.json()["tiktok_username"] == streamer
            assert (await client.get("/account")).json() == changed.json()

            status = (await client.get("/status")).json()
            assert (status["live"], status["stream"], status["sockets"]) == (False, None, 0)

            room = tiktok.go_live(streamer)
            async with Phone(f"{server.address}/ws/{account.token}") as phone:
                await phone.until(lambda frame: frame["data"].get("state") == State.LIVE)
                status = (await client.get("/status")).json()
                assert (status["live"], status["stream"], status["sockets"]) == (True, "live", 1)
                assert status["room_id"] == str(room.room_id)

                gifts = (await client.get("/gifts")).json()["gifts"]
                assert [gift["name"] for gift in gifts][:2] == ["Rose", "Ice Cream Cone"]
                assert tiktok.count(Kind.GIFT_LIST, room) == 1
        assert account.token not in server.log_text
        assert "Traceback" not in server.log_text

    @ON_DAPHNE
    async def test_a_phone_s_token_does_not_change_the_account(
        self, server: Server, streamer: str, add_account: AddAccount
    ) -> None:
        account = await add_account()
        async with app(server, account) as client:
            refused = await client.patch("/account", json={"tiktok_username": "somebody.else"})
            assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
            assert (await client.get("/account")).json()["tiktok_username"] == streamer

    @ON_DAPHNE
    async def test_it_refuses_as_the_socket_does(
        self, server: Server, add_account: AddAccount, own_address: str
    ) -> None:
        account = await add_account()
        server.execute(
            "UPDATE accounts_accesstoken SET revoked_at = '2026-01-01' WHERE user_id = ?",
            account.user_id,
        )
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address, local_addr=(own_address, 0)) as phone:
            told, _closed_with = await phone.explanation()
        del told["close_code"]
        async with app(server, account, own_address) as client:
            response = await client.get("/status")
        assert (response.status_code, response.json()) == (401, told)

    @ON_UVICORN
    async def test_its_page_comes_from_this_server(
        self, server: Server, add_account: AddAccount
    ) -> None:
        async with app(server, await add_account()) as client:
            page = await client.get("/docs")
            loaded = re.findall(r'(?:<link[^>]* href|src)="([^"]+)"', page.text)
            assert len(loaded) >= 4
            for address in loaded:
                assert address.startswith("/"), address
                file = await client.get(f"http://127.0.0.1:{server.port}{address}")
                assert file.status_code == 200, address

    @ON_UVICORN
    async def test_it_keeps_its_own_description(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        tmp_path: Path,
    ) -> None:
        tiktok.go_live(streamer)
        # One account is asked about; the other one's username does not stay what it was.
        asked, changed = await add_account(), await add_account(streamer, "--manage")
        await asyncio.gather(
            fuzz(server, asked, "GET", tmp_path), fuzz(server, changed, "PATCH", tmp_path)
        )
        assert "Traceback" not in server.log_text
        assert asked.token not in server.log_text
