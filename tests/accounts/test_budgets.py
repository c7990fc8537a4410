"""Budgets: a token bucket for each key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accounts.budgets import Budgets


class FakeTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_amount_at_once_then_one_more_after_its_share_of_the_period() -> None:
    time = FakeTime()
    budgets: Budgets[str] = Budgets(3, 60, time)
    assert [budgets.take("anna") for _ in range(4)] == [None, None, None, 20]
    assert budgets.take("ben") is None

    time.now += 19.5
    assert budgets.retry_after("anna") == budgets.take("anna") == 1
    time.now += 0.5
    assert [budgets.take("anna"), budgets.take("anna")] == [None, 20]


def test_to_ask_takes_nothing() -> None:
    budgets: Budgets[str] = Budgets(1, 60, FakeTime())
    assert budgets.retry_after("anna") is None
    assert budgets.take("anna") is None
    assert budgets.retry_after("anna") == 60


def test_what_is_given_back_can_be_taken_again() -> None:
    time = FakeTime()
    budgets: Budgets[str] = Budgets(2, 60, time)
    budgets.give_back("anna")
    assert [budgets.take("anna") for _ in range(3)] == [None, None, 30]
    budgets.give_back("anna")
    assert [budgets.take("anna") for _ in range(2)] == [None, 30]
    time.now += 1000
    budgets.give_back("anna")
    assert [budgets.take("anna") for _ in range(3)] == [None, None, 30]


def test_it_tells_which_budgets_are_used_up() -> None:
    time = FakeTime()
    budgets: Budgets[str] = Budgets(1, 60, time)
    budgets.take("anna")
    time.now += 30
    for name in ("ben", "carl"):
        budgets.take(name)
    assert budgets.used_up(2) == {"carl": 60, "ben": 60}
    assert budgets.used_up(9) == {"carl": 60, "ben": 60, "anna": 30}
    time.now += 31
    assert budgets.used_up(9) == {"carl": 29, "ben": 29}


def test_a_whole_budget_is_forgotten() -> None:
    time = FakeTime()
    budgets: Budgets[int] = Budgets(2, 60, time)
    for key in range(100):
        budgets.take(key)
    assert len(budgets) == 100
    time.now += 60
    budgets.take(1000)
    assert len(budgets) == 1


def test_many_keys_at_once_take_bounded_memory() -> None:
    budgets: Budgets[int] = Budgets(2, 60, FakeTime(), max_keys=10)
    for key in range(100):
        assert budgets.take(key) is None
    assert len(budgets) == 10


@given(
    amount=st.integers(1, 50),
    period=st.floats(0.5, 5000),
    waits=st.lists(st.floats(0, 300), max_size=200),
)
def test_no_more_than_the_amount_and_what_time_gives_back(
    amount: int, period: float, waits: list[float]
) -> None:
    time = FakeTime()
    budgets: Budgets[str] = Budgets(amount, period, time)
    taken = 0
    for wait in waits:
        time.now += wait
        refused_for = budgets.take("anna")
        taken += refused_for is None
        assert taken <= amount + (time.now - 1000) * amount / period + 0.01
        if refused_for is not None:
            time.now += refused_for
            assert budgets.take("anna") is None
            taken += 1
