"""Prepares the numbers of watched accounts for the staff's dashboard."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from live.pages.labels import tone_of, word_for
from live.relay.number_shapes import WatchedAccount, WatchedNumbers
from live.relay.watch import WatchState

__all__ = ["ShownAccount", "ShownWatched", "shown_watched"]

_FAILING = _("Can't be heard")


class ShownState(NamedTuple):
    """A state in words, how good or bad it is, and how many accounts are in it."""

    word: Any
    tone: str
    number: int


class ShownAccount(NamedTuple):
    """One account, and its state."""

    account: WatchedAccount
    state: ShownState


class ShownWatched(NamedTuple):
    """The accounts that are watched.

    Attributes:
        number: how many there are.
        looks, signed: what all of them have cost in the last 24 hours.
        states: those in which there are any, in the order of `WatchState`.
        accounts: some of the accounts.
    """

    number: int
    looks: int
    signed: int
    states: list[ShownState]
    accounts: list[ShownAccount]


def shown_watched(numbers: WatchedNumbers) -> ShownWatched:
    counts = numbers["states"]
    return ShownWatched(
        number=sum(counts.values()),
        looks=numbers["looks"],
        signed=numbers["signed"],
        states=[_state(state, counts[state]) for state in WatchState if counts.get(state)],
        accounts=[
            ShownAccount(account, _state(account["state"], 1)) for account in numbers["accounts"]
        ],
    )


def _state(state: str, number: int) -> ShownState:
    if state == WatchState.FAILING:
        return ShownState(_FAILING, "bad", number)
    return ShownState(word_for(state), tone_of(state), number)
