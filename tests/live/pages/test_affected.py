"""/staff/accounts/: who is affected, since when, and what helps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from live.models import ConnectionLog, LastOutcome
from live.pages.dashboard.accounts import PAGE, affected, failing_lately

pytestmark = pytest.mark.django_db

ADDRESS = "/staff/accounts/"


def account(name: str, **outcome: Any) -> User:
    """An account whose connections went like that; times are minutes ago."""
    user = User.objects.create(username=name, tiktok_username=f"{name}.live")
    if outcome:
        moments = {key: value for key, value in outcome.items() if not isinstance(value, str)}
        at = {
            key: timezone.now() - timedelta(minutes=value)
            for key, value in moments.items()
            if key.endswith(("_at", "_since"))
        }
        LastOutcome.objects.create(account=user, **{**outcome, **at})
    return user


def failing(name: str, minutes_ago: float = 5, code: str = "sign_forbidden", **more: Any) -> User:
    values = {"failed_at": minutes_ago, "failing_since": minutes_ago + 30, "failures": 4, **more}
    return account(name, error_code=code, **values)


def open_connection(user: User) -> None:
    ConnectionLog.objects.create(account=user, opened_at=timezone.now())


def names(**search: Any) -> list[str]:
    return [each.account.username for each in affected(**search)[0]]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create(username="boss", is_staff=True))
    return client


class TestWho:
    def test_those_that_fail_now_come_first(self) -> None:
        account("works", succeeded_at=1)
        account("recovered", succeeded_at=1, failed_at=2, error_code="too_slow")
        failing("old", 600)
        failing("new", 1)
        account("never")
        assert names() == ["new", "old", "recovered", "works"]

    def test_one_that_is_connected_again_does_not_fail(self) -> None:
        open_connection(failing("anna"))
        (row,) = affected()[0]
        assert (row.is_open, row.is_failing) == (True, False)

    def test_it_finds_a_part_of_either_name(self) -> None:
        failing("anna")
        failing("bob")
        assert names(search="nn") == names(search="@anna.LIVE ") == ["anna"]
        assert names(search="%") == []

    def test_it_says_what_helps(self) -> None:
        failing("anna")
        (row,) = affected()[0]
        assert row.title == "TikTok Live connection error: the sign server refuses"
        assert row.hint == "Check the EulerStream API key of the account or of the server."
        assert row.failures == 4

    def test_it_leads_to_a_connection_only_while_its_row_is_there(self) -> None:
        row = ConnectionLog.objects.create(opened_at=timezone.now(), closed_at=timezone.now())
        failing("anna", failed_connection=row.pk)
        failing("bob", failed_connection=row.pk + 1)
        assert [each.connection for each in affected()[0]] in ([row.pk, None], [None, row.pk])

    def test_there_are_pages(self) -> None:
        for number in range(PAGE + 1):
            failing(f"a{number:03}", number)
        first, has_more = affected()
        second, has_even_more = affected(page=2)
        assert (len(first), has_more, len(second), has_even_more) == (PAGE, True, 1, False)

    def test_it_asks_the_same_few_questions_for_any_number(
        self, django_assert_num_queries: Any
    ) -> None:
        for number in range(20):
            failing(f"a{number}", failed_connection=number)
        with django_assert_num_queries(4):
            affected()


class TestLately:
    def test_it_counts_who_could_not_connect_in_the_last_hour(self) -> None:
        failing("anna", 5)
        failing("bob", 90)
        failing("offline", 5, "user_offline")
        open_connection(failing("back", 5))
        assert failing_lately() == 1


class TestThePage:
    def test_it_is_for_staff_alone(self, client: Client) -> None:
        assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
        client.force_login(User.objects.create(username="guest"))
        assert client.get(ADDRESS).status_code == 403

    def test_a_row_leads_to_the_timeline_and_the_account(self, staff: Client) -> None:
        row = ConnectionLog.objects.create(opened_at=timezone.now(), closed_at=timezone.now())
        user = failing("anna", failed_connection=row.pk)
        page = staff.get(ADDRESS).content.decode()
        assert f'href="/staff/connections/{row.pk}/"' in page
        assert f'href="/admin/accounts/user/{user.pk}/change/"' in page
        assert 'href="/staff/connections/?account=anna"' in page
        assert "4 times" in page
        assert '<span class="tag bad">fails</span>' in page

    @pytest.mark.parametrize("asked", ["x", "-1", "0", "9" * 40, "²"])
    def test_it_takes_any_page_number(self, staff: Client, asked: str) -> None:
        assert staff.get(ADDRESS, {"page": asked}).status_code == 200

    def test_it_says_that_nobody_is_affected(self, staff: Client) -> None:
        account("works", succeeded_at=1)
        assert "Nobody: no account fails" in staff.get(ADDRESS).text
        failing("anna")
        assert "Nobody: no account fails" not in staff.get(ADDRESS).text

    def test_it_says_that_there_is_none(self, staff: Client) -> None:
        assert "No account has connected yet." in staff.get(ADDRESS).content.decode()
        assert "No such account" in staff.get(ADDRESS, {"q": "zoe"}).content.decode()

    def test_it_escapes_what_is_searched_for(self, staff: Client) -> None:
        page = staff.get(ADDRESS, {"q": '"><script>'}).content.decode()
        assert not re.search(r'"><script>', page.partition('type="search"')[2])
