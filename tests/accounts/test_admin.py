"""The admin's pages for accounts and their tokens."""

import json
import logging
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.forms import LanguageForm
from accounts.models import AccessToken, Scope, User
from live.models import ConnectionLog

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/user/"
API_KEY = "euler-key-4f1c"
PROXY = "http://anna:secret@proxy.example:3128"


@pytest.fixture
def admin_client(client: Client) -> Client:
    """A superuser's. Without a password, whose hash would cost more than the test."""
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture
def account() -> User:
    return User.objects.create_user("studio", "studio@example.org", tiktok_username="maria")


def change_address(account: User) -> str:
    return reverse("admin:accounts_user_change", args=(account.pk,))


def issue_address(account: User) -> str:
    return reverse("admin:accounts_user_issue_token", args=(account.pk,))


def revoke_address(token: AccessToken) -> str:
    return reverse("admin:accounts_user_revoke_token", args=(token.user_id, token.pk))


def sign_in(client: Client, *permissions: str) -> User:
    """Sign a member of staff in who has these permissions on accounts, and no other."""
    member = User.objects.create_user("member", is_staff=True)
    member.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(member)
    return member


def asked(**values: str) -> dict[str, str]:
    """What a browser sends to issue tokens, from a form that nobody has sent before."""
    return {"form_id": secrets.token_urlsafe(12), **values}


def form_of(account: User, **changes: Any) -> dict[str, Any]:
    """What the browser sends when the account's page is saved."""
    return {
        "username": account.username,
        "email": account.email,
        "tiktok_username": account.tiktok_username,
        "is_active": "on",
        "date_joined_0": "2026-05-04",
        "date_joined_1": "12:00:00",
        "access_tokens-TOTAL_FORMS": "0",
        "access_tokens-INITIAL_FORMS": "0",
        **changes,
    }


class TestTimes:
    @pytest.mark.parametrize(
        ("language", "shown"),
        [("en", "May 4, 2026, 18:05 UTC"), ("ru", "4 мая 2026 г., 18:05 UTC")],
    )
    def test_they_name_their_zone(
        self, admin_client: Client, account: User, language: str, shown: str
    ) -> None:
        account.date_joined = datetime(2026, 5, 4, 18, 5, tzinfo=UTC)
        account.save()
        headers = {"Accept-Language": language}
        page = admin_client.get(f"{LIST}{account.pk}/change/", headers=headers).text
        assert shown in page


class TestAccountList:
    def test_the_list_counts_usable_tokens(self, admin_client: Client, account: User) -> None:
        issued, _ = AccessToken.objects.issue(account)
        AccessToken.objects.issue(account)[0].revoke()
        AccessToken.objects.issue(account, expires_in=timedelta(seconds=-1))
        used_at = timezone.now()
        AccessToken.objects.filter(pk=issued.pk).update(last_used_at=used_at)
        response = admin_client.get(LIST, {"q": "studio"})
        [row] = response.context["cl"].result_list
        assert (row.tiktok_username, row.usable_tokens) == ("maria", 1)
        assert row.token_last_used == used_at
        assert '<td class="field-tiktok_username">maria</td>' in response.text
        assert '<td class="field-usable_tokens">1</td>' in response.text

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "stud"}, ["studio"]),
            ({"q": "studio@example.org"}, ["studio"]),
            ({"q": "mari"}, ["studio"]),
            ({"q": "@maria"}, ["studio"]),
            ({"q": "nobody"}, []),
            ({"is_active__exact": "0"}, ["former"]),
            ({"is_staff__exact": "1"}, ["admin"]),
            ({"tiktok_username__isempty": "0"}, ["studio"]),
            ({"tiktok_username__isempty": "1"}, ["admin", "former"]),
            ({"usable_token": "yes"}, ["studio"]),
            ({"usable_token": "no"}, ["admin", "former"]),
            ({"language__exact": "ru"}, ["former"]),
            ({"keeps_transcripts__exact": "1"}, ["former"]),
            ({"is_watched__exact": "1"}, ["former"]),
        ],
    )
    def test_it_searches_and_filters(
        self, admin_client: Client, account: User, query: dict[str, str], found: list[str]
    ) -> None:
        User.objects.create_user(
            "former", is_active=False, language="ru", keeps_transcripts=True, is_watched=True
        )
        AccessToken.objects.issue(account)
        response = admin_client.get(LIST, query)
        assert [row.username for row in response.context["cl"].result_list] == found

    @pytest.mark.parametrize(
        "lookup",
        [
            "own_sign_api_key__isnull",
            "own_proxy__isnull",
            "password__startswith",
            "access_tokens__digest",
        ],
    )
    def test_it_does_not_filter_by_secrets(self, admin_client: Client, lookup: str) -> None:
        assert admin_client.get(LIST, {lookup: "1"}).status_code == 400

    def test_it_asks_the_database_as_often_for_one_account_as_for_many(
        self, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(30):
            AccessToken.objects.issue(User.objects.create_user(f"studio{number}"))
        with django_assert_max_num_queries(6):
            admin_client.get(LIST)


class TestAddAccount:
    def test_an_account_can_be_added_without_a_password(self, admin_client: Client) -> None:
        data = {
            "username": "kitchen",
            "tiktok_username": "https://www.tiktok.com/@Maria.Cooks/live",
            "usable_password": "false",
        }
        response = admin_client.post(reverse("admin:accounts_user_add"), data)
        added = User.objects.get(username="kitchen")
        assert response["Location"] == change_address(added)
        assert added.tiktok_username == "maria.cooks"
        assert not added.has_usable_password()

    def test_it_has_no_tokens_yet(self, admin_client: Client) -> None:
        page = admin_client.get(reverse("admin:accounts_user_add")).text
        assert "access_tokens" not in page
        assert "Issue a token" not in page


class TestChangeAccount:
    def test_a_changed_username_is_normalised(self, admin_client: Client, account: User) -> None:
        data = form_of(account, tiktok_username="@NewName")
        response = admin_client.post(change_address(account), data)
        assert response.status_code == 302
        account.refresh_from_db()
        assert account.tiktok_username == "newname"

    def test_it_explains_a_username_that_tiktok_cannot_have(
        self, admin_client: Client, account: User
    ) -> None:
        data = form_of(account, tiktok_username="no spaces")
        response = admin_client.post(change_address(account), data)
        assert "TikTok has no such username" in response.text
        account.refresh_from_db()
        assert account.tiktok_username == "maria"

    def test_it_leads_to_the_account_s_connections_and_live(
        self, admin_client: Client, account: User
    ) -> None:
        page = admin_client.get(change_address(account)).text
        assert 'href="/staff/connections/?account=studio"' in page
        assert 'href="/staff/streams/maria/"' in page

    def test_it_leads_to_no_live_without_a_username(self, admin_client: Client) -> None:
        page = admin_client.get(change_address(User.objects.create_user("kitchen"))).text
        assert "/staff/streams/" not in page

    def test_it_saves_an_account_with_tokens(self, admin_client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account, label="phone")
        page = admin_client.get(change_address(account)).text
        tokens = dict(re.findall(r'name="(access_tokens-[^"]+)" value="([^"]*)"', page))
        assert tokens["access_tokens-0-id"] == str(token.pk)
        data = form_of(account, tiktok_username="newname", **tokens)
        assert admin_client.post(change_address(account), data).status_code == 302
        account.refresh_from_db()
        assert account.tiktok_username == "newname"

    def test_it_does_not_change_tokens(self, admin_client: Client, account: User) -> None:
        token, text = AccessToken.objects.issue(account, label="phone")
        token.revoke()
        forged = {
            "access_tokens-TOTAL_FORMS": "2",
            "access_tokens-INITIAL_FORMS": "1",
            "access_tokens-0-id": token.pk,
            "access_tokens-0-user": account.pk,
            "access_tokens-0-label": "forged",
            "access_tokens-0-revoked_at": "",
            "access_tokens-0-DELETE": "on",
            "access_tokens-1-user": account.pk,
            "access_tokens-1-label": "forged",
        }
        admin_client.post(change_address(account), form_of(account, **forged))
        found = AccessToken.objects.get()
        assert found == AccessToken.objects.find(text)
        assert found.label == "phone"
        assert found.revoked_at == token.revoked_at

    def test_it_can_be_deleted_with_tokens_and_connections(
        self, admin_client: Client, account: User
    ) -> None:
        AccessToken.objects.issue(account)
        ConnectionLog.objects.create(account=account, opened_at=timezone.now())
        address = reverse("admin:accounts_user_delete", args=(account.pk,))
        assert admin_client.post(address, {"post": "yes"}).status_code == 302
        assert not User.objects.filter(pk=account.pk).exists()
        assert ConnectionLog.objects.get().account is None


class TestApiKey:
    """The key goes in, and never out."""

    def test_an_api_key_goes_in_and_never_out(self, admin_client: Client, account: User) -> None:
        assert "Not set" in admin_client.get(change_address(account)).text
        data = form_of(account, new_sign_api_key=f" {API_KEY} ")
        data["_continue"] = "Save and continue editing"
        response = admin_client.post(change_address(account), data, follow=True)
        account.refresh_from_db()
        assert account.sign_api_key() == API_KEY
        assert "Set. It is never shown." in response.text
        assert API_KEY not in response.text

    def test_it_is_kept_when_the_field_is_empty(self, admin_client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_sign_api_key=API_KEY)
        admin_client.post(change_address(account), form_of(account, email="maria@mail.example"))
        account.refresh_from_db()
        assert (account.sign_api_key(), account.email) == (API_KEY, "maria@mail.example")
        assert "API key" not in LogEntry.objects.get().get_change_message()

    def test_it_is_removed_by_the_checkbox(self, admin_client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_sign_api_key=API_KEY)
        admin_client.post(change_address(account), form_of(account, clear_sign_api_key="on"))
        account.refresh_from_db()
        assert account.sign_api_key() == ""
        assert "Not set" in admin_client.get(change_address(account)).text

    def test_it_is_not_both_replaced_and_removed(self, admin_client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_sign_api_key="before")
        data = form_of(account, new_sign_api_key=API_KEY, clear_sign_api_key="on")
        response = admin_client.post(change_address(account), data)
        assert "not both" in response.text
        account.refresh_from_db()
        assert account.sign_api_key() == "before"

    def test_it_is_not_rendered_when_the_form_has_errors(
        self, admin_client: Client, account: User
    ) -> None:
        data = form_of(account, new_sign_api_key=API_KEY, tiktok_username="no spaces")
        response = admin_client.post(change_address(account), data)
        assert response.status_code == 200
        assert API_KEY not in response.text
        assert 'type="password" name="new_sign_api_key"' in response.text

    def test_it_is_hidden_from_those_who_may_only_look(self, client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_sign_api_key=API_KEY)
        sign_in(client, "view_user")
        page = client.get(change_address(account)).text
        assert "Set. It is never shown." in page
        assert API_KEY not in page
        assert "new_sign_api_key" not in page

    def test_it_does_not_stand_in_the_history(self, admin_client: Client, account: User) -> None:
        admin_client.post(change_address(account), form_of(account, new_sign_api_key=API_KEY))
        entry = LogEntry.objects.get()
        assert "New EulerStream API key" in entry.get_change_message()
        assert API_KEY not in entry.change_message

    def test_it_says_when_it_cannot_be_read_any_more(
        self, admin_client: Client, account: User
    ) -> None:
        unreadable = "gAAAAABqkeys-of-another-SECRET_KEY"
        User.objects.filter(pk=account.pk).update(own_sign_api_key=unreadable)
        page = admin_client.get(change_address(account)).text
        assert "SECRET_KEY has changed" in page
        assert unreadable not in page


class TestProxy:
    """It goes in as the key does, and never out; staff may set it whatever the settings say."""

    def test_a_proxy_goes_in_and_never_out(self, admin_client: Client, account: User) -> None:
        assert "reaches TikTok as the server does" in admin_client.get(change_address(account)).text
        data = form_of(account, new_proxy=f" {PROXY} ", new_sign_api_key=API_KEY)
        data["_continue"] = "Save and continue editing"
        response = admin_client.post(change_address(account), data, follow=True)
        account.refresh_from_db()
        assert (account.proxy(), account.sign_api_key()) == (PROXY, API_KEY)
        assert response.text.count("Set. It is never shown.") == 2
        assert "proxy.example" not in response.text
        entry = LogEntry.objects.get()
        assert "New proxy" in entry.get_change_message()
        assert "proxy.example" not in entry.change_message

    def test_it_is_kept_when_the_field_is_empty(self, admin_client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_proxy=PROXY)
        admin_client.post(change_address(account), form_of(account, clear_sign_api_key="on"))
        account.refresh_from_db()
        assert account.proxy() == PROXY

    def test_it_is_removed_by_the_checkbox(self, admin_client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_proxy=PROXY, own_sign_api_key=API_KEY)
        admin_client.post(change_address(account), form_of(account, clear_proxy="on"))
        account.refresh_from_db()
        assert (account.proxy(), account.sign_api_key()) == ("", API_KEY)

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"new_proxy": f"{PROXY}/path"}, "A proxy&#x27;s address is"),
            ({"new_proxy": PROXY, "clear_proxy": "on"}, "not both"),
        ],
    )
    def test_it_says_what_is_wrong_and_does_not_repeat_it(
        self, admin_client: Client, account: User, changes: dict[str, str], problem: str
    ) -> None:
        User.objects.filter(pk=account.pk).update(own_proxy="http://before.example:1")
        response = admin_client.post(change_address(account), form_of(account, **changes))
        assert problem in response.text
        assert "proxy.example" not in response.text
        account.refresh_from_db()
        assert account.proxy() == "http://before.example:1"

    def test_it_is_hidden_from_those_who_may_only_look(self, client: Client, account: User) -> None:
        User.objects.filter(pk=account.pk).update(own_proxy=PROXY)
        sign_in(client, "view_user")
        page = client.get(change_address(account)).text
        assert "Set. It is never shown." in page
        assert "proxy.example" not in page
        assert "new_proxy" not in page


class TestTokens:
    """The table on the account's page."""

    def test_usable_tokens_only_can_be_revoked(self, admin_client: Client, account: User) -> None:
        usable, text = AccessToken.objects.issue(account, label="Pixel 8")
        revoked, _ = AccessToken.objects.issue(account)
        revoked.revoke()
        expired, _ = AccessToken.objects.issue(account, expires_in=timedelta(seconds=-1))
        page = admin_client.get(change_address(account)).text
        assert f"{usable.prefix}…" in page
        assert "Pixel 8" in page
        assert text not in page
        states = re.findall(r'class="field-state">\s*<p>(\w+)</p>', page)
        assert sorted(states) == ["expired", "revoked", "usable"]
        assert revoke_address(usable) in page
        assert revoke_address(revoked) not in page
        assert revoke_address(expired) not in page

    def test_it_shows_the_scopes(self, admin_client: Client, account: User) -> None:
        AccessToken.objects.issue(account)
        AccessToken.objects.issue(account, scope=Scope.MANAGE)
        page = admin_client.get(change_address(account)).text
        scopes = re.findall(r'class="field-scope">\s*<p>([^<]+)</p>', page)
        assert scopes == ["listen and change the account", "listen"]

    def test_it_shows_the_newest_of_those_that_open_nothing(
        self, admin_client: Client, account: User
    ) -> None:
        oldest, _ = AccessToken.objects.issue(account, label="phone", expires_in=timedelta(days=1))
        tokens = [AccessToken.objects.issue(account)[0] for _number in range(15)]
        for token in tokens:
            token.revoke()
        page = admin_client.get(change_address(account)).text
        shown = re.findall(r'class="field-token">\s*<p>(.+)…</p>', page)
        assert shown == [oldest.prefix, *(token.prefix for token in reversed(tokens[5:]))]

    def test_it_does_not_mind_what_happens_while_the_page_is_open(
        self, admin_client: Client, account: User
    ) -> None:
        tokens = [AccessToken.objects.issue(account)[0] for _number in range(15)]
        shown = form_of(account, **{"access_tokens-TOTAL_FORMS": 15})
        shown["access_tokens-INITIAL_FORMS"] = 15
        for number, token in enumerate(tokens):
            shown[f"access_tokens-{number}-id"] = token.pk
            token.revoke()
        response = admin_client.post(change_address(account), {**shown, "tiktok_username": "anna"})
        assert response.status_code == 302
        account.refresh_from_db()
        assert account.tiktok_username == "anna"

    def test_it_escapes_labels(self, admin_client: Client, account: User) -> None:
        AccessToken.objects.issue(account, label="<script>alert(1)</script>")
        page = admin_client.get(change_address(account)).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page

    def test_it_says_of_the_language_what_the_account_page_says(
        self, admin_client: Client, account: User
    ) -> None:
        page = admin_client.get(change_address(account)).text
        for place in ("pages", "emails", "app"):
            assert place in str(LanguageForm().fields["language"].help_text)
            assert place in str(User._meta.get_field("language").help_text)
        assert str(User._meta.get_field("language").help_text) in page

    def test_it_shows_no_digest(self, admin_client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account)
        assert token.digest not in admin_client.get(change_address(account)).text


class TestIssueToken:
    def test_a_token_is_issued_with_its_label_and_expiry(
        self, admin_client: Client, account: User
    ) -> None:
        assert "Issue a token for studio" in admin_client.get(issue_address(account)).text
        data = asked(label="Pixel 8", days="30")
        response = admin_client.post(issue_address(account), data)
        assert response.status_code == 200
        text = response.context["token"]
        assert f'value="{text}"' in response.text
        assert f'value="ws://testserver/ws/{text}"' in response.text
        found = AccessToken.objects.find(text)
        assert found is not None
        assert (found.user, found.label) == (account, "Pixel 8")
        assert found.expires_at is not None
        assert timedelta(days=29) < found.expires_at - timezone.now() <= timedelta(days=30)

    def test_it_does_not_expire_without_days(self, admin_client: Client, account: User) -> None:
        admin_client.post(issue_address(account), asked(label="", days=""))
        assert AccessToken.objects.get().expires_at is None

    def test_it_gives_a_secure_address_on_a_secure_page(
        self, admin_client: Client, account: User
    ) -> None:
        response = admin_client.post(issue_address(account), asked(), secure=True)
        assert f"wss://testserver/ws/{response.context['token']}" in response.text

    @pytest.mark.parametrize(("host", "warns"), [("127.0.0.1:8000", True), ("testserver", False)])
    def test_it_warns_of_an_address_that_no_phone_can_use(
        self, admin_client: Client, account: User, host: str, warns: bool
    ) -> None:
        response = admin_client.post(issue_address(account), asked(), headers={"host": host})
        assert ("its host means this computer only" in response.text) == warns

    def test_it_is_not_cached(self, admin_client: Client, account: User) -> None:
        response = admin_client.post(issue_address(account), asked())
        assert "no-store" in response["Cache-Control"]

    def test_it_shows_the_token_on_no_other_page(self, admin_client: Client, account: User) -> None:
        text = admin_client.post(issue_address(account), asked()).context["token"]
        history = reverse("admin:accounts_user_history", args=(account.pk,))
        for address in (change_address(account), issue_address(account), history, LIST, "/admin/"):
            assert text not in admin_client.get(address).text

    @pytest.mark.parametrize(
        ("values", "scope", "shown"),
        [
            ({}, "listen", "listen"),
            ({"may_change": "on"}, "manage", "listen and change the account"),
        ],
    )
    def test_it_may_change_the_account_only_if_that_was_ticked(
        self,
        admin_client: Client,
        account: User,
        values: dict[str, str],
        scope: str,
        shown: str,
    ) -> None:
        page = admin_client.post(issue_address(account), asked(**values)).text
        assert AccessToken.objects.get().scope == scope
        assert f"Scope: {shown}<br>" in page

    def test_it_stores_the_token_nowhere(
        self, admin_client: Client, account: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        response = admin_client.post(issue_address(account), asked(label="Pixel 8"))
        text = response.context["token"]
        [session] = Session.objects.all()
        assert text not in json.dumps(session.get_decoded())
        assert text not in str(admin_client.session.items())
        assert text not in str(admin_client.cookies)
        assert text not in str(response.headers)
        assert text not in caplog.text
        assert [str(message) for message in get_messages(response.wsgi_request)] == []
        rows = list(every_row())
        assert any(AccessToken.digest_of(text) in row for row in rows)
        assert not any(text in row for row in rows)

    def test_it_is_in_the_history_by_its_prefix(self, admin_client: Client, account: User) -> None:
        admin_client.post(issue_address(account), asked(label="Pixel 8"))
        entry = LogEntry.objects.get()
        prefix = AccessToken.objects.get().prefix
        assert entry.get_change_message() == f"Added access token “{prefix}…”."
        assert entry.object_id == str(account.pk)
        assert entry.user.username == "admin"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("days", "0"),
            ("days", "-1"),
            ("days", "36501"),
            ("days", "9" * 5000),
            ("days", "soon"),
            ("label", "a" * 101),
            ("label", "a\x00b"),
        ],
    )
    def test_it_explains_bad_values(
        self, admin_client: Client, account: User, name: str, value: str
    ) -> None:
        response = admin_client.post(issue_address(account), asked(**{name: value}))
        assert response.status_code == 200
        assert response.context["form"].errors[name]
        assert 'class="errorlist"' in response.text
        assert not AccessToken.objects.exists()

    def test_it_escapes_the_label(self, admin_client: Client, account: User) -> None:
        data = asked(label="<script>alert(1)</script>")
        page = admin_client.post(issue_address(account), data).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page

    def test_it_has_no_inline_script_or_style(self, admin_client: Client, account: User) -> None:
        page = admin_client.post(issue_address(account), asked()).text
        assert "<style" not in page
        assert " style=" not in page
        assert re.findall(r"<script(?![^>]* src=)[^>]*>", page) == []

    def test_it_issues_nothing_when_the_form_comes_again(
        self, admin_client: Client, account: User
    ) -> None:
        form = admin_client.get(issue_address(account)).text
        [form_id] = re.findall(r'type="hidden" name="form_id" value="([\w-]+)"', form)
        admin_client.post(issue_address(account), {"form_id": form_id})
        response = admin_client.post(issue_address(account), {"form_id": form_id}, follow=True)
        assert response.redirect_chain == [(change_address(account), 302)]
        assert "No other token was issued." in response.text
        assert AccessToken.objects.count() == LogEntry.objects.count() == 1

    def test_it_issues_nothing_by_get(self, admin_client: Client, account: User) -> None:
        admin_client.get(issue_address(account), {"label": "x", "days": "1"})
        assert not AccessToken.objects.exists()

    def test_it_demands_the_csrf_token(self, account: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser("boss"))
        assert client.post(issue_address(account), asked()).status_code == 403
        assert not AccessToken.objects.exists()

    def test_it_knows_no_other_accounts(self, admin_client: Client) -> None:
        address = reverse("admin:accounts_user_issue_token", args=(987654,))
        assert admin_client.post(address, {}).status_code == 404
        assert admin_client.post("/admin/accounts/user/x/tokens/issue/", {}).status_code == 404


class TestRevokeToken:
    def test_a_token_is_revoked_after_a_question(self, admin_client: Client, account: User) -> None:
        token, text = AccessToken.objects.issue(account)
        question = admin_client.get(revoke_address(token)).text
        assert f"Revoke the token {token.prefix}… of studio?" in question
        response = admin_client.post(revoke_address(token), follow=True)
        assert f"The token {token.prefix}… has been revoked." in response.text
        found = AccessToken.objects.find(text)
        assert found is not None
        assert not found.is_usable()
        assert "revoked" in re.findall(r'class="field-state">\s*<p>(\w+)</p>', response.text)

    def test_it_revokes_nothing_by_get(self, admin_client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account)
        admin_client.get(revoke_address(token))
        token.refresh_from_db()
        assert token.is_usable()

    def test_it_is_in_the_history_by_its_prefix(self, admin_client: Client, account: User) -> None:
        token, text = AccessToken.objects.issue(account)
        admin_client.post(revoke_address(token))
        entry = LogEntry.objects.get()
        expected = f"Changed revoked for access token “{token.prefix}…”."
        assert entry.get_change_message() == expected
        assert text not in entry.change_message

    def test_it_changes_nothing_the_second_time(self, admin_client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account)
        admin_client.post(revoke_address(token))
        token.refresh_from_db()
        first = token.revoked_at
        assert admin_client.post(revoke_address(token)).status_code == 302
        token.refresh_from_db()
        assert token.revoked_at == first
        assert LogEntry.objects.count() == 1

    def test_it_does_not_reach_the_tokens_of_other_accounts(
        self, admin_client: Client, account: User
    ) -> None:
        token, _ = AccessToken.objects.issue(User.objects.create_user("other"))
        address = reverse("admin:accounts_user_revoke_token", args=(account.pk, token.pk))
        assert admin_client.post(address).status_code == 404
        token.refresh_from_db()
        assert token.is_usable()

    def test_it_demands_the_csrf_token(self, account: User) -> None:
        token, _ = AccessToken.objects.issue(account)
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser("boss"))
        assert client.post(revoke_address(token)).status_code == 403
        token.refresh_from_db()
        assert token.is_usable()


class TestIndex:
    def test_the_index_links_to_the_other_pages(self, admin_client: Client) -> None:
        page = admin_client.get("/admin/").text
        for address in ("/staff/", "/staff/connections/", "/", "/account/", "/docs/"):
            assert f'href="{address}"' in page

    def test_there_are_no_groups(self, admin_client: Client) -> None:
        assert admin_client.get("/admin/auth/group/").status_code == 404
        account = User.objects.create_user("studio")
        fields = admin_client.get(change_address(account)).context["adminform"].form.fields
        assert {"groups", "user_permissions"}.isdisjoint(fields)


def choose(client: Client, action: str, accounts: Iterable[User], **values: str) -> Any:
    """Choose the action for the accounts in the list."""
    data = {"action": action, "_selected_action": [account.pk for account in accounts]}
    return client.post(LIST, {**data, **values})


def confirm(client: Client, action: str, accounts: Iterable[User], **values: str) -> Any:
    """The same, and press the button of the page that asks."""
    return choose(client, action, accounts, confirmed="yes", **values)


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


ASKED = ["issue_tokens", "revoke_tokens", "disable"]
AT_ONCE = ["enable", "disconnect"]


class TestBulkActions:
    """What is the same for all of them."""

    @pytest.mark.parametrize("action", ASKED)
    def test_it_asks_first(self, admin_client: Client, account: User, action: str) -> None:
        AccessToken.objects.issue(account)
        response = choose(admin_client, action, [account])
        assert response.status_code == 200
        assert "studio (@maria)" in response.text
        assert f'name="_selected_action" value="{account.pk}"' in response.text
        assert f'name="action" value="{action}"' in response.text
        assert [row.is_usable() for row in AccessToken.objects.all()] == [True]
        account.refresh_from_db()
        assert account.is_active
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("action", ASKED + AT_ONCE)
    def test_it_is_for_a_hundred_at_most(self, admin_client: Client, action: str) -> None:
        accounts = User.objects.bulk_create(
            User(username=f"studio{number}", is_active=action != "enable") for number in range(101)
        )
        response = confirm(admin_client, action, accounts)
        assert response.status_code == 302
        assert said(response) == ["Choose 100 accounts at most."]
        assert not LogEntry.objects.exists()
        assert not AccessToken.objects.exists()

    @pytest.mark.parametrize("action", ASKED + AT_ONCE)
    def test_it_is_for_those_who_may_change_accounts(
        self, client: Client, account: User, action: str
    ) -> None:
        token, _ = AccessToken.objects.issue(account)
        sign_in(client, "view_user", "add_user", "delete_user")
        assert action not in client.get(LIST).text
        confirm(client, action, [account])
        token.refresh_from_db()
        assert token.is_usable()
        assert AccessToken.objects.count() == 1
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("action", ASKED + AT_ONCE)
    def test_it_demands_the_csrf_token(self, account: User, action: str) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.create_superuser("boss"))
        assert confirm(client, action, [account]).status_code == 403
        assert not LogEntry.objects.exists()


class TestIssueTokens:
    def test_several_accounts_get_a_token_each(self, admin_client: Client, account: User) -> None:
        other = User.objects.create_user("kitchen")
        data = asked(label="autumn", days="30", may_change="on")
        response = confirm(admin_client, "issue_tokens", [account, other], **data)
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        tokens = re.findall(r'value="ws://testserver/ws/([^"]+)"', response.text)
        found = [AccessToken.objects.find(token) for token in tokens]
        assert {token.user.username for token in found if token} == {"studio", "kitchen"}
        assert {token.label for token in found if token} == {"autumn"}
        assert {token.scope for token in found if token} == {"manage"}
        assert all(token.expires_at for token in found if token)
        assert "kitchen: no TikTok username yet" in response.text

    @pytest.mark.parametrize(("host", "warns"), [("127.0.0.1:8000", True), ("testserver", False)])
    def test_it_warns_of_addresses_that_no_phone_can_use(
        self, admin_client: Client, account: User, host: str, warns: bool
    ) -> None:
        admin_client.defaults["HTTP_HOST"] = host
        response = confirm(admin_client, "issue_tokens", [account], **asked())
        assert ("its host means this computer only" in response.text) == warns

    def test_it_lists_them_for_a_table(self, admin_client: Client, account: User) -> None:
        other = User.objects.create_user("kitchen")
        page = confirm(admin_client, "issue_tokens", [account, other], **asked()).text
        assert re.search(r"studio&#9;ws://testserver/ws/[\w-]{43}\n", page)

    def test_it_explains_bad_values(self, admin_client: Client, account: User) -> None:
        response = confirm(admin_client, "issue_tokens", [account], **asked(days="0"))
        assert response.context["form"].errors["days"]
        assert not AccessToken.objects.exists()

    def test_it_stores_the_tokens_nowhere(
        self, admin_client: Client, account: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        response = confirm(admin_client, "issue_tokens", [account], **asked())
        [token] = re.findall(r'value="ws://testserver/ws/([^"]+)"', response.text)
        assert token not in caplog.text
        assert said(response) == []
        assert not any(token in row for row in every_row())

    def test_it_is_in_the_history(self, admin_client: Client, account: User) -> None:
        confirm(admin_client, "issue_tokens", [account], **asked())
        token, entry = AccessToken.objects.get(), LogEntry.objects.get()
        assert entry.get_change_message() == f"Added access token “{token}”."
        assert entry.object_id == str(account.pk)

    def test_it_issues_nothing_when_the_form_comes_again(
        self, admin_client: Client, account: User
    ) -> None:
        """Not even for those who have not had one."""
        other = User.objects.create_user("kitchen")
        form = choose(admin_client, "issue_tokens", [account]).text
        [form_id] = re.findall(r'type="hidden" name="form_id" value="([\w-]+)"', form)
        confirm(admin_client, "issue_tokens", [account], form_id=form_id)
        response = confirm(admin_client, "issue_tokens", [other, account], form_id=form_id)
        assert response.status_code == 302
        [message] = said(response)
        assert message.startswith("No other tokens were issued.")
        assert AccessToken.objects.count() == LogEntry.objects.count() == 1


class TestRevokeTokens:
    def test_the_tokens_of_the_chosen_accounts_are_revoked(
        self, admin_client: Client, account: User
    ) -> None:
        spared, _ = AccessToken.objects.issue(User.objects.create_user("kitchen"))
        for _ in range(2):
            AccessToken.objects.issue(account)
        response = confirm(admin_client, "revoke_tokens", [account])
        assert said(response) == ["2 tokens have been revoked."]
        assert [token for token in AccessToken.objects.all() if token.is_usable()] == [spared]

    def test_it_is_in_the_history(self, admin_client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account)
        confirm(admin_client, "revoke_tokens", [account])
        [entry] = LogEntry.objects.all()
        expected = f"Changed revoked for access token “{token}”."
        assert entry.get_change_message() == expected

    def test_it_leaves_what_is_revoked(self, admin_client: Client, account: User) -> None:
        AccessToken.objects.issue(account)[0].revoke()
        response = confirm(admin_client, "revoke_tokens", [account])
        assert said(response) == ["0 tokens have been revoked."]
        assert not LogEntry.objects.exists()


class TestDisable:
    def test_a_disabled_account_is_logged_as_such(
        self, admin_client: Client, account: User
    ) -> None:
        response = confirm(admin_client, "disable", [account])
        assert said(response) == ["1 account has been disabled."]
        account.refresh_from_db()
        assert not account.is_active
        entry = LogEntry.objects.get()
        assert entry.get_change_message() == "Changed active (switched off)."

    def test_it_spares_whoever_does_it(self, admin_client: Client, account: User) -> None:
        response = confirm(admin_client, "disable", User.objects.all())
        assert said(response) == [
            "Your own account was left as it is.",
            "1 account has been disabled.",
        ]
        assert User.objects.get(username="admin").is_active


class TestEnable:
    def test_only_disabled_accounts_are_enabled(self, admin_client: Client, account: User) -> None:
        former = User.objects.create_user("former", is_active=False)
        response = choose(admin_client, "enable", [account, former])
        assert said(response) == ["1 account has been enabled."]
        former.refresh_from_db()
        assert former.is_active
        assert LogEntry.objects.get().object_id == str(former.pk)


class TestWatch:
    def test_accounts_are_watched_and_no_longer(self, admin_client: Client, account: User) -> None:
        watched = User.objects.create_user("watched", is_watched=True)
        response = choose(admin_client, "watch", [account, watched])
        assert said(response) == ["1 account is watched from now on."]
        account.refresh_from_db()
        assert account.is_watched
        assert LogEntry.objects.get().get_change_message() == "Changed watched (switched on)."
        response = choose(admin_client, "stop_watching", [account, watched])
        assert said(response)[-1:] == ["2 accounts are not watched any more."]
        assert not User.objects.filter(is_watched=True).exists()


class TestDisconnect:
    def test_disconnecting_is_announced_and_logged(
        self, admin_client: Client, account: User
    ) -> None:
        response = choose(admin_client, "disconnect", [account])
        assert said(response) == ["The open sockets of 1 account are being closed."]
        entry = LogEntry.objects.get()
        assert entry.get_change_message() == "Changed sockets (disconnected)."


class TestPermissions:
    """Whoever may change accounts may issue and revoke tokens; nobody else."""

    def test_whoever_changes_accounts_issues_and_revokes_tokens(
        self, client: Client, account: User
    ) -> None:
        token, _ = AccessToken.objects.issue(account)
        sign_in(client, "view_user", "change_user")
        page = client.get(change_address(account)).text
        assert issue_address(account) in page
        assert revoke_address(token) in page
        assert client.post(issue_address(account), {}).status_code == 200
        assert client.post(revoke_address(token)).status_code == 302
        token.refresh_from_db()
        assert not token.is_usable()

    def test_it_lets_viewers_look(self, client: Client, account: User) -> None:
        token, _ = AccessToken.objects.issue(account, label="Pixel 8")
        sign_in(client, "view_user")
        page = client.get(change_address(account)).text
        assert f"{token.prefix}…" in page
        assert "Pixel 8" in page
        assert issue_address(account) not in page
        assert revoke_address(token) not in page

    @pytest.mark.parametrize(
        "permissions",
        [
            ["view_user"],
            ["add_user", "delete_user", "view_user"],
            ["add_accesstoken", "change_accesstoken", "delete_accesstoken", "view_accesstoken"],
            [],
        ],
    )
    def test_it_refuses_other_staff(
        self, client: Client, account: User, permissions: list[str]
    ) -> None:
        token, _ = AccessToken.objects.issue(account)
        sign_in(client, *permissions)
        for address in (issue_address(account), revoke_address(token)):
            assert client.get(address).status_code == 403
            assert client.post(address, {}).status_code == 403
        token.refresh_from_db()
        assert token.is_usable()
        assert AccessToken.objects.count() == 1
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("signed_in", [True, False])
    def test_it_sends_others_to_the_login_page(
        self, client: Client, account: User, signed_in: bool
    ) -> None:
        token, _ = AccessToken.objects.issue(account)
        if signed_in:
            client.force_login(account)
        for address in (LIST, change_address(account), issue_address(account)):
            assert client.post(address, {})["Location"] == f"/admin/login/?next={address}"
        client.post(revoke_address(token))
        token.refresh_from_db()
        assert token.is_usable()
        assert AccessToken.objects.count() == 1


def every_row() -> Iterator[str]:
    """All that the database holds, as text."""
    for model in apps.get_models():
        for row in model._default_manager.all():
            yield serializers.serialize("json", [row])
