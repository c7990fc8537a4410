"""Start, stop and crash of the server, and what its log says. Each test has its own process."""

from __future__ import annotations

import asyncio
import signal

import pytest

from standin import Failure, TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.server import SERVERS

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("kind", SERVERS)
class TestStopping:
    async def test_it_says_goodbye(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        room = tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            stopping = asyncio.create_task(server.stop(signal.SIGTERM))
            error, closed_with = await phone.explanation()
            await stopping
        assert (error["code"], closed_with) == ("server_shutdown", 1012)
        assert 1 <= error["retry_after"] <= 10
        row = await server.closed_row(account)
        assert (row["error_code"], row["close_code"]) == ("server_shutdown", 1012)
        await tiktok.wait_for(lambda: not room.sockets)
        assert "Traceback" not in server.log_text
        assert "Task was destroyed" not in server.log_text

    async def test_it_closes_at_the_next_start_what_a_crash_left_open(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            while not server.execute("SELECT * FROM live_connectionlog"):
                await asyncio.sleep(0.05)
            await server.stop(signal.SIGKILL)
            assert await phone.until_closed() == 1006
        (row,) = server.execute("SELECT * FROM live_connectionlog")
        assert row["closed_at"] is None
        await server.start()
        row = await server.closed_row(account)
        assert (row["close_code"], row["error_code"]) == (1006, "")


@pytest.mark.parametrize("kind", SERVERS)
class TestASecondServer:
    async def test_its_start_leaves_the_other_s_rows_open(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            while not server.execute("SELECT * FROM live_connectionlog"):
                await asyncio.sleep(0.05)
            await start_server(kind)  # on another port, with the same database
            (row,) = server.execute("SELECT * FROM live_connectionlog")
            assert row["closed_at"] is None
        row = await server.closed_row(account)
        assert row["close_code"] == 1000


class TestTheServersLog:
    async def test_it_names_settings_that_there_are_not(self, start_server: StartServer) -> None:
        server = await start_server("uvicorn", RELAY_LINGERR="5", RELAY_LINGER="1")
        lines = [line for line in server.log_text.splitlines() if "There is no setting" in line]
        assert len(lines) == 1
        assert lines[0].endswith("There is no setting RELAY_LINGERR; did you mean RELAY_LINGER?")

    async def test_it_prints_the_lines_of_the_contract_in_russian(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server(
            "uvicorn", LANGUAGE_CODE="ru", RELAY_LINGER="0", RELAY_BLOCK_PAUSE="0"
        )
        room = tiktok.go_live(streamer)
        nobody = await server.add_account("nobody", "")
        somebody = await server.add_account("somebody", streamer)
        async with Phone(f"{server.address}/ws/{nobody.token}") as phone:
            await phone.until_closed()
        async with Phone(f"{server.address}/ws/{somebody.token}") as phone:
            await phone.until_type("connected")
        await tiktok.wait_for(lambda: not room.sockets)
        for failure in (Failure.CAPTCHA, Failure.SIGN_429):
            room.clear()
            room.fail(failure)
            async with Phone(f"{server.address}/ws/{somebody.token}") as phone:
                await phone.until_closed()
        log = server.log_text
        for line in (
            f"🔴 Подключение к TikTok Live: @{streamer}\n",
            f"✅ TikTok Live клиент запущен для @{streamer}\n",
            "❌ Rate limit от TikTok API: Too many connections started\n",
            "💡 Подсказка: Для снятия лимита используйте EulerStream API\n",
            f"⚠️ TikTok username не указан для user_id={nobody.user_id}\n",
            "❌ Ошибка подключения к TikTok Live: ",
        ):
            assert line in log, log
