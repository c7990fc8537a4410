"""Passwords are hashed two at a time, in threads that give way, as Django would hash them."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from pytest_django import Settings

from accounts.hashing import PatientPasswordHasher, _Hashing
from accounts.limits import TooManyAttempts

WITHIN = 20.0


class Work:
    """What the threads do: each piece goes on when the test lets it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun.release()
        assert self.goes_on.acquire(timeout=WITHIN)
        return "done"


@pytest.fixture
def in_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(40)


class TestHashing:
    def test_two_at_a_time_are_done_and_some_wait(self, in_threads: ThreadPoolExecutor) -> None:
        hashing, work = _Hashing(), Work()
        futures = [in_threads.submit(hashing.run, work) for _ in range(2 + 16)]
        assert work.begun.acquire(timeout=WITHIN)
        assert work.begun.acquire(timeout=WITHIN)
        assert not work.begun.acquire(timeout=0.1)
        while hashing._places._value:  # the others are not waiting yet
            pass
        with pytest.raises(TooManyAttempts) as refused:
            hashing.run(work)
        assert refused.value.retry_after == 5
        work.goes_on.release(len(futures))
        assert [future.result(WITHIN) for future in futures] == ["done"] * 18
        work.goes_on.release()
        assert hashing.run(work) == "done"

    def test_a_failure_leaves_its_place(self) -> None:
        hashing = _Hashing()

        def fail() -> str:
            raise ValueError

        for _ in range(30):
            with pytest.raises(ValueError):  # noqa: PT011 -- ours
                hashing.run(fail)

    @pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority on Linux")
    def test_its_threads_give_way(self) -> None:
        def niceness() -> str:
            return str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

        assert _Hashing().run(niceness) == "19"
        assert niceness() == "0"


class TestHasher:
    def test_its_hashes_are_those_of_django(self, settings: Settings) -> None:
        settings.PASSWORD_HASHERS = ["accounts.hashing.PatientPasswordHasher"]
        ours = make_password("a hedgehog in the snow")
        salt = PatientPasswordHasher().decode(ours)["salt"]
        assert ours == PBKDF2PasswordHasher().encode("a hedgehog in the snow", salt)
        assert check_password("a hedgehog in the snow", ours)
        assert not check_password("a hedgehog", ours)

    def test_it_is_the_one_that_is_used(self) -> None:
        from relay_project import settings

        assert settings.PASSWORD_HASHERS == ["accounts.hashing.PatientPasswordHasher"]
