"""Changing a password, and getting a new one by email."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from pytest_django import Settings

from accounts import forms
from accounts.models import User

pytestmark = pytest.mark.django_db

CHANGE = "/account/password/"
RESET = "/login/reset/"
ADDRESS = "maria@example.org"
OLD = "of the tests, only"
NEW = "a hedgehog in the snow"


@pytest.fixture
def account() -> User:
    return User.objects.create_user("studio", ADDRESS, OLD)


@pytest.fixture
def owner(account: User) -> Client:
    client = Client()
    client.force_login(account)
    return client


@pytest.fixture
def email(settings: Settings) -> Iterator[None]:
    """The server can send some, and has not written to anybody yet."""
    settings.SENDS_EMAIL = True
    settings.DEFAULT_FROM_EMAIL = "relay@example.org"
    cache.clear()
    yield
    sent()


def sent() -> list[Any]:
    """The emails that have been sent, once none is on its way."""
    forms._MAILER.submit(int).result(timeout=10)
    return mail.outbox


def link() -> str:
    """The path of the link in the one email that was sent."""
    [message] = sent()
    found = re.search(r"^http://testserver(/login/reset/\S+)$", str(message.body), re.MULTILINE)
    assert found
    return found[1]


class TestChangePassword:
    def test_the_owner_changes_the_password(self, owner: Client, account: User) -> None:
        data = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
        response = owner.post(CHANGE, data, follow=True)
        assert response.redirect_chain == [("/account/", 302)]
        assert "Your password has been changed." in response.text
        account.refresh_from_db()
        assert account.check_password(NEW)

    def test_it_signs_the_other_browsers_out(self, owner: Client, account: User) -> None:
        other = Client()
        other.force_login(account)
        owner.post(CHANGE, {"old_password": OLD, "new_password1": NEW, "new_password2": NEW})
        assert other.get("/account/")["Location"].startswith("/login/")

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            ({"old_password": "wrong"}, "Your old password was entered incorrectly."),
            ({"new_password2": "another"}, "The two password fields didn’t match."),
            ({"new_password1": "12345678", "new_password2": "12345678"}, "entirely numeric"),
        ],
    )
    def test_it_says_what_is_wrong(
        self, owner: Client, account: User, data: dict[str, str], problem: str
    ) -> None:
        valid = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
        page = owner.post(CHANGE, {**valid, **data}).text
        assert problem in page
        assert OLD not in page
        assert NEW not in page
        account.refresh_from_db()
        assert account.check_password(OLD)

    def test_it_lets_nobody_guess_the_password(self, owner: Client, account: User) -> None:
        guess = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
        statuses = [owner.post(CHANGE, guess).status_code for _guess in range(10)]
        assert statuses == [200] * 9 + [429]
        assert owner.post(CHANGE, {**guess, "old_password": OLD}).status_code == 429
        account.refresh_from_db()
        assert account.check_password(OLD)
        assert not AccessAttempt.objects.exists()

    def test_it_is_for_those_who_are_signed_in(self, client: Client) -> None:
        assert client.get(CHANGE)["Location"] == f"/login/?next={CHANGE}"


class SlowMail(BaseEmailBackend):
    """A mail server that answers when it is let, and sends nothing."""

    asked, answers = threading.Event(), threading.Event()

    def send_messages(self, messages: Any) -> int:
        self.asked.set()
        assert self.answers.wait(10)
        return 0


class NoMail(BaseEmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError("no mail server")


@pytest.mark.usefixtures("email")
class TestResetPassword:
    def test_a_forgotten_password_is_reset_by_mail(self, client: Client, account: User) -> None:
        assert RESET in client.get("/login/").text
        response = client.post(RESET, {"email": ADDRESS.upper()}, follow=True)
        assert "If there is an account with this address, an email is on its way." in response.text
        form = client.get(link(), follow=True)
        assert "Choose a new password" in form.text
        address = form.redirect_chain[-1][0]
        data = {"new_password1": NEW, "new_password2": NEW}
        response = client.post(address, data, follow=True)
        assert "Your password has been changed. Sign in with the new one." in response.text
        account.refresh_from_db()
        assert account.check_password(NEW)

    def test_it_writes_who_and_where(self, client: Client, account: User) -> None:
        client.post(RESET, {"email": ADDRESS})
        [message] = sent()
        assert (message.from_email, message.to) == ("relay@example.org", [ADDRESS])
        assert message.subject == "A new password for testserver"
        assert "the account studio on testserver" in message.body
        assert not getattr(message, "alternatives", None)

    def test_it_says_the_same_of_addresses_that_it_does_not_know(
        self, client: Client, account: User
    ) -> None:
        known = client.post(RESET, {"email": ADDRESS}, follow=True)
        unknown = Client().post(RESET, {"email": "nobody@example.org"}, follow=True)
        assert known.redirect_chain == unknown.redirect_chain
        assert "If there is an account with this address" in unknown.text
        assert len(sent()) == 1

    def test_it_does_not_wait_for_the_mail_server(
        self, client: Client, account: User, settings: Settings
    ) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.{SlowMail.__name__}"
        SlowMail.answers.clear()
        try:
            response = client.post(RESET, {"email": ADDRESS})
            assert response["Location"] == "/login/"
            assert SlowMail.asked.wait(10)
        finally:
            SlowMail.answers.set()
        assert sent() == []

    def test_it_says_the_same_when_the_mail_server_refuses(
        self, client: Client, account: User, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.{NoMail.__name__}"
        response = client.post(RESET, {"email": ADDRESS}, follow=True)
        assert "If there is an account with this address" in response.text
        assert sent() == []
        assert f"Failed to send password reset email to {account.pk}" in caplog.text

    def test_it_writes_three_times_an_hour(self, client: Client, account: User) -> None:
        User.objects.create_user("kitchen", "kitchen@example.org", OLD)
        for _ in range(5):
            response = client.post(RESET, {"email": ADDRESS})
            assert response["Location"] == "/login/"
        client.post(RESET, {"email": "kitchen@example.org"})
        assert [message.to for message in sent()] == [[ADDRESS]] * 3 + [["kitchen@example.org"]]

    def test_it_writes_again_when_the_hour_is_over(
        self, client: Client, account: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forms, "_HOUR", 0)  # what is kept so long is gone at once
        for _ in range(5):
            client.post(RESET, {"email": ADDRESS})
        assert len(sent()) == 5

    def test_it_writes_in_the_account_s_language(self, client: Client, account: User) -> None:
        for language in ("ru", "en"):
            account.language = language
            account.save()
            client.post(RESET, {"email": ADDRESS}, headers={"accept-language": "de"})
        russian, english = (str(message.body) for message in sent())
        assert re.search("[а-я]", russian)
        assert not re.search("[а-я]", english)

    def test_it_writes_in_the_browser_s_language_where_none_is_chosen(
        self, client: Client, account: User
    ) -> None:
        client.post(RESET, {"email": ADDRESS}, headers={"accept-language": "ru"})
        assert re.search("[а-я]", str(sent()[0].body))

    def test_it_writes_names_as_they_are(self, client: Client) -> None:
        User.objects.create_user("o'neil & <co>", ADDRESS, OLD)
        client.post(RESET, {"email": ADDRESS})
        assert "o'neil & <co>" in str(sent()[0].body)

    def test_it_writes_to_no_account_that_is_disabled(self, client: Client, account: User) -> None:
        account.is_active = False
        account.save()
        client.post(RESET, {"email": ADDRESS})
        assert sent() == []

    def test_it_works_once(self, client: Client, account: User) -> None:
        client.post(RESET, {"email": ADDRESS})
        account.set_password(NEW)
        account.save()
        page = client.get(link(), follow=True).text
        assert "The link does not work any more" in page
        assert RESET in page

    def test_it_says_what_is_wrong_with_a_password(self, client: Client, account: User) -> None:
        client.post(RESET, {"email": ADDRESS})
        address = client.get(link(), follow=True).redirect_chain[-1][0]
        page = client.post(address, {"new_password1": "1234", "new_password2": "1234"}).text
        assert "This password is too short." in page
        account.refresh_from_db()
        assert account.check_password(OLD)

    def test_it_keeps_the_link_s_secret_out_of_the_page_s_address(
        self, client: Client, account: User
    ) -> None:
        client.post(RESET, {"email": ADDRESS})
        secret = link().rstrip("/").rpartition("/")[2]
        form = client.get(link(), follow=True)
        assert secret not in form.redirect_chain[-1][0]
        assert secret not in form.text
        assert Session.objects.count() == 1


class TestWithoutEmail:
    def test_without_mail_nothing_offers_a_reset(self, client: Client, settings: Settings) -> None:
        settings.SENDS_EMAIL = False
        assert RESET not in client.get("/login/").text
        assert client.get(RESET).status_code == 404
        assert client.post(RESET, {"email": ADDRESS}).status_code == 404
        assert client.get(f"{RESET}MQ/set-password/").status_code == 404
