"""The pages of the list, and its orders."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.connections import search as connection_search
from live.connections.search import Position
from live.protocol.errors import ErrorCode
from tests.support.connection_log import LIST, NOON, connect

pytestmark = pytest.mark.django_db


class TestPages:
    """A page goes on from a row, not from a number: new rows do not move what is read."""

    def minutes(self, response: Any) -> list[int]:
        return [row.opened_at.minute for row in response.context["connections"]]

    def follow(self, staff: Client, response: Any, rel: str) -> Any:
        links = {link.rel: link.query for link in response.context["links"]}
        return staff.get(f"{LIST}{links[rel]}")

    @pytest.fixture
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("live.pages.connections.views.PAGE_SIZE", 3)

    def test_a_page_goes_on_from_the_last_row(self, staff: Client) -> None:
        for minutes in range(51):
            connect(opened_at=NOON + timedelta(minutes=minutes))
        first = staff.get(LIST)
        assert self.minutes(first) == list(range(50, 0, -1))
        assert "Older" in first.text
        assert "Newer" not in first.text
        last = self.follow(staff, first, "next")
        assert self.minutes(last) == [0]
        assert "Newer" in last.text
        assert "Older" not in last.text

    @pytest.mark.usefixtures("_small_pages")
    @pytest.mark.parametrize("order", ["-opened", "opened"])
    def test_it_leads_there_and_back(self, staff: Client, order: str) -> None:
        # All in two moments: the rows of one are told apart by their ids.
        for number in range(10):
            connect(token_prefix=str(number), opened_at=NOON + timedelta(minutes=number // 5))
        response = staff.get(LIST, {"sort": order})
        there = [response]
        while response.context["links"][-1].rel == "next":
            response = self.follow(staff, response, "next")
            there.append(response)
        pages = [[row.token_prefix for row in one.context["connections"]] for one in there]
        shown = [row for page in pages for row in page]
        assert shown == sorted(map(str, range(10)), reverse=order == "-opened")
        assert list(map(len, pages)) == [3, 3, 3, 1]
        back = [response]
        while response.context["links"][0].rel == "prev":
            response = self.follow(staff, response, "prev")
            back.append(response)
        again = [[row.token_prefix for row in one.context["connections"]] for one in back]
        assert again[::-1] == pages

    @pytest.mark.usefixtures("_small_pages")
    def test_it_does_not_move_when_there_are_new_rows(self, staff: Client) -> None:
        for minutes in range(6):
            connect(opened_at=NOON + timedelta(minutes=minutes))
        first = staff.get(LIST)
        connect(opened_at=NOON + timedelta(minutes=30))
        assert self.minutes(self.follow(staff, first, "next")) == [2, 1, 0]

    def test_it_keeps_the_filters(self, staff: Client) -> None:
        for _ in range(51):
            connect(error_code=ErrorCode.RATE_LIMITED)
        page = staff.get(f"{LIST}?error=rate_limited&since=2026-05-04T11:00&page=2")
        kept = "?error=rate_limited&amp;since=2026-05-04T11%3A00&amp;before="
        assert f'rel="next" href="{kept}' in page.text

    @pytest.mark.parametrize("name", ["before", "after", "page"])
    @pytest.mark.parametrize(
        "place",
        ["", "0", "-1", "x", "1-", "1-1-1", "9" * 5000, f"{'9' * 18}-1", "١-١", "1-1\x00", "1e3-1"],
    )
    @pytest.mark.parametrize("order", ["-opened", "frames"])
    def test_it_takes_another_place_for_the_beginning(
        self, staff: Client, name: str, place: str, order: str
    ) -> None:
        connect()
        response = staff.get(LIST, {name: place, "sort": order})
        assert response.status_code == 200
        assert len(response.context["connections"]) == 1

    def test_it_shows_what_the_end_of_the_log_is_like(self, staff: Client) -> None:
        connect()
        response = staff.get(LIST, {"before": str(Position(NOON - timedelta(days=1), 1))})
        assert list(response.context["connections"]) == []
        assert "No connection matches these filters." in response.text
        assert self.minutes(self.follow(staff, response, "prev")) == [0]

    def test_it_asks_the_database_as_often_for_one_row_as_for_fifty(
        self, staff: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        connect(account=User.objects.create_user("first"))
        with django_assert_num_queries(3):  # session, viewer, rows with their accounts
            staff.get(LIST)
        for number in range(60):
            connect(account=User.objects.create_user(f"studio{number}"))
        with django_assert_num_queries(3):
            staff.get(LIST)


class TestOrder:
    def frames(self, staff: Client, **query: str) -> list[int]:
        return [row.frames_sent for row in staff.get(LIST, query).context["connections"]]

    def test_the_list_is_sorted_by_time_or_frames(self, staff: Client) -> None:
        for minutes, frames in enumerate((7, 9, 1, 9)):
            connect(opened_at=NOON + timedelta(minutes=minutes), frames_sent=frames)
        assert self.frames(staff) == [9, 1, 9, 7]
        assert self.frames(staff, sort="opened") == [7, 9, 1, 9]
        assert self.frames(staff, sort="frames") == [1, 7, 9, 9]
        assert self.frames(staff, sort="-frames") == [9, 9, 7, 1]

    def test_it_shows_and_changes_the_order_in_the_headings(self, staff: Client) -> None:
        connect()
        page = staff.get(LIST, {"sort": "-frames", "error": ""}).text
        assert 'aria-sort="descending"><a href="?sort=frames&amp;error="' in page
        assert '<option value="-frames" selected>' in page
        assert page.count("aria-sort") == 1
        assert '<a href="?sort=-opened' in page

    @pytest.mark.parametrize("order", ["", "account", "-pk", "account__password", "opened\x00"])
    def test_it_takes_another_order_for_the_usual_one(self, staff: Client, order: str) -> None:
        connect(frames_sent=1)
        connect(opened_at=NOON + timedelta(minutes=1), frames_sent=2)
        assert self.frames(staff, sort=order) == [2, 1]

    def test_it_has_pages(self, staff: Client) -> None:
        for frames in range(101):
            connect(frames_sent=frames)
        response = staff.get(LIST, {"sort": "frames", "page": "2"})
        assert [row.frames_sent for row in response.context["connections"]] == [*range(50, 100)]
        assert [link.query for link in response.context["links"]] == [
            "?sort=frames&page=1",
            "?sort=frames&page=3",
        ]

    def test_it_orders_the_newest_of_a_long_log(
        self, staff: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection_search, "REACH", 3)
        for minutes in range(5):
            connect(opened_at=NOON + timedelta(minutes=minutes), frames_sent=9 - minutes)
        response = staff.get(LIST, {"sort": "-frames"})
        assert [row.frames_sent for row in response.context["connections"]] == [7, 6, 5]
        words = re.sub(r"<[^>]*>", "", response.text)
        assert "the connections since May 4, 2026, 12:02:00" in words
