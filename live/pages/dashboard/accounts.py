"""Which accounts are affected: one row each, from what the log's writer keeps of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from accounts.models import User
from live.models import ConnectionLog, LastOutcome
from live.pages.ends import advice
from live.pages.moments import explain
from live.protocol.errors import ErrorCode

__all__ = ["PAGE", "AffectedAccount", "affected", "failing_lately"]

# How many accounts a page shows: to render one takes most of a millisecond.
PAGE = 25
# For how long an account counts as failing after its last attempt.
_LATELY = timedelta(hours=1)


@dataclass(frozen=True)
class AffectedAccount:
    """An account, and how its connections go.

    Attributes:
        account: with the fields that the page shows.
        is_open: it has an open connection.
        is_failing: its last attempts have failed, and it has not come back.
        is_calm: what it fails with is only that the streamer is not live.
        succeeded_at: when a connection that worked was closed last; None if none is known.
        failed_at: when one failed last; None if none has.
        code: the error of that; empty if none has failed.
        title: the error in words; the code if it is not known any more.
        hint: what staff can do about it; empty if there is nothing to do.
        failing_since: the first failure since a connection has worked; None if one has since.
        failures: how many there were since then.
        connection: the primary key of the connection that failed last; None if its row is gone.
    """

    account: User
    is_open: bool
    is_failing: bool
    is_calm: bool
    succeeded_at: datetime | None
    failed_at: datetime | None
    code: str
    title: str
    hint: str
    failing_since: datetime | None
    failures: int
    connection: int | None


def affected(search: str = "", page: int = 1) -> tuple[list[AffectedAccount], bool]:
    """Return a page of the accounts that have connected: first those that fail now, of them the
    ones that have tried last; then the others, those with the newest problem first.

    Args:
        search: a part of the account's name or of its TikTok username; empty for all.
        page: from 1 on.

    Returns:
        The accounts, and whether there is another page.
    """
    found = User.objects.filter(Q(last_outcome__isnull=False) | Q(pk__in=_connected()))
    if part := search.strip().removeprefix("@"):
        found = found.filter(Q(username__icontains=part) | Q(tiktok_username__icontains=part))
    # Only the keys are sorted: there are thousands of accounts, and few are shown.
    ordered = found.order_by(
        Case(When(_FAILING & ~Q(pk__in=_connected()), then=Value(0)), default=Value(1)),
        F("last_outcome__failed_at").desc(nulls_last=True),
        F("last_outcome__succeeded_at").desc(nulls_last=True),
        "pk",
    )
    first = (page - 1) * PAGE
    keys = list(ordered.values_list("pk", flat=True)[first : first + PAGE + 1])
    return _shown(keys[:PAGE]), len(keys) > PAGE


def failing_lately() -> int:
    """How many accounts can't connect: they have tried in the last hour, and not come back. That a
    streamer is not live does not count."""
    failing = LastOutcome.objects.filter(
        failing_since__isnull=False, failed_at__gte=timezone.now() - _LATELY
    )
    return (
        failing.exclude(error_code=ErrorCode.USER_OFFLINE).exclude(account__in=_connected()).count()
    )


_FAILING = Q(last_outcome__failing_since__isnull=False)


def _connected() -> QuerySet[ConnectionLog, Any]:
    """The accounts that have an open connection."""
    still_open = ConnectionLog.objects.order_by().filter(closed_at=None, account__isnull=False)
    return still_open.values("account")


def _shown(keys: list[int]) -> list[AffectedAccount]:
    found = User.objects.filter(pk__in=keys).select_related("last_outcome")
    rows = found.only(
        "username", "tiktok_username", "is_active", "is_watched", "last_outcome"
    ).in_bulk()
    outcomes = {key: getattr(row, "last_outcome", None) for key, row in rows.items()}
    connected = set(_connected().filter(account__in=keys).values_list("account", flat=True))
    failed = {each.failed_connection for each in outcomes.values() if each}
    there = set(
        ConnectionLog.objects.order_by()
        .filter(pk__in={pk for pk in failed if pk is not None})
        .values_list("pk", flat=True)
    )
    # One may have been deleted meanwhile.
    return [
        _account(rows[key], outcomes[key], there, is_open=key in connected)
        for key in keys
        if key in rows
    ]


def _account(
    row: User, outcome: LastOutcome | None, there: set[int], *, is_open: bool
) -> AffectedAccount:
    code = outcome.error_code if outcome else ""
    error = explain(code, row.tiktok_username)
    connection = outcome.failed_connection if outcome else None
    failing_since = outcome.failing_since if outcome else None
    return AffectedAccount(
        account=row,
        is_open=is_open,
        is_failing=failing_since is not None and not is_open,
        is_calm=code == ErrorCode.USER_OFFLINE,
        succeeded_at=outcome.succeeded_at if outcome else None,
        failed_at=outcome.failed_at if outcome else None,
        code=code,
        title=error.title if error else code,
        hint=str(advice(None, code)),
        failing_since=failing_since,
        failures=outcome.failures if outcome else 0,
        connection=connection if connection in there else None,
    )
