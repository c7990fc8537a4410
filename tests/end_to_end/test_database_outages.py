"""The connection log and the stop of a server whose database is stopped, frozen or locked."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from standin import TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.postgresql import PostgreSQL, private_postgresql
from tests.support.server import SERVERS, Account, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONES = 20
# Long enough for writes to fail, and to be tried again.
OUTAGE = 1.5
# From the end of an outage until the last row is right: the writer looks again every five seconds
# at most.
ROWS_WITHIN = 20.0
# From SIGTERM to the end of the process: five seconds, and a second for a machine that is busy.
STOP_WITHIN = 5.0 + 1.0


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with private_postgresql() as postgresql:
        yield postgresql


class Outage:
    """What can happen to a server's database, and to its rows."""

    def __init__(self, how: str, server: Server, postgresql: PostgreSQL | None) -> None:
        self._how = how
        self._server = server
        self._postgresql = postgresql
        self._lock = ExitStack()

    def begin(self) -> None:
        if self._postgresql is None:
            other = sqlite3.connect(self._server.database)
            self._lock.enter_context(contextlib.closing(other))
            other.execute("BEGIN IMMEDIATE")
        elif self._how == "frozen":
            self._postgresql.freeze()
        else:
            self._postgresql.stop()

    def end(self) -> None:
        self._lock.close()  # which rolls back
        if self._postgresql is not None:
            self._postgresql.thaw() if self._how == "frozen" else self._postgresql.start()

    def rows(self, account: Account) -> list[dict[str, Any]]:
        """The account's rows in the connection log."""
        sql = "SELECT * FROM live_connectionlog WHERE account_id = "
        if self._postgresql is None:
            return self._server.execute(f"{sql} ?", account.user_id)
        with psycopg.connect(self._postgresql.url, row_factory=dict_row) as connection:
            return connection.execute(f"{sql} %s", [account.user_id]).fetchall()

    async def until_written(self, account: Account, count: int, closed: int) -> None:
        """Wait until the account has so many rows, and so many of them are closed."""
        deadline = time.monotonic() + ROWS_WITHIN
        while time.monotonic() < deadline:
            rows = self.rows(account)
            ended = sum(row["closed_at"] is not None for row in rows)
            if (len(rows), ended) == (count, closed):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{len(rows)} rows, {ended} of them closed")


@contextlib.asynccontextmanager
async def connected(server: Server, account: Account, count: int) -> AsyncIterator[list[Phone]]:
    async with AsyncExitStack() as stack:
        address = f"{server.address}/ws/{account.token}"
        phones = [await stack.enter_async_context(Phone(address)) for _ in range(count)]
        for phone in phones:
            await phone.until_type("connected")
        yield phones


@contextlib.asynccontextmanager
async def asking(server: Server, account: Account) -> AsyncIterator[None]:
    """A request that needs the database has been sent; nobody waits for the answer."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"GET /api/v1/account HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: Bearer %s\r\n\r\n" % account.token.encode()
    )
    await writer.drain()
    yield
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
def database(request: pytest.FixtureRequest, how: str) -> PostgreSQL | None:
    """None: SQLite, which can be locked only."""
    return None if how == "locked" else request.getfixturevalue("postgresql")


async def start(start_server: StartServer, kind: str, database: PostgreSQL | None) -> Server:
    url = {} if database is None else {"DATABASE_URL": database.url}
    return await start_server(kind, RELAY_MAX_SOCKETS="100", **url)


@pytest.mark.parametrize("how", ["stopped", "frozen", "locked"])
async def test_open_sockets_go_on_and_every_row_is_right_afterwards(
    how: str,
    database: PostgreSQL | None,
    start_server: StartServer,
    tiktok: TikTok,
    streamer: str,
) -> None:
    server = await start(start_server, "uvicorn", database)
    outage = Outage(how, server, database)
    room = tiktok.go_live(streamer)
    account = await server.add_account(streamer, streamer)
    async with connected(server, account, PHONES) as phones:
        await outage.until_written(account, PHONES, closed=0)
        outage.begin()
        try:
            await room.push(messages.chat("maria", "while it is away"))
            for phone in phones:
                await phone.until_type("comment")
            for phone in phones[: PHONES // 2]:
                await phone.socket.close()
            await asyncio.sleep(OUTAGE)
            await room.push(messages.chat("maria", "still"))
            for phone in phones[PHONES // 2 :]:
                await phone.until_type("comment")
        finally:
            outage.end()
        await outage.until_written(account, PHONES, closed=PHONES // 2)
    await outage.until_written(account, PHONES, closed=PHONES)
    rows = outage.rows(account)
    assert {row["close_code"] for row in rows} == {1000}
    assert len({row["opened_at"] for row in rows}) == PHONES
    assert "Traceback" not in server.log_text
    assert server.log_text.count("The connection log can't be written") <= 1


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("how", ["frozen", "locked"])
async def test_a_stop_takes_five_seconds_and_the_next_start_closes_the_rows(
    how: str,
    kind: str,
    database: PostgreSQL | None,
    start_server: StartServer,
    tiktok: TikTok,
    streamer: str,
) -> None:
    server = await start(start_server, kind, database)
    outage = Outage(how, server, database)
    tiktok.go_live(streamer)
    account = await server.add_account(streamer, streamer)
    async with connected(server, account, PHONES) as phones, AsyncExitStack() as requests:
        await outage.until_written(account, PHONES, closed=0)
        outage.begin()
        try:
            await requests.enter_async_context(asking(server, account))
            began = time.monotonic()
            stopping = asyncio.create_task(server.stop(signal.SIGTERM))
            for phone in phones:
                error, close_code = await phone.explanation()
                assert (error["code"], close_code) == ("server_shutdown", 1012)
            await stopping
            took = time.monotonic() - began
        finally:
            outage.end()
    print(f"{kind}, {how}: {took:.2f} s from SIGTERM to the end")
    assert took <= STOP_WITHIN
    said = f"{PHONES} rows of the connection log could not be written before the end"
    assert server.log_text.count(said) == 1
    assert "Traceback" not in server.log_text
    if kind == "daphne":
        return  # the start is the same for both, and takes a while
    await server.start()
    await outage.until_written(account, PHONES, closed=PHONES)
    assert {row["close_code"] for row in outage.rows(account)} == {1006}
