"""What is kept of each account's connections: whether they work, and since when they do not."""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from live.clock import to_ms
from live.connections.failures import FAILURES, NO_FAILURES, is_failure
from live.connections.record import Connection
from live.connections.rows import Row, at_opening, at_the_end, write
from live.models import ConnectionLog, LastOutcome
from live.protocol.errors import ErrorCode
from live.streams.timeline import Moment, What

NOW = timezone.now().replace(microsecond=0)
FAILED = ErrorCode.SIGN_FORBIDDEN


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def ended(
    account: User | None,
    minutes: float = 0,
    error: ErrorCode | None = None,
    *,
    frames: int = 3,
    was_live: bool = False,
    is_test: bool = False,
) -> Row:
    """A connection that was opened and closed, still to be written."""
    one = Connection("10.0.0.1", "app", is_test, account.pk if account else None, "alice")
    one.opened_at, one.error_code, one.frames_sent = at(minutes - 1), error, frames
    if was_live:
        one._moments.append(Moment(to_ms(at(minutes - 1)), What.LIVE, {}))
    return Row(one, {**at_opening(one), **at_the_end(one, at(minutes))}, begins=True)


def worked(account: User, minutes: float) -> Row:
    return ended(account, minutes, was_live=True)


def outcome_of(account: User) -> LastOutcome:
    return LastOutcome.objects.get(account=account)


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create(username="anna")


class TestFailures:
    @pytest.mark.parametrize("code", sorted(NO_FAILURES))
    def test_it_is_none_what_staff_or_the_server_did_or_what_is_not_set_up(self, code: str) -> None:
        assert not is_failure(code)

    def test_it_is_one_what_an_older_version_knew(self) -> None:
        assert is_failure("long_gone")
        assert not is_failure("")

    def test_each_error_is_one_or_none(self) -> None:
        assert {*FAILURES, *NO_FAILURES} == set(ErrorCode)


class TestNoting:
    def test_it_counts_failures_since_a_connection_has_worked(self, anna: User) -> None:
        write([ended(anna, 1, FAILED), worked(anna, 2)])
        write([ended(anna, 3, FAILED)])
        write([ended(anna, 4, ErrorCode.USER_OFFLINE), ended(anna, 5, FAILED)])
        found = outcome_of(anna)
        assert (found.succeeded_at, found.failing_since, found.failures) == (at(2), at(3), 3)
        assert (found.failed_at, found.error_code) == (at(5), FAILED)
        row = ConnectionLog.objects.get(pk=found.failed_connection or 0)
        assert (row.error_code, row.closed_at) == (FAILED, at(5))

    def test_it_keeps_the_last_problem_of_one_that_works_again(self, anna: User) -> None:
        write([ended(anna, 1, FAILED)])
        write([worked(anna, 2)])
        found = outcome_of(anna)
        assert (found.failing_since, found.failures) == (None, 0)
        assert (found.failed_at, found.error_code) == (at(1), FAILED)

    def test_a_live_that_was_lost_has_worked_until_then(self, anna: User) -> None:
        write([ended(anna, 1, FAILED)])
        write([ended(anna, 2, ErrorCode.CONNECTION_LOST, was_live=True)])
        found = outcome_of(anna)
        assert (found.succeeded_at, found.failing_since, found.failures) == (at(2), at(2), 1)

    def test_one_that_waited_for_its_streamer_has_worked(self, anna: User) -> None:
        write([ended(anna, 1, FAILED)])
        write([ended(anna, 2)])
        assert outcome_of(anna).succeeded_at == at(2)

    def test_one_that_got_nothing_is_neither(self, anna: User) -> None:
        write([ended(anna, 1, FAILED)])
        write([ended(anna, 2, frames=0)])
        assert outcome_of(anna).failures == 1

    @pytest.mark.parametrize("code", sorted(NO_FAILURES))
    def test_what_is_no_failure_changes_nothing(self, anna: User, code: ErrorCode) -> None:
        write([ended(anna, 1, FAILED), ended(anna, 2, code)])
        assert outcome_of(anna).failures == 1
        assert outcome_of(anna).failed_at == at(1)

    def test_it_leaves_out_the_test_endpoint_and_strangers(self, anna: User) -> None:
        write([ended(anna, 1, FAILED, is_test=True), ended(None, 1, ErrorCode.INVALID_TOKEN)])
        assert not LastOutcome.objects.exists()

    def test_an_end_that_is_written_again_counts_once(self, anna: User) -> None:
        """As after a database that was cut off when it had done its part."""
        one = ended(anna, 1, FAILED)
        write([one])
        write([Row(one.connection, one.values)])
        one.in_doubt = True
        write([one])
        assert ConnectionLog.objects.count() == 1
        assert outcome_of(anna).failures == 1

    def test_it_counts_the_end_of_a_row_that_is_there(self, anna: User) -> None:
        one = ended(anna, 1, FAILED)
        write([Row(one.connection, at_opening(one.connection), begins=True)])
        assert not LastOutcome.objects.exists()
        write([Row(one.connection, one.values)])
        assert outcome_of(anna).failures == 1

    def test_the_log_is_written_for_an_account_that_is_gone(self, anna: User) -> None:
        one = ended(anna, 1, FAILED)
        write([Row(one.connection, at_opening(one.connection), begins=True)])
        anna.delete()
        write([Row(one.connection, at_the_end(one.connection, at(1)))])
        assert ConnectionLog.objects.get().error_code == FAILED
        assert not LastOutcome.objects.exists()

    def test_it_goes_with_its_account(self, anna: User) -> None:
        write([ended(anna, 1, FAILED)])
        anna.delete()
        assert not LastOutcome.objects.exists()

    def test_pruning_forgets_what_is_old(self, anna: User) -> None:
        bob = User.objects.create(username="bob")
        minutes = -60 * 24 * 10
        write([ended(anna, minutes, FAILED), ended(bob, minutes, FAILED), worked(bob, 0)])
        call_command("prune_connections", "--days", "5")
        assert [each.account for each in LastOutcome.objects.all()] == [bob]


class TestLastProblem:
    def test_it_is_that_of_the_account(self, anna: User) -> None:
        bob = User.objects.create(username="bob")
        write([ended(anna, 1, FAILED), worked(bob, 1)])
        assert outcome_of(anna).failing_since == at(1)
        assert outcome_of(anna).error_code == FAILED
        assert outcome_of(bob).failed_at is None

    def test_the_admins_list_shows_it(
        self, admin_client: Client, anna: User, django_assert_max_num_queries: Any
    ) -> None:
        write([ended(anna, 1, FAILED), worked(User.objects.create(username="bob"), 1)])
        with django_assert_max_num_queries(10):
            page = admin_client.get("/admin/accounts/user/").text
        assert "?q=bob" not in page
        assert '<a href="/staff/accounts/?q=anna">Sign server: refuses the key</a>' in page


class TestTheMigration:
    def test_it_reads_the_same_from_the_log(self, anna: User) -> None:
        bob = User.objects.create(username="bob")
        write([ended(anna, 1, FAILED), worked(anna, 2), ended(anna, 3, FAILED)])
        write([ended(anna, 4, ErrorCode.USER_OFFLINE), ended(anna, 5, ErrorCode.DISCONNECTED)])
        write([ended(bob, 1, FAILED), worked(bob, 2)])
        kept = list(LastOutcome.objects.order_by("account").values())
        LastOutcome.objects.all().delete()
        migration = importlib.import_module("live.migrations.0006_last_outcome")
        migration.fill(apps, connection.schema_editor())
        assert list(LastOutcome.objects.order_by("account").values()) == kept
