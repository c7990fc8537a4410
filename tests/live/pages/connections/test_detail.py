"""The page of one connection."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from live.clock import to_ms
from live.connections.record import Connection
from live.models import ConnectionLog
from live.protocol.errors import CloseCode, ErrorCode
from live.streams.timeline import Timeline, What
from tests.support.clock import FixedClock
from tests.support.connection_log import LIST, NOON, ServedByAsgi, connect

pytestmark = pytest.mark.django_db


class TestConnectionDetail:
    def test_the_page_of_a_connection_tells_all_that_is_known(self, staff: Client) -> None:
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
        times = ("May 4, 2026, 12:00:00 UTC", "May 4, 2026, 12:01:00 UTC", "0:01:00")
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
        assert "It ended after 1 min: Network cut." in page
        assert "1006: broken off without a close" in page

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
        assert "<script>" not in page
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
        timeline = Timeline(FixedClock(to_ms(NOON) + 2000))
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

    def test_the_page_of_an_open_connection_asks_the_relay(self, row: ConnectionLog) -> None:
        address = reverse("connection", args=(row.pk,))
        page = ServedByAsgi(self.relay_with(row)).text_of(address)
        assert "It is connected to the LIVE of @maria." in page
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
        assert "The app is connected." in page
        assert "The app opened the socket" in page

    def test_it_is_not_asked_for_again_once_closed(self, staff: Client) -> None:
        page = staff.get(reverse("connection", args=(connect().pk,))).text
        assert "data-open" not in page
        assert "connections.js" not in page
