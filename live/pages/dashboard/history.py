"""Connections of the last hours, and how many of them failed with which error.

A connection counts at the time when it was opened, whenever it ended; those of the test endpoint do
not count. One aggregate query, which reads the rows of these hours and no others.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

from django.db.models import Count, F, Func, IntegerField

from live.models import ConnectionLog
from live.protocol.errors import ErrorCode

__all__ = ["HOURS", "LastHours", "TableRow", "history", "table_rows"]

# How far one can look back.
HOURS = (1, 6, 24)
_BUCKET = 300  # seconds
_TABLE_ROWS = 12
# Errors after which nothing is broken: staff or the server ended the connection, or the app or the
# account is not set up yet.
_NO_FAILURES = frozenset(
    {
        ErrorCode.DISCONNECTED,
        ErrorCode.SERVER_SHUTDOWN,
        ErrorCode.BAD_REQUEST,
        ErrorCode.USERNAME_MISSING,
    }
)


class LastHours(TypedDict):
    """Counts by bucket, oldest first. `start` is the first one's (Unix time), `step` their length
    in seconds; `failures` has a row of counts for each error code, the most frequent first."""

    start: int
    step: int
    connections: list[int]
    failures: dict[str, list[int]]


class TableRow(NamedTuple):
    """Some buckets together; `failures` are the errors that occurred, each with its count."""

    start: datetime
    connections: int
    failed: int
    failures: list[tuple[str, int]]


class _Bucket(Func):
    """The number of the bucket that a time is in. Django's own `Trunc` is Python code on SQLite."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / {_BUCKET}"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / {_BUCKET}) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **extra)


def history(hours: int) -> LastHours:
    """The last `hours`, up to now. The newest bucket is not full yet."""
    last = int(time.time()) // _BUCKET
    length = hours * 3600 // _BUCKET
    first = last - length + 1
    since = datetime.fromtimestamp(first * _BUCKET, tz=UTC)
    # Grouped by time first: the other way round, SQLite reads all of the log in an index's order.
    counted = (
        ConnectionLog.objects.filter(opened_at__gte=since, is_test=False)
        .order_by()
        .annotate(bucket=_Bucket("opened_at"), code=F("error_code"))
        .values_list("bucket", "code")
        .annotate(count=Count("*"))
    )
    connections = [0] * length
    failures: dict[str, list[int]] = {}
    for bucket, code, count in counted:
        place = min(bucket - first, length - 1)  # the clock may have been ahead
        connections[place] += count
        if code and code not in _NO_FAILURES:
            failures.setdefault(code, [0] * length)[place] += count
    return LastHours(
        start=first * _BUCKET,
        step=_BUCKET,
        connections=connections,
        failures=dict(sorted(failures.items(), key=lambda item: (-sum(item[1]), item[0]))),
    )


def table_rows(past: LastHours) -> list[TableRow]:
    """The same counts in a dozen rows, oldest first, however many hours it is about."""
    length = len(past["connections"]) // _TABLE_ROWS
    rows = []
    for first in range(0, len(past["connections"]), length):
        part = slice(first, first + length)
        counts = [(code, sum(of_code[part])) for code, of_code in past["failures"].items()]
        failures = [(code, count) for code, count in counts if count]
        start = datetime.fromtimestamp(past["start"] + first * past["step"], tz=UTC)
        failed = sum(count for _code, count in failures)
        rows.append(TableRow(start, sum(past["connections"][part]), failed, failures))
    return rows
