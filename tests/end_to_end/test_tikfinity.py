"""`/ws/tikfinity`, as programs for TikFinity use it, and the way from `ws://localhost:21213`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed, InvalidStatus

from standin import TikTok, messages
from tests.end_to_end.conftest import AddAccount, StartServer
from tests.support.phone import OpenSocket
from tests.support.server import ROOT, Account, Server, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 20.0
Event = dict[str, Any]
Connect = Callable[[str, str], dict[str, Any]]


class Program(OpenSocket):
    """A program for TikFinity: it keeps the socket open, and reads events."""

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__(address, **options)
        self.events: list[Event] = []

    async def until(self, name: str) -> dict[str, Any]:
        """Read on to the next event of that name. Returns its data."""
        async with asyncio.timeout(WITHIN):
            while True:
                event: Event = json.loads(await self.socket.recv())
                assert set(event) == {"event", "data"}
                self.events.append(event)
                if event["event"] == name:
                    data: dict[str, Any] = event["data"]
                    return data

    async def until_closed(self) -> int:
        with contextlib.suppress(ConnectionClosed):
            await self.until("no such event")
        return self.socket.close_code or 0


def in_query(address: str, token: str) -> dict[str, Any]:
    return {"address": f"{address}/ws/tikfinity?token={token}"}


def in_path(address: str, token: str) -> dict[str, Any]:
    return {"address": f"{address}/ws/tikfinity/{token}"}


def as_subprotocol(address: str, token: str) -> dict[str, Any]:
    return {"address": f"{address}/ws/tikfinity", "subprotocols": ["bearer", token]}


def as_header(address: str, token: str) -> dict[str, Any]:
    header = {"Authorization": f"Bearer {token}"}
    return {"address": f"{address}/ws/tikfinity", "additional_headers": header}


async def test_a_program_gets_a_live_as_tikfinity_tells_it(
    server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
) -> None:
    room = tiktok.go_live(streamer, title="Hello")
    account = await add_account()
    async with Program(**in_query(server.address, account.token)) as program:
        state = await program.until("connected")
        assert state["roomId"] == str(room.room_id)
        assert state["roomInfo"]["title"] == "Hello"
        await room.wait_for_socket()
        await program.socket.send("what programs say is ignored")
        await room.push(
            messages.chat("viewer7", "hello"),
            *messages.streak("viewer8", count=3),
            messages.like("viewer9", 15, total=100),
            messages.follow("viewer9"),
        )
        assert (await program.until("chat"))["comment"] == "hello"
        assert (await program.until("like"))["totalLikeCount"] == 100
        assert (await program.until("follow"))["uniqueId"] == "viewer9"
        gifts = [event["data"] for event in program.events if event["event"] == "gift"]
        assert [gift["repeatCount"] for gift in gifts if gift["repeatEnd"]] == [3]
        await room.end()
        assert (await program.until("streamEnd"))["action"] == 3
    row = await server.closed_row(account)
    assert (row["close_code"], row["error_code"]) == (1000, "")
    assert row["frames_sent"] == len(program.events) + 1  # `disconnected` follows `streamEnd`


@pytest.mark.parametrize("with_token", [in_query, in_path, as_subprotocol, as_header])
async def test_the_token_may_come_in_four_places_and_reaches_no_log(
    server: Server,
    tiktok: TikTok,
    streamer: str,
    add_account: AddAccount,
    with_token: Connect,
) -> None:
    tiktok.go_live(streamer)
    account = await add_account()
    async with Program(**with_token(server.address, account.token)) as program:
        await program.until("connected")
    await server.closed_row(account)
    assert account.token not in server.log.read_text()


async def test_a_wrong_token_is_an_event_and_a_close_code(server: Server, own_address: str) -> None:
    wrong = in_query(server.address, "wr0ng-t0ken")
    async with Program(**wrong, local_addr=(own_address, 0)) as program:
        assert await program.until_closed() == 1008
    [error] = program.events
    assert (error["event"], error["data"]["code"]) == ("error", "invalid_token")
    assert "wr0ng-t0ken" not in server.log.read_text()


# --- Where programs look for TikFinity -----------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def at_home(
    start_server: StartServer, tmp_path: Path, streamer: str
) -> AsyncIterator[tuple[int, Account, Path]]:
    """A relay, and before it a Caddy with deploy/Caddyfile.tikfinity and an account's token.

    Yields its port, the account, and what Caddy has logged.
    """
    if shutil.which("caddy") is None:
        assert "CI" not in os.environ, "CI needs caddy"
        pytest.skip("no caddy: apt-get install --no-install-recommends caddy")
    server = await start_server("uvicorn", ALLOWED_ORIGINS="https://app.example")
    account = await server.add_account("streamer", streamer)
    port, log = free_port(), tmp_path / "caddy.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("caddy", "run", "--adapter", "caddyfile"),
            *("--config", str(ROOT / "deploy" / "Caddyfile.tikfinity")),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "PORT": str(port),
                "RELAY": f"http://127.0.0.1:{server.port}",
                "RELAY_TOKEN": account.token,
            },
            stderr=output,
        )
        try:
            yield port, account, log
        finally:
            with contextlib.suppress(ProcessLookupError):  # it could not start
                process.kill()
            await process.wait()


async def listens(host: str, port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_a_program_that_knows_tikfinity_s_address_alone_gets_the_live(
    at_home: tuple[int, Account, Path], tiktok: TikTok, streamer: str
) -> None:
    port, account, log = at_home
    async with asyncio.timeout(WITHIN):
        while not await listens("127.0.0.1", port):
            await asyncio.sleep(0.05)
    room = tiktok.go_live(streamer)
    page = {"Origin": "file://"}  # which the relay itself would refuse
    for host in ("localhost", "127.0.0.1"):
        async with Program(f"ws://{host}:{port}/", additional_headers=page) as program:
            await program.until("connected")
            await room.push(messages.chat("viewer", "hello"))
            await program.until("chat")
    assert not await listens("127.0.0.2", port), "it must not be reached from other computers"
    with pytest.raises(InvalidStatus):  # nor by a page whose name leads to this computer
        async with Program(f"ws://elsewhere.example:{port}/", host="127.0.0.1"):
            pass
    assert account.token not in log.read_text()
    kept = [file for file in log.parent.rglob("*") if file.is_file() and file.suffix == ".json"]
    assert kept, "Caddy keeps a copy of its configuration"
    assert not any(account.token in file.read_text() for file in kept)
