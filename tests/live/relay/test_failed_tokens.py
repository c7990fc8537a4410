"""How often a client may try tokens that give no access."""

from __future__ import annotations

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.relay import failed_tokens
from live.relay.failed_tokens import FailedTokens

CLIENT = "192.0.2.1"


class Tries:
    """A process's tokens, and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tokens = FailedTokens(lambda: self.now)

    def fail(self, times: int = 5, client: str | None = CLIENT) -> list[bool]:
        return [self.tokens.failed(client, f"wrong{n}") for n in range(times)]

    def refusal(self, token: str = "another", client: str | None = CLIENT) -> RelayError | None:
        try:
            self.tokens.check(client, token)
        except RelayError as error:
            return error
        return None


@pytest.fixture
def tries() -> Tries:
    return Tries()


class TestFailedTokens:
    def test_a_few_are_looked_up_then_none(self, tries: Tries) -> None:
        tries.fail(4)
        assert tries.refusal() is None
        tries.fail(1)
        refusal = tries.refusal()
        assert refusal is not None
        assert refusal.code is ErrorCode.TOO_MANY_CONNECTIONS
        assert refusal.retry_after == 10

    def test_one_more_is_looked_up_after_a_while(self, tries: Tries) -> None:
        tries.fail()
        tries.now += 9.5
        refusal = tries.refusal()
        assert refusal is not None
        assert refusal.retry_after == 1
        tries.now += 0.5
        assert tries.refusal() is None
        tries.fail(1)
        assert tries.refusal() is not None

    def test_all_of_it_is_forgiven_in_the_long_run(self, tries: Tries) -> None:
        tries.fail()
        tries.now += 1000
        assert tries.fail(6) == [False] * 5 + [True]

    def test_it_says_which_are_not_worth_a_row(self, tries: Tries) -> None:
        assert tries.fail(7) == [False] * 5 + [True] * 2

    def test_a_token_that_has_worked_is_always_looked_up(self, tries: Tries) -> None:
        tries.tokens.works("right")
        tries.fail()
        assert tries.refusal("right") is None
        assert tries.refusal("another") is not None

    def test_it_is_not_once_it_has_failed(self, tries: Tries) -> None:
        tries.tokens.works("right")
        tries.fail()
        tries.tokens.failed(CLIENT, "right")
        assert tries.refusal("right") is not None

    def test_each_client_has_its_own(self, tries: Tries) -> None:
        tries.fail()
        assert tries.refusal(client="192.0.2.2") is None

    def test_an_unknown_address_has_no_limit(self, tries: Tries) -> None:
        assert not any(tries.fail(100, client=None))
        assert tries.refusal(client=None) is None

    def test_what_is_remembered_is_bounded(
        self, tries: Tries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(failed_tokens, "_MOST_REMEMBERED", 2)
        for token in ("first", "second", "first", "third"):
            tries.tokens.works(token)
        tries.fail()
        remembered = [name for name in ("first", "second", "third") if not tries.refusal(name)]
        assert remembered == ["first", "third"]
