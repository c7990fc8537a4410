"""A database that hangs, or is away, stops no open socket, and newcomers are told in time."""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from standin import TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.postgresql import PostgreSQL, private_postgresql
from tests.support.server import Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONNECT_TIMEOUT = 2.0
# From a newcomer's time-out to its error frame, on a machine that is busy.
GRACE = 1.5
PONG_WITHIN = 0.05
PINGS = 9


@pytest.fixture(scope="module")
def shared_postgresql() -> Iterator[PostgreSQL]:
    with private_postgresql() as postgresql:
        yield postgresql


@pytest.fixture
def postgresql(shared_postgresql: PostgreSQL) -> Iterator[PostgreSQL]:
    """One that runs, before the test and after it."""
    yield shared_postgresql
    shared_postgresql.stop()
    shared_postgresql.start()


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes to it, and does not come to an end."""
    with contextlib.closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


async def pong_time(phone: Phone) -> float:
    """The seconds until a ping is answered; the median of several."""
    seconds = []
    for number in range(PINGS):
        began = time.monotonic()
        await phone.socket.send(f'{{"type":"ping","id":{number}}}')
        await phone.until_type("pong")
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


async def refusal(server: Server, account: Account) -> tuple[str, int, float]:
    """The error and close code that a newcomer gets, and after how many seconds."""
    began = time.monotonic()
    async with Phone(f"{server.address}/ws/{account.token}") as phone:
        error, close_code = await phone.explanation()
    return error["code"], close_code, time.monotonic() - began


async def test_a_locked_sqlite_is_no_trouble(start_server: StartServer, tiktok: TikTok) -> None:
    server = await start_server("daphne", RELAY_CONNECT_TIMEOUT=str(CONNECT_TIMEOUT))
    tiktok.go_live("locked")
    account = await server.add_account("locked", "locked")
    address = f"{server.address}/ws/{account.token}"
    async with Phone(address) as phone:
        await phone.until_type("connected")
        with locked(server.database):
            # Whoever only reads does not wait for whoever writes.
            async with Phone(address) as newcomer:
                await newcomer.until_type("connected")
                assert await pong_time(phone) <= PONG_WITHIN
                assert await pong_time(newcomer) <= PONG_WITHIN
    assert "Traceback" not in server.log_text


@pytest.mark.parametrize(
    ("kind", "how"), [("daphne", "frozen"), ("uvicorn", "frozen"), ("uvicorn", "stopped")]
)
async def test_a_postgresql_that_does_not_answer_keeps_nobody_waiting(
    kind: str, how: str, start_server: StartServer, tiktok: TikTok, postgresql: PostgreSQL
) -> None:
    server = await start_server(
        kind, RELAY_CONNECT_TIMEOUT=str(CONNECT_TIMEOUT), DATABASE_URL=postgresql.url
    )
    streamer = f"{how}.{kind}"
    tiktok.go_live(streamer)
    account = await server.add_account(streamer, streamer)
    address = f"{server.address}/ws/{account.token}"
    async with Phone(address) as phone:
        await phone.until_type("connected")
        postgresql.freeze() if how == "frozen" else postgresql.stop()
        assert await pong_time(phone) <= PONG_WITHIN
        # The second time, the connection to the database is a new one.
        for _ in range(2):
            code, close_code, seconds = await refusal(server, account)
            assert (code, close_code) == ("internal_error", 1011)
            assert seconds <= CONNECT_TIMEOUT + GRACE
        async with Phone(address) as newcomer:
            assert await pong_time(phone) <= PONG_WITHIN
            # One that still waits when the database comes back is greeted.
            postgresql.thaw() if how == "frozen" else postgresql.start()
            await newcomer.until_type("connected")
        async with Phone(address) as newcomer:
            await newcomer.until_type("connected")
        assert await pong_time(phone) <= PONG_WITHIN
    assert "Tokens can't be looked up in the database" in server.log_text
