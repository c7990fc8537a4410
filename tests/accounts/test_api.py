"""`/api/v1/account`: what an app reads and changes of its account."""

from __future__ import annotations

import pytest
from django.conf import settings

from accounts import budgets
from accounts.api import AccountChange, Options
from accounts.models import AccessToken, Scope, User
from tests.support.rest import Ask, RestClient, asking

pytestmark = pytest.mark.django_db

ACCOUNT = "/api/v1/account"
KEY = "euler_NTM4ZjQ5secret"
NO_SUCH_USERNAME = (
    "TikTok has no such username: it takes 2 to 24 Latin letters, digits, underscores and dots, "
    "and does not end in a dot."
)


@pytest.fixture
def user() -> User:
    return User.objects.create(username="maria", tiktok_username="anna.live")


@pytest.fixture
def client(user: User) -> RestClient:
    _issued, token = AccessToken.objects.issue(user, scope=Scope.MANAGE)
    return RestClient(token)


@pytest.fixture
def ask(client: RestClient) -> Ask:
    """Ask for the account, unless told otherwise."""
    return asking(client, ACCOUNT)


class TestGetAccount:
    def test_an_account_is_told_without_secrets(self, ask: Ask) -> None:
        response = ask()
        assert response.status_code == 200
        assert response.json() == {
            "username": "maria",
            "tiktok_username": "anna.live",
            "language": "",
            "has_own_sign_api_key": False,
            "has_own_proxy": False,
            "keeps_transcripts": False,
            "is_watched": False,
        }

    def test_it_tells_that_there_is_an_api_key_and_no_more(self, ask: Ask, user: User) -> None:
        user.own_sign_api_key = KEY
        user.save()
        response = ask()
        assert response.json()["has_own_sign_api_key"] is True
        assert KEY not in response.text

    def test_it_tells_that_there_is_a_proxy_and_no_more(self, ask: Ask, user: User) -> None:
        user.own_proxy = "http://anna:secret@proxy.example:3128"
        user.save()
        response = ask()
        assert response.json()["has_own_proxy"] is True
        assert "secret" not in response.text
        assert "proxy.example" not in response.text

    def test_a_token_that_may_only_listen_reads_it(self, ask: Ask, user: User) -> None:
        _issued, token = AccessToken.objects.issue(user)
        assert ask(authorization=f"Bearer {token}").json()["username"] == "maria"


class TestPatchAccount:
    def test_username_and_language_can_be_changed(self, ask: Ask, user: User) -> None:
        response = ask("PATCH", {"tiktok_username": "carol", "language": "ru"})
        assert response.status_code == 200
        assert response.json() == {
            "username": "maria",
            "tiktok_username": "carol",
            "language": "ru",
            "has_own_sign_api_key": False,
            "has_own_proxy": False,
            "keeps_transcripts": False,
            "is_watched": False,
        }
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("carol", "ru")

    def test_transcripts_can_be_kept_and_no_more(self, ask: Ask, user: User) -> None:
        for keeps in (True, False):
            response = ask("PATCH", {"keeps_transcripts": keeps})
            assert response.json()["keeps_transcripts"] is keeps
            user.refresh_from_db()
            assert user.keeps_transcripts is keeps
        assert ask("PATCH", {"keeps_transcripts": 1}).status_code == 422

    def test_watching_is_switched_on_and_off(self, ask: Ask, user: User) -> None:
        assert ask("PATCH", {"is_watched": True}).json()["is_watched"] is True
        user.refresh_from_db()
        assert user.is_watched
        assert ask().json()["is_watched"] is True
        assert ask("PATCH", {"is_watched": False}).json()["is_watched"] is False

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
            (b'{"is_watched":null}', 422, "“is_watched” has a value that it can't have."),
            (b'{"is_watched":"on"}', 422, "“is_watched” has a value that it can't have."),
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

    def test_the_username_can_not_be_changed_for_ever(
        self, ask: Ask, user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(budgets, "username_changes", budgets.Budgets(1, 600))
        assert ask("PATCH", {"tiktok_username": "carol"}).status_code == 200
        assert ask("PATCH", {"tiktok_username": "@Carol", "language": "ru"}).status_code == 200
        assert ask("PATCH", {"tiktok_username": "?"}).status_code == 422
        response = ask("PATCH", {"tiktok_username": "dave"}, lang="en")
        assert (response.status_code, response["Retry-After"]) == (429, "600")
        assert response.json() == {
            "code": "too_many_connections",
            "title": "Too many connections",
            "detail": "The TikTok username was changed too often in a short time.",
            "hint": "Try again in a few minutes.",
            "retry_after": 600,
        }
        user.refresh_from_db()
        assert user.tiktok_username == "carol"

    @pytest.mark.parametrize(
        "body", [{"tiktok_username": "carol", "language": "ru"}, {"tiktok_username": "?"}, {}]
    )
    def test_a_token_that_may_only_listen_changes_nothing(
        self, ask: Ask, user: User, body: dict[str, str]
    ) -> None:
        _issued, token = AccessToken.objects.issue(user)
        response = ask("PATCH", body, authorization=f"Bearer {token}", lang="en")
        assert response.status_code == 403
        assert response["Content-Language"] == "en"
        assert response["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
        assert response.json() == {
            "code": "insufficient_scope",
            "title": "Not allowed with this token",
            "detail": "This token can only listen, and read what is its account's own.",
            "hint": "Use a token that may change the account, or this server's pages.",
        }
        user.refresh_from_db()
        assert (user.tiktok_username, user.language) == ("anna.live", "")

    def test_a_token_that_may_only_listen_costs_no_change_of_the_username(
        self, ask: Ask, user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(budgets, "username_changes", budgets.Budgets(1, 600))
        _issued, token = AccessToken.objects.issue(user)
        ask("PATCH", {"tiktok_username": "carol"}, authorization=f"Bearer {token}")
        assert ask("PATCH", {"tiktok_username": "dave"}).status_code == 200

    def test_it_takes_the_languages_of_the_server(self) -> None:
        taken = AccountChange.model_json_schema()["properties"]["language"]["enum"]
        assert taken == ["", *settings.LANGUAGE_CODES]
        assert Options.model_json_schema()["properties"]["lang"]["enum"] == settings.LANGUAGE_CODES
