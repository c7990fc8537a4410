"""`/api/v1/account` and the API's manners: who is let in, and how errors are told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings

from accounts.api import AccountChange
from accounts.models import AccessToken, User
from tests.support.rest import RestClient

pytestmark = pytest.mark.django_db

ACCOUNT = "/api/v1/account"
KEY = "euler_NTM4ZjQ5secret"
NO_SUCH_USERNAME = (
    "TikTok has no such username: it takes 2 to 24 Latin letters, digits, underscores and dots, "
    "and does not end in a dot."
)

Ask = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return User.objects.create(username="maria", tiktok_username="anna.live")


@pytest.fixture
def client(user: User) -> RestClient:
    _issued, token = AccessToken.objects.issue(user)
    return RestClient(token)


@pytest.fixture
def ask(client: RestClient) -> Ask:
    """Ask for the account, unless told otherwise."""

    def ask(method: str = "GET", body: Any = b"", *, path: str = ACCOUNT, **more: Any) -> Any:
        return async_to_sync(client.ask)(path, method, body, **more)

    return ask


class TestGetAccount:
    def test_it_works(self, ask: Ask) -> None:
        response = ask()
        assert response.status_code == 200
        assert response.json() == {
            "username": "maria",
            "tiktok_username": "anna.live",
            "language": "",
            "has_own_sign_api_key": False,
        }

    def test_it_tells_that_there_is_an_api_key_and_no_more(self, ask: Ask, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        response = ask()
        assert response.json()["has_own_sign_api_key"] is True
        assert KEY not in response.text


class TestPatchAccount:
    def test_it_works(self, ask: Ask, user: User) -> None:
        response = ask("PATCH", {"tiktok_username": "carol", "language": "ru"})
        assert response.status_code == 200
        assert response.json() == {
            "username": "maria",
            "tiktok_username": "carol",
            "language": "ru",
            "has_own_sign_api_key": False,
        }
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("carol", "ru")

    @pytest.mark.parametrize(
        "pasted", ["carol", " @Carol ", "https://www.tiktok.com/@carol/live?lang=en"]
    )
    def test_it_normalises_the_tiktok_username(self, ask: Ask, user: User, pasted: str) -> None:
        assert ask("PATCH", {"tiktok_username": pasted}).json()["tiktok_username"] == "carol"
        user.refresh_from_db()
        assert user.tiktok_username == "carol"

    @pytest.mark.parametrize("bad", ["a", "two words", "ends.", "x" * 25, "имя", "a/b", "\x00ab"])
    def test_it_refuses_a_username_that_tiktok_cannot_have(
        self, ask: Ask, user: User, bad: str
    ) -> None:
        response = ask("PATCH", {"tiktok_username": bad, "language": "en"})
        assert response.status_code == 422
        assert response.json() == {
            "code": "username_invalid",
            "title": "TikTok username is not valid",
            "detail": NO_SUCH_USERNAME,
            "hint": "Correct the TikTok username in the account's settings.",
        }
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("anna.live", "")

    def test_it_takes_what_was_set_away_again(self, ask: Ask, user: User) -> None:
        ask("PATCH", {"language": "ru"})
        response = ask("PATCH", {"tiktok_username": "", "language": ""})
        assert (response.json()["tiktok_username"], response.json()["language"]) == ("", "")
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("", "")

    def test_it_leaves_the_rest_as_it_is(self, ask: Ask, user: User) -> None:
        ask("PATCH", {"language": "ru"})
        User.objects.update(tiktok_username="changed.meanwhile")
        assert ask("PATCH", {"language": "en"}).status_code == 200
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("changed.meanwhile", "en")
        assert ask("PATCH", {}).json()["language"] == "en"

    @pytest.mark.parametrize(
        ("body", "status", "detail"),
        [
            (b"", 422, "The request's body is no JSON object."),
            (b"[]", 422, "The request's body is no JSON object."),
            (b"null", 422, "The request's body is no JSON object."),
            (b'"carol"', 422, "The request's body is no JSON object."),
            (b'{"language":', 400, "The request's body is no JSON."),
            (b"\xff", 400, "The request's body is no JSON."),
            (b"[" * 100_000, 400, "The request's body is no JSON."),
            (b'{"is_staff":true}', 422, "The request has a field that does not exist."),
            (b'{"username":"root"}', 422, "The request has a field that does not exist."),
            (b'{"language":"de"}', 422, "“language” has a value that it can't have."),
            (b'{"language":null}', 422, "“language” has a value that it can't have."),
            (
                b'{"tiktok_username":null}',
                422,
                "“tiktok_username” has a value that it can't have.",
            ),
            (b'{"tiktok_username":7}', 422, "“tiktok_username” has a value that it can't have."),
            (
                b'{"tiktok_username":"\\ud800"}',
                422,
                "“tiktok_username” has a value that it can't have.",
            ),
            (
                b'{"tiktok_username":"%s"}' % (b"x" * 501),
                422,
                "“tiktok_username” has a value that it can't have.",
            ),
        ],
    )
    def test_it_refuses_what_it_does_not_understand(
        self, ask: Ask, user: User, body: bytes, status: int, detail: str
    ) -> None:
        response = ask("PATCH", body)
        assert response.status_code == status
        assert response.json() == {
            "code": "bad_request",
            "title": "The app sent something wrong",
            "detail": detail,
        }
        user.refresh_from_db()
        assert (user.tiktok_username, user.language, user.is_staff) == ("anna.live", "", False)

    def test_it_takes_the_languages_of_the_server(self) -> None:
        taken = AccountChange.model_json_schema()["properties"]["language"]["enum"]
        assert taken == ["", *dict(settings.LANGUAGES)]


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
