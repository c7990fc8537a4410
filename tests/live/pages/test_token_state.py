"""The light on the page of a new token: what it says of the phone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AccessToken, User
from live.models import ConnectionLog
from live.protocol.errors import CloseCode, ErrorCode

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> User:
    return User.objects.create_user("studio", tiktok_username="maria")


@pytest.fixture
def token(account: User) -> AccessToken:
    return AccessToken.objects.issue(account, "phone")[0]


@pytest.fixture
def client(account: User) -> Client:
    """The owner's."""
    client = Client()
    client.force_login(account)
    return client


def address_of(token: AccessToken) -> str:
    return f"/account/tokens/{token.pk}/state.json"


def state(client: Client, token: AccessToken) -> dict[str, str]:
    answer: dict[str, str] = client.get(address_of(token)).json()
    return answer


def connect(token: AccessToken, **values: Any) -> ConnectionLog:
    """A row of the log; the socket is still open unless told otherwise."""
    return ConnectionLog.objects.create(
        account=token.user,
        tiktok_username="maria",
        token_prefix=token.prefix,
        address="192.0.2.7",
        user_agent="RelayApp/2.3",
        **{"opened_at": timezone.now(), **values},
    )


def refuse(token: AccessToken, code: str, **values: Any) -> ConnectionLog:
    closed = {"closed_at": timezone.now(), "close_code": CloseCode.POLICY_VIOLATION}
    return connect(token, error_code=code, **closed, **values)


class TestTokenState:
    def test_it_waits_until_a_phone_comes(self, client: Client, token: AccessToken) -> None:
        told = state(client, token)
        assert told == {
            "state": "waiting",
            "title": "Waiting for the phone…",
            "detail": "",
            "hint": "",
            "client": "",
        }

    def test_it_says_who_is_connected(self, client: Client, token: AccessToken) -> None:
        connect(token)
        told = state(client, token)
        assert (told["state"], told["title"]) == ("connected", "Connected")
        assert told["client"] == "192.0.2.7 · RelayApp/2.3"

    def test_it_knows_clients_that_say_nothing_of_themselves(
        self, client: Client, token: AccessToken
    ) -> None:
        ConnectionLog.objects.filter(pk=connect(token).pk).update(address=None, user_agent="")
        assert state(client, token)["client"] == ""

    def test_it_says_that_a_connection_is_over(self, client: Client, token: AccessToken) -> None:
        connect(token, closed_at=timezone.now(), close_code=CloseCode.NORMAL)
        assert state(client, token)["state"] == "ended"

    def test_it_says_why_the_phone_was_refused(self, client: Client, token: AccessToken) -> None:
        refuse(token, ErrorCode.USER_OFFLINE)
        told = state(client, token)
        assert told["state"] == "refused"
        assert told["title"].endswith("the streamer is not live")
        assert "@maria" in told["detail"]
        assert told["hint"]
        assert told["client"] == "192.0.2.7 · RelayApp/2.3"

    def test_it_bears_errors_that_are_no_more(self, client: Client, token: AccessToken) -> None:
        refuse(token, "retired_code")
        assert state(client, token)["title"] == "The relay refused it"

    def test_it_prefers_a_connection_that_is_open(self, client: Client, token: AccessToken) -> None:
        connect(token)
        refuse(token, ErrorCode.TOO_MANY_CONNECTIONS)
        assert state(client, token)["state"] == "connected"

    def test_it_takes_no_other_token_s_connection_for_this_one_s(
        self, client: Client, account: User, token: AccessToken
    ) -> None:
        connect(AccessToken.objects.issue(account, "another phone")[0])
        assert state(client, token)["state"] == "waiting"

    def test_it_does_not_read_what_is_older_than_the_token(
        self, client: Client, token: AccessToken
    ) -> None:
        connect(token, opened_at=token.created_at - timedelta(hours=1))
        assert state(client, token)["state"] == "waiting"

    def test_it_speaks_the_language_of_the_page(self, client: Client, token: AccessToken) -> None:
        refuse(token, ErrorCode.USERNAME_MISSING)
        answer = client.get(address_of(token), headers={"accept-language": "ru"}).json()
        assert "TikTok username не указан" in answer["title"]

    def test_it_is_the_owner_s_alone(self, token: AccessToken) -> None:
        other = Client()
        other.force_login(User.objects.create_superuser("boss"))
        assert other.get(address_of(token)).status_code == 404
        assert Client().get(address_of(token)).status_code == 403

    def test_it_is_not_kept_by_browsers(self, client: Client, token: AccessToken) -> None:
        assert "no-store" in client.get(address_of(token))["Cache-Control"]
