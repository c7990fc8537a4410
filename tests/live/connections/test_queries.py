"""How databases find the rows of the connection pages: by an index, and few of them.

SQLite says which index it takes, and for what it sorts; it knows nothing of how many rows there
are, so a short log shows the same as a long one. PostgreSQL decides by how many there are, so its
log is longer, and what counts is how many rows it reads. `make bench ARGS=pages` has the times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict
from pytest_django import DjangoDbBlocker

from accounts.models import User
from bench.databases import fill, on_postgresql
from live.connections import search as connection_search
from live.connections.search import Position, Search
from live.models import ConnectionLog

TABLE = "live_connectionlog"
LIST = "/staff/connections/"
# Each filter, and the index that serves it.
FILTERS = {
    "": "connection_by_time",
    "since=2026-01-01T00:00&until=2099-01-01T00:00": "connection_by_time",
    "state=open": "connection_open",
    "state=closed": "connection_by_time",
    "account=account1": "connection_by_account",
    "username=streamer1": "connection_by_username",
    "error=user_offline": "connection_by_error",
    "code=1011": "connection_by_close_code",
    "address=10.0.0.1": "connection_by_address",
    "q=user_offline": "connection_by_error",
    "q=1011": "connection_by_close_code",
}
TIME_ORDERS = ("-opened", "opened")
OTHER_ORDERS = ("-frames", "frames")


def log_queries(captured: CaptureQueriesContext) -> list[str]:
    """What was asked of the log, and not of sessions or accounts alone."""
    return [query["sql"] for query in captured if TABLE in query["sql"]]


class TestSQLite:
    pytestmark = pytest.mark.django_db

    @pytest.fixture
    def staff(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
        """Somebody who looks at a log of 600 rows, which is a long one."""
        monkeypatch.setattr(connection_search, "REACH", 20)
        fill(connection, 600, accounts=5)
        client.force_login(User.objects.create_superuser("staff"))
        return client

    def plans(self, staff: Client, address: str) -> list[list[str]]:
        """What is done with the log in each query of the page."""
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(address).status_code == 200
        return [self.plan(query) for query in log_queries(captured)]

    def plan(self, query: str) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
            return [row[-1] for row in cursor.fetchall() if "accounts_user" not in row[-1]]

    @pytest.mark.parametrize("order", TIME_ORDERS)
    @pytest.mark.parametrize(("narrowed", "index"), FILTERS.items())
    def test_sqlite_sorts_by_an_index(
        self, staff: Client, narrowed: str, index: str, order: str
    ) -> None:
        plans = self.plans(staff, f"{LIST}?{narrowed}&sort={order}")
        assert len(plans) == 1
        assert len(plans[0]) == 1, plans  # no step for sorting
        assert f"USING INDEX {index}" in plans[0][0]

    @pytest.mark.parametrize("way", ["before", "after"])
    @pytest.mark.parametrize(("narrowed", "index"), FILTERS.items())
    def test_it_goes_on_from_a_row(
        self, staff: Client, narrowed: str, index: str, way: str
    ) -> None:
        middle = Position(timezone.now() - timedelta(days=45), 1)
        # There may be another query: for the beginning, if that is nearer than a page.
        plan, *_beginning = self.plans(staff, f"{LIST}?{narrowed}&{way}={middle}")
        assert len(plan) == 1
        assert f"USING INDEX {index} (" in plan[0]
        assert "opened_at" in plan[0]

    @pytest.mark.parametrize("order", OTHER_ORDERS)
    @pytest.mark.parametrize(("narrowed", "index"), FILTERS.items())
    def test_it_sorts_the_newest_alone(
        self, staff: Client, narrowed: str, index: str, order: str
    ) -> None:
        if narrowed in {"account=account1", "username=streamer1", "address=10.0.0.1"}:
            # There is an end to what is read only if there is that much.
            ConnectionLog.objects.update(
                account=User.objects.get(username="account1"),
                tiktok_username="streamer1",
                address="10.0.0.1",
            )
        edge, rows = self.plans(staff, f"{LIST}?{narrowed}&sort={order}")
        assert len(edge) == 1
        assert f"INDEX {index}" in edge[0]
        assert index in rows[0]
        assert "opened_at>?" in rows[0]
        assert rows[1:] == ["USE TEMP B-TREE FOR ORDER BY"]

    @pytest.mark.parametrize("order", TIME_ORDERS)
    def test_it_takes_the_index_of_the_rarest(self, staff: Client, order: str) -> None:
        ConnectionLog.objects.update(error_code="user_offline", close_code=1011)
        newest = ConnectionLog.objects.all()[0].pk
        ConnectionLog.objects.filter(pk=newest).update(address="203.0.113.7")
        query = f"code=1011&error=user_offline&address=203.0.113.7&sort={order}"
        *_edges, rows = self.plans(staff, f"{LIST}?{query}")
        assert len(rows) == 1
        assert "USING INDEX connection_by_address (" in rows[0]

    @pytest.mark.parametrize(
        ("narrowed", "index"),
        [
            ("state=failed", "connection_by_time"),
            ("q=10.1.", "connection_by_time"),
            ("q=1011&state=failed", "connection_by_close_code"),
        ],
    )
    def test_what_has_no_index_is_looked_for_in_a_part_of_the_log(
        self, staff: Client, narrowed: str, index: str
    ) -> None:
        ConnectionLog.objects.update(close_code=1011)
        edge, rows = self.plans(staff, f"{LIST}?{narrowed}")
        assert f"USING COVERING INDEX {index}" in edge[0]
        assert len(rows) == 1
        assert f"USING INDEX {index} (" in rows[0]
        assert "opened_at>?" in rows[0]

    def test_it_reads_no_further_than_it_says(self, staff: Client) -> None:
        ConnectionLog.objects.update(error_code="user_offline", close_code=1011)
        one, other, rows = self.plans(staff, f"{LIST}?code=1011&error=user_offline")
        assert "USING COVERING INDEX connection_by_error" in one[0]
        assert "USING COVERING INDEX connection_by_close_code" in other[0]
        assert len(rows) == 1
        assert "=? AND opened_at>?)" in rows[0]

    @pytest.mark.parametrize(
        "query", ["", "error=user_offline", "error=open", "o=1", "p=1", "o=-9", "q=maria"]
    )
    def test_the_admin_finds_its_rows_the_same_way(self, staff: Client, query: str) -> None:
        address = f"{reverse('admin:live_connectionlog_changelist')}?{query}"
        plans = self.plans(staff, address)
        assert plans
        for plan in plans:
            assert not [step for step in plan if "TEMP B-TREE" in step], plans
            assert not [step for step in plan if step.endswith(TABLE)], plans  # a full scan

    def test_pruning_begins_with_the_oldest(self, staff: Client) -> None:
        with CaptureQueriesContext(connection) as captured:
            assert ConnectionLog.objects.prune(45) > 50
        plan = self.plan(log_queries(captured)[0])
        assert plan[0] == f"SEARCH {TABLE} USING INTEGER PRIMARY KEY (rowid=?)"
        assert "connection_by_time (opened_at<?)" in plan[-1]
        assert not [step for step in plan if "TEMP B-TREE" in step]


@pytest.fixture(scope="module")
def postgresql(django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """One with 20,000 rows. Without a server to make it on, tests are skipped."""
    with django_db_blocker.unblock():
        try:
            with on_postgresql() as address:
                yield from _filled(address)
        except psycopg.OperationalError as error:
            pytest.skip(f"no PostgreSQL, which POSTGRES_URL would name: {error}")


def _filled(address: str) -> Iterator[BaseDatabaseWrapper]:
    parts = conninfo_to_dict(address)
    connections.databases["postgresql"] = {
        **connections.databases["default"],
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": parts.get("port", ""),
        "OPTIONS": {},
    }
    database = connections["postgresql"]
    try:
        call_command("migrate", database="postgresql", verbosity=0)
        fill(database, 20_000)
        yield database
    finally:
        database.close()
        del connections["postgresql"]
        del connections.databases["postgresql"]


class TestPostgreSQL:
    """Through the search itself: the pages are Django's, whatever the database is."""

    REACH = 300

    @pytest.fixture
    def log(self, postgresql: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(connection_search, "REACH", self.REACH)
        return ConnectionLog.objects.using(postgresql.alias).select_related("account")

    @pytest.mark.parametrize("newest_first", [True, False])
    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"closed_at": None},
            {"account_id": 1},
            {"account_id": 200},
            {"tiktok_username": "streamer0"},
            {"tiktok_username": "nobody"},
            {"error_code": "user_offline"},
            {"error_code": "token_revoked"},
            {"close_code": 1000},
            {"close_code": 4444},
            {"address": "10.0.0.1"},
            {"account_id": 1, "error_code": "user_offline"},
            {"account_id": 1, "tiktok_username": "streamer1"},
            {"error_code": "user_offline", "close_code": 1000},
            {"error_code": "user_offline", "closed_at": None},
            {"account_id": 200, "close_code": 1000, "address": "10.0.0.1"},
        ],
        ids=str,
    )
    def test_postgresql_reads_a_bounded_number_of_rows(
        self, postgresql: BaseDatabaseWrapper, log: Any, values: dict[str, Any], newest_first: bool
    ) -> None:
        search = Search(log, values)
        with CaptureQueriesContext(postgresql) as captured:
            found = search.page(50, newest_first=newest_first)
        assert rows_read(postgresql, captured) <= (len(captured) + 3) * self.REACH
        moments = [row.opened_at for row in found.rows]
        assert moments == sorted(moments, reverse=newest_first)

    @pytest.mark.parametrize("values", [{}, {"account_id": 1}, {"error_code": "user_offline"}])
    def test_it_goes_on_from_a_row(
        self, postgresql: BaseDatabaseWrapper, log: Any, values: dict[str, Any]
    ) -> None:
        start = Position(timezone.now() - timedelta(days=45), 1)
        with CaptureQueriesContext(postgresql) as captured:
            assert len(Search(log, values).page(50, start).rows) == 50
        assert rows_read(postgresql, captured) <= 3 * self.REACH

    @pytest.mark.parametrize("values", [{}, {"account_id": 1}, {"error_code": "user_offline"}])
    def test_it_sorts_the_newest_alone(
        self, postgresql: BaseDatabaseWrapper, log: Any, values: dict[str, Any]
    ) -> None:
        with CaptureQueriesContext(postgresql) as captured:
            assert len(Search(log, values).ordered(50, 0, "-frames_sent").rows) == 50
        # To find where they end takes another look at them.
        assert rows_read(postgresql, captured) <= 15 * self.REACH


def rows_read(database: BaseDatabaseWrapper, captured: CaptureQueriesContext) -> int:
    """How many rows and index entries of the log all the queries read."""
    count = 0
    with database.cursor() as cursor:
        for query in log_queries(captured):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
            (answer,) = cursor.fetchone()
            plan = answer if isinstance(answer, list) else json.loads(answer)
            count += sum(map(_read_by, _nodes(plan[0]["Plan"])))
    return count


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


def _read_by(node: dict[str, Any]) -> int:
    of_log = node.get("Relation Name") == TABLE or "connection_" in node.get("Index Name", "")
    removed = sum(number for name, number in node.items() if name.startswith("Rows Removed"))
    return int((node["Actual Rows"] + removed) * node["Actual Loops"]) if of_log else 0
