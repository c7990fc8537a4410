"""What a socket's options say of the rehearsal."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from live.protocol.errors import UPSTREAM_CODES, ErrorCode, RelayError
from live.protocol.options import SocketOptions
from rehearsal.plan import Plan, check, rehearsed


class TestPlan:
    def test_options_become_a_plan(self, settings: Settings, tmp_path: Path) -> None:
        settings.RELAY_RECORDINGS = tmp_path
        assert Plan.of(SocketOptions()) == Plan()
        assert Plan.of(SocketOptions(wait=True, batch=100)) == Plan()
        assert Plan.of(SocketOptions(replay="evening")) == Plan(recording=tmp_path / "evening")
        fail = ErrorCode.USER_OFFLINE
        assert Plan.of(SocketOptions(fail=fail)) == Plan(fail)
        assert Plan.of(SocketOptions(fail=fail, wait=True)) == Plan(fail, waits=True)


class TestCheck:
    def test_a_plan_that_can_be_kept_passes(self, tmp_path: Path) -> None:
        file = tmp_path / "evening"
        file.touch()
        check(Plan())
        check(Plan(recording=file))

    @pytest.mark.parametrize("code", ErrorCode)
    def test_it_refuses_as_the_relay_does(self, code: ErrorCode) -> None:
        if code in UPSTREAM_CODES:
            check(Plan(code))
            return
        with pytest.raises(RelayError) as refusal:
            check(Plan(code))
        assert refusal.value.code is code

    def test_it_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        for path in (tmp_path / "evening", tmp_path):
            with pytest.raises(RelayError, match="no such recording") as refusal:
                check(Plan(recording=path))
            assert refusal.value.code is ErrorCode.BAD_REQUEST


class TestRehearsed:
    @pytest.mark.parametrize("code", ErrorCode)
    @pytest.mark.parametrize("language", ["en", "ru"])
    def test_it_explains_itself(self, code: ErrorCode, language: str) -> None:
        explained = rehearsed(code, "anna").explain(language)
        assert explained.title
        assert explained.detail
        assert "%" not in explained.detail
