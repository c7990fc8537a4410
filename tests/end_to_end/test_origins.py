"""Which pages may open sockets, on both servers."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from standin import TikTok
from tests.end_to_end.conftest import OnAir, StartServer
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

APP, ELSEWHERE = "https://app.example", "https://elsewhere.example"


@pytest.mark.parametrize("kind", ["daphne"])
async def test_with_a_list_only_its_pages_and_our_own_may(
    start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
) -> None:
    server = await start_server(kind, ALLOWED_ORIGINS=f"{APP}:443, capacitor://localhost")
    tiktok.go_live(streamer)
    account = await server.add_account(streamer, streamer)
    address = f"{server.address}/ws/{account.token}"
    own = f"http://127.0.0.1:{server.port}"
    for origin in (APP, "capacitor://localhost", own, None):
        async with Phone(address, origin=origin) as phone:
            await phone.until_type("connected")
    async with Phone(f"{address}?lang=en", origin=ELSEWHERE) as phone:
        error, close_code = await phone.explanation()
    assert (error["code"], close_code) == ("bad_request", 1008)
    assert "may not open sockets" in error["detail"]
    assert len(phone.frames) == 1


async def test_without_a_list_all_may(server: Server, on_air: OnAir) -> None:
    for origin in (ELSEWHERE, "null"):
        async with Phone(f"{server.address}/ws/{on_air.account.token}", origin=origin) as phone:
            await phone.until_type("connected")


async def test_the_staff_s_socket_is_for_our_own_pages_whatever_the_list_says(
    server: Server,
) -> None:
    for origin in (ELSEWHERE, None):
        with pytest.raises(InvalidStatus, match="403"):
            async with Phone(f"{server.address}/staff/socket", origin=origin):
                pass
