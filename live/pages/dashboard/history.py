"""Counts the connections of the last hours, and how many of them failed, by error code.

A connection counts at the time when it was opened, also if it failed later. Connections to the test
endpoint do not count. There is one database query, which reads the rows of these hours only.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict

from django.db.models import Count, F, Func, IntegerField, Sum

from live.models import ConnectionLog
from live.protocol.errors import ErrorCode

__all__ = ["HOURS", "LastHours", "TableRow", "history", "table_rows"]

# The numbers of hours that staff can choose from.
HOURS = (1, 6, 24)
# The length in seconds of the buckets of time in which connections are counted.
_BUCKET = 300
# The number of rows of the table.
_TABLE_ROWS = 12
# Errors that don't count as failures: staff or the server ended the connection, or the app or the
# account is not set up correctly yet.
_NO_FAILURES = frozenset(
    {
        ErrorCode.DISCONNECTED,
        ErrorCode.SERVER_SHUTDOWN,
        ErrorCode.BAD_REQUEST,
        ErrorCode.USERNAME_MISSING,
    }
)


class LastHours(TypedDict):
    """The counts of each bucket of time, the oldest first.

    Attributes:
        start: when the first bucket begins, in seconds since the Unix epoch.
        step: the length of a bucket, in seconds.
        connections: how many connections were opened in each bucket.
        failures: for each error code, how many of them failed with it. The most frequent error
            comes first.
    """

    start: int
    step: int
    connections: list[int]
    failures: dict[str, list[int]]


class TableRow(NamedTuple):
    """A row of the table: the sums of several buckets.

    Attributes:
        start: when the first of its buckets begins.
        connections: how many connections were opened.
        failed: how many of them failed.
        failures: the error codes that occurred, each with its count.
    """

    start: datetime
    connections: int
    failed: int
    failures: list[tuple[str, int]]


class _Bucket(Func):
    """A database expression for the number of the bucket that a time is in.

    Django's `Trunc` is not used, because on SQLite it calls Python code for each row.
    """

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) / {_BUCKET}"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = f"CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / {_BUCKET}) AS BIGINT)"
        return self.as_sql(compiler, connection, template=template, **extra)


def history(hours: int) -> LastHours:
    """Count the connections of the last `hours`, up to now. The newest bucket has not ended yet."""
    last = int(time.time()) // _BUCKET
    length = hours * 3600 // _BUCKET
    first = last - length + 1
    since = datetime.fromtimestamp(first * _BUCKET, tz=UTC)
    # The bucket must come before the code: otherwise SQLite reads the whole log, in the order of
    # the index of error codes.
    counted = (
        ConnectionLog.objects.filter(opened_at__gte=since, is_test=False)
        .order_by()
        .annotate(bucket=_Bucket("opened_at"), code=F("error_code"))
        .values_list("bucket", "code")
        .annotate(count=Count("*"))
    )
    # Rows that stand for several sockets were counted once. There are few, and an index of them.
    summed = (
        ConnectionLog.objects.filter(opened_at__gte=since, is_test=False, attempts__gt=1)
        .order_by()
        .annotate(bucket=_Bucket("opened_at"), code=F("error_code"))
        .values_list("bucket", "code")
        .annotate(count=Sum(F("attempts") - 1))
    )
    connections = [0] * length
    failures: dict[str, list[int]] = {}
    for bucket, code, count in (*counted, *summed):
        place = min(bucket - first, length - 1)  # the clock may have been wrong
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
    """Sum the counts up in twelve rows, the oldest first, for any number of hours."""
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
