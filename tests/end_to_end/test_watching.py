"""A watched account, whose LIVE is heard though no app is connected."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from standin import Kind, TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.server import SERVERS, Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Nobody waits for minutes here.
SETTINGS = {"RELAY_WAIT_INTERVAL": "0.2", "RELAY_LINGER": "0.5"}


async def ask(server: Server, account: Account, method: str, path: str, **json: Any) -> Any:
    """What REST answers."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.request(
            method,
            f"http://127.0.0.1:{server.port}/api/v1/{path}",
            headers={"Authorization": f"Bearer {account.token}"},
            json=json or None,
        )
    answer.raise_for_status()
    return answer.json()


class TestAWatchedAccount:
    @pytest.mark.parametrize("kind", SERVERS)
    async def test_its_live_is_heard_without_a_socket_and_after_a_restart_without_a_request(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, **SETTINGS)
        account = await server.add_account("nobody", streamer, "--manage")
        room = tiktok.room(streamer)
        await ask(server, account, "PATCH", "account", is_watched=True)
        await tiktok.wait_for(lambda: tiktok.count(Kind.ROOM_API, room) >= 3)
        # While the streamer is offline, only the cheap question is asked.
        assert tiktok.count(Kind.LIVE_PAGE, room) == tiktok.count(Kind.SIGN, room) == 0

        tiktok.go_live(streamer)
        await room.wait_for_socket()
        now = await ask(server, account, "GET", "status")
        assert (now["live"], now["stream"], now["sockets"]) == (True, "live", 0)
        assert server.execute("SELECT * FROM live_connectionlog") == []

        await server.stop()
        await room.wait_until_left()
        await server.start()
        await room.wait_for_socket()  # and nobody has asked for anything
        assert tiktok.count(Kind.SIGN, room) == 2

        await ask(server, account, "PATCH", "account", is_watched=False)
        await room.wait_until_left()
        assert "Traceback" not in server.log_text
