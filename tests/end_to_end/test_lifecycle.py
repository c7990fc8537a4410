"""Start, stop and crash of the server, and what its log says. Each test has its own process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

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
    async def test_it_is_refused_and_leaves_the_other_s_rows_open(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            while not server.execute("SELECT * FROM live_connectionlog"):
                await asyncio.sleep(0.05)
            with pytest.raises(RuntimeError) as refusal:
                await start_server(kind)  # on another port, with the same database
            assert str(refusal.value).splitlines()[-1] == (
                "Another server process runs on this database. "
                "Several need REDIS_URL, to share their streams. Nothing was started."
            )
            assert "Traceback" not in str(refusal.value)
            (row,) = server.execute("SELECT * FROM live_connectionlog")
            assert row["closed_at"] is None
        row = await server.closed_row(account)
        assert row["close_code"] == 1000

    async def test_it_waits_for_one_that_is_stopping(
        self, start_server: StartServer, kind: str
    ) -> None:
        server = await start_server(kind)
        starting = asyncio.ensure_future(start_server(kind))
        while "waiting 8 seconds for its end" not in server.log_text:  # they share the file
            await asyncio.sleep(0.05)
        await server.stop(signal.SIGTERM)
        second = await starting
        assert second.log_text.count("waiting 8 seconds for its end") == 1
        assert "Nothing was started" not in second.log_text


async def test_a_server_that_reloads_does_not_refuse_itself(
    start_server: StartServer, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    changing = code / "changing.py"
    changing.touch()
    server = await start_server(
        "uvicorn", UVICORN_RELOAD="true", UVICORN_RELOAD_DIRS=str(code), PYTHONASYNCIODEBUG="0"
    )
    started = "Application startup complete"
    async with asyncio.timeout(60):
        while started not in server.log_text:
            await asyncio.sleep(0.05)
        while server.log_text.count(started) < 2:
            os.utime(changing)  # again and again: the reloader may not have seen it yet as it was
            assert "Nothing was started" not in server.log_text
            await asyncio.sleep(0.05)
    await server.stop()  # by which both of its processes end
    assert "Another server process" not in server.log_text


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
