"""The list as a CSV file."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from accounts.models import User
from live.connections import search as connection_search
from tests.support.connection_log import CSV, LIST, ServedByAsgi, connect

pytestmark = pytest.mark.django_db


class TestExport:
    def rows(self, query: str = "") -> list[dict[str, str]]:
        text = ServedByAsgi().text_of(CSV + query)
        assert text.startswith("\ufeff")
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    def test_the_export_holds_every_column(self) -> None:
        account = User.objects.create_user("studio")
        connection = connect(
            account=account,
            tiktok_username="maria",
            token_prefix="AbCd1234",
            address="203.0.113.7",
            user_agent="RelayApp/2.3, new",
            close_code=1011,
            error_code="user_offline",
            said="«нет»\nnot live",
            frames_sent=4321,
        )
        assert self.rows() == [
            {
                "id": str(connection.pk),
                "opened_at": "2026-05-04T12:00:00.000Z",
                "closed_at": "2026-05-04T12:01:00.000Z",
                "account": "studio",
                "tiktok_username": "maria",
                "token_prefix": "AbCd1234",
                "address": "203.0.113.7",
                "user_agent": "RelayApp/2.3, new",
                "close_code": "1011",
                "error_code": "user_offline",
                "said": "«нет»\nnot live",
                "frames_sent": "4321",
                "is_test": "False",
                "attempts": "1",
            }
        ]

    def test_it_has_all_pages_of_what_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("live.pages.connections.views.CHUNK", 4)
        for number in range(10):
            connect(error_code="too_slow" if number else "", frames_sent=number)
        query = "?error=too_slow&before=1-1&page=3"
        assert [row["frames_sent"] for row in self.rows(query)] == list("987654321")

    def test_it_can_begin_with_the_oldest(self) -> None:
        for number in range(3):
            connect(frames_sent=number)
        assert [row["frames_sent"] for row in self.rows("?sort=opened")] == list("012")

    def test_it_goes_on_behind_a_long_stretch_of_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection_search, "REACH", 2)
        connect(tiktok_username="maria", error_code="too_slow", frames_sent=7)
        for _ in range(9):
            connect(tiktok_username="maria")
            connect(error_code="too_slow")
        rows = self.rows("?username=maria&error=too_slow")
        assert [row["frames_sent"] for row in rows] == ["7"]

    @pytest.mark.parametrize("first", "=+-@\t\r")
    def test_it_holds_no_formulas(self, first: str) -> None:
        connect(user_agent=f"{first}cmd()", said=f"{first}HYPERLINK()")
        row = self.rows()[0]
        assert (row["user_agent"], row["said"]) == (f"'{first}cmd()", f"'{first}HYPERLINK()")

    def test_it_says_nothing_of_what_is_not_known(self) -> None:
        connect(closed_at=None, close_code=None)
        row = self.rows()[0]
        assert (row["closed_at"], row["account"], row["address"]) == ("", "", "")

    def test_it_leads_to_what_is_wrong_with_a_filter(self, staff: Client) -> None:
        response = staff.get(CSV, {"code": "77"})
        assert response.status_code == 302
        assert response["Location"] == f"{LIST}?code=77"

    def test_it_is_offered_with_the_filters(self, staff: Client) -> None:
        connect()
        assert f'href="{CSV}?error=too_slow"' in staff.get(LIST, {"error": "too_slow"}).text
