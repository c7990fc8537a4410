"""/account/: what the owner of an account sees and sets there."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import segno
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core import serializers
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts import budgets
from accounts.models import AccessToken, Scope, User
from accounts.sockets import qr_code

pytestmark = pytest.mark.django_db

PAGE = "/account/"
USERNAME = "/account/username/"
CHECK = "/account/username/check/"
API_KEY = "/account/api-key/"
PROXY = "/account/proxy/"
LANGUAGE = "/account/language/"
TRANSCRIPTS = "/account/transcripts/"
WATCHING = "/account/watching/"
EMAIL = "/account/email/"
TOKENS = "/account/tokens/"
CANT_USE = "A phone can't use the address"
KEY = "euler_NTM4ZjQ5secret"
ADDRESS = "http://anna:hunter2@proxy.example:3128"
PASSWORD = "of the tests, only"


@pytest.fixture
def account() -> User:
    return User.objects.create_user("studio", password=PASSWORD, tiktok_username="maria")


@pytest.fixture
def client(account: User) -> Client:
    """The owner's."""
    client = Client()
    client.force_login(account)
    return client


def settings_of(page: str) -> dict[str, str]:
    """What the settings are now, by the ids of their lines."""
    line = r'<details class="setting" id="([\w-]+)".*?<span class="value[^"]*">([^<]*)<'
    found = re.findall(line, page, re.DOTALL)
    return {name: html.unescape(value) for name, value in found}


def standing_out(page: str) -> list[str]:
    """The texts of the page's own buttons that are neither plain nor second."""
    main = page.partition("<main")[2].partition("</main>")[0]
    return re.findall(r"<button>([^<]*)</button>", main)


def revoke_address(token: AccessToken) -> str:
    return f"{TOKENS}{token.pk}/revoke/"


def form_id(client: Client) -> str:
    found = re.search(r'name="form_id" value="([\w-]+)"', client.get(PAGE).text)
    assert found
    return found[1]


def issue(client: Client, **values: str) -> Any:
    return client.post(TOKENS, {"label": "", "days": "", "form_id": form_id(client), **values})


class TestAccountPage:
    def test_the_account_page_shows_the_username(self, client: Client, account: User) -> None:
        page = client.get(PAGE)
        assert page.status_code == 200
        assert '<input type="text" name="tiktok_username" value="maria"' in page.text

    def test_it_is_for_those_who_are_signed_in(self) -> None:
        for address in (PAGE, USERNAME, CHECK, API_KEY, LANGUAGE, TOKENS, "/account/password/"):
            response = Client().get(address)
            assert response["Location"] == f"/login/?next={address}"
            assert Client().post(address).status_code in {302, 405}

    def test_it_is_not_kept_by_browsers(self, client: Client) -> None:
        assert "no-store" in client.get(PAGE)["Cache-Control"]

    def test_it_has_no_inline_script_or_style(self, client: Client) -> None:
        page = client.get(PAGE).text
        assert not re.search(r"<script(?! src=| type=\"module\" src=)", page)
        assert "style=" not in page
        assert "<style" not in page
        assert not re.search(r"\son\w+=", page)

    def test_it_asks_for_each_thing_once(
        self, client: Client, account: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _number in range(20):
            AccessToken.objects.issue(account)
        # Session, account, tokens (usable or not), LIVEs, connections.
        with django_assert_num_queries(6):
            client.get(PAGE)

    @pytest.mark.parametrize("address", [USERNAME, API_KEY, LANGUAGE, TOKENS])
    def test_it_is_where_the_addresses_of_its_forms_lead(
        self, client: Client, address: str
    ) -> None:
        assert client.get(address)["Location"] == PAGE

    def test_its_settings_say_what_they_are_now(self, client: Client, account: User) -> None:
        values = settings_of(client.get(PAGE).text)
        assert values["username"] == "@maria"
        assert values["watching"] == "Off: LIVEs are heard only while an app listens"
        assert values["transcripts"] == "Not kept"
        assert values["language"] == "As the browser or the app asks"
        account.is_watched = account.keeps_transcripts = True
        account.language = "ru"
        account.save()
        values = settings_of(client.get(PAGE, headers={"accept-language": "en"}).text)
        assert values["watching"] == "On: each LIVE is heard from start to end"
        assert values["transcripts"] == "Kept for 7 days"
        assert values["language"] == "Русский"

    def test_all_settings_are_closed(self, client: Client) -> None:
        assert not re.search(r"<details[^>]* open", client.get(PAGE).text)

    @pytest.mark.parametrize(
        ("address", "data", "setting", "field"),
        [
            (USERNAME, {"tiktok_username": "no one"}, "username", "tiktok_username"),
            (API_KEY, {"new_sign_api_key": "two words"}, "api-key", "new_sign_api_key"),
            (LANGUAGE, {"language": "de"}, "language", "language"),
        ],
    )
    def test_a_refused_form_is_open_says_so_and_has_the_focus(
        self, client: Client, address: str, data: dict[str, str], setting: str, field: str
    ) -> None:
        page = client.post(address, data).text
        assert re.findall(r'<details class="setting" id="([\w-]+)"[^>]* open', page) == [setting]
        assert page.count('role="alert"') == 1
        [focused] = re.findall(r"<(?:input|select)[^>]* autofocus[^>]*>", page)
        assert f'name="{field}"' in focused
        assert 'aria-invalid="true"' in focused
        [description] = re.findall(r'aria-describedby="([^"]*)"', focused)
        assert f"id_{field}_error" in description.split()
        assert f'id="id_{field}_error"' in page


class TestNextSteps:
    WHAT = "Three steps to your LIVE on the phone"

    def test_a_new_account_is_shown_its_next_steps(self, client: Client, account: User) -> None:
        account.tiktok_username = ""
        account.save()
        page = client.get(PAGE).text
        assert self.WHAT in page
        assert ">done<" not in page

    def test_it_marks_what_is_done(self, client: Client) -> None:
        assert client.get(PAGE).text.count(">done<") == 1

    def test_it_goes_when_all_is_done(self, client: Client, account: User) -> None:
        AccessToken.objects.issue(account)
        assert self.WHAT not in client.get(PAGE).text

    def test_it_does_not_take_the_console_s_token_for_a_phone_s(
        self, client: Client, account: User
    ) -> None:
        AccessToken.objects.issue(account, session="of a browser")
        assert self.WHAT in client.get(PAGE).text

    def test_one_button_stands_out_that_of_the_next_step(
        self, client: Client, account: User
    ) -> None:
        User.objects.update(tiktok_username="")
        assert standing_out(client.get(PAGE).text) == ["Save the username"]
        User.objects.update(tiktok_username="maria")
        assert standing_out(client.get(PAGE).text) == ["Issue a token"]
        AccessToken.objects.issue(account)
        assert standing_out(client.get(PAGE).text) == []

    def test_it_comes_back_when_no_token_is_usable(self, client: Client, account: User) -> None:
        AccessToken.objects.issue(account)[0].revoke()
        assert self.WHAT in client.get(PAGE).text


class TestChangeUsername:
    def test_a_pasted_address_becomes_the_username(self, client: Client, account: User) -> None:
        data = {"tiktok_username": "https://www.tiktok.com/@Anna.Live/live?x=1"}
        response = client.post(USERNAME, data, follow=True)
        assert response.redirect_chain == [(PAGE, 302)]
        assert "Saved: your app gets the LIVE of @anna.live." in response.text
        account.refresh_from_db()
        assert account.tiktok_username == "anna.live"

    def test_it_removes(self, client: Client, account: User) -> None:
        response = client.post(USERNAME, {"tiktok_username": " "}, follow=True)
        assert "Saved: the account has no TikTok username." in response.text
        account.refresh_from_db()
        assert account.tiktok_username == ""

    def test_it_says_what_is_wrong(self, client: Client, account: User) -> None:
        response = client.post(USERNAME, {"tiktok_username": '<b>"no one"'})
        assert response.status_code == 200
        assert "TikTok has no such username: it takes 2 to 24 Latin letters" in response.text
        assert 'value="&lt;b&gt;&quot;no one&quot;"' in response.text
        account.refresh_from_db()
        assert account.tiktok_username == "maria"

    def test_it_can_not_be_changed_for_ever(
        self, client: Client, account: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(budgets, "username_changes", budgets.Budgets(1, 600))
        client.post(USERNAME, {"tiktok_username": "carol"})
        client.post(USERNAME, {"tiktok_username": "@Carol"})  # no change costs nothing
        client.post(USERNAME, {"tiktok_username": "no one"})  # nor does a mistake
        page = client.post(USERNAME, {"tiktok_username": "dave"}).content.decode()
        assert "You have changed it too often. Try again in 600 s." in page
        account.refresh_from_db()
        assert account.tiktok_username == "carol"

    def test_it_changes_nothing_else(self, client: Client, account: User) -> None:
        data = {"tiktok_username": "anna", "is_staff": "on", "email": "x@example.org"}
        client.post(USERNAME, data)
        account.refresh_from_db()
        assert (account.is_staff, account.email) == (False, "")

    def test_it_demands_the_page_s_own_form(self, account: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(account)
        assert client.post(USERNAME, {"tiktok_username": "anna"}).status_code == 403


class TestCheckUsername:
    def test_checking_a_username_changes_nothing(self, client: Client, account: User) -> None:
        response = client.get(CHECK, {"value": "tiktok.com/@Anna.Live"})
        assert response.json() == {"username": "anna.live", "problem": None}
        account.refresh_from_db()
        assert account.tiktok_username == "maria"

    def test_it_gives_the_reason(self, client: Client) -> None:
        response = client.get(CHECK, {"value": "anna live"})
        assert response.json()["username"] is None
        assert response.json()["problem"].startswith("TikTok has no such username")

    def test_it_speaks_the_language_of_the_page(self, client: Client) -> None:
        response = client.get(CHECK, {"value": "!"}, headers={"accept-language": "ru"})
        assert re.search("[а-я]", response.json()["problem"])

    @pytest.mark.parametrize("query", [{}, {"value": " "}])
    def test_it_takes_none(self, client: Client, query: dict[str, str]) -> None:
        assert client.get(CHECK, query).json() == {"username": "", "problem": None}


class TestChangeSignApiKey:
    def test_an_api_key_is_saved_and_never_shown(self, client: Client, account: User) -> None:
        response = client.post(API_KEY, {"new_sign_api_key": KEY}, follow=True)
        assert "The EulerStream API key is saved." in response.text
        assert "Set. It is never shown." in response.text
        account.refresh_from_db()
        assert account.sign_api_key() == KEY

    def test_it_is_never_shown(self, client: Client, account: User) -> None:
        account.own_sign_api_key = KEY
        account.save()
        for response in (
            client.get(PAGE),
            client.post(API_KEY, {"new_sign_api_key": f"{KEY}…"}),
            client.post(USERNAME, {"tiktok_username": "!"}),
        ):
            assert KEY not in response.text

    def test_it_removes(self, client: Client, account: User) -> None:
        account.own_sign_api_key = KEY
        account.save()
        response = client.post(API_KEY, {"clear_sign_api_key": "on"}, follow=True)
        assert "The EulerStream API key is removed." in response.text
        assert "Not set: the account shares the server&#x27;s limit." not in response.text
        assert "Not set: the account shares the server's limit." in response.text
        account.refresh_from_db()
        assert not account.own_sign_api_key

    def test_it_offers_to_remove_only_what_is_there(self, client: Client) -> None:
        assert "Remove the key" not in client.get(PAGE).text

    def test_it_says_that_a_key_can_not_be_read(self, client: Client, account: User) -> None:
        account.own_sign_api_key = KEY
        account.save()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(User, "sign_api_key", lambda self: "")
            page = client.get(PAGE).text
        assert "since SECRET_KEY has changed" in page
        assert "Remove the key" in page

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"new_sign_api_key": "ключ"}, "printable ASCII characters only"),
            ({"new_sign_api_key": "two words"}, "printable ASCII characters only"),
            ({"new_sign_api_key": "x" * 501}, "at most 500 characters"),
            ({"new_sign_api_key": ""}, "Enter the key."),
        ],
    )
    def test_it_says_what_is_wrong(
        self, client: Client, account: User, data: dict[str, str], problem: str
    ) -> None:
        response = client.post(API_KEY, data)
        assert problem in response.text
        account.refresh_from_db()
        assert not account.own_sign_api_key


class TestChangeProxy:
    @pytest.fixture(autouse=True)
    def _may_choose(self, settings: Settings) -> None:
        settings.RELAY_OWN_PROXIES = True

    def test_a_proxy_is_saved_and_never_shown(self, client: Client, account: User) -> None:
        assert "reaches TikTok as the server does" in client.get(PAGE).text
        response = client.post(PROXY, {"new_proxy": f" {ADDRESS} "}, follow=True)
        assert "The proxy is saved." in response.text
        assert "Set. It is never shown." in response.text
        account.refresh_from_db()
        assert account.proxy() == ADDRESS
        for response in (
            client.get(PAGE),
            client.post(PROXY, {"new_proxy": f"{ADDRESS}/path"}),
            client.post(USERNAME, {"tiktok_username": "!"}),
        ):
            assert "proxy.example" not in response.text
            assert "hunter2" not in response.text

    def test_it_is_removed(self, client: Client, account: User) -> None:
        assert "Remove the proxy" not in client.get(PAGE).text
        account.own_proxy = ADDRESS
        account.save()
        assert "Remove the proxy" in client.get(PAGE).text
        response = client.post(PROXY, {"clear_proxy": "on"}, follow=True)
        assert "The proxy is removed." in response.text
        account.refresh_from_db()
        assert not account.own_proxy

    def test_it_says_that_it_can_not_be_read(self, client: Client, account: User) -> None:
        account.own_proxy = ADDRESS
        account.save()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(User, "proxy", lambda self: "")
            page = client.get(PAGE).text
        assert "since SECRET_KEY has changed" in page
        assert "Remove the proxy" in page

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"new_proxy": "proxy.example"}, "A proxy&#x27;s address is"),
            ({"new_proxy": "x" * 501}, "at most 500 characters"),
            ({"new_proxy": ""}, "Enter the proxy&#x27;s address."),
        ],
    )
    def test_it_says_what_is_wrong(
        self, client: Client, account: User, data: dict[str, str], problem: str
    ) -> None:
        assert problem in client.post(PROXY, data).text
        account.refresh_from_db()
        assert not account.own_proxy


class TestWhereAccountsMayNotChooseAProxy:
    """`RELAY_OWN_PROXIES` is off."""

    def test_the_page_offers_none(self, client: Client, account: User) -> None:
        account.own_proxy = ADDRESS
        account.save()
        page = client.get(PAGE).text
        assert "proxy" not in page.lower()

    @pytest.mark.parametrize("data", [{"new_proxy": "http://10.0.0.1:80"}, {"clear_proxy": "on"}])
    def test_it_takes_none(self, client: Client, account: User, data: dict[str, str]) -> None:
        account.own_proxy = ADDRESS
        account.save()
        assert client.post(PROXY, data).status_code == 404
        account.refresh_from_db()
        assert account.proxy() == ADDRESS


class TestChangeLanguage:
    def test_a_chosen_language_is_kept_and_used(self, client: Client, account: User) -> None:
        response = client.post(LANGUAGE, {"language": "ru"}, follow=True)
        assert '<html lang="ru">' in response.text
        account.refresh_from_db()
        assert account.language == "ru"

    def test_it_leaves_the_choice_to_the_browser(self, client: Client, account: User) -> None:
        client.post(LANGUAGE, {"language": "ru"})
        client.post(LANGUAGE, {"language": ""})
        account.refresh_from_db()
        assert account.language == ""
        english = client.get(PAGE, headers={"accept-language": "en"})
        assert '<html lang="en">' in english.text

    def test_it_names_languages_in_themselves(self, client: Client) -> None:
        page = client.get(PAGE).text
        assert '<option value="en">English</option>' in page
        assert '<option value="ru">Русский</option>' in page

    def test_it_refuses_others(self, client: Client, account: User) -> None:
        response = client.post(LANGUAGE, {"language": "de"})
        assert "Select a valid choice" in response.text
        account.refresh_from_db()
        assert account.language == ""


class TestChangeTranscripts:
    def test_they_are_kept_only_where_the_account_wants_it(
        self, client: Client, account: User
    ) -> None:
        response = client.post(TRANSCRIPTS, {"keeps_transcripts": "on"}, follow=True)
        assert "transcripts of your LIVEs are kept from now on" in response.text
        account.refresh_from_db()
        assert account.keeps_transcripts
        response = client.post(TRANSCRIPTS, {}, follow=True)
        assert "no transcripts of your LIVEs are kept any more" in response.text
        account.refresh_from_db()
        assert account.keeps_transcripts is False

    def test_it_says_whose_words_they_are_and_for_how_long_they_are_kept(
        self, client: Client, settings: Settings
    ) -> None:
        settings.RELAY_TRANSCRIPT_DAYS = 3
        page = client.get(PAGE).text
        assert "other people&#x27;s words: they are deleted after 3 days." in page

    def test_it_saves_nothing_else(self, client: Client, account: User) -> None:
        User.objects.update(tiktok_username="changed.meanwhile")
        client.post(TRANSCRIPTS, {"keeps_transcripts": "on", "tiktok_username": "x"})
        account.refresh_from_db()
        assert account.tiktok_username == "changed.meanwhile"


class TestChangeWatching:
    def test_it_is_switched_on_and_off(self, client: Client, account: User) -> None:
        assert "checked" not in client.get(PAGE).text
        response = client.post(WATCHING, {"is_watched": "on"}, follow=True)
        assert "Saved: your LIVEs are heard without an app, too." in response.text
        assert "checked" in response.text
        account.refresh_from_db()
        assert account.is_watched
        response = client.post(WATCHING, {}, follow=True)
        assert "Saved: your LIVEs are heard only while an app listens." in response.text
        account.refresh_from_db()
        assert not account.is_watched

    def test_it_changes_nothing_else(self, client: Client, account: User) -> None:
        client.post(WATCHING, {"is_watched": "on", "is_staff": "on", "username": "root"})
        account.refresh_from_db()
        assert (account.is_watched, account.is_staff, account.username) == (True, False, "studio")


class TestChangeEmail:
    @pytest.fixture(autouse=True)
    def _email(self, settings: Settings) -> None:
        settings.SENDS_EMAIL = True

    def test_an_email_address_is_saved(self, client: Client, account: User) -> None:
        data = {"email": "maria@example.org", "current_password": PASSWORD}
        assert client.post(EMAIL, data)["Location"] == PAGE
        account.refresh_from_db()
        assert account.email == "maria@example.org"
        assert 'value="maria@example.org"' in client.get(PAGE).text

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"email": "maria@example.org"}, "This field is required."),
            (
                {"email": "maria@example.org", "current_password": "wrong"},
                "This is not your password.",
            ),
            ({"email": "maria", "current_password": PASSWORD}, "Enter a valid email address."),
        ],
    )
    def test_it_says_what_is_wrong(
        self, client: Client, account: User, data: dict[str, str], problem: str
    ) -> None:
        response = client.post(EMAIL, data)
        assert problem in response.text
        assert PASSWORD not in response.text
        account.refresh_from_db()
        assert account.email == ""

    def test_it_lets_nobody_guess_the_password(self, client: Client, account: User) -> None:
        guess = {"email": "evil@example.org", "current_password": "wrong"}
        statuses = [client.post(EMAIL, guess).status_code for _guess in range(10)]
        assert statuses == [200] * 9 + [429]
        refused = client.post(EMAIL, {**guess, "current_password": PASSWORD})
        assert refused.status_code == 429
        assert "Too many wrong passwords" in refused.text
        assert 'href="/account/"' in refused.text
        account.refresh_from_db()
        assert account.email == ""

    def test_it_keeps_no_password(self, client: Client) -> None:
        client.post(EMAIL, {"email": "evil@example.org", "current_password": "Wrong!"})
        assert not AccessAttempt.objects.exists()

    def test_it_is_not_there_where_no_email_can_be_sent(
        self, client: Client, settings: Settings
    ) -> None:
        settings.SENDS_EMAIL = False
        assert EMAIL not in client.get(PAGE).text
        assert client.post(EMAIL, {"email": "maria@example.org"}).status_code == 404


class TestTokens:
    def test_tokens_are_listed_with_their_states(self, client: Client, account: User) -> None:
        AccessToken.objects.issue(account, "Kitchen phone")
        AccessToken.objects.issue(account, "Old phone")[0].revoke()
        AccessToken.objects.issue(account, "Borrowed phone", timedelta(seconds=-1))
        page = client.get(PAGE)
        assert [token.label for token in page.context["app_tokens"]] == ["Kitchen phone"]
        old = [token.label for token in page.context["old_tokens"]]
        assert old == ["Borrowed phone", "Old phone"]
        for state in ("revoked", "expired"):
            assert f">{state}</span>" in page.text
        assert page.text.count("/revoke/") == 1

    def test_the_tokens_of_browsers_are_apart_from_those_of_phones(
        self, client: Client, account: User
    ) -> None:
        AccessToken.objects.issue(account, "Kitchen phone")
        AccessToken.objects.issue(account, session=client.session.session_key or "")
        AccessToken.objects.issue(account, session="of another browser")
        AccessToken.objects.issue(account, session="of a browser that is gone")[0].revoke()
        page = client.get(PAGE).text
        phones, _heading, browsers = page.partition("Signed-in browsers")
        assert "Kitchen phone" in phones
        assert "Live console" not in phones
        assert browsers.count(">Live console") == 2
        assert browsers.count("this browser") == 1
        assert browsers.count("/revoke/") == 2

    def test_a_token_says_when_it_was_used_and_until_when_it_can_be(
        self, client: Client, account: User
    ) -> None:
        assert "last used" not in client.get(PAGE).text
        issued, _text = AccessToken.objects.issue(account, "phone", timedelta(days=30))
        page = client.get(PAGE).text
        assert "never used" in page
        assert f'until <time datetime="{issued.expires_at:%Y-%m-%d}' in page
        AccessToken.objects.update(last_used_at=timezone.now())
        assert "last used" in client.get(PAGE).text

    def test_tokens_are_listed_with_their_scopes(self, client: Client, account: User) -> None:
        AccessToken.objects.issue(account, "phone")
        AccessToken.objects.issue(account, "settings", scope=Scope.MANAGE)
        scopes = re.findall(r'<span class="scope">([^<]+)<', client.get(PAGE).text)
        assert scopes == ["listen and change the account", "listen"]

    def test_it_shows_the_newest_of_those_that_open_nothing(
        self, client: Client, account: User
    ) -> None:
        for number in range(15):
            AccessToken.objects.issue(account, f"phone {number}")[0].revoke()
        AccessToken.objects.issue(account, "lent phone", timedelta(seconds=-1))
        AccessToken.objects.issue(account, session="of a browser")[0].revoke()
        listed = client.get(PAGE).context["old_tokens"]
        revoked = [f"phone {number}" for number in range(14, 5, -1)]
        assert [token.label for token in listed] == ["lent phone", *revoked]

    def test_it_shows_nobody_else_s(self, client: Client) -> None:
        AccessToken.objects.issue(User.objects.create_user("other"), "Somebody's phone")
        assert "Somebody" not in client.get(PAGE).text

    def test_it_escapes_labels(self, client: Client, account: User) -> None:
        AccessToken.objects.issue(account, "<script>alert(1)</script>")
        assert "<script>alert" not in client.get(PAGE).text


class TestIssueToken:
    def test_an_issued_token_is_shown_as_an_address(self, client: Client, account: User) -> None:
        page = issue(client, label="Kitchen phone", days="30")
        assert page.status_code == 200
        found = re.search(r'value="ws://testserver/ws/([\w-]{43})"', page.text)
        assert found
        issued = AccessToken.objects.get()
        assert AccessToken.objects.find(found[1]) == issued
        assert (issued.user, issued.label) == (account, "Kitchen phone")
        assert issued.expires_at is not None
        assert timedelta(days=29) < issued.expires_at - timezone.now() <= timedelta(days=30)

    @pytest.mark.parametrize(
        ("values", "scope", "shown"),
        [
            ({}, "listen", "listen"),
            ({"may_change": "on"}, "manage", "listen and change the account"),
        ],
    )
    def test_it_may_change_the_account_only_if_that_was_ticked(
        self, client: Client, values: dict[str, str], scope: str, shown: str
    ) -> None:
        assert 'type="checkbox" name="may_change"' in client.get(PAGE).text
        page = issue(client, **values)
        assert AccessToken.objects.get().scope == scope
        assert f"<dt>Scope</dt><dd>{shown}</dd>" in page.text

    def test_it_shows_the_address_as_a_qr_code(self, client: Client) -> None:
        page = issue(client)
        address = page.context["socket_url"]
        assert f'src="{qr_code(address)}"'.replace("'", "&#x27;") in page.text

    def test_it_names_the_host_as_the_browser_knows_it(self, client: Client) -> None:
        data = {"form_id": form_id(client)}
        page = client.post(TOKENS, data, secure=True, headers={"host": "localhost:8443"})
        assert 'value="wss://localhost:8443/ws/' in page.text

    def test_it_shows_the_token_alone_too(self, client: Client) -> None:
        page = issue(client)
        token = page.context["socket_url"].rpartition("/")[2]
        assert f'value="{token}"' in page.text
        assert "for the REST API and the Authorization header" in page.text

    def test_it_shows_the_address_for_tikfinity_s_programs(self, client: Client) -> None:
        page = issue(client)
        token = page.context["socket_url"].rpartition("/")[2]
        assert f'value="ws://testserver/ws/tikfinity/{token}"' in page.text

    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"]
    )
    def test_it_warns_of_an_address_that_no_phone_can_use(self, client: Client, host: str) -> None:
        data = {"form_id": form_id(client)}
        page = client.post(TOKENS, data, headers={"host": host})
        assert f"{CANT_USE} {host}:" in page.text

    def test_it_does_not_warn_of_another(self, client: Client) -> None:
        assert CANT_USE not in issue(client).text

    def test_it_is_shown_once(self, client: Client) -> None:
        page = issue(client)
        token = page.context["socket_url"].rpartition("/")[2]
        assert "no-store" in page["Cache-Control"]
        stored = serializers.serialize("json", [*AccessToken.objects.all()])
        sessions = str([session.get_decoded() for session in Session.objects.all()])
        for place in (stored, sessions, str(client.cookies), client.get(PAGE).text):
            assert token not in place

    def test_it_issues_nothing_when_the_form_comes_again(self, client: Client) -> None:
        data = {"label": "phone", "form_id": form_id(client)}
        client.post(TOKENS, data)
        response = client.post(TOKENS, data, follow=True)
        assert response.redirect_chain == [(PAGE, 302)]
        assert "No other token was issued." in response.text
        assert AccessToken.objects.count() == 1

    def test_it_issues_nothing_when_the_form_comes_from_another_session(
        self, client: Client, account: User
    ) -> None:
        data = {"form_id": form_id(client)}
        client.post(TOKENS, data)
        other = Client()
        other.force_login(account)
        assert other.post(TOKENS, data)["Location"] == PAGE
        assert AccessToken.objects.count() == 1

    def test_it_does_not_mind_forms_of_other_accounts(self, client: Client) -> None:
        data = {"form_id": form_id(client)}
        other = Client()
        other.force_login(User.objects.create_user("other"))
        for owner in (other, client):
            assert owner.post(TOKENS, data).context["socket_url"]

    def test_it_issues_as_many_as_there_are_forms(self, client: Client) -> None:
        for _number in range(25):
            assert issue(client).context["socket_url"]
        assert AccessToken.objects.count() == 25

    @pytest.mark.parametrize(
        ("values", "problem"),
        [
            ({"days": "0"}, "greater than or equal to 1"),
            ({"days": "36501"}, "less than or equal to 36500"),
            ({"days": "soon"}, "Enter a whole number."),
            ({"label": "x" * 101}, "at most 100 characters"),
            ({"form_id": ""}, "This field is required."),
        ],
    )
    def test_it_says_what_is_wrong(
        self, client: Client, values: dict[str, str], problem: str
    ) -> None:
        response = issue(client, **values)
        assert problem in str(response.context["token_form"].errors)
        assert not AccessToken.objects.exists()

    def test_it_can_be_mended(self, client: Client) -> None:
        refused = issue(client, days="soon")
        found = re.search(r'name="form_id" value="([\w-]+)"', refused.text)
        assert found
        assert client.post(TOKENS, {"form_id": found[1]}).context["socket_url"]


class TestQrCode:
    def test_the_qr_code_holds_the_address(self) -> None:
        picture = qr_code("ws://relay.example/ws/token")
        assert picture == segno.make_qr("ws://relay.example/ws/token", error="m").svg_data_uri(
            border=4, dark="#000", light="#fff"
        )

    def test_it_holds_the_whole_text(self) -> None:
        codes = {qr_code(f"ws://relay.example/ws/token{number}") for number in range(50)}
        assert len(codes) == 50

    def test_it_is_dark_on_white_with_a_quiet_zone(self) -> None:
        kind, _comma, picture = qr_code("ws://relay.example/ws/token").partition(",")
        assert kind == "data:image/svg+xml;charset=utf-8"
        size = len(segno.make_qr("ws://relay.example/ws/token", error="m").matrix) + 2 * 4
        assert f"""<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/>""".replace(
            '"', "'"
        ) in unquote(picture)


class TestRevokeToken:
    def test_a_token_is_revoked_after_a_question(self, client: Client, account: User) -> None:
        token, _text = AccessToken.objects.issue(account, "Kitchen phone")
        assert "Kitchen phone" in client.get(revoke_address(token)).text
        assert token.is_usable()
        response = client.post(revoke_address(token), follow=True)
        assert response.redirect_chain == [(PAGE, 302)]
        assert f"The token {token} has been revoked." in response.text
        token.refresh_from_db()
        assert token.revoked_at is not None

    def test_it_keeps_the_first_time(self, client: Client, account: User) -> None:
        token, _text = AccessToken.objects.issue(account)
        token.revoke()
        before = token.revoked_at
        client.post(revoke_address(token))
        token.refresh_from_db()
        assert token.revoked_at == before

    def test_it_knows_nobody_else_s(self, client: Client) -> None:
        token, _text = AccessToken.objects.issue(User.objects.create_user("other"))
        assert client.get(revoke_address(token)).status_code == 404
        assert client.post(revoke_address(token)).status_code == 404
        token.refresh_from_db()
        assert token.is_usable()

    def test_it_is_for_those_who_are_signed_in(self, account: User) -> None:
        token, _text = AccessToken.objects.issue(account)
        response = Client().post(revoke_address(token))
        assert response["Location"].startswith("/login/?next=")
        token.refresh_from_db()
        assert token.is_usable()
