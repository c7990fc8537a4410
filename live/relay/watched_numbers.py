"""The numbers of the accounts that are watched, for staff."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from live.clock import Clock
from live.relay.number_shapes import MAX_WATCHED, WatchedAccount, WatchedNumbers, worth_showing
from live.relay.watch import WatchState
from live.relay.watching import Watched
from live.streams.stream import LiveStream

__all__ = ["watched_numbers"]

# Seconds after which a watched account that waits must have been looked at.
_LOOKED_AT_WITHIN = 900.0


def watched_numbers(
    watching: Iterable[Watched], streams: Iterable[LiveStream], clock: Clock
) -> WatchedNumbers:
    """Count the watched accounts. Their names on this server are not known here, and empty.

    Args:
        watching: the accounts that this process watches.
        streams: all streams of this process.
    """
    states = dict.fromkeys(map(str, WatchState), 0)
    accounts = [_watched_account(watched) for watched in watching]
    for account in accounts:
        states[account["state"]] += 1
    return WatchedNumbers(
        states=states,
        looks=sum(account["looks"] for account in accounts),
        signed=sum(account["signed"] for account in accounts),
        unseen=_unseen(accounts, streams, clock),
        accounts=heapq.nsmallest(MAX_WATCHED, accounts, key=worth_showing),
    )


def _watched_account(watched: Watched) -> WatchedAccount:
    return WatchedAccount(
        account_id=watched.account_id,
        account="",
        username=watched.username,
        state=watched.state.value,
        why="" if watched.why is None else watched.why.value,
        looks=watched.cost.looks,
        signed=watched.cost.signed,
    )


def _unseen(
    accounts: Iterable[WatchedAccount], streams: Iterable[LiveStream], clock: Clock
) -> list[str]:
    """Usernames of watched accounts that wait, though this process has not looked for long. A
    stream that another process leads is looked at there."""
    before = clock.unix_ms() - _LOOKED_AT_WITHIN * 1000
    unlooked = {
        stream.username: stream for stream in streams if stream.is_leading and not stream.looks
    }
    found = []
    for account in accounts:
        stream = unlooked.get(account["username"])
        if account["state"] != WatchState.WAITING or stream is None or account["looks"]:
            continue
        moments = list(stream.timeline)
        if moments and moments[-1].at < before:
            found.append(account["username"])
    return sorted(found)[:MAX_WATCHED]
