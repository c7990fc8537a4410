"""Settings of all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.core.cache import caches
from django.utils import translation
from servestatic.middleware import ServeStaticMiddleware

import live.tiktok  # noqa: F401 -- before a test imports TikTokLive, whose import warns
from accounts import budgets, lockout
from accounts.limits import SignInLimits
from live.streams.state import StateMachine

# No test is timed: a busy machine takes its time.
hypothesis.settings.register_profile("relay", deadline=None)
hypothesis.settings.load_profile("relay")

# The files that take longest, of which each is one process's. They come first, so that at the end
# no process works alone.
_FIRST = (
    "tests/end_to_end/test_every_page.py",
    "tests/end_to_end/test_console.py",
    "tests/test_other_captures.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


# The static files that were found, by what a middleware does with them.
_found: dict[tuple[object, ...], dict[str, Any]] = {}
_find = ServeStaticMiddleware.add_files_from_finders


@pytest.fixture(autouse=True)
def _static_files_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client of a test has a middleware of its own, which looks for all static files: that
    takes longer than most tests."""

    def find_once(self: Any) -> None:
        does = (self.static_prefix, self.max_age, self.autorefresh)
        if does not in _found:
            _find(self)
            _found[does] = {"files": self.files, "directories": self.directories}
        for name, value in _found[does].items():
            setattr(self, name, value.copy())

    monkeypatch.setattr(ServeStaticMiddleware, "add_files_from_finders", find_once)


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    """Slow hashing of passwords is Django's business, not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _whole_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budgets are the process's; a primary key is another account's in the next test."""
    whole: budgets.Budgets[int] = budgets.Budgets(1000, budgets.PERIOD)
    monkeypatch.setattr(budgets, "username_changes", whole)


@pytest.fixture(autouse=True)
def _no_attempts_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests sign in from one address."""
    caches["wrong passwords"].clear()
    monkeypatch.setattr(lockout, "limits", SignInLimits())


@pytest.fixture(autouse=True)
def _server_s_language() -> Iterator[None]:
    """A request's language stays active in its thread, which here is that of the next test."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _strict_transitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a server would only log that a stream's state may not follow, tests see an error."""
    monkeypatch.setattr(StateMachine, "strict", True)
