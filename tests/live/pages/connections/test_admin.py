"""The admin's pages about the connection log."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.support.connection_log import connect

pytestmark = pytest.mark.django_db


class TestAdmin:
    """Nobody changes the log, not even a superuser."""

    def test_the_admin_shows_the_log_and_changes_nothing(self, admin_client: Client) -> None:
        connection = connect(
            account=User.objects.create_user("studio"),
            token_prefix="AbCd1234",
            user_agent="<script>alert(1)</script>",
        )
        page = admin_client.get(reverse("admin:live_connectionlog_changelist")).text
        assert "AbCd1234…" in page
        assert "0:01:00" in page
        address = reverse("admin:live_connectionlog_change", args=(connection.pk,))
        page = admin_client.get(address).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert(1)" not in page
        assert 'name="_save"' not in page

    def test_it_adds_changes_and_deletes_nothing(self, admin_client: Client) -> None:
        connection = connect(user_agent="before")
        change = reverse("admin:live_connectionlog_change", args=(connection.pk,))
        delete = reverse("admin:live_connectionlog_delete", args=(connection.pk,))
        assert admin_client.get(reverse("admin:live_connectionlog_add")).status_code == 403
        assert admin_client.post(change, {"user_agent": "after"}).status_code == 403
        assert admin_client.post(delete, {"post": "yes"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": [connection.pk], "post": "yes"}
        admin_client.post(reverse("admin:live_connectionlog_changelist"), action)
        connection.refresh_from_db()
        assert connection.user_agent == "before"

    def test_it_demands_the_permission_to_view(self, client: Client) -> None:
        viewer = User.objects.create_user("viewer", is_staff=True)
        client.force_login(viewer)
        address = reverse("admin:live_connectionlog_changelist")
        assert client.get(address).status_code == 403
        viewer.user_permissions.add(Permission.objects.get(codename="view_connectionlog"))
        assert client.get(address).status_code == 200

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, 2),
            ({"error": "too_slow"}, 1),
            ({"error": "rate_limited"}, 0),
            ({"error": "open"}, 0),
            ({"error": "bad"}, 0),
            ({"o": "5.-3"}, 2),
        ],
    )
    def test_it_filters(self, admin_client: Client, query: dict[str, str], found: int) -> None:
        connect()
        connect(
            account=User.objects.create_user("studio"),
            tiktok_username="maria",
            token_prefix="AbCd1234",
            address="203.0.113.7",
            close_code=1008,
            error_code="too_slow",
        )
        response = admin_client.get(reverse("admin:live_connectionlog_changelist"), query)
        assert response.context["cl"].result_count == found

    def test_it_leads_to_the_staff_s_page(self, admin_client: Client) -> None:
        connection = connect()
        link = f'href="{reverse("connection", args=(connection.pk,))}"'
        assert link in admin_client.get(reverse("admin:live_connectionlog_changelist")).text
        address = reverse("admin:live_connectionlog_change", args=(connection.pk,))
        assert link in admin_client.get(address).text

    def test_it_counts_no_further_than_to_a_thousand(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("live.admin.COUNTED", 2)
        for _ in range(3):
            connect()
        response = admin_client.get(reverse("admin:live_connectionlog_changelist"))
        assert response.context["cl"].result_count == 2

    def test_it_asks_the_database_as_often_for_one_row_as_for_many(
        self, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            account = User.objects.create_user(f"studio{number}")
            connect(account=account, opened_at=timezone.now())
        with django_assert_max_num_queries(10):
            admin_client.get(reverse("admin:live_connectionlog_changelist"))
