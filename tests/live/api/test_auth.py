"""Who is let in to the REST API."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import AccessToken, User
from tests.support.rest import Ask, RestClient

pytestmark = pytest.mark.django_db


class TestAuthentication:
    """Held against one operation; all go through the same."""

    @pytest.mark.parametrize(
        "authorization",
        ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic bWFyaWE6", "Bearer \xff\x00"],
    )
    def test_it_knows_no_such_token(self, ask: Ask, authorization: str) -> None:
        response = ask(authorization=authorization)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.json()["code"] == "invalid_token"

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic bWFyaWE6"])
    def test_it_says_that_no_token_was_sent(self, ask: Ask, authorization: str) -> None:
        detail = ask(authorization=authorization, lang="en").json()["detail"]
        assert detail == "No token was sent. It belongs into the header “Authorization: Bearer …”."

    def test_it_says_of_a_token_that_it_does_not_know_it(self, ask: Ask) -> None:
        detail = ask(authorization="Bearer nonsense", lang="en").json()["detail"]
        assert detail == "The server does not know this token."

    def test_it_refuses_a_token_of_another_kind_without_logging_it(
        self, ask: Ask, client: RestClient, caplog: pytest.LogCaptureFixture, settings: Any
    ) -> None:
        settings.DEBUG = True
        with caplog.at_level(logging.DEBUG):
            assert ask(authorization=f"Token {client.token}").json()["code"] == "invalid_token"
        assert client.token not in caplog.text

    def test_it_takes_the_scheme_in_any_case(self, ask: Ask, client: RestClient) -> None:
        assert ask(authorization=f"bearer {client.token}").status_code == 200

    def test_it_refuses_a_revoked_token(self, ask: Ask) -> None:
        AccessToken.objects.get().revoke()
        response = ask()
        assert (response.status_code, response.json()["code"]) == (401, "token_revoked")

    def test_it_refuses_an_expired_token(self, ask: Ask, user: User) -> None:
        _issued, expired = AccessToken.objects.issue(user, expires_in=timedelta(seconds=-1))
        response = ask(authorization=f"Bearer {expired}")
        assert (response.status_code, response.json()["code"]) == (401, "token_revoked")

    def test_it_refuses_a_disabled_account(self, ask: Ask) -> None:
        User.objects.update(is_active=False)
        response = ask()
        assert (response.status_code, response.json()["code"]) == (403, "account_disabled")

    def test_it_does_not_take_a_session(self, ask: Ask, client: RestClient, user: User) -> None:
        async_to_sync(client.aforce_login)(user)
        for method in ("GET", "PATCH"):
            response = ask(method, b"{}", authorization="")
            assert (response.status_code, response.json()["code"]) == (401, "invalid_token")

    def test_it_takes_no_token_from_the_address(self, ask: Ask, client: RestClient) -> None:
        assert ask(authorization="", token=client.token).status_code == 401
