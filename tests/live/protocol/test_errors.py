"""The table of errors, held against the project's contract."""

import re

import msgspec
import pytest
from django.utils import translation
from msgspec import UNSET

from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError

# The contract's table of error and close codes.
CONTRACT = {
    "invalid_token": 1008,
    "token_revoked": 1008,
    "account_disabled": 1008,
    "username_missing": 1008,
    "username_invalid": 1008,
    "rate_limited": 1008,
    "too_many_connections": 1008,
    "too_slow": 1008,
    "disconnected": 1008,
    "bad_request": 1008,
    "user_offline": 1011,
    "user_not_found": 1011,
    "age_restricted": 1011,
    "tiktok_blocked": 1011,
    "sign_forbidden": 1011,
    "sign_unavailable": 1011,
    "tiktok_timeout": 1011,
    "connection_lost": 1011,
    "internal_error": 1011,
    "server_shutdown": 1012,
}
NAMES_THE_STREAMER = {
    ErrorCode.USER_OFFLINE,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.AGE_RESTRICTED,
    ErrorCode.CONNECTION_LOST,
}
REASON = "“wait” takes 0 or 1."

each_code = pytest.mark.parametrize("code", ErrorCode)
each_language = pytest.mark.parametrize("language", ["en", "ru"])


def error(code: ErrorCode) -> RelayError:
    return RelayError(code, username="maria", reason=REASON, said="HTTP 500 at /srv/x.py, key=abc")


class TestErrorCode:
    def test_the_codes_are_those_of_the_contract(self) -> None:
        assert {str(code) for code in ErrorCode} == set(CONTRACT)

    @each_code
    def test_it_has_its_close_code(self, code: ErrorCode) -> None:
        assert RelayError(code).close_code == CONTRACT[code]


class TestRelayError:
    def test_an_error_has_its_code_and_close_code(self) -> None:
        raised = RelayError(ErrorCode.USER_OFFLINE, username="maria")
        assert raised.code is ErrorCode.USER_OFFLINE
        assert raised.close_code is CloseCode.INTERNAL_ERROR
        assert str(raised) == "user_offline"

    def test_it_tells_the_log_what_was_said(self) -> None:
        assert str(RelayError(ErrorCode.SIGN_FORBIDDEN, said="HTTP 403")) == (
            "sign_forbidden: HTTP 403"
        )
        assert str(RelayError(ErrorCode.BAD_REQUEST, reason=REASON)) == f"bad_request: {REASON}"


class TestExplain:
    def test_an_error_is_explained_with_a_hint(self) -> None:
        explained = RelayError(ErrorCode.USER_OFFLINE, username="maria").explain("en")
        assert msgspec.to_builtins(explained) == {
            "code": "user_offline",
            "title": "TikTok Live connection error: the streamer is not live",
            "detail": "@maria is not live on TikTok right now.",
            "close_code": 1011,
            "hint": "Start the LIVE on TikTok, then connect again.",
        }

    @each_code
    @each_language
    def test_it_has_texts(self, code: ErrorCode, language: str) -> None:
        explained = error(code).explain(language)
        assert explained.code == code
        assert explained.close_code == CONTRACT[code]
        for text in (explained.title, explained.detail, explained.hint):
            if text is not UNSET:
                assert text.strip()
                assert "%(" not in text
                assert "\n" not in text

    @each_code
    @each_language
    def test_it_keeps_inner_matters_from_people(self, code: ErrorCode, language: str) -> None:
        raised = error(code)
        raised.__cause__ = OSError(2, "No such file or directory", "/etc/relay.key")
        text = msgspec.json.encode(raised.explain(language)).decode()
        for secret in ("HTTP 500", "/srv", "key=abc", "/etc", "Traceback", ".py", "Error("):
            assert secret not in text
        assert not re.search(r"(^|\s)/\w", text)

    @each_code
    @each_language
    def test_it_names_the_streamer_where_it_helps(self, code: ErrorCode, language: str) -> None:
        assert ("@maria" in error(code).explain(language).detail) == (code in NAMES_THE_STREAMER)

    @each_language
    def test_it_gives_the_reason_of_a_bad_request(self, language: str) -> None:
        detail = error(ErrorCode.BAD_REQUEST).explain(language).detail
        with translation.override(language):
            assert detail == translation.gettext(REASON)

    @pytest.mark.parametrize("username", ["100%", "%(reason)s", "%s", "{}", ""])
    @each_language
    def test_it_takes_any_username(self, username: str, language: str) -> None:
        raised = RelayError(ErrorCode.USER_OFFLINE, username=username)
        assert f"@{username}" in raised.explain(language).detail

    def test_it_takes_any_reason(self) -> None:
        raised = RelayError(ErrorCode.BAD_REQUEST, reason="100% %s %(username)s")
        assert raised.explain("en").detail == "100% %s %(username)s"

    @pytest.mark.parametrize("retry_after", [0, 30])
    def test_it_says_when_to_come_back(self, retry_after: int) -> None:
        raised = RelayError(ErrorCode.RATE_LIMITED, retry_after=retry_after)
        assert raised.explain("en").retry_after == retry_after

    def test_it_leaves_out_what_it_does_not_know(self) -> None:
        data = msgspec.to_builtins(RelayError(ErrorCode.SERVER_SHUTDOWN).explain("en"))
        assert set(data) == {"code", "title", "detail", "close_code"}

    def test_it_hints_at_an_api_key_when_rate_limited(self) -> None:
        hint = RelayError(ErrorCode.RATE_LIMITED).explain("en").hint
        assert hint == "Use an EulerStream API key to lift the limit"

    def test_it_does_not_say_why_a_token_is_not_valid(self) -> None:
        detail = RelayError(ErrorCode.INVALID_TOKEN).explain("en").detail
        assert detail == "The server does not know this token."

    def test_it_leaves_the_language_as_it_was(self) -> None:
        with translation.override("en"):
            error(ErrorCode.USER_OFFLINE).explain("ru")
            assert translation.get_language() == "en"


def test_every_close_code_has_words() -> None:
    assert set(CLOSE_CODE_WORDS) == set(CloseCode)
    assert all(map(str, CLOSE_CODE_WORDS.values()))
