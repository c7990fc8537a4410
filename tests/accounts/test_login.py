"""The login page, signing out, the language, and what every page's footer says."""

import logging
import re
import subprocess
import sys
import time
from ipaddress import ip_network
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.shortcuts import resolve_url
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import Settings

from accounts import lockout
from accounts.limits import SignInLimits
from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def admin_client(client: Client) -> Client:
    """A superuser's. Without a password, whose hash would cost more than the test."""
    client.force_login(User.objects.create_superuser("admin"))
    return client


class TestLogin:
    @pytest.mark.parametrize(("is_staff", "page"), [(False, "/"), (True, "/staff/")])
    def test_signing_in_leads_to_the_console_and_staff_to_the_dashboard(
        self, client: Client, is_staff: bool, page: str
    ) -> None:
        # A TikTok username of their own makes no difference.
        User.objects.create_user(
            "maria", password=PASSWORD, is_staff=is_staff, tiktok_username="maria.live"
        )
        response = client.post(reverse("login"), {"username": "maria", "password": PASSWORD})
        assert response.status_code == 302
        assert response["Location"] == page

    def test_it_returns_to_the_page_that_was_asked_for(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_staff=True)
        page = client.get(reverse("login"), {"next": "/staff/connections/7/"})
        assert b'name="next" value="/staff/connections/7/"' in page.content
        data = {"username": "maria", "password": PASSWORD, "next": "/staff/connections/7/"}
        response = client.post(reverse("login"), data)
        assert response["Location"] == "/staff/connections/7/"

    def test_it_does_not_lead_to_other_sites(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        data = {"username": "maria", "password": PASSWORD, "next": "https://evil.example/"}
        response = client.post(reverse("login"), data)
        assert response["Location"] == resolve_url(settings.LOGIN_REDIRECT_URL)

    def test_it_says_that_the_password_is_wrong(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        response = client.post(reverse("login"), {"username": "maria", "password": "wrong"})
        assert response.status_code == 200
        assert "Please enter a correct username and password" in response.text
        assert 'role="alert"' in response.text

    def test_it_refuses_an_account_that_is_disabled(self, client: Client) -> None:
        User.objects.create_user("maria", password=PASSWORD, is_active=False)
        response = client.post(reverse("login"), {"username": "maria", "password": PASSWORD})
        assert response.status_code == 200
        assert "_auth_user_id" not in client.session

    def test_it_escapes_what_was_typed(self, client: Client) -> None:
        data = {"username": '"><script>alert(1)</script>', "password": "x"}
        response = client.post(reverse("login"), data)
        assert "<script>alert" not in response.text


class TestGuessing:
    """Wrong passwords of one username from one address: ten of them, then a pause."""

    @pytest.fixture(autouse=True)
    def maria(self) -> User:
        return User.objects.create_user("maria", password=PASSWORD, is_staff=True)

    def post(self, page: str = "login", **changes: str) -> Any:
        """From somebody's browser."""
        headers = {"X-Forwarded-For": changes.pop("forwarded", "")}
        address = changes.pop("address", "192.0.2.1")
        data = {"username": "maria", "password": "wrong", **changes}
        return Client().post(reverse(page), data, headers=headers, REMOTE_ADDR=address)

    def guess(self, **changes: str) -> list[int]:
        """The statuses of eleven guesses; then the right password's."""
        statuses = [self.post(**changes).status_code for _guess in range(11)]
        return [*statuses, self.post(**changes, password=PASSWORD).status_code]

    @pytest.mark.parametrize("page", ["login", "admin:login"])
    def test_ten_wrong_passwords_are_followed_by_a_pause(self, page: str) -> None:
        assert self.guess(page=page) == [200] * 9 + [429] * 3
        refused = self.post(page)
        assert "<h1>Too many wrong passwords</h1>" in refused.text
        assert "Wait 15 minutes" in refused.text
        assert f'href="{reverse("login")}"' in refused.text

    def test_it_counts_what_is_guessed_on_either_page(self) -> None:
        self.guess(page="admin:login")
        assert self.post(password=PASSWORD).status_code == 429

    def test_it_is_another_matter_from_elsewhere_or_of_another_account(self) -> None:
        User.objects.create_user("anna", password=PASSWORD)
        self.guess()
        assert self.post(username="anna", password=PASSWORD).status_code == 302
        assert self.post(address="192.0.2.2", password=PASSWORD).status_code == 302

    def test_it_is_over_after_a_quarter_of_an_hour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.guess()
        later = time.time() + 15 * 60
        monkeypatch.setattr(time, "time", lambda: later)
        assert self.post(password=PASSWORD).status_code == 302

    def test_it_says_when_to_try_again(self) -> None:
        self.guess()
        assert self.post()["Retry-After"] == "900"

    def test_it_starts_again_after_the_right_password(self) -> None:
        for _guess in range(9):
            self.post()
        assert self.post(password=PASSWORD).status_code == 302
        assert self.post().status_code == 200

    def test_it_is_not_prolonged_by_trying(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.guess()
        start = time.time()
        monkeypatch.setattr(time, "time", lambda: start + 14 * 60)
        assert self.post(password=PASSWORD).status_code == 429
        monkeypatch.setattr(time, "time", lambda: start + 15 * 60)
        assert self.post(password=PASSWORD).status_code == 302

    def test_it_believes_trusted_proxies(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        assert self.guess(address="10.0.0.1", forwarded="192.0.2.7")[-1] == 429
        right = {"address": "10.0.0.1", "password": PASSWORD}
        assert self.post(**right, forwarded="192.0.2.8").status_code == 302
        assert self.post(**right, forwarded="192.0.2.8, 192.0.2.7").status_code == 429

    def test_it_believes_nobody_else(self) -> None:
        statuses = [self.post(forwarded=f"192.0.2.{n}").status_code for n in range(10)]
        assert statuses[-1] == 429

    def test_it_takes_a_network_of_ipv6_for_one_address(self) -> None:
        statuses = [self.post(address=f"2001:db8::{n}").status_code for n in range(10)]
        assert statuses[-1] == 429
        elsewhere = self.post(address="2001:db8:0:1::1", password=PASSWORD)
        assert elsewhere.status_code == 302

    def test_it_keeps_no_password(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for _guess in range(10):
            self.post(password="Wrong!")
        assert "Wrong!" not in caplog.text

    def test_a_guess_is_no_row(self) -> None:
        for _guess in range(10):
            self.post()
        assert not AccessAttempt.objects.exists()

    def test_it_keeps_no_log_of_those_who_sign_in(self) -> None:
        self.post(password=PASSWORD)
        assert not AccessLog.objects.exists()


class TestManyUsernames:
    """Guesses at ever new usernames, which are no pause's matter: each client has its share."""

    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """The seconds of the limits' clock, which the test moves."""
        now = [0.0]
        monkeypatch.setattr(lockout, "limits", SignInLimits(lambda: now[0]))
        return now

    def post(self, number: int, address: str = "192.0.2.1", forwarded: str = "") -> Any:
        data = {"username": f"nobody{number}", "password": "wrong"}
        headers = {"X-Forwarded-For": forwarded}
        return Client().post("/login/", data, headers=headers, REMOTE_ADDR=address)

    def sign_in(self, address: str = "192.0.2.1", **options: Any) -> Any:
        data = {"username": "maria", "password": PASSWORD}
        return Client().post("/login/", data, REMOTE_ADDR=address, **options)

    def test_an_address_has_its_share(self) -> None:
        assert [self.post(n).status_code for n in range(22)] == [200] * 20 + [429] * 2

    @pytest.mark.parametrize("page", ["/login/", "/admin/login/"])
    def test_it_is_told_when_to_try_again(self, page: str) -> None:
        for n in range(20):
            self.post(n)
        refused = Client(headers={"accept-language": "en"}).post(page, {}, REMOTE_ADDR="192.0.2.1")
        assert (refused.status_code, refused["Retry-After"]) == (429, "6")
        assert "<h1>Too many attempts to sign in</h1>" in refused.text
        assert "Wait 6 seconds" in refused.text

    def test_what_is_over_the_limit_costs_no_query_and_no_hash(
        self, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for n in range(20):
            self.post(n)
        monkeypatch.setattr(MD5PasswordHasher, "encode", None)
        with django_assert_num_queries(0):
            assert self.post(20).status_code == 429

    def test_it_is_over_after_a_while(self, clock: list[float]) -> None:
        for n in range(21):
            self.post(n)
        clock[0] += 6
        assert [self.post(n).status_code for n in range(2)] == [200, 429]

    def test_who_signs_in_uses_none_of_it_up(self) -> None:
        for n in range(30):
            User.objects.create_user(f"pupil{n}", password=PASSWORD)
            data = {"username": f"pupil{n}", "password": PASSWORD}
            response = Client().post("/login/", data, REMOTE_ADDR="192.0.2.1")
            assert response.status_code == 302

    def test_it_keeps_nobody_out_who_has_signed_in_there_before(self) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        assert self.sign_in().status_code == 302
        for n in range(21):
            self.post(n)
        assert self.sign_in().status_code == 302

    def test_it_keeps_nobody_out_elsewhere(self) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        for n in range(21):
            self.post(n)
        assert self.sign_in("192.0.2.2").status_code == 302

    def test_a_network_of_ipv6_is_one_address(self) -> None:
        for n in range(20):
            self.post(n, f"2001:db8::{n:x}")
        assert self.post(20, "2001:db8::ffff").status_code == 429
        assert self.post(20, "2001:db8:0:1::1").status_code == 200

    def test_it_believes_trusted_proxies_alone(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        for n in range(20):
            self.post(n, "10.0.0.1", "192.0.2.7")
        assert self.post(20, "10.0.0.1", "192.0.2.7").status_code == 429
        assert self.post(20, "10.0.0.1", "192.0.2.8").status_code == 200
        for n in range(20):
            self.post(n, "192.0.2.9", f"192.0.2.{n}")
        assert self.post(20, "192.0.2.9", "192.0.2.77").status_code == 429

    def test_a_username_has_its_share_of_all_addresses(self, clock: list[float]) -> None:
        User.objects.create_user("maria", password=PASSWORD)
        assert self.sign_in("192.0.2.200").status_code == 302
        wrong = {"username": "maria", "password": "wrong"}
        statuses = [
            Client().post("/login/", wrong, REMOTE_ADDR=f"192.0.2.{n}").status_code
            for n in range(21)
        ]
        assert statuses == [200] * 20 + [429]
        refused = self.sign_in("192.0.2.201")
        assert (refused.status_code, refused["Retry-After"]) == (429, "30")
        assert self.sign_in("192.0.2.200").status_code == 302
        clock[0] += 30
        assert self.sign_in("192.0.2.201").status_code == 302

    def test_it_is_in_the_browser_s_language(self) -> None:
        for n in range(20):
            self.post(n)
        for language in ("en", "ru"):
            refused = Client(headers={"accept-language": language}).post(
                "/login/", {}, REMOTE_ADDR="192.0.2.1"
            )
            assert f'<html lang="{language}">' in refused.text


class TestCookies:
    """What says who somebody is."""

    COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE")

    @pytest.mark.parametrize("https_only", ["", "on"])
    def test_cookies_are_secure_where_https_is_the_only_way(self, https_only: str) -> None:
        """Whether they travel by https alone."""
        names = ", ".join(f"settings.{name}" for name in self.COOKIES)
        command = f"from django.conf import settings; print({names}, settings.SECURE_HSTS_SECONDS)"
        environment = {"SECRET_KEY": "of the tests", "HTTPS_ONLY": https_only}
        printed = subprocess.run(
            [sys.executable, "-c", command],
            cwd=settings.BASE_DIR,
            env={"DJANGO_SETTINGS_MODULE": "relay_project.settings", **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.split()
        assert printed == (["True"] * 3 + ["86400"] if https_only else ["False"] * 3 + ["0"])


class TestHeader:
    def test_the_header_names_who_is_signed_in(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria", is_staff=True))
        page = client.get(reverse("connections")).text
        assert "<strong>maria</strong>" in page
        assert f'<form class="who" method="post" action="{reverse("logout")}">' in page

    def test_it_signs_out_by_post(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        response = client.post(reverse("logout"))
        assert response["Location"] == reverse("login")
        assert "_auth_user_id" not in client.session

    def test_it_does_not_sign_out_by_get(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        assert client.get(reverse("logout")).status_code == 405
        assert "_auth_user_id" in client.session

    def test_it_shows_staff_links_to_staff_only(self, client: Client) -> None:
        client.force_login(User.objects.create_user("maria"))
        page = client.get(reverse("login")).text
        assert "<strong>maria</strong>" in page
        assert reverse("admin:index") not in page

    def test_it_has_no_inline_script_or_style(self, client: Client) -> None:
        page = client.get(reverse("login")).text
        assert not re.search(r"<script(?![^>]* src=)", page)
        assert "<style" not in page
        assert "style=" not in page


class TestLanguage:
    def sign_in(self, client: Client, language: str) -> None:
        User.objects.create_user("maria", password=PASSWORD, language=language)
        client.post(reverse("login"), {"username": "maria", "password": PASSWORD})

    def language_of(self, client: Client) -> str:
        page = client.get(reverse("account"), headers={"accept-language": "en"}).text
        return "ru" if '<html lang="ru">' in page else "en"

    def test_it_is_the_account_s_from_signing_in_on(self, client: Client) -> None:
        self.sign_in(client, "ru")
        assert self.language_of(client) == "ru"

    def test_it_stays_as_it_is_where_the_account_has_none(self, client: Client) -> None:
        client.post(reverse("set_language"), {"language": "ru"})
        self.sign_in(client, "")
        assert self.language_of(client) == "ru"

    def test_it_can_be_changed_after_signing_in(self, client: Client) -> None:
        self.sign_in(client, "ru")
        client.post(reverse("set_language"), {"language": "en"})
        assert self.language_of(client) == "en"

    def test_a_visitor_chooses_a_language(self, client: Client) -> None:
        response = client.post(
            reverse("set_language"), {"language": "ru", "next": reverse("login")}
        )
        assert response["Location"] == reverse("login")
        assert '<html lang="ru">' in client.get(reverse("login")).text

    def test_it_marks_the_current_one(self, client: Client) -> None:
        page = client.get(reverse("login"), headers={"accept-language": "en"}).text
        assert 'value="en" lang="en" aria-current="true"' in page
        assert 'value="ru" lang="ru">Русский' in page

    def test_it_comes_back_to_the_same_page_with_its_query(self, client: Client) -> None:
        page = client.get(reverse("login") + "?next=/a&b=%3C").text
        assert 'name="next" value="/login/?next=/a&amp;b=%3C"' in page


class TestSource:
    """The footer of every page says where its source is."""

    def test_the_footer_links_to_the_source(self, client: Client) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = client.get(reverse("login")).text
        assert '<a href="https://git.example.org/relay">Source code (AGPL-3.0)</a>' in page

    def test_it_names_the_licence_without_an_address(self, client: Client) -> None:
        with override_settings(SOURCE_URL=""):
            page = client.get(reverse("login")).text
        assert "AGPL-3.0" in page
        assert "Source code" not in page

    @pytest.mark.parametrize(
        "address",
        [
            "/staff/connections/",
            "/no-such-page/",
            "/admin/",
            "/admin/accounts/user/",
            "/admin/accounts/user/add/",
            "/admin/live/connectionlog/",
            "/admin/password_change/",
        ],
    )
    def test_it_is_on_the_pages_of_the_staff(self, admin_client: Client, address: str) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = admin_client.get(address).text
        assert '<a href="https://git.example.org/relay">' in page

    @pytest.mark.parametrize("address", ["/admin/login/", "/login/", "/no-such-page/"])
    def test_it_is_on_the_pages_of_strangers(self, client: Client, address: str) -> None:
        with override_settings(SOURCE_URL="https://git.example.org/relay"):
            page = client.get(address).text
        assert '<a href="https://git.example.org/relay">' in page


class TestErrorPages:
    def test_an_unknown_address_gets_a_page_that_says_so(self, client: Client) -> None:
        response = client.get("/no-such-page/")
        assert response.status_code == 404
        assert "No such page" in response.text

    def test_it_escapes_the_address(self, client: Client) -> None:
        page = client.get("/<script>alert(1)</script>/?a=<script>").text
        assert "<script>" not in page

    def test_it_explains_a_form_that_is_out_of_date(self) -> None:
        response = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "x"})
        assert response.status_code == 403
        assert "The form is out of date" in response.text

    def test_it_renders_500_without_a_context(self) -> None:
        page = get_template("500.html").render()
        assert "Something went wrong" in page
        assert "AGPL-3.0" in page
        assert "shared/palette.css" in page  # without it, the page has no colours
