"""What the list and the CSV file are filtered by."""

from __future__ import annotations

import re
from datetime import timedelta
from html import escape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AccessToken, User
from live.connections import search as connection_search
from live.models import ConnectionLog
from live.protocol.errors import CloseCode, ErrorCode
from tests.support.connection_log import LIST, NOON, connect

pytestmark = pytest.mark.django_db


class TestFilters:
    def found(self, staff: Client, **query: str) -> list[str]:
        """The token prefixes of the rows that the filters leave."""
        response = staff.get(LIST, query)
        assert response.status_code == 200
        return sorted(row.token_prefix for row in response.context["connections"])

    def test_each_filter_finds_its_row(self, staff: Client) -> None:
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
            "Several accounts have “ann” in their names: anna, anna2, joanna."
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

    @pytest.mark.parametrize(
        ("since", "shown"),
        [
            ("2026-05-04T12:01", "2026-05-04T12:01"),
            ("2026-05-04T12:01:00.000Z", "2026-05-04T12:01"),
            ("2026-05-04T14:01:00+02:00", "2026-05-04T12:01"),
            ("2026-05-04T12:00:30Z", "2026-05-04T12:00:30"),
        ],
    )
    def test_a_time_without_a_zone_is_utc(self, staff: Client, since: str, shown: str) -> None:
        for minute in (0, 1, 2):
            connect(token_prefix=str(minute), opened_at=NOON + timedelta(minutes=minute))
        assert self.found(staff, since=since, tz="Europe/Berlin") == ["1", "2"]
        page = staff.get(LIST, {"since": since}).text
        assert f'value="{shown}"' in page, "the field takes no zone"
        assert 'data-moment="2026-05-04T12:0' in page

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


class TestSearchField:
    """What is typed into the one field, together with what the database knows."""

    def response(self, staff: Client, text: str, **query: str) -> Any:
        response = staff.get(LIST, {"q": text, **query})
        assert response.status_code == 200
        return response

    def found(self, staff: Client, text: str, **query: str) -> list[str]:
        response = self.response(staff, text, **query)
        assert not response.context["form"].errors
        return sorted(row.user_agent for row in response.context["connections"])

    @pytest.fixture
    def anna(self) -> User:
        return User.objects.create_user("anna", tiktok_username="maria")

    @pytest.fixture(autouse=True)
    def _log(self, anna: User) -> None:
        token, _text = AccessToken.objects.issue(anna)
        wanted = {
            "account": anna,
            "tiktok_username": "maria",
            "token_prefix": token.prefix,
            "address": "203.0.113.7",
            "close_code": 1008,
            "error_code": "rate_limited",
        }
        connect(user_agent="wanted", **wanted)
        connect(user_agent="other", address="203.0.114.7", opened_at=NOON - timedelta(days=1))

    @pytest.mark.parametrize(
        "text",
        [
            "anna",
            "ann",
            "@maria",
            "maria",
            "1008",
            "rate_limited",
            "rate",
            "limited",
            "Relay: rate limit",
            "203.0.113.7",
            "203.0.113.",
            "203.0.113.0/28",
            "2026-05-04",
            "2026-05-04 12:03",
            "anna @maria 1008 rate_limited 203.0.113.7 2026-05-04",
        ],
    )
    def test_it_finds_a_connection_by_what_people_know_of_it(
        self, staff: Client, text: str
    ) -> None:
        assert self.found(staff, text) == ["wanted"]

    def test_it_finds_a_connection_by_its_token(self, staff: Client, anna: User) -> None:
        connect(user_agent="other token", account=anna, token_prefix="AbCd1234")
        prefix = AccessToken.objects.get().prefix
        assert self.found(staff, f"{prefix}…") == ["wanted"]
        assert self.found(staff, f"{prefix} anna") == ["wanted"]

    def test_all_words_and_fields_must_apply(self, staff: Client) -> None:
        assert self.found(staff, "anna 1011") == []
        assert self.found(staff, "anna", code="1011") == []
        assert self.found(staff, "1008", code="1008") == ["wanted"]
        assert self.found(staff, "1008", code="1000") == []

    def test_a_day_is_one_of_the_zone_that_the_browser_names(self, staff: Client) -> None:
        connect(user_agent="late", opened_at=NOON + timedelta(hours=11))
        assert self.found(staff, "2026-05-05", tz="Europe/Berlin") == ["late"]
        assert self.found(staff, "2026-05-05", tz="no/zone") == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("nobody", "Nothing here is called “nobody”."),
            ("user", "Several errors have “user” in their codes: username_missing"),
            ("1006 1008", "No connection has both “1006” and “1008”"),
            ("anna bert", "No connection has both “anna” and “bert”"),
            ("<script>", "Nothing here is called “&lt;script&gt;”."),
        ],
    )
    def test_it_explains_what_it_does_not_understand_and_loses_nothing(
        self, staff: Client, text: str, said: str
    ) -> None:
        User.objects.create_user("bert")
        response = self.response(staff, text, state="failed")
        assert said in response.text
        assert f'value="{escape(text)}"' in response.text
        assert "What can be searched for:" in response.text
        assert '<option value="failed" selected>' in response.text
        assert list(response.context["connections"]) == []

    def test_it_says_what_it_looked_for(self, staff: Client) -> None:
        page = " ".join(re.sub("<[^>]*>", "", self.response(staff, "anna 1008 12:03").text).split())
        assert "Looked for: account anna, close code 1008 (refused by the relay), opened" in page


class TestChips:
    def found(self, response: Any) -> list[str]:
        return sorted(row.token_prefix for row in response.context["connections"])

    @pytest.fixture(autouse=True)
    def _log(self) -> None:
        connect(token_prefix="old")
        connect(token_prefix="cut", close_code=1006, opened_at=timezone.now())
        connect(token_prefix="failed", error_code="too_slow")
        connect(token_prefix="restart", error_code="server_shutdown")
        connect(token_prefix="open", closed_at=None, close_code=None)

    def test_each_chip_is_a_link_that_switches_its_filter(self, staff: Client) -> None:
        wanted = {"Failed": ["failed"], "Open": ["open"], "Today": ["cut"]}
        for chip in staff.get(LIST).context["chips"]:
            response = staff.get(f"{LIST}{chip.query}")
            assert self.found(response) == wanted[str(chip.text)]
            (on,) = (one for one in response.context["chips"] if one.is_on)
            assert len(self.found(staff.get(f"{LIST}{on.query}"))) == 5

    def test_they_keep_the_search_and_go_together(self, staff: Client) -> None:
        connect(token_prefix="wanted", error_code="too_slow", opened_at=timezone.now())
        response = staff.get(LIST, {"q": "too_slow", "state": "failed", "before": "1-1"})
        (today,) = (one for one in response.context["chips"] if str(one.text) == "Today")
        assert self.found(staff.get(f"{LIST}{today.query}")) == ["wanted"]

    def test_the_other_filters_are_folded_away_until_one_is_set(self, staff: Client) -> None:
        for query in ({}, {"q": "1008"}, {"state": "failed"}, {"day": "today"}):
            assert '<details class="more">' in staff.get(LIST, query).text
        for query in ({"code": "1008"}, {"code": "77"}, {"state": "closed"}):
            assert '<details class="more" open>' in staff.get(LIST, query).text


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

    def test_the_rarest_filter_is_asked_first(self, staff: Client) -> None:
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

    def test_what_has_no_index_is_looked_for_a_part_at_a_time(self, staff: Client) -> None:
        ConnectionLog.objects.filter(token_prefix="0").update(address="203.0.113.7")
        response = staff.get(LIST, {"q": "203.0.113."})
        assert self.found(response) == []
        assert response.context["reached"] is not None
        steps = 1
        while not self.found(response):
            response = staff.get(f"{LIST}{response.context['links'][-1].query}")
            steps += 1
        assert self.found(response) == ["0"]
        assert steps == 3

    def test_it_leaves_nothing_out_on_the_way(self, staff: Client) -> None:
        query = "?username=maria&error=user_offline"
        found: list[str] = []
        while query:
            response = staff.get(f"{LIST}{query}")
            found += self.found(response)
            links = response.context["links"]
            query = links[-1].query if links and links[-1].rel == "next" else ""
        assert found == [str(minutes) for minutes in range(11, -1, -1)]
