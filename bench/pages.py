"""The staff's pages and an account's own, with a million rows in the connection log.

How pages are measured: `bench.page_times`. The list of connections is one line of the table, for
all its filters and orders: that of the slowest. Below the table stands how the databases find the
rows: each way once, with how many queries go it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.page_times import browser, measure_page, on_both_databases, row, tell
from bench.results import Options, Row

__all__ = ["run"]

_ROWS, _QUICK_ROWS = 1_000_000, 100_000
_LIST = "connections?"  # how the names of the list's pages begin
_WRITES = 1000
_ACCOUNTS = 5000
_TABLE = "live_connectionlog"


def run(options: Options) -> list[Row]:
    count = options.of(_ROWS, _QUICK_ROWS)
    return on_both_databases("bench.pages", [count], _rows)


def _rows(told: list[dict[str, Any]], database: str) -> list[Row]:
    lists = [one for one in told if one["what"].startswith(_LIST)]
    others = [one for one in told if one not in lists]
    return [_row_of_lists(lists, database), *(row(one, database) for one in others)]


def _row_of_lists(lists: list[dict[str, Any]], database: str) -> Row:
    """One line for all of them, of which the slowest counts."""
    slowest = max(lists, key=lambda one: one["figures"]["p95_ms"])
    return replace(
        row(slowest, database),
        what=f"the list of connections, {len(lists)} filters and orders, {database}",
        figures={one["what"]: one["figures"] for one in lists},
        notes=[f"the slowest is {slowest['what']}"],
    )


# --- In the process of its own -------------------------------------------------------------------


def _main(count: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench.databases import fill, without_indexes

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    with without_indexes(connection):
        fill(connection, count)
    _fill_outcomes()
    tell("filling the log", f"{time.perf_counter() - began:.0f} s for {count:,} rows")
    get = browser("account0")
    for what, address in _addresses():
        measure_page(get, what, address, _TABLE)
    _measure_writing()
    _measure_pruning()


def _fill_outcomes() -> None:
    """Thousands of accounts, each with what became of its connections last."""
    from accounts.models import User
    from live.models import ConnectionLog, LastOutcome

    User.objects.bulk_create(
        User(username=f"quiet{n}", tiktok_username=f"quiet{n}", password="!")
        for n in range(_ACCOUNTS)
    )
    now, newest = datetime.now(UTC), ConnectionLog.objects.latest("pk").pk
    LastOutcome.objects.bulk_create(
        LastOutcome(
            account_id=pk,
            succeeded_at=now - timedelta(hours=n % 700),
            failed_at=now - timedelta(minutes=n),
            error_code="rate_limited" if n % 2 else "user_offline",
            failed_connection=newest - n,
            failing_since=now - timedelta(minutes=n + 30) if n % 3 else None,
            failures=n % 50,
        )
        for n, pk in enumerate(User.objects.values_list("pk", flat=True))
    )


def _addresses() -> Iterator[tuple[str, str]]:
    """Each page, with each filter and order, and with those together that are hardest to find."""
    from live.connections.search import Position
    from live.models import ConnectionLog

    now = datetime.now(UTC)
    day = f"since={now - timedelta(days=30):%FT%H:%M}&until={now - timedelta(days=29):%FT%H:%M}"
    middle = Position(now - timedelta(days=45), 1)
    filters = (
        *("", day, "state=open", "state=closed", "account=account0", "account=account299"),
        *("username=streamer0", "username=nobody", "error=user_offline", "error=age_restricted"),
        *("code=1000", "code=4444", "address=10.0.0.1", f"account=account0&{day}"),
        *("account=account0&error=user_offline", "account=account0&error=age_restricted"),
        *("account=account299&code=1000", "account=account0&username=streamer1"),
        *("error=user_offline&code=1000", "error=user_offline&state=open"),
        "account=account0&error=rate_limited&code=1008&address=10.0.0.1&state=closed",
        *("state=failed", "state=failed&day=today", "account=account0&state=failed", "day=today"),
        *(
            "q=account299",
            "q=streamer7",
            "q=@streamer0+1008",
            "q=limited",
            "q=10.0.",
            "q=10.7.0.0/13",
        ),
        *("q=today", "q=yesterday+14:05", "q=10.99.99.0/24+age_restricted", "q=nobody"),
    )
    orders = ("", "sort=opened", "sort=-frames", "sort=frames", f"before={middle}")
    for narrowed in filters:
        for order in orders:
            query = "&".join(part for part in (narrowed, order) if part)
            yield f"{_LIST}{query}", f"/staff/connections/?{query}"
    newest = ConnectionLog.objects.exclude(closed_at=None)[0].pk
    admin = "/admin/live/connectionlog/"
    yield "a connection", f"/staff/connections/{newest}/"
    yield "the dashboard", "/staff/"
    yield "the dashboard's charts, a day", "/staff/history.json?hours=24"
    yield "the dashboard's charts, three days", "/staff/history.json?hours=72"
    yield "who is affected", "/staff/accounts/"
    yield "who is affected, searched", "/staff/accounts/?q=nt29"
    yield "a LIVE", "/staff/streams/streamer0/"
    yield "the account page", "/account/"
    yield "the admin's list", admin
    yield "the admin's list, the last page", f"{admin}?p=20"
    yield "the admin's list of an error", f"{admin}?error=age_restricted"
    yield "the admin's page of a connection", f"{admin}{newest}/change/"
    yield "the admin's page of an account", "/admin/accounts/user/1/change/"


def _measure_writing() -> None:
    """What a socket costs the database: a row when it opens, the rest of it when it closes."""
    from live.connections.record import Connection
    from live.connections.rows import Row, at_opening, at_the_end, write

    now = datetime.now(UTC)
    began = time.perf_counter()
    for _ in range(_WRITES):
        connection = Connection(address="203.0.113.7", user_agent="RelayApp/2.3")
        write([Row(connection, at_opening(connection), begins=True)])
        write([Row(connection, at_the_end(connection, now))])
    took = (time.perf_counter() - began) / _WRITES * 1000
    tell("writing a connection", f"{took:.2f} ms", figures={"ms": took})


def _measure_pruning() -> None:
    from live.models import ConnectionLog

    began = time.perf_counter()
    deleted = ConnectionLog.objects.prune(60)
    took = time.perf_counter() - began
    tell("pruning", f"{took:.1f} s for {deleted:,} rows", figures={"s": took, "rows": deleted})


if __name__ == "__main__":
    _main(int(sys.argv[1]))
