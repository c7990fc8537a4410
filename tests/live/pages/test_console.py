"""The console's views: the page, the token that it is given, and the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from pytest_django import Settings

from accounts.models import AccessToken, User
from live.protocol.errors import ErrorCode
from live.protocol.options import SocketOptions

pytestmark = pytest.mark.django_db
PAGE, TOKEN, MANIFEST = "/", "/console/token/", "/manifest.webmanifest"
WELCOME = re.compile(r'<section id="welcome"[^>]*?(?P<hidden> hidden)?\s+data-check', re.DOTALL)
OLD, NEW = "of the tests, only", "a hedgehog in the snow"


@pytest.fixture
def anna(client: Client) -> User:
    """She is signed in."""
    anna = User.objects.create_user("anna", tiktok_username="anna.live")
    client.force_login(anna)
    return anna


def token_of(client: Client) -> str:
    """A new token for the console of that session."""
    answer = client.post(TOKEN)
    assert answer.status_code == 200
    return str(answer.json()["token"])


def prefix_told(client: Client) -> str:
    """Of the session's token, as the page tells it."""
    found = re.search(r'data-token-prefix="([^"]*)"', client.get(PAGE).content.decode())
    assert found
    return found[1]


class TestThePage:
    def test_the_console_knows_its_username(self, client: Client, anna: User) -> None:
        page = client.get(PAGE).content.decode()
        assert 'data-username="anna.live"' in page
        assert '<link rel="manifest" href="/manifest.webmanifest"' in page

    def test_it_asks_an_account_without_a_username_for_one(
        self, client: Client, anna: User
    ) -> None:
        assert WELCOME.search(client.get(PAGE).content.decode())["hidden"]  # type: ignore[index]
        User.objects.update(tiktok_username="")
        page = client.get(PAGE).content.decode()
        assert not WELCOME.search(page)["hidden"]  # type: ignore[index]
        assert 'action="/account/username/"' in page
        assert re.search(r'<button id="connect"[^>]* hidden>', page)

    @pytest.mark.parametrize(
        ("is_on", "offered"), [(True, "See test events"), (False, "RELAY_TEST_ENDPOINT=always")]
    )
    def test_it_offers_test_events_or_says_how_they_are_switched_on(
        self, client: Client, anna: User, settings: Settings, is_on: bool, offered: str
    ) -> None:
        User.objects.update(tiktok_username="")
        settings.RELAY_TEST_ENDPOINT = is_on
        page = client.get(PAGE).content.decode()
        offers = {"See test events", "RELAY_TEST_ENDPOINT=always"}
        assert {offer for offer in offers if offer in page} == {offered}

    def test_it_has_the_source_where_the_footer_has_no_room(
        self, client: Client, anna: User, settings: Settings
    ) -> None:
        settings.SOURCE_URL = "https://source.example/relay"
        menu = client.get(PAGE).content.decode().partition('id="menu"')[2]
        assert "https://source.example/relay" in menu.partition("</header>")[0]

    def test_it_sends_strangers_to_the_login_page(self, client: Client) -> None:
        assert client.get(PAGE)["Location"] == "/login/?next=/"

    def test_it_holds_no_token(self, client: Client, anna: User) -> None:
        token = token_of(client)
        assert token not in client.get(PAGE).content.decode()

    def test_it_is_where_people_land_who_sign_in(self, client: Client) -> None:
        User.objects.create_user("bob", password="of the tests, only")
        answer = client.post("/login/", {"username": "bob", "password": "of the tests, only"})
        assert answer["Location"] == PAGE


class TestTheTestSwitch:
    def test_it_is_absent_while_there_is_no_test_endpoint(
        self, client: Client, anna: User, settings: Settings
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = False
        assert 'id="test"' not in client.get(PAGE).content.decode()

    def test_it_offers_every_error_and_recording(
        self, client: Client, anna: User, settings: Settings, tmp_path: Path
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = True
        settings.RELAY_RECORDINGS = tmp_path
        for name in ("b.jsonl", "a.jsonl.gz", "notes.txt"):
            (tmp_path / name).touch()
        (tmp_path / "folder.jsonl").mkdir()
        page = client.get(PAGE).content.decode()
        offered = re.findall(r"<option>([^<]*)</option>", page)
        assert offered == [*sorted(ErrorCode), "a.jsonl.gz", "b.jsonl"]

    def test_it_offers_no_recording_that_is_refused(
        self, client: Client, anna: User, settings: Settings, tmp_path: Path
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = True
        settings.RELAY_RECORDINGS = tmp_path
        for name in ("good.jsonl", "a LIVE.jsonl", "мария.jsonl", "-.jsonl", "x" * 95 + ".jsonl"):
            (tmp_path / name).touch()
        page = client.get(PAGE).content.decode()
        offered = set(re.findall(r"<option>([^<]*)</option>", page)) - set(ErrorCode)
        assert offered == {"good.jsonl", "-.jsonl"}
        for name in offered:
            assert SocketOptions.parse(f"replay={name}", test=True).replay == name

    def test_it_offers_no_recordings_where_there_are_none(
        self, client: Client, anna: User, settings: Settings, tmp_path: Path
    ) -> None:
        settings.RELAY_TEST_ENDPOINT = True
        settings.RELAY_RECORDINGS = tmp_path / "nowhere"
        page = client.get(PAGE).content.decode()
        assert 'name="fail"' in page
        assert 'name="replay"' not in page


class TestTheToken:
    def test_the_console_gets_a_token_for_a_day(self, client: Client, anna: User) -> None:
        found = AccessToken.objects.find(token_of(client))
        assert found is not None
        assert found.user == anna
        assert (found.label, found.shown_label) == ("", "Live console")
        assert found.scope == "listen"
        assert found.expires_at is not None
        assert timedelta(hours=23) < found.expires_at - timezone.now() <= timedelta(days=1)

    def test_it_is_kept_by_no_cache(self, client: Client, anna: User) -> None:
        assert "no-store" in client.post(TOKEN)["Cache-Control"]

    def test_it_is_not_kept_in_the_session(self, client: Client, anna: User) -> None:
        token = token_of(client)
        assert token not in json.dumps(dict(client.session))

    def test_it_stores_the_session_s_key_as_little_as_its_own(
        self, client: Client, anna: User
    ) -> None:
        token_of(client)
        assert client.session.session_key not in AccessToken.objects.values_list().get()

    def test_it_is_told_by_its_prefix(self, client: Client, anna: User) -> None:
        assert prefix_told(client) == ""
        token = token_of(client)
        assert prefix_told(client) == token[:8]

    def test_it_is_not_told_once_it_is_of_no_use(self, client: Client, anna: User) -> None:
        token_of(client)
        AccessToken.objects.get().revoke()
        assert prefix_told(client) == ""

    def test_it_is_not_told_when_little_of_it_is_left(self, client: Client, anna: User) -> None:
        prefix = token_of(client)[:8]
        token = AccessToken.objects.get()
        for left, told in ((timedelta(minutes=61), prefix), (timedelta(minutes=59), "")):
            token.expires_at = timezone.now() + left
            token.save()
            assert prefix_told(client) == told

    def test_it_takes_expired_ones_of_the_account_s_consoles_away(
        self, client: Client, anna: User
    ) -> None:
        expired = timedelta(seconds=-1)
        bob = User.objects.create_user("bob")
        lasting, _text = AccessToken.objects.issue(anna, session="a")
        phone, _text = AccessToken.objects.issue(anna, "phone", expired)
        other, _text = AccessToken.objects.issue(bob, "", expired, session="b")
        gone, _text = AccessToken.objects.issue(anna, "", expired, session="a")
        token_of(client)
        left = set(AccessToken.objects.exclude(pk=AccessToken.objects.latest("pk").pk))
        assert left == {lasting, phone, other}
        assert gone not in left

    def test_an_account_has_no_more_than_twenty(self, client: Client, anna: User) -> None:
        _phone, kept = AccessToken.objects.issue(anna)
        tokens = [token_of(client) for _ in range(23)]
        assert [AccessToken.objects.find(token) is not None for token in tokens] == (
            [False] * 3 + [True] * 20
        )
        assert AccessToken.objects.find(kept) is not None

    def test_it_leaves_that_of_another_tab_alone(self, client: Client, anna: User) -> None:
        first, second = token_of(client), token_of(client)
        assert is_usable(first)
        assert prefix_told(client) == second[:8]

    def test_it_leaves_other_tokens_of_the_account_alone(self, client: Client, anna: User) -> None:
        _issued, phone = AccessToken.objects.issue(anna, "phone")
        other = Client()
        other.force_login(anna)
        elsewhere = token_of(other)
        token_of(client)
        client.post("/logout/")
        assert is_usable(phone)
        assert is_usable(elsewhere)

    def test_it_is_revoked_by_signing_out(self, client: Client, anna: User) -> None:
        tokens = [token_of(client), token_of(client)]
        client.post("/logout/")
        assert not any(map(is_usable, tokens))

    def test_it_is_for_those_who_are_signed_in(self, client: Client) -> None:
        assert client.post(TOKEN).status_code == 403
        assert not AccessToken.objects.exists()

    def test_it_is_not_given_to_other_sites(self, anna: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(anna)
        assert strict.post(TOKEN).status_code == 403
        assert not AccessToken.objects.exists()

    def test_it_is_not_got_by_following_a_link(self, client: Client, anna: User) -> None:
        assert client.get(TOKEN).status_code == 405


def change_on_the_account_page(anna: User) -> None:
    owner = Client()
    owner.force_login(anna)
    data = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    assert owner.post("/account/password/", data).status_code == 302


def reset_by_email(anna: User) -> None:
    owner = Client()
    anna.refresh_from_db()  # the link is of no use after another login
    uid, secret = (
        urlsafe_base64_encode(force_bytes(anna.pk)),
        default_token_generator.make_token(anna),
    )
    form = owner.get(f"/login/reset/{uid}/{secret}/")["Location"]
    assert owner.post(form, {"new_password1": NEW, "new_password2": NEW}).status_code == 302


def change_in_the_admin(anna: User) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    data = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert boss.post(f"/admin/accounts/user/{anna.pk}/password/", data).status_code == 302


def take_away_in_the_admin(anna: User) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    page, data = f"/admin/accounts/user/{anna.pk}/password/", {"usable_password": "false"}
    assert boss.post(page, {**data, "unset-password": "1"}).status_code == 302


def change_in_code(anna: User) -> None:
    account = User.objects.get(pk=anna.pk)
    account.set_password(NEW)
    account.save()


class TestAnotherPassword:
    """It cuts off whoever knew the one before."""

    @pytest.fixture
    def anna(self, anna: User, settings: Settings) -> User:
        settings.SENDS_EMAIL = True
        anna.set_password(OLD)
        anna.save()
        return anna

    @pytest.mark.parametrize(
        "change",
        [
            change_on_the_account_page,
            reset_by_email,
            change_in_the_admin,
            take_away_in_the_admin,
            change_in_code,
        ],
    )
    def test_another_password_ends_the_consoles_of_the_old_one(
        self, anna: User, change: Callable[[User], None]
    ) -> None:
        _issued, phone = AccessToken.objects.issue(anna, "phone")
        thief = Client()
        thief.post("/login/", {"username": "anna", "password": OLD})
        token = token_of(thief)
        change(anna)
        assert not User.objects.get(pk=anna.pk).check_password(OLD)
        assert not is_usable(token)
        assert thief.post(TOKEN).status_code == 403
        assert is_usable(phone)

    def test_it_leaves_those_who_keep_theirs_alone(self, client: Client, anna: User) -> None:
        bob = User.objects.create_user("bob")
        client.force_login(anna)
        token = token_of(client)
        Client().post("/login/", {"username": "anna", "password": OLD})
        change_in_code(bob)
        account = User.objects.get(pk=anna.pk)
        account.tiktok_username = "anna.two"
        account.save()
        assert is_usable(token)


class TestTheManifest:
    def test_the_manifest_makes_the_console_installable(self, client: Client) -> None:
        answer = client.get(MANIFEST)
        assert answer["Content-Type"] == "application/manifest+json"
        manifest = answer.json()
        assert manifest["start_url"] == PAGE
        assert manifest["display"] == "standalone"
        assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}

    def test_its_icons_are_there(self, client: Client) -> None:
        for icon in client.get(MANIFEST).json()["icons"]:
            assert finders.find(icon["src"].removeprefix("/static/"))

    def test_it_says_its_language(self, client: Client) -> None:
        manifest = client.get(MANIFEST, headers={"Accept-Language": "ru"}).json()
        assert manifest["lang"] == "ru"


def is_usable(token: str) -> bool:
    found = AccessToken.objects.find(token)
    assert found is not None
    return found.is_usable()
