"""Passwords are hashed two at a time, in other processes, as Django would hash them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.test import Client
from pytest_django import Settings

from accounts import hashing
from accounts.hashing import PatientPasswordHasher
from accounts.limits import TooManyAttempts
from relay_project import settings as project

WITHIN = 20.0
PASSWORD = "a hedgehog in the snow, еж в снегу"


class Work:
    """What is done instead of hashing: each piece goes on when the test lets it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)

    def __call__(self, *args: Any) -> bytes:
        self.begun.release()
        assert self.goes_on.acquire(timeout=WITHIN)
        return b"done"


@pytest.fixture
def patient(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["accounts.hashing.PatientPasswordHasher"]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setattr(hashing, "_in_turn", hashing._InTurn())
    monkeypatch.setattr(hashing, "_calculate", work := Work())
    return work


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as threads:
        yield threads


def hash_one() -> bytes:
    return hashing._in_turn.calculate("sha256", b"", b"", 1)


@pytest.mark.usefixtures("patient")
class TestHasher:
    def test_its_hashes_are_those_of_django(self) -> None:
        ours = make_password(PASSWORD)
        salt = PatientPasswordHasher().decode(ours)["salt"]
        assert ours == PBKDF2PasswordHasher().encode(PASSWORD, str(salt))
        assert check_password(PASSWORD, ours)
        assert not check_password("a hedgehog", ours)

    def test_it_is_the_only_one_of_the_project(self) -> None:
        assert project.PASSWORD_HASHERS == ["accounts.hashing.PatientPasswordHasher"]

    def test_it_hashes_here_where_no_process_can(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        stored = make_password(PASSWORD)

        def fail(*args: Any, **options: Any) -> Any:
            raise PermissionError("no more processes")

        monkeypatch.setattr(subprocess, "run", fail)
        assert check_password(PASSWORD, stored)
        assert "no more processes" in caplog.text
        assert "hedgehog" not in caplog.text

    def test_it_keeps_the_password_out_of_the_log_where_a_process_fails(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(hashing, "_PROGRAM", "print('no hash'); raise SystemExit(1)")
        assert check_password(PASSWORD, make_password(PASSWORD))
        assert "CalledProcessError" in caplog.text
        assert PASSWORD.encode().hex() not in caplog.text


class TestTurns:
    def test_two_at_a_time_are_done_and_some_wait(
        self, work: Work, threads: ThreadPoolExecutor
    ) -> None:
        futures = [threads.submit(hash_one) for _ in range(2 + 16)]
        assert work.begun.acquire(timeout=WITHIN)
        assert work.begun.acquire(timeout=WITHIN)
        while hashing._in_turn._places._value:  # not all of the others wait yet
            pass
        assert not work.begun.acquire(blocking=False)
        with pytest.raises(TooManyAttempts) as refused:
            hash_one()
        assert refused.value.retry_after == 5
        work.goes_on.release(len(futures) + 1)
        assert [future.result(WITHIN) for future in futures] == [b"done"] * 18
        assert hash_one() == b"done"

    @pytest.mark.usefixtures("patient")
    @pytest.mark.django_db
    def test_who_comes_too_late_is_told_so(self, work: Work, threads: ThreadPoolExecutor) -> None:
        futures = [threads.submit(hash_one) for _ in range(2 + 16)]
        while hashing._in_turn._places._value:
            pass
        response = Client().post("/login/", {"username": "nobody", "password": "wrong"})
        assert (response.status_code, response["Retry-After"]) == (429, "5")
        work.goes_on.release(len(futures))
