"""How the REST API tells errors: in which language, and what Django found."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.handlers.asgi import ASGIRequest

from accounts.api import Problem
from accounts.models import AccessToken, User
from live.api.errors import problem
from live.protocol.errors import ErrorCode, RelayError
from tests.support.rest import Ask, RestClient

STATUS = "/api/v1/status"

pytestmark = pytest.mark.django_db


class TestLanguage:
    """Of the texts, not of the codes."""

    @pytest.mark.parametrize(
        ("account", "accepted", "lang", "spoken"),
        [
            ("", "", "", "en"),
            ("", "ru", "", "ru"),
            ("en", "ru", "", "en"),
            ("ru", "en", "", "ru"),
            ("en", "en", "ru", "ru"),
            ("ru", "ru", "en", "en"),
        ],
    )
    def test_it_is_the_one_asked_for_or_the_accounts_or_an_accepted_one(
        self, ask: Ask, account: str, accepted: str, lang: str, spoken: str
    ) -> None:
        User.objects.update(language=account)
        options = {"lang": lang} if lang else {}
        response = ask(
            "PATCH",
            {"tiktok_username": "?"},
            headers={"Accept-Language": accepted},
            **options,
        )
        assert response.headers["Content-Language"] == spoken
        assert response.json()["code"] == "username_invalid"
        for text in ("title", "hint"):
            is_russian = any("а" <= letter <= "я" for letter in response.json()[text])
            assert is_russian == (spoken == "ru")

    def test_it_is_an_accepted_one_for_strangers(self, ask: Ask) -> None:
        response = ask(authorization="", headers={"Accept-Language": "ru"})
        assert response.headers["Content-Language"] == "ru"

    @pytest.mark.parametrize("lang", ["de", "EN", "", "ru\x00"])
    def test_it_refuses_a_lang_that_it_does_not_speak(self, ask: Ask, lang: str) -> None:
        response = ask(lang=lang)
        assert (response.status_code, response.json()["code"]) == (422, "bad_request")
        assert response.json()["detail"] == "“lang” has a value that it can't have."


class TestWhatIsNotThere:
    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/account", "/api/"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_it_tells_of_a_wrong_address(self, ask: Ask, method: str, path: str) -> None:
        response = ask(method, path=path)
        assert response.status_code == 404
        assert response.json() == {
            "code": "bad_request",
            "title": "The app sent something wrong",
            "detail": "The API has no such address.",
        }

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
    def test_it_tells_of_a_wrong_method(self, ask: Ask, method: str) -> None:
        response = ask(method)
        assert response.status_code == 405
        assert set(response.headers["Allow"].split(", ")) == {"GET", "PATCH"}
        assert response.json()["code"] == "bad_request"
        assert response.json()["detail"] == "This address does not take this method."

    def test_it_tells_of_a_host_that_django_refuses(self, ask: Ask) -> None:
        response = ask(headers={"Host": "evil.example"})
        assert (response.status_code, response.json()["code"]) == (400, "bad_request")

    def test_it_tells_of_its_own_faults_without_details(
        self, ask: Ask, client: RestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(token: str) -> None:
            raise RuntimeError("at /srv/relay with the key 5ecret")

        monkeypatch.setattr(AccessToken.objects, "find", broken)
        client.raise_request_exception = False
        response = ask()
        assert (response.status_code, response.json()["code"]) == (500, "internal_error")
        assert "5ecret" not in response.text

    def test_it_leaves_other_pages_alone(self, ask: Ask) -> None:
        response = ask(path="/nothing")
        assert response.status_code == 404
        assert response.headers["Content-Type"].startswith("text/html")


class TestHint:
    def test_the_hint_names_the_routes_to_tiktok_that_were_tried(self) -> None:
        tried = (("signed", ErrorCode.RATE_LIMITED), ("direct", ErrorCode.TIKTOK_BLOCKED))
        scope = {"type": "http", "method": "GET", "path": STATUS, "headers": []}
        request = ASGIRequest(scope, BytesIO())
        told = problem(request, RelayError(ErrorCode.RATE_LIMITED, tried=tried))
        assert told["hint"].endswith(
            "Tried: signed (the sign server's limit is reached); direct (TikTok refuses it)"
        )
        assert set(told) <= set(Problem.model_fields)
