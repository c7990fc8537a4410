"""/staff/connections/: the list of connections."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from live.connections.search import Position
from live.protocol.errors import CloseCode, ErrorCode
from tests.support.connection_log import LIST, NOON, connect

pytestmark = pytest.mark.django_db


class TestConnectionList:
    def test_the_list_shows_what_is_known_of_a_connection(self, staff: Client) -> None:
        account = User.objects.create_user("studio", tiktok_username="maria")
        connect(
            account=account,
            tiktok_username="maria",
            token_prefix="AbCd1234",
            address="203.0.113.7",
            closed_at=NOON + timedelta(hours=26, seconds=9),
            close_code=CloseCode.POLICY_VIOLATION,
            error_code=ErrorCode.RATE_LIMITED,
            frames_sent=4321,
        )
        page = staff.get(LIST).text
        shown = ("May 4, 2026, 12:00:00", "studio", "@maria", "AbCd1234…", "203.0.113.7", "4,321")
        for text in (*shown, "1008", "rate_limited", "26:00:09"):
            assert text in page

    def test_it_shows_the_newest_first(self, staff: Client) -> None:
        for minutes in (2, 9, 4):
            connect(opened_at=NOON + timedelta(minutes=minutes))
        shown = [row.opened_at.minute for row in staff.get(LIST).context["connections"]]
        assert shown == [9, 4, 2]

    def test_it_says_when_there_is_nothing_yet(self, staff: Client) -> None:
        page = staff.get(LIST).text
        assert "Nobody has connected yet" in page
        assert "<table" not in page

    def test_it_shows_what_is_still_open(self, staff: Client) -> None:
        connect(closed_at=None, close_code=None)
        assert ">Still open</span>" in staff.get(LIST).text

    def test_it_shows_rows_about_which_little_is_known(self, staff: Client) -> None:
        connect(account=None, address=None, close_code=1001)
        assert staff.get(LIST).status_code == 200

    def test_it_says_how_many_refusals_a_row_stands_for(self, staff: Client) -> None:
        connect(error_code=ErrorCode.TOO_MANY_CONNECTIONS, attempts=1_057)
        summed = "Relay: too many connections</span> × 1,057"
        page = staff.get(LIST)
        assert summed in page.text
        (row,) = page.context["connections"]
        assert "× 1,057" in staff.get(reverse("connection", args=[row.pk])).text
        connect(error_code=ErrorCode.INVALID_TOKEN)
        assert staff.get(LIST).text.count("×") == 1

    def test_it_escapes_what_clients_say(self, staff: Client) -> None:
        connect(tiktok_username="<script>alert(1)</script>", error_code="<img src=x>")
        page = staff.get(LIST).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>" not in page
        assert "<img" not in page


class TestFragment:
    """What scripts ask for: the part that changes."""

    FRAGMENT = {"X-Fragment": "rows"}

    def test_a_script_gets_the_rows_only(self, staff: Client) -> None:
        connect(token_prefix="AbCd1234")
        response = staff.get(LIST, headers=self.FRAGMENT)
        assert "AbCd1234" in response.text
        assert "<html" not in response.text
        assert "<form" not in response.text
        assert staff.get(LIST, headers=self.FRAGMENT).text in staff.get(LIST).text

    def test_it_is_not_taken_for_the_page(self, staff: Client) -> None:
        one = reverse("connection", args=(connect().pk,))
        for address in (LIST, one):
            for headers in ({}, self.FRAGMENT):
                assert "X-Fragment" in staff.get(address, headers=headers)["Vary"]

    def test_it_is_for_staff_alone(self, client: Client) -> None:
        assert client.get(LIST, headers=self.FRAGMENT).status_code == 302
        client.force_login(User.objects.create_user("guest"))
        assert client.get(LIST, headers=self.FRAGMENT).status_code == 403

    def test_only_the_beginning_of_the_usual_order_is_live(self, staff: Client) -> None:
        connect()
        assert staff.get(LIST).context["is_live"]
        assert staff.get(LIST, {"error": "too_slow"}).context["is_live"]
        for query in ("sort=opened", "sort=frames", "code=77", f"before={Position(NOON, 9)}"):
            response = staff.get(f"{LIST}?{query}")
            assert not response.context["is_live"], query
            assert "connections.js" not in response.text
