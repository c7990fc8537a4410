"""Which process owns a row, and whether it still runs: on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.utils import timezone

from bench.databases import on_postgresql
from live.models import ConnectionLog
from live.protocol.errors import CloseCode
from tests.support.postgresql import private_postgresql

ROOT = Path(__file__).resolve().parents[3]
# PostgreSQL needs a moment to notice that a process was killed.
NOTICED_WITHIN = 10.0
# Says whether it has begun. Then answers a number with whether that process runs, "alone" and
# seconds to wait with whether it is the only one, and an empty line with its id. "drop" ends its
# connection.
PROCESS = """
import django
django.setup()
from django.db import DatabaseError
from live.connections.process import THIS_PROCESS
try:
    THIS_PROCESS.begin(alone=True)
    print("begun", flush=True)
except DatabaseError:
    print("no database", flush=True)
while True:
    asked = input()
    if asked == "drop":
        answer = THIS_PROCESS._locks._connection.close()
    elif asked.startswith("alone "):
        answer = THIS_PROCESS.be_alone(within=float(asked.removeprefix("alone ")))
    else:
        answer = THIS_PROCESS.is_running(int(asked)) if asked else THIS_PROCESS.owner()
    print(answer, flush=True)
"""


class Process:
    """A process on that database which owns rows."""

    def __init__(self, database: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            cwd=ROOT,
            env={
                "DJANGO_SETTINGS_MODULE": "relay_project.settings",
                "SECRET_KEY": "of the tests",
                "DATABASE_URL": database,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.began = self._process.stdout.readline().strip()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def _ask(self, question: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def owner(self) -> int:
        return int(self._ask(""))

    def drop_connection(self) -> None:
        self._ask("drop")

    def sees(self, other: int) -> bool:
        return self._ask(str(other)) == "True"

    def sees_the_end_of(self, other: int) -> bool:
        deadline = time.monotonic() + NOTICED_WITHIN
        while self.sees(other):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def is_alone(self, within: float = 0.2) -> bool:
        return self._ask(f"alone {within}") == "True"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/db.sqlite3"
        return
    with ExitStack() as stack:
        try:
            address = stack.enter_context(on_postgresql())
        except psycopg.OperationalError as error:
            pytest.skip(f"no PostgreSQL, which POSTGRES_URL would name: {error}")
        yield address


@pytest.fixture
def start(database: str) -> Iterator[Callable[[], Process]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Process(database))


def test_a_process_is_seen_until_it_is_killed(start: Callable[[], Process]) -> None:
    first, second = start(), start()
    number = first.owner()
    assert second.owner() != number
    assert second.sees(number)
    assert second.sees(number)  # looking took nothing away
    first.kill()
    assert second.sees_the_end_of(number)


def test_one_process_is_alone_until_it_is_killed(start: Callable[[], Process]) -> None:
    first, second = start(), start()
    assert first.is_alone()
    assert first.is_alone()  # asked twice
    assert not second.is_alone()
    assert second.sees(first.owner())
    first.kill()
    assert second.is_alone(NOTICED_WITHIN)
    assert not start().is_alone()


def test_a_process_sees_itself(start: Callable[[], Process]) -> None:
    process = start()
    assert process.sees(process.owner())


def test_a_process_sees_none_that_never_was(start: Callable[[], Process]) -> None:
    assert not start().sees(7)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_locks_that_postgresql_lost_are_taken_again_for_the_next_row(
    database: str, start: Callable[[], Process]
) -> None:
    first = start()
    number = first.owner()
    assert first.is_alone()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert first.owner() == number
    second = start()
    assert second.sees(number)
    assert not second.is_alone()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_lock_that_postgresql_counts_to_a_lost_connection_is_taken_later(
    database: str, start: Callable[[], Process]
) -> None:
    """PostgreSQL notices the end of a connection that was cut by the network late."""
    first, second = start(), start()
    number = first.owner()
    with psycopg.connect(database, autocommit=True) as old:
        first.drop_connection()
        old.execute("SELECT pg_advisory_lock(%s::bigint)", [number])
        assert first.owner() == number
    assert second.sees_the_end_of(number)
    first.owner()
    assert second.sees(number)


def test_a_process_that_began_without_postgresql_takes_its_locks_with_its_first_row() -> None:
    with private_postgresql() as postgresql, ExitStack() as stack:
        postgresql.stop()
        first = stack.enter_context(Process(postgresql.url))
        assert first.began == "no database"
        postgresql.start()
        number = first.owner()
        second = stack.enter_context(Process(postgresql.url))
        assert second.sees(number)
        assert not second.is_alone()


@pytest.mark.django_db
def test_rows_are_closed_of_processes_that_are_gone_alone() -> None:
    now = timezone.now()
    of_nobody, gone, running = (
        ConnectionLog.objects.create(opened_at=now, process=process) for process in (None, 5, 6)
    )
    closed = ConnectionLog.objects.create(
        opened_at=now, closed_at=now, close_code=CloseCode.NORMAL, process=5
    )
    assert ConnectionLog.objects.close_orphans(lambda process: process == 6) == 2
    codes = dict(ConnectionLog.objects.values_list("pk", "close_code"))
    assert codes == {
        of_nobody.pk: CloseCode.ABNORMAL,
        gone.pk: CloseCode.ABNORMAL,
        running.pk: None,
        closed.pk: CloseCode.NORMAL,
    }
