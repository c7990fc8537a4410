"""/staff/connections/ and the admin's pages about the connection log."""

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.connections import search as connection_search
from live.connections.record import Connection
from live.connections.search import Position
from live.models import ConnectionLog
from live.protocol.errors import CloseCode, ErrorCode
from live.streams.timeline import Timeline, What
from live.tiktok.failures import NOTHING_HEARD
from tests.support.clock import FixedClock

pytestmark = pytest.mark.django_db
LIST = "/staff/connections/"
CSV = "/staff/connections.csv"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def connect(**values: Any) -> ConnectionLog:
    """A row of the log; closed a minute after it opened unless told otherwise."""
    opened_at = values.setdefault("opened_at", NOON)
    values.setdefault("closed_at", opened_at + timedelta(minutes=1))
    values.setdefault("close_code", CloseCode.NORMAL)
    return ConnectionLog.objects.create(**values)


@pytest.fixture
def admin_client(client: Client) -> Client:
    """A superuser's. Without a password, whose hash would cost more than the test."""
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("staff", is_staff=True))
    return client


class ServedByAsgi(AsyncClient):
    """A browser of somebody of the staff, and a server that has these relays."""

    def __init__(self, *relays: Any) -> None:
        super().__init__()
        self._relays = relays
        self.force_login(User.objects.create_user("asgi", is_staff=True))

    async def request(self, **scope: Any) -> Any:
        # Django's client has a text there, ASGI bytes.
        query_string = scope["query_string"].encode()
        scope |= {"query_string": query_string, "relays": self._relays}
        return await super().request(**scope)

    def text_of(self, address: str, headers: dict[str, str] | None = None) -> str:
        """The page's whole text, of one that comes in pieces too."""

        async def read() -> str:
            response: Any = await self.get(address, headers=headers)
            assert response.status_code == 200
            if not response.streaming:
                return str(response.text)
            return b"".join([piece async for piece in response]).decode()

        return async_to_sync(read)()


class TestPermissions:
    """Staff read the log; others get the login page, or 403 if they are signed in."""

    def addresses(self) -> list[str]:
        one = reverse("connection", args=(connect().pk,))
        return [LIST, f"{LIST}?page=2&code=1008", CSV, one]

    def test_it_works(self, staff: Client) -> None:
        for address in self.addresses():
            assert staff.get(address).status_code == 200

    def test_it_sends_strangers_to_the_login_page(self, client: Client) -> None:
        response = client.get(f"{LIST}?code=1008")
        assert response.status_code == 302
        assert response["Location"] == "/login/?next=/staff/connections/%3Fcode%3D1008"
        for address in self.addresses():
            assert client.get(address)["Location"].startswith("/login/?next=")

    def test_it_refuses_others(self, client: Client) -> None:
        client.force_login(User.objects.create_user("guest"))
        for address in self.addresses():
            response = client.get(address)
            assert response.status_code == 403
            assert "Not allowed" in response.text

    def test_it_tells_others_nothing_of_which_connections_exist(self, client: Client) -> None:
        client.force_login(User.objects.create_user("guest"))
        assert client.get(f"{LIST}987654/").status_code == 403

    def test_it_takes_no_post(self, staff: Client) -> None:
        for address in self.addresses():
            assert staff.post(address).status_code == 405


class TestConnectionList:
    def test_it_works(self, staff: Client) -> None:
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
        shown = ("May 4, 2026 12:00:00", "studio", "@maria", "AbCd1234…", "203.0.113.7", "4,321")
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
        assert '<span class="tag good">still open</span>' in staff.get(LIST).text

    def test_it_shows_rows_about_which_little_is_known(self, staff: Client) -> None:
        connect(account=None, address=None, close_code=1001)
        assert staff.get(LIST).status_code == 200

    def test_it_escapes_what_clients_say(self, staff: Client) -> None:
        connect(tiktok_username="<script>alert(1)</script>", error_code="<img src=x>")
        page = staff.get(LIST).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>" not in page
        assert "<img" not in page


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

    def test_it_works(self, staff: Client) -> None:
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

    def test_it_works(self, staff: Client) -> None:
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
        assert "the connections since May 4, 2026 12:02:00" in response.text


class TestSeveralFilters:
    """Of a long log, a page looks through a part, and says so."""

    @pytest.fixture(autouse=True)
    def _long_log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_search, "REACH", 4)
        for minutes in range(12):
            connect(
                opened_at=NOON + timedelta(minutes=minutes),
                token_prefix=str(minutes),
                tiktok_username="maria",
                close_code=1011 if minutes < 2 else 1008,
                error_code="user_offline",
            )

    def found(self, response: Any) -> list[str]:
        return [row.token_prefix for row in response.context["connections"]]

    def test_it_works(self, staff: Client) -> None:
        response = staff.get(LIST, {"username": "maria", "code": "1011"})
        assert self.found(response) == ["1", "0"]  # by the code, which is the rarest
        assert response.context["reached"] is None

    @pytest.mark.parametrize(("order", "rows"), [("-opened", ["6", "5"]), ("opened", ["5", "6"])])
    def test_it_looks_further_when_asked(self, staff: Client, order: str, rows: list[str]) -> None:
        ConnectionLog.objects.update(close_code=1011)
        ConnectionLog.objects.filter(token_prefix__in=("5", "6")).update(error_code="too_slow")
        for minutes in range(20, 26):
            connect(opened_at=NOON + timedelta(minutes=minutes), error_code="too_slow")
            connect(opened_at=NOON - timedelta(minutes=minutes), error_code="too_slow")
        query = {"username": "maria", "error": "too_slow", "sort": order}
        response = staff.get(LIST, query)
        assert self.found(response) == []
        assert "No connection matches so far" in response.text
        found, steps = [], 0
        while response.context["links"] and response.context["links"][-1].rel == "next":
            response = staff.get(f"{LIST}{response.context['links'][-1].query}")
            found += self.found(response)
            steps += 1
        assert found == rows
        assert steps > 1

    def test_it_leaves_nothing_out_on_the_way(self, staff: Client) -> None:
        query = "?username=maria&error=user_offline"
        found: list[str] = []
        while query:
            response = staff.get(f"{LIST}{query}")
            found += self.found(response)
            links = response.context["links"]
            query = links[-1].query if links and links[-1].rel == "next" else ""
        assert found == [str(minutes) for minutes in range(11, -1, -1)]


class TestFragment:
    """What scripts ask for: the part that changes."""

    FRAGMENT = {"X-Fragment": "rows"}

    def test_it_works(self, staff: Client) -> None:
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


class TestExport:
    def rows(self, query: str = "") -> list[dict[str, str]]:
        text = ServedByAsgi().text_of(CSV + query)
        assert text.startswith("\ufeff")
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    def test_it_works(self) -> None:
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
                "opened_at": "2026-05-04T12:00:00.000+00:00",
                "closed_at": "2026-05-04T12:01:00.000+00:00",
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
            }
        ]

    def test_it_has_all_pages_of_what_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("live.pages.connections.views.ROWS_PER_CHUNK", 4)
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


class TestFilters:
    def found(self, staff: Client, **query: str) -> list[str]:
        """The token prefixes of the rows that the filters leave."""
        response = staff.get(LIST, query)
        assert response.status_code == 200
        return sorted(row.token_prefix for row in response.context["connections"])

    def test_it_works(self, staff: Client) -> None:
        studio = User.objects.create_user("studio", tiktok_username="maria")
        wanted = {
            "account": studio,
            "tiktok_username": "maria",
            "address": "203.0.113.7",
            "close_code": 1008,
            "error_code": "rate_limited",
        }
        connect(token_prefix="wanted", **wanted)
        connect(token_prefix="account", **{**wanted, "account": None})
        connect(token_prefix="code", **{**wanted, "close_code": 1011})
        connect(token_prefix="error", **{**wanted, "error_code": "too_slow"})
        connect(token_prefix="username", **{**wanted, "tiktok_username": "mario"})
        connect(token_prefix="address", **{**wanted, "address": "203.0.113.77"})
        connect(token_prefix="time", **wanted, opened_at=NOON - timedelta(days=1))
        query = {
            "account": "stud",
            "username": "@Maria",
            "address": "203.0.113.7",
            "code": "1008",
            "error": "rate_limited",
            "since": "2026-05-04T11:59",
            "until": "2026-05-04T12:01",
        }
        assert self.found(staff, **query) == ["wanted"]

    def test_it_finds_an_account_by_a_part_of_its_name(self, staff: Client) -> None:
        connect(token_prefix="account", account=User.objects.create_user("BigStudio"))
        connect(token_prefix="tiktok", tiktok_username="studio.live")
        assert self.found(staff, account="studio") == ["account"]

    def test_it_asks_which_account_is_meant(self, staff: Client) -> None:
        for name in ("anna", "anna2", "joanna"):
            connect(token_prefix=name, account=User.objects.create_user(name))
        assert self.found(staff, account="anna") == ["anna"]
        response = staff.get(LIST, {"account": "ann"})
        assert response.context["form"].errors["account"] == [
            "Several accounts have that in their names: anna, anna2, joanna."
        ]

    @pytest.mark.parametrize(
        "username", ["maria", "@maria", " Maria ", "https://www.tiktok.com/@maria/live?lang=en"]
    )
    def test_it_takes_a_tiktok_username_as_people_have_it(
        self, staff: Client, username: str
    ) -> None:
        connect(token_prefix="wanted", tiktok_username="maria")
        connect(token_prefix="other", tiktok_username="maria2")
        assert self.found(staff, username=username) == ["wanted"]

    @pytest.mark.parametrize("address", ["2001:db8::7", " 2001:0DB8:0:0::7 "])
    def test_it_takes_an_address_however_it_is_written(self, staff: Client, address: str) -> None:
        connect(token_prefix="wanted", address="2001:db8::7")
        connect(token_prefix="other", address="2001:db8::8")
        assert self.found(staff, address=address) == ["wanted"]

    def test_it_includes_both_ends_of_the_time(self, staff: Client) -> None:
        for minute in (0, 1, 2, 3):
            connect(token_prefix=str(minute), opened_at=NOON + timedelta(minutes=minute))
        query = {"since": "2026-05-04T12:01", "until": "2026-05-04T12:02"}
        assert self.found(staff, **query) == ["1", "2"]

    def test_it_tells_open_from_closed(self, staff: Client) -> None:
        connect(token_prefix="open", closed_at=None, close_code=None)
        connect(token_prefix="closed")
        assert self.found(staff, state="open") == ["open"]
        assert self.found(staff, state="closed") == ["closed"]

    def test_it_finds_codes_that_the_relay_never_sends(self, staff: Client) -> None:
        connect(token_prefix="normal")
        connect(token_prefix="away", close_code=1001)
        connect(token_prefix="open", closed_at=None, close_code=None)
        assert self.found(staff, code="1001") == ["away"]

    def test_it_offers_every_code(self, staff: Client) -> None:
        page = staff.get(LIST).text
        for value in (*(int(code) for code in CloseCode), *ErrorCode):
            assert f'<option value="{value}">' in page

    def test_it_shows_what_was_filtered_by(self, staff: Client) -> None:
        User.objects.create_user("st<b>")
        query = {"account": "st<b>", "error": "too_slow", "since": "2026-05-04T11:59"}
        page = staff.get(LIST, query).text
        assert 'value="st&lt;b&gt;"' in page
        assert '<option value="too_slow" selected>' in page
        assert 'value="2026-05-04T11:59"' in page
        assert "No connection matches these filters." in page

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("since", "yesterday"),
            ("since", "2026-02-30T10:00"),
            ("since", "0001-01-01T00:00"),
            ("since", "0001-01-01T00:00+14:00"),
            ("until", "9999-12-31T23:59-12:00"),
            ("until", "<script>alert(1)</script>"),
            ("until", "2026-05-04\x00"),
            ("code", "77"),
            ("code", "1008 OR 1=1"),
            ("error", "no_such_error"),
            ("state", "ajar"),
            ("account", "a\x00b"),
            ("account", "a" * 151),
            ("account", "nobody"),
            ("username", "maría"),
            ("username", "<script>alert(1)</script>"),
            ("address", "203.0.113"),
            ("address", "203.0.113.7; DROP TABLE"),
            ("address", "1" * 5000),
        ],
    )
    def test_it_explains_bad_values(self, staff: Client, name: str, value: str) -> None:
        connect()
        response = staff.get(LIST, {name: value})
        assert response.status_code == 200
        assert response.context["form"].errors[name]
        assert 'class="errorlist"' in response.text
        assert "Nothing is shown because a filter is not valid" in response.text
        assert list(response.context["connections"]) == []
        assert "<script>" not in response.text

    def test_it_ignores_options_it_does_not_know(self, staff: Client) -> None:
        connect(token_prefix="one")
        assert self.found(staff, account__password__startswith="x") == ["one"]


class TestConnectionDetail:
    def test_it_works(self, staff: Client) -> None:
        connection = connect(
            account=User.objects.create_user("studio"),
            tiktok_username="maria",
            token_prefix="AbCd1234",
            address="2001:db8::7",
            user_agent="RelayApp/2.3",
            close_code=CloseCode.INTERNAL_ERROR,
            error_code=ErrorCode.USER_OFFLINE,
            said="status 4",
            frames_sent=17,
        )
        page = staff.get(reverse("connection", args=(connection.pk,))).text
        shown = ("studio", "@maria", "AbCd1234…", "2001:db8::7", "RelayApp/2.3", "status 4", "17")
        times = ("May 4, 2026 12:00:00 UTC", "May 4, 2026 12:01:00 UTC", "0:01:00")
        words = (
            "TikTok Live connection error: the streamer is not live",
            "@maria is not live on TikTok right now.",
            "1011: the path to TikTok failed",
            "user_offline",
        )
        for text in (*shown, *times, *words):
            assert text in page

    @pytest.mark.parametrize("code", ErrorCode)
    def test_it_explains_every_error(self, staff: Client, code: ErrorCode) -> None:
        connection = connect(error_code=code)
        response = staff.get(reverse("connection", args=(connection.pk,)))
        assert response.context["error"].title in response.text

    def test_it_shows_codes_it_does_not_know(self, staff: Client) -> None:
        connection = connect(error_code="retired_code", close_code=4001)
        page = staff.get(reverse("connection", args=(connection.pk,))).text
        assert "retired_code" in page
        assert "4001" in page
        assert "an error that this version of the relay does not know" in page

    def test_it_says_how_a_connection_ended_without_an_error(self, staff: Client) -> None:
        connection = connect(close_code=CloseCode.ABNORMAL)
        page = staff.get(reverse("connection", args=(connection.pk,))).text
        assert "Closed without an error: broken off without a close." in page

    def test_it_says_why_there_is_no_account(self, staff: Client) -> None:
        stranger = reverse("connection", args=(connect().pk,))
        deleted = reverse("connection", args=(connect(token_prefix="AbCd1234").pk,))
        assert "none: the server does not know the token" in staff.get(stranger).text
        assert "deleted meanwhile" in staff.get(deleted).text

    def test_it_escapes_what_others_said(self, staff: Client) -> None:
        connection = connect(
            account=User.objects.create_user("<b>studio</b>"),
            user_agent='"><script>alert("agent")</script>',
            tiktok_username="<script>alert('name')</script>",
            said="<script>alert('said')</script>",
            error_code=ErrorCode.USER_OFFLINE,
            close_code=CloseCode.INTERNAL_ERROR,
        )
        page = staff.get(reverse("connection", args=(connection.pk,))).text
        assert "&quot;&gt;&lt;script&gt;alert(&quot;agent&quot;)" in page
        assert "<script" not in page
        assert "<b>" not in page

    def test_it_links_to_the_account_for_those_who_may_see_it(self, client: Client) -> None:
        account = User.objects.create_user("studio")
        address = reverse("connection", args=(connect(account=account).pk,))
        link = reverse("admin:accounts_user_change", args=(account.pk,))
        viewer = User.objects.create_user("viewer", is_staff=True)
        client.force_login(viewer)
        assert link not in client.get(address).text
        viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
        assert link in client.get(address).text

    def test_it_leads_to_all_connections_of_the_account(self, staff: Client) -> None:
        connection = connect(account=User.objects.create_user("maria+studio"))
        page = staff.get(reverse("connection", args=(connection.pk,))).text
        assert f'href="{LIST}?account=maria%2Bstudio"' in page

    @pytest.mark.parametrize("number", ["987654", "9" * 30])
    def test_it_knows_no_others(self, staff: Client, number: str) -> None:
        assert staff.get(f"{LIST}{number}/").status_code == 404

    def test_it_does_not_ask_for_the_account_by_itself(
        self, staff: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        connection = connect(account=User.objects.create_user("studio"))
        # Session, viewer, the connection with its account, permissions of viewer and of groups.
        with django_assert_num_queries(5):
            staff.get(reverse("connection", args=(connection.pk,)))


class TestTimeline:
    MS = round(NOON.timestamp() * 1000)

    def address(self, timeline: list[Any], **values: Any) -> str:
        return reverse("connection", args=(connect(timeline=timeline, **values).pk,))

    def words(self, page: str) -> str:
        """The timeline as it is read."""
        steps = page.partition('<ol class="timeline">')[2].partition("</ol>")[0]
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", steps)).split())

    def test_it_works(self, staff: Client) -> None:
        address = self.address(
            [
                [self.MS, "opened", {}],
                [self.MS + 20, "connecting", {"username": "maria"}],
                [self.MS + 2_000, "live", {}],
                [self.MS + 62_000, "cut", {"error": "connection_lost", "said": "HTTP 502"}],
                [self.MS + 62_000, "reconnecting", {"attempt": 1, "retry_in": 3}],
                [
                    self.MS + 65_000,
                    "closed",
                    {"code": 1011, "error": "user_offline", "said": "status 4", "frames": 1234},
                ],
            ],
            tiktok_username="maria",
        )
        assert self.words(staff.get(address).text) == (
            "12:00:00 The app opened the socket "
            "12:00:00 0:00:01 Connecting to TikTok @maria "
            "12:00:02 0:01:00 Live "
            "12:01:02 Cut off from TikTok "
            "TikTok Live connection error: no connection to TikTok TikTok said: HTTP 502 "
            "12:01:02 0:00:03 Reconnecting attempt 1, in 3 s "
            "12:01:05 Closed 1011 : the path to TikTok failed "
            "TikTok Live connection error: the streamer is not live TikTok said: status 4 "
            "1,234 frames sent"
        ).replace("1011 :", "1011:")

    def test_it_tells_the_relay_s_own_reasons_from_what_others_said(self, staff: Client) -> None:
        told = {"error": "connection_lost", "reason": NOTHING_HEARD}
        words = self.words(staff.get(self.address([[self.MS, "cut", told]])).text)
        assert words.endswith(f"no connection to TikTok {NOTHING_HEARD}")

    def test_it_speaks_the_viewer_s_language(self, staff: Client) -> None:
        address = self.address(
            [[self.MS, "closed", {"code": 1011, "error": "user_offline", "frames": 1}]]
        )
        page = staff.get(address, headers={"Accept-Language": "ru"}).text
        assert "Ошибка подключения к TikTok Live" in self.words(page)

    @pytest.mark.parametrize("what", What)
    def test_it_has_words_for_everything(self, staff: Client, what: What) -> None:
        words = self.words(staff.get(self.address([[self.MS, what, {}]])).text)
        assert words.removeprefix("12:00:00").strip() not in {"", str(what)}

    def test_it_shows_what_it_does_not_know(self, staff: Client) -> None:
        page = staff.get(self.address([[self.MS, "<b>new</b>", {"error": "<i>", "said": "<u>"}]]))
        assert self.words(page.text).startswith("12:00:00 <b>new</b>")
        assert "<i>" not in page.text
        assert "<u>" not in page.text

    def test_it_makes_the_best_of_rows_without_one(self, staff: Client) -> None:
        words = self.words(staff.get(self.address([], error_code="too_slow", said="")).text)
        assert "12:00:00 0:01:00 The app opened the socket" in words
        assert "12:01:00 Closed" in words
        assert "Connection too slow" in words


@dataclass(eq=False)
class OpenSocket:
    """What the page looks at, of a socket."""

    connection: Connection
    stream: Any


class TestOpenConnection:
    """Of an open connection, the relay knows more than the log."""

    @pytest.fixture
    def row(self) -> ConnectionLog:
        return connect(closed_at=None, close_code=None, tiktok_username="maria")

    def relay_with(self, row: ConnectionLog) -> Any:
        timeline = Timeline(FixedClock(NOON.timestamp() + 2))
        stream = SimpleNamespace(timeline=timeline, status=None)
        connection = Connection(address=None, user_agent="", opened_at=row.opened_at)
        connection.row_id = row.pk
        connection.frames_sent = 4321
        connection.joined(stream)  # type: ignore[arg-type]
        timeline.add(What.LIVE)
        other = Connection(address=None, user_agent="")
        sockets = {
            OpenSocket(connection, stream),
            OpenSocket(other, None),
        }
        return SimpleNamespace(sockets=sockets)

    def test_it_works(self, row: ConnectionLog) -> None:
        address = reverse("connection", args=(row.pk,))
        page = ServedByAsgi(self.relay_with(row)).text_of(address)
        assert "Still open." in page
        assert "4,321" in page
        assert "<strong>Live</strong>" in page
        assert "connections.js" in page

    def test_it_may_be_one_of_the_test_endpoint(self, row: ConnectionLog) -> None:
        relay = SimpleNamespace(sockets=set())
        page = ServedByAsgi(relay, self.relay_with(row)).text_of(f"{LIST}{row.pk}/")
        assert "4,321" in page

    def test_it_is_asked_for_again(self, row: ConnectionLog) -> None:
        address = reverse("connection", args=(row.pk,))
        browser = ServedByAsgi(self.relay_with(row))
        part = browser.text_of(address, headers={"X-Fragment": "facts"})
        assert "<strong>Live</strong>" in part
        assert "data-open" in part
        assert "<html" not in part

    def test_it_shows_what_another_process_has(self, row: ConnectionLog) -> None:
        address = reverse("connection", args=(row.pk,))
        page = ServedByAsgi(SimpleNamespace(sockets=set())).text_of(address)
        assert "Still open." in page
        assert "The app opened the socket" in page

    def test_it_is_not_asked_for_again_once_closed(self, staff: Client) -> None:
        page = staff.get(reverse("connection", args=(connect().pk,))).text
        assert "data-open" not in page
        assert "connections.js" not in page


class TestAdmin:
    """Nobody changes the log, not even a superuser."""

    def test_it_works(self, admin_client: Client) -> None:
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
        monkeypatch.setattr("live.admin.MOST_COUNTED", 2)
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
