"""/staff/connections/ and the admin's pages about the connection log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.errors import CloseCode, ErrorCode
from live.models import ConnectionLog

pytestmark = pytest.mark.django_db
LIST = "/staff/connections/"
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


class TestPermissions:
    """Staff read the log; others get the login page, or 403 if they are signed in."""

    def addresses(self) -> list[str]:
        return [LIST, f"{LIST}?page=2&code=1008", reverse("connection", args=(connect().pk,))]

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
        shown = ("2026-05-04 12:00:00", "studio", "@maria", "AbCd1234…", "203.0.113.7", "4321")
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
    def test_it_works(self, staff: Client) -> None:
        for minutes in range(51):
            connect(opened_at=NOON + timedelta(minutes=minutes))
        assert len(staff.get(LIST).context["connections"]) == 50
        last = staff.get(LIST, {"page": 2})
        assert [row.opened_at for row in last.context["connections"]] == [NOON]
        assert "Page 2 of 2" in last.text

    def test_it_keeps_the_filters(self, staff: Client) -> None:
        for _ in range(101):
            connect(error_code=ErrorCode.RATE_LIMITED)
        page = staff.get(f"{LIST}?error=rate_limited&since=2026-05-04T11:00&page=2")
        kept = "?error=rate_limited&amp;since=2026-05-04T11%3A00&amp;page="
        assert f'rel="prev" href="{kept}1"' in page.text
        assert f'rel="next" href="{kept}3"' in page.text

    @pytest.mark.parametrize(
        ("number", "shown"), [("0", 2), ("-1", 2), ("99", 2), ("x", 1), ("", 1), ("9" * 5000, 1)]
    )
    def test_it_takes_any_number(self, staff: Client, number: str, shown: int) -> None:
        for _ in range(51):
            connect()
        response = staff.get(LIST, {"page": number})
        assert response.status_code == 200
        assert response.context["page_obj"].number == shown

    def test_it_asks_the_database_as_often_for_one_row_as_for_fifty(
        self, staff: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        connect(account=User.objects.create_user("first"))
        with django_assert_num_queries(4):  # session, viewer, count, rows with their accounts
            staff.get(LIST)
        for number in range(60):
            connect(account=User.objects.create_user(f"studio{number}"))
        with django_assert_num_queries(4):
            staff.get(LIST)


class TestFilters:
    def found(self, staff: Client, **query: str) -> list[str]:
        """The token prefixes of the rows that the filters leave."""
        response = staff.get(LIST, query)
        assert response.status_code == 200
        return sorted(row.token_prefix for row in response.context["connections"])

    def test_it_works(self, staff: Client) -> None:
        studio = User.objects.create_user("studio", tiktok_username="maria")
        wanted = {"account": studio, "close_code": 1008, "error_code": "rate_limited"}
        connect(token_prefix="wanted", **wanted)
        connect(token_prefix="account", **{**wanted, "account": None})
        connect(token_prefix="code", **{**wanted, "close_code": 1011})
        connect(token_prefix="error", **{**wanted, "error_code": "too_slow"})
        connect(token_prefix="time", **wanted, opened_at=NOON - timedelta(days=1))
        query = {
            "account": "stud",
            "code": "1008",
            "error": "rate_limited",
            "since": "2026-05-04T11:59",
            "until": "2026-05-04T12:01",
        }
        assert self.found(staff, **query) == ["wanted"]

    def test_it_finds_part_of_the_account_or_the_tiktok_username(self, staff: Client) -> None:
        connect(token_prefix="account", account=User.objects.create_user("BigStudio"))
        connect(token_prefix="tiktok", tiktok_username="studio.live")
        connect(token_prefix="neither", tiktok_username="kitchen")
        assert self.found(staff, account="studio") == ["account", "tiktok"]
        assert self.found(staff, account=" @studio.l ") == ["tiktok"]

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
        assert self.found(staff, code="other") == ["away"]

    def test_it_offers_every_code(self, staff: Client) -> None:
        page = staff.get(LIST).text
        for value in (*(int(code) for code in CloseCode), *ErrorCode):
            assert f'<option value="{value}">' in page

    def test_it_shows_what_was_filtered_by(self, staff: Client) -> None:
        query = {"account": "st<b>", "code": "1008", "since": "2026-05-04T11:59"}
        page = staff.get(LIST, query).text
        assert 'value="st&lt;b&gt;"' in page
        assert '<option value="1008" selected>' in page
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
        ],
    )
    def test_it_explains_bad_values(self, staff: Client, name: str, value: str) -> None:
        connect()
        response = staff.get(LIST, {name: value})
        assert response.status_code == 200
        assert response.context["filter"].form.errors[name]
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
        times = ("2026-05-04 12:00:00 UTC", "2026-05-04 12:01:00 UTC", "0:01:00")
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

    def test_it_shows_a_connection_that_is_open(self, staff: Client) -> None:
        connection = connect(closed_at=None, close_code=None)
        assert "Still open" in staff.get(reverse("connection", args=(connection.pk,))).text

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
            ({"q": "studio"}, 1),
            ({"q": "maria"}, 1),
            ({"q": "AbCd"}, 1),
            ({"q": "203.0.113"}, 1),
            ({"q": "nothing"}, 0),
            ({"code": "1008"}, 1),
            ({"code": "1000"}, 1),
            ({"code": "other"}, 0),
            ({"code": "bad"}, 2),
            ({"error": "too_slow"}, 1),
            ({"closed_at__isempty": "1"}, 0),
        ],
    )
    def test_it_searches_and_filters(
        self, admin_client: Client, query: dict[str, str], found: int
    ) -> None:
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

    def test_it_asks_the_database_as_often_for_one_row_as_for_many(
        self, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            account = User.objects.create_user(f"studio{number}")
            connect(account=account, opened_at=timezone.now())
        with django_assert_max_num_queries(10):
            admin_client.get(reverse("admin:live_connectionlog_changelist"))
