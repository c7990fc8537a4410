"""The writer of the connection log: batches, and what it does while the database fails."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import environ
import psycopg
import pytest
from django.db import DataError, OperationalError
from django.db.utils import ConnectionHandler

from accounts.models import AccessToken, User
from live.connections import rows, writer
from live.connections.record import Connection
from live.connections.rows import Row
from live.connections.writer import ConnectionLogWriter
from live.models import ConnectionLog
from live.protocol.errors import CloseCode
from tests.support.postgresql import PostgreSQL, private_postgresql

ROOT = Path(__file__).resolve().parents[3]
WITHIN = 10.0
FAILS = "The connection log can't be written"
IS_OVER = "The connection log is written again"


class FakeConnection:
    """A connection to a database that there is not."""

    connection: object = None

    def close(self) -> None:
        pass


class OpenConnection(FakeConnection):
    """One that has been used before."""

    connection = object()


class FakeTable:
    """A table in memory, by row id, which can fail.

    Attributes:
        batches: how many rows each transaction had, also those that failed.
        fails: what a transaction raises.
        open: cleared while it hangs.
        is_bad: which rows it refuses.
    """

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.inserted: list[Connection] = []
        self.batches: list[int] = []
        self.fails: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.is_bad: Callable[[Row], bool] = lambda row: False

    def write(self, some: list[Row]) -> None:
        self.batches.append(len(some))
        self.entered.set()
        assert self.open.wait(WITHIN)
        if self.fails is not None:
            raise self.fails
        if any(map(self.is_bad, some)):
            raise DataError("a value is too long\nDETAIL: what it was")
        for row in some:
            if row.begins:
                assert row.connection.row_id is None
                row.connection.row_id = len(self.rows) + 1
                self.inserted.append(row.connection)
            assert row.connection.row_id is not None
            self.rows.setdefault(row.connection.row_id, {}).update(row.values)

    def is_closed(self, connection: Connection) -> bool:
        assert connection.row_id is not None
        return self.rows[connection.row_id].get("closed_at") is not None


def make_writer(table: FakeTable, **options: Any) -> ConnectionLogWriter:
    options = {"connect": FakeConnection, "retry": (0.01, 0.02), **options}
    return ConnectionLogWriter(write_rows=table.write, **options)


@asynccontextmanager
async def failing(table: FakeTable, count: int = 3) -> AsyncIterator[None]:
    """The database fails, at least so many times."""
    table.fails = OperationalError("the server closed the connection\nunexpectedly")
    begun = len(table.batches)
    yield
    async with asyncio.timeout(WITHIN):
        while len(table.batches) < begun + count:
            await asyncio.sleep(0.01)
    table.fails = None


async def hung(table: FakeTable) -> None:
    """Wait until the writer waits for the database."""
    assert await asyncio.to_thread(table.entered.wait, WITHIN)


def a_connection(**values: Any) -> Connection:
    return Connection("203.0.113.7", "RelayApp/2.3", **values)


def migrate(postgresql: PostgreSQL) -> None:
    environment = {"DATABASE_URL": postgresql.url, "SECRET_KEY": "of the tests"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"],
        cwd=ROOT,
        env=environment,
        check=True,
    )


class TestBatches:
    async def test_rows_that_come_together_are_one_transaction(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        for _ in range(20):
            log.opened(a_connection())
        await log.flush(WITHIN)
        assert table.batches == [20]

    async def test_a_row_that_opens_and_closes_at_once_is_written_once(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        connection = a_connection(tiktok_username="anna")
        log.opened(connection)
        connection.moved("maria")
        log.moved(connection)
        connection.close_code = CloseCode.NORMAL
        log.closed(connection)
        await log.flush(WITHIN)
        assert table.batches == [1]
        (row,) = table.rows.values()
        assert (row["tiktok_username"], row["close_code"]) == ("maria", CloseCode.NORMAL)

    async def test_the_last_of_several_ends_counts(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        connection = a_connection()
        log.opened(connection)
        log.closed(connection)
        await log.flush(WITHIN)
        for attempts in (2, 3):
            connection.attempts = attempts
            log.closed(connection)
        await log.flush(WITHIN)
        assert table.batches == [1, 1]
        assert table.rows[1]["attempts"] == 3

    async def test_an_end_that_comes_while_the_beginning_is_written_is_written_next(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        connection = a_connection()
        table.open.clear()
        log.opened(connection)
        await hung(table)
        log.closed(connection)
        table.open.set()
        await log.flush(WITHIN)
        assert table.batches == [1, 1]
        assert table.is_closed(connection)

    async def test_a_connection_that_never_got_a_row_gets_none_at_its_end(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        log.closed(a_connection())
        await log.flush(WITHIN)
        assert table.batches == []

    async def test_it_tells_in_the_event_loop_which_rows_were_written(self) -> None:
        told: list[tuple[set[int], threading.Thread]] = []
        log = make_writer(
            FakeTable(), on_written=lambda ids: told.append((set(ids), threading.current_thread()))
        )
        log.opened(a_connection())
        log.opened(a_connection())
        await log.flush(WITHIN)
        assert told == [({1, 2}, threading.current_thread())]


class TestADatabaseThatFails:
    async def test_it_tries_again_until_all_is_written(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        table = FakeTable()
        log = make_writer(table)
        early, late = a_connection(), a_connection()
        log.opened(early)
        async with failing(table):
            log.opened(late)
            log.closed(early)
        await log.flush(WITHIN)
        assert len(table.inserted) == 2
        assert table.is_closed(early)
        assert not table.is_closed(late)
        said = [record.getMessage() for record in caplog.records if record.name == writer.__name__]
        assert said == [
            f"{FAILS}, its rows wait: the server closed the connection",
            f"{IS_OVER}; 2 rows have waited, 0 are lost",
        ]

    async def test_one_failure_of_a_connection_that_was_open_is_not_worth_a_word(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        table = FakeTable()
        log = make_writer(table, connect=OpenConnection)
        table.fails = OperationalError("gone")
        log.opened(a_connection())
        async with asyncio.timeout(WITHIN):
            while not table.batches:
                await asyncio.sleep(0.001)
        table.fails = None
        await log.flush(WITHIN)
        assert len(table.inserted) == 1
        assert FAILS not in caplog.text

    async def test_the_newest_values_win_over_those_that_failed(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        connection = a_connection(tiktok_username="anna")
        log.opened(connection)
        async with failing(table):
            connection.moved("maria")
            log.moved(connection)
        await log.flush(WITHIN)
        assert [row["tiktok_username"] for row in table.rows.values()] == ["maria"]

    async def test_what_came_while_a_batch_failed_is_written_too(self) -> None:
        table = FakeTable()
        log = make_writer(table)
        connection = a_connection(tiktok_username="anna")
        table.open.clear()
        log.opened(connection)
        await hung(table)
        connection.moved("maria")
        log.moved(connection)
        async with failing(table):
            table.open.set()
        await log.flush(WITHIN)
        assert [row["tiktok_username"] for row in table.rows.values()] == ["maria"]

    async def test_the_end_of_a_row_that_is_lost_meanwhile_is_forgotten(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        table = FakeTable()
        table.is_bad = lambda row: True
        log = make_writer(table)
        connection = a_connection()
        table.open.clear()
        log.opened(connection)
        await hung(table)
        log.closed(connection)
        table.open.set()
        await log.flush(WITHIN)
        assert table.batches == [1, 1]  # the second time by itself
        assert caplog.text.count("are lost, since") == 1

    async def test_a_row_that_is_bad_is_lost_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        table = FakeTable()
        table.is_bad = lambda row: row.connection.token_prefix == "bad"
        log = make_writer(table)
        bad = a_connection(token_prefix="bad")
        for connection in (a_connection(), bad, a_connection()):
            log.opened(connection)
        await log.flush(WITHIN)
        assert len(table.inserted) == 2
        log.closed(bad)
        await log.flush(WITHIN)
        assert len(table.inserted) == 2
        assert log.lost == 1
        assert "1 rows of the connection log are lost" in caplog.text
        assert "DETAIL" not in caplog.text
        assert "Traceback" not in caplog.text


class TestTooManyRows:
    async def test_beginnings_are_dropped_and_counted_and_ends_are_kept(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        table = FakeTable()
        log = make_writer(table, most_new=3)
        there = [a_connection() for _ in range(3)]
        for connection in there:
            log.opened(connection)
        await log.flush(WITHIN)
        async with failing(table):
            news = [a_connection() for _ in range(5)]
            for connection in news:
                log.opened(connection)
            for connection in (*there, *news):
                log.closed(connection)
            assert log.waiting == 6
        await log.flush(WITHIN)
        assert table.inserted == [*there, *news[:3]]
        assert all(map(table.is_closed, table.inserted))
        assert caplog.text.count(FAILS) == 1
        assert "6 rows have waited, 2 are lost" in caplog.text
        assert log.lost == 2

    async def test_there_is_room_again_afterwards(self) -> None:
        table = FakeTable()
        log = make_writer(table, most_new=1)
        for count in (1, 2, 3):
            log.opened(a_connection())
            await log.flush(WITHIN)
            assert len(table.inserted) == count


class TestFlushing:
    async def test_it_ends_the_thread(self) -> None:
        log = make_writer(FakeTable())
        log.opened(a_connection())
        await log.flush(WITHIN)
        assert "connection log" not in {thread.name for thread in threading.enumerate()}

    async def test_without_anything_to_write_it_returns_at_once(self) -> None:
        await make_writer(FakeTable()).flush(0)

    async def test_it_does_not_wait_for_a_database_that_hangs(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        table = FakeTable()
        table.open.clear()
        log = make_writer(table)
        log.opened(a_connection())
        await hung(table)
        log.opened(a_connection())
        await log.flush(0.05)
        await log.flush(WITHIN)
        said = "2 rows of the connection log could not be written before the end"
        assert caplog.text.count(said) == 1
        table.open.set()

    async def test_it_says_that_the_database_hangs_and_cuts_the_connection(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer, "_LOOK_EVERY", 0.01)
        monkeypatch.setattr(writer, "_SLOW", 0.02)
        monkeypatch.setattr(writer, "_HUNG", 0.04)
        table = FakeTable()
        monkeypatch.setattr(writer, "cut", lambda connection: table.open.set())
        table.open.clear()
        log = make_writer(table)
        log.opened(a_connection())
        await log.flush(WITHIN)
        assert len(table.inserted) == 1
        assert f"{FAILS}, its rows wait: it does not answer" in caplog.text


@pytest.mark.django_db(transaction=True)
class TestTheTable:
    """With a real database and a connection of the writer's own."""

    async def test_beginnings_and_ends_are_written(self) -> None:
        user = await User.objects.acreate(username="anna")
        token, _text = await asyncio.to_thread(AccessToken.objects.issue, user, "phone")
        log = ConnectionLogWriter()
        connections = [
            a_connection(account_id=user.pk, token_id=token.pk, token_prefix=token.prefix)
            for _ in range(3)
        ]
        for connection in connections:
            log.opened(connection)
        await log.flush(WITHIN)
        connections[0].close_code = CloseCode.NORMAL
        connections[0].frames_sent = 7
        connections[0].retry_after = 5
        log.closed(connections[0])
        connections[1].moved("maria")
        log.moved(connections[1])
        await log.flush(WITHIN)
        ended, moved, as_before = [
            await ConnectionLog.objects.aget(opened_at=each.opened_at) for each in connections
        ]
        assert (ended.close_code, ended.frames_sent) == (CloseCode.NORMAL, 7)
        assert ended.retry_at is not None
        assert [moment[1] for moment in ended.timeline] == ["opened", "closed"]
        assert (moved.tiktok_username, moved.closed_at) == ("maria", None)
        assert (as_before.account_id, as_before.address) == (user.pk, "203.0.113.7")
        await token.arefresh_from_db()
        assert token.last_used_at == max(connection.opened_at for connection in connections)

    async def test_a_row_that_was_written_though_the_database_failed_is_not_written_twice(
        self,
    ) -> None:
        failures = Counter[str]()

        def write(some: list[Row]) -> None:
            rows.write(some)
            if not failures["after"]:
                failures["after"] += 1
                for row in some:  # as if the answer had not come
                    row.connection.row_id = None
                raise OperationalError("the connection ended during the commit")

        log = ConnectionLogWriter(write_rows=write, retry=(0.01, 0.02))
        connections = [a_connection() for _ in range(3)]
        for connection in connections:
            log.opened(connection)
        await log.flush(WITHIN)
        log.closed(connections[0])
        await log.flush(WITHIN)
        written = {row.pk: row async for row in ConnectionLog.objects.all()}
        assert {connection.row_id for connection in connections} == set(written)
        assert len(written) == 3
        assert [row.closed_at is not None for _pk, row in sorted(written.items())].count(True) == 1

    async def test_a_connection_that_is_cut_writes_no_row_twice(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer, "_LOOK_EVERY", 0.05)
        monkeypatch.setattr(writer, "_HUNG", 0.5)
        caplog.set_level(logging.INFO)
        with private_postgresql() as postgresql:
            migrate(postgresql)
            config = {**environ.Env.db_url_config(postgresql.url), "CONN_MAX_AGE": None}
            config["OPTIONS"] = {"connect_timeout": 2}
            handler = ConnectionHandler({"default": config})
            log = ConnectionLogWriter(
                connect=lambda: handler.create_connection("default"), retry=(0.01, 0.02)
            )
            connections = [a_connection() for _ in range(40)]
            log.opened(connections[0])
            async with asyncio.timeout(WITHIN):
                while connections[0].row_id is None:
                    await asyncio.sleep(0.01)
            postgresql.freeze()
            for connection in connections[1:]:
                log.opened(connection)
                log.closed(connection)
            async with asyncio.timeout(WITHIN):
                while FAILS not in caplog.text:
                    await asyncio.sleep(0.01)
            postgresql.thaw()
            log.closed(connections[0])
            await log.flush(WITHIN)
            with psycopg.connect(postgresql.url) as other:
                written = other.execute("SELECT id, closed_at FROM live_connectionlog").fetchall()
        assert {pk for pk, _closed_at in written} == {each.row_id for each in connections}
        assert len(written) == 40
        assert all(closed_at for _pk, closed_at in written)
        assert IS_OVER in caplog.text

    async def test_a_row_of_an_account_that_is_not_there_any_more_is_lost_alone(self) -> None:
        log = ConnectionLogWriter()
        log.opened(a_connection(account_id=12345))
        log.opened(a_connection())
        await log.flush(WITHIN)
        assert await ConnectionLog.objects.acount() == 1
