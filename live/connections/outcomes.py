"""Keeps what became of each account's connections last: one small row an account.

The log has too many rows to be asked who is affected. So whoever writes ends of connections into
it also writes here, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections

from accounts.models import User
from live.connections.failures import is_failure
from live.models import ConnectionLog, LastOutcome
from live.streams.timeline import What

__all__ = ["End", "counted_already", "note"]

# A connection that has been in one of these states got events.
_WORKED = frozenset({What.LIVE, What.QUIET})


class End(NamedTuple):
    """How one connection of an account ended.

    Attributes:
        connection: the primary key of its row.
        at: when it was closed.
        error_code: empty for none.
        has_worked: it got what it was opened for: the LIVE's events, or, without an error, at
            least something (it has waited for a streamer).
    """

    account_id: int
    connection: int
    at: datetime
    error_code: str
    has_worked: bool

    @classmethod
    def of(cls, account_id: int, connection: int, values: Mapping[str, Any]) -> End:
        """Args:
        values: the columns of its row, as they are written at the end.
        """
        code = values["error_code"]
        was_live = any(moment.what in _WORKED for moment in values["timeline"])
        has_worked = was_live or (not code and values["frames_sent"] > 0)
        return cls(account_id, connection, values["closed_at"], code, has_worked)


def counted_already(row_ids: Collection[int]) -> set[int]:
    """Which of these rows have an end already: it was noted, and is only written anew."""
    if not row_ids:
        return set()
    connection = connections[DEFAULT_DB_ALIAS]
    table = connection.ops.quote_name(ConnectionLog._meta.db_table)
    places = ", ".join(["%s"] * len(row_ids))
    with connection.cursor() as cursor:
        # Not as a queryset, most of whose time is the making of the query. Only names and places
        # are put in here.
        cursor.execute(
            f"SELECT id FROM {table} WHERE id IN ({places}) AND closed_at IS NOT NULL",  # noqa: S608
            [*row_ids],
        )
        return {pk for (pk,) in cursor.fetchall()}


class _Sum:
    """What some ends of one account come to."""

    def __init__(self) -> None:
        self.succeeded_at: datetime | None = None
        self.failing_since: datetime | None = None
        self.failures = 0
        self.failed: End | None = None

    def add(self, end: End) -> None:
        if end.has_worked:
            self.succeeded_at = end.at
            self.failing_since, self.failures = None, 0
        if is_failure(end.error_code):
            self.failing_since = self.failing_since or end.at
            self.failures += 1
            self.failed = end


def note(ends: Iterable[End]) -> None:
    """Write the ends of connections that have not been noted. Call it in the transaction that
    writes their rows."""
    sums: dict[int, _Sum] = {}
    for end in sorted(ends, key=lambda end: end.at):
        if end.has_worked or is_failure(end.error_code):
            sums.setdefault(end.account_id, _Sum()).add(end)
    # Always in the same order: so two processes never wait for each other's rows in a circle.
    alike: dict[bool, list[tuple[int, _Sum]]] = {True: [], False: []}
    for account_id in sorted(sums):
        alike[sums[account_id].succeeded_at is not None].append((account_id, sums[account_id]))
    for has_worked, of_accounts in alike.items():
        if of_accounts:
            _merge(of_accounts, has_worked)


_COLUMNS = (
    *("succeeded_at", "failing_since", "failures"),
    *("failed_at", "error_code", "failed_connection"),
)
# What a row becomes: after a success, failures are counted anew.
_AFTER_A_SUCCESS = {
    "succeeded_at": "excluded.succeeded_at",
    "failing_since": "excluded.failing_since",
    "failures": "excluded.failures",
}
_AFTER_FAILURES = {
    "failing_since": "COALESCE({table}.failing_since, excluded.failing_since)",
    "failures": "{table}.failures + excluded.failures",
}
_LAST_FAILURE = {
    name: f"CASE WHEN excluded.failed_at IS NULL THEN {{table}}.{name} ELSE excluded.{name} END"
    for name in ("failed_at", "error_code", "failed_connection")
}


def _merge(sums: Sequence[tuple[int, _Sum]], has_worked: bool) -> None:
    """Add to the accounts' rows, or make them. An account that is gone gets none."""
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    table, users = quote(LastOutcome._meta.db_table), quote(User._meta.db_table)
    by_name = {field.name: field for field in LastOutcome._meta.concrete_fields}
    fields = [by_name[name] for name in _COLUMNS]
    parameters = [
        [
            *(
                field.get_db_prep_save(value, connection)
                for field, value in zip(fields, _values(each), strict=True)
            ),
            account_id,
        ]
        for account_id, each in sums
    ]
    changes = {**(_AFTER_A_SUCCESS if has_worked else _AFTER_FAILURES), **_LAST_FAILURE}
    # Only names are put in here, which are those of the model.
    sql = (
        f"INSERT INTO {table} (account_id, {', '.join(_COLUMNS)})"  # noqa: S608
        f" SELECT id, {', '.join(['%s'] * len(_COLUMNS))} FROM {users} WHERE id = %s"
        " ON CONFLICT (account_id) DO UPDATE SET "
        + ", ".join(f"{name} = {change.format(table=table)}" for name, change in changes.items())
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, parameters)


def _values(each: _Sum) -> tuple[Any, ...]:
    failed = each.failed
    return (
        *(each.succeeded_at, each.failing_since, each.failures),
        failed.at if failed else None,
        failed.error_code if failed else "",
        failed.connection if failed else None,
    )
