"""The pages of overlays: those of their owner, and what OBS opens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from live.history.models import Gifter, Live, LiveListener
from live.models import ConnectionLog
from live.overlays.kinds import KINDS
from live.overlays.models import Overlay
from live.pages.overlays import views
from tests.support.overlays import form_values

pytestmark = pytest.mark.django_db
OVERLAYS = "/overlays/"


@pytest.fixture
def anna(client: Client) -> User:
    """She is signed in."""
    anna = User.objects.create_user("anna", tiktok_username="anna.live")
    client.force_login(anna)
    return anna


@pytest.fixture
def overlay(anna: User) -> Overlay:
    return Overlay.objects.create(account=anna, kind="chat", name="Sunday's chat")


@pytest.fixture
def bobs() -> Overlay:
    bob = User.objects.create_user("bob", tiktok_username="bob.live")
    return Overlay.objects.create(account=bob, kind="chat", name="Bob's chat")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the overlays' open pages are told."""
    told: list[Any] = []
    monkeypatch.setattr(views, "tell_overlay", lambda *message: told.append(message))
    return told


class TestTheOwnersPages:
    def test_the_list_has_the_account_s_own_overlays(
        self, client: Client, overlay: Overlay, bobs: Overlay
    ) -> None:
        page = unescape(client.get(OVERLAYS).content.decode())
        assert "Sunday's chat" in page
        assert "Bob's chat" not in page

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_overlay_of_each_kind_can_be_made(
        self, client: Client, anna: User, kind: str
    ) -> None:
        address = f"/overlays/new/{kind}/"
        assert client.get(address).status_code == 200
        answer = client.post(address, form_values(kind))
        made = Overlay.objects.get()
        assert answer["Location"] == f"/overlays/{made.pk}/"
        assert (made.account, made.kind, made.name) == (anna, kind, f"My {kind}")
        assert made.options == KINDS[kind].form.defaults()
        assert client.get(answer["Location"]).status_code == 200

    def test_bad_options_are_explained_and_nothing_is_made(
        self, client: Client, anna: User
    ) -> None:
        answer = client.post("/overlays/new/chat/", form_values("chat", count=1000))
        assert "less than or equal to 30" in answer.content.decode()
        assert not Overlay.objects.exists()

    def test_an_unknown_kind_is_no_page(self, client: Client, anna: User) -> None:
        assert client.get("/overlays/new/hologram/").status_code == 404
        assert client.get("/overlays/preview/hologram/").status_code == 404

    def test_an_account_may_have_so_many_and_no_more(
        self, client: Client, overlay: Overlay, settings: Settings
    ) -> None:
        settings.RELAY_MAX_OVERLAYS = 1
        client.post("/overlays/new/chat/", form_values("chat"))
        assert Overlay.objects.get() == overlay
        assert "An account may have one overlay." in client.get(OVERLAYS).content.decode()

    def test_changes_are_saved_and_told_to_its_open_pages(
        self, client: Client, overlay: Overlay, told: list[Any]
    ) -> None:
        client.post(f"/overlays/{overlay.pk}/", form_values("chat", count=3, badges=False))
        overlay.refresh_from_db()
        assert (overlay.name, overlay.options["count"]) == ("My chat", 3)
        assert overlay.options["badges"] is False
        assert told == [(overlay.pk, {"options": overlay.options})]

    def test_the_address_is_shown_again_and_can_be_renewed(
        self, client: Client, overlay: Overlay
    ) -> None:
        old = overlay.secret
        address = f"http://testserver/overlay/{old}/"
        assert f'value="{address}"' in client.get(f"/overlays/{overlay.pk}/").content.decode()
        client.post(f"/overlays/{overlay.pk}/renew/")
        page = client.get(f"/overlays/{overlay.pk}/").content.decode()
        assert old not in page
        assert f"/overlay/{Overlay.objects.get().secret}/" in page

    def test_it_can_be_deleted_after_a_question(self, client: Client, overlay: Overlay) -> None:
        address = f"/overlays/{overlay.pk}/delete/"
        assert "Sunday's chat" in unescape(client.get(address).content.decode())
        assert client.post(address)["Location"] == OVERLAYS
        assert not Overlay.objects.exists()

    def test_a_test_is_told_to_its_open_pages(
        self, client: Client, overlay: Overlay, told: list[Any]
    ) -> None:
        client.post(f"/overlays/{overlay.pk}/test/", {"event": "comment"})
        client.post(f"/overlays/{overlay.pk}/test/", {"event": "<script>"})
        assert told == [(overlay.pk, {"test": "comment"}), (overlay.pk, {"test": "gift"})]

    @pytest.mark.parametrize("by_staff", [False, True])
    def test_another_account_s_overlay_is_no_page(
        self, client: Client, anna: User, bobs: Overlay, told: list[Any], by_staff: bool
    ) -> None:
        User.objects.filter(pk=anna.pk).update(is_staff=by_staff)
        page = f"/overlays/{bobs.pk}/"
        assert client.get(page).status_code == 404
        assert client.post(page, form_values("chat")).status_code == 404
        assert client.get(f"{page}delete/").status_code == 404
        assert client.post(f"{page}delete/").status_code == 404
        assert client.post(f"{page}renew/").status_code == 404
        assert client.post(f"{page}test/").status_code == 404
        assert client.get(f"{page}state.json").status_code == 404
        again = Overlay.objects.get()
        assert (again.name, again.secret) == ("Bob's chat", bobs.secret)
        assert told == []

    @pytest.mark.parametrize(
        "address", [OVERLAYS, "/overlays/new/chat/", "/overlays/preview/chat/", "/overlays/1/"]
    )
    def test_strangers_are_sent_to_the_login_page(self, client: Client, address: str) -> None:
        assert client.get(address)["Location"].startswith("/login/")


class TestTheLight:
    def state(self, client: Client, overlay: Overlay) -> dict[str, Any]:
        answer: dict[str, Any] = client.get(f"/overlays/{overlay.pk}/state.json").json()
        return answer

    def open_row(self, overlay: Overlay) -> ConnectionLog:
        return ConnectionLog.objects.create(
            account=overlay.account, token_prefix=overlay.prefix, opened_at=timezone.now()
        )

    def test_it_is_off_before_the_first_connection(self, client: Client, overlay: Overlay) -> None:
        assert self.state(client, overlay) == {
            "connected": False,
            "last": None,
            "text": "Not connected yet",
        }

    def test_it_is_on_while_a_socket_is_open(self, client: Client, overlay: Overlay) -> None:
        row = self.open_row(overlay)
        assert self.state(client, overlay)["connected"] is True
        assert "Connected now" in client.get(OVERLAYS).content.decode()
        row.closed_at = timezone.now()
        row.save()
        assert self.state(client, overlay)["connected"] is False

    def test_another_overlay_s_socket_does_not_count(
        self, client: Client, overlay: Overlay
    ) -> None:
        other = Overlay.objects.create(account=overlay.account, kind="goal", name="Goal")
        self.open_row(other)
        assert self.state(client, overlay)["connected"] is False

    def test_it_says_when_it_was_last_connected(self, client: Client, overlay: Overlay) -> None:
        Overlay.objects.update(last_connected_at=datetime(2026, 11, 27, 18, 30, tzinfo=UTC))
        state = self.state(client, overlay)
        assert (state["text"], state["last"]) == ("Not connected", "2026-11-27T18:30:00+00:00")


class TestWhatObsOpens:
    def test_the_secret_opens_the_page_without_a_cookie(self, overlay: Overlay) -> None:
        answer = Client().get(f"/overlay/{overlay.secret}/")
        assert answer.status_code == 200
        assert 'data-kind="chat"' in answer.content.decode()
        assert not answer.cookies

    def test_it_is_kept_nowhere_and_tells_nobody_its_address(self, overlay: Overlay) -> None:
        answer = Client().get(f"/overlay/{overlay.secret}/")
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"

    def test_it_may_load_what_is_this_server_s_and_nothing_else(self, overlay: Overlay) -> None:
        answer = Client().get(f"/overlay/{overlay.secret}/")
        policy = dict(
            part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {
            "'self'"
        }
        assert policy["frame-ancestors"] == "'self'"
        assert answer["X-Frame-Options"] == "SAMEORIGIN"

    @pytest.mark.parametrize("kind", KINDS)
    def test_its_script_asks_for_sums_only_if_it_shows_some(
        self, overlay: Overlay, kind: str
    ) -> None:
        Overlay.objects.update(kind=kind)
        shows_sums = kind in {"goal", "top", "counters"}
        page = Client().get(f"/overlay/{overlay.secret}/").content.decode()
        assert ("data-sums=" in page) is shows_sums
        sums = Client().get(f"/overlay/{overlay.secret}/sums.json?room=7")
        assert sums.status_code == (200 if shows_sums else 404)

    @pytest.mark.parametrize("rest", ["", "sums.json"])
    @pytest.mark.parametrize("secret", ["ov_wrong", "x" * 500, "%00", "ов"])
    def test_a_wrong_secret_finds_nothing(self, secret: str, rest: str) -> None:
        answer = Client().get(f"/overlay/{secret}/{rest}")
        assert answer.status_code == 404
        assert answer["Cache-Control"] == "no-store"
        assert not answer.cookies

    @pytest.mark.django_db(transaction=True)
    async def test_a_wrong_secret_gets_no_picture(self) -> None:
        answer = await AsyncClient().get("/overlay/ov_wrong/picture/?address=https://x.example/y")
        assert answer.status_code == 404

    def test_a_disabled_account_s_finds_nothing(self, overlay: Overlay) -> None:
        Overlay.objects.update(kind="goal")
        User.objects.update(is_active=False)
        assert Client().get(f"/overlay/{overlay.secret}/").status_code == 404
        assert Client().get(f"/overlay/{overlay.secret}/sums.json?room=7").status_code == 404

    @pytest.mark.parametrize(
        ("chosen", "account", "asked", "shown"),
        [
            ("ru", "en", "en", "ru"),
            ("", "ru", "en", "ru"),
            ("", "", "ru", "ru"),
            ("en", "", "ru", "en"),
        ],
    )
    def test_its_language_is_the_option_s_the_account_s_or_the_browser_s(
        self, overlay: Overlay, chosen: str, account: str, asked: str, shown: str
    ) -> None:
        overlay.options = {"language": chosen}
        overlay.save()
        User.objects.update(language=account)
        answer = Client().get(f"/overlay/{overlay.secret}/", headers={"accept-language": asked})
        assert f'<html lang="{shown}">' in answer.content.decode()

    def test_a_name_is_text_and_no_markup(self, overlay: Overlay) -> None:
        overlay.kind, overlay.options = "goal", {"title": '"><script>alert(1)</script>'}
        overlay.save()
        assert "<script>alert" not in Client().get(f"/overlay/{overlay.secret}/").content.decode()


class TestSums:
    @pytest.fixture
    def overlay(self, overlay: Overlay) -> Overlay:
        """Of a kind that shows them."""
        overlay.kind = "goal"
        overlay.save()
        return overlay

    def keep(self, account: User, room: str = "7") -> Live:
        now = timezone.now()
        live = Live.objects.create(
            tiktok_username=account.tiktok_username,
            room_id=room,
            began_at=now,
            heard_from=now,
            heard_until=now,
            diamonds=1234,
            follows=5,
            shares=6,
            comments=7,
            likes=8,
            epoch="abc",
            offset=99,
        )
        LiveListener.objects.create(live=live, account=account, began_at=now)
        return live

    def ask(self, overlay: Overlay, room: str = "7") -> Any:
        answer = Client().get(f"/overlay/{overlay.secret}/sums.json?room={room}")
        assert answer.status_code == 200
        return json.loads(answer.content)

    def test_they_are_those_of_the_room_with_the_place_up_to_which_they_are_counted(
        self, overlay: Overlay
    ) -> None:
        live = self.keep(overlay.account)
        Gifter.objects.create(live=live, user_id="1", nickname="Small", diamonds=3)
        Gifter.objects.create(live=live, user_id="2", nickname="Large", diamonds=900)
        assert self.ask(overlay) == {
            "epoch": "abc",
            "offset": 99,
            "diamonds": 1234,
            "follows": 5,
            "shares": 6,
            "comments": 7,
            "likes": 8,
            "top": [
                {
                    "user": {"id": "2", "username": "", "nickname": "Large", "avatar": ""},
                    "diamonds": 900,
                },
                {
                    "user": {"id": "1", "username": "", "nickname": "Small", "avatar": ""},
                    "diamonds": 3,
                },
            ],
        }

    def test_tiktok_s_own_count_of_likes_is_better(self, overlay: Overlay) -> None:
        self.keep(overlay.account)
        Live.objects.update(likes_total=80)
        assert self.ask(overlay)["likes"] == 80

    def test_there_are_none_where_nothing_is_kept(self, overlay: Overlay) -> None:
        assert self.ask(overlay) == {}
        assert self.ask(overlay, "x" * 1000) == {}

    def test_they_are_found_by_the_index_of_rooms(self, overlay: Overlay) -> None:
        self.keep(overlay.account)
        with CaptureQueriesContext(connection) as captured:
            self.ask(overlay)
        (asked,) = [each["sql"] for each in captured if 'FROM "history_live"' in each["sql"]]
        where = asked.partition("WHERE")[2]
        assert '"history_live"."tiktok_username" = ' in where
        assert '"history_live"."room_id" = ' in where

    def test_a_live_that_the_account_has_not_heard_is_not_told(
        self, overlay: Overlay, bobs: Overlay
    ) -> None:
        self.keep(bobs.account)
        assert self.ask(overlay) == {}


class TestThePreview:
    def test_it_is_framed_by_this_server_s_pages_alone(self, client: Client, anna: User) -> None:
        answer = client.get("/overlays/preview/goal/?language=ru")
        assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
        page = answer.content.decode()
        assert '<html lang="ru">' in page
        assert 'data-mode="preview"' in page

    def test_the_form_s_page_may_show_it_and_nothing_else(self, client: Client, anna: User) -> None:
        policy = client.get("/overlays/new/goal/")["Content-Security-Policy"]
        assert "frame-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
