"""When a webhook that has failed is tried again. Pure: no clock, no chance of its own."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["FAILED_DAYS", "REFUSALS", "pause"]

# After so many failures in a row (the last one goes for all further), as Standard Webhooks
# suggests; but never longer than two hours, since everything behind waits, too.
_PAUSES = [
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
]
# How much longer a pause may be, by chance, so that not all are tried at the same moment.
_JITTER = 0.2
# The longest pause that a receiver may ask for, and the shortest.
_AT_MOST = timedelta(days=1)
_AT_LEAST = timedelta(seconds=1)
# A webhook that has failed on so many days, without a success in between, is switched off.
FAILED_DAYS = 5
# A delivery that the receiver has refused so often is given up by itself: it is in the way of those
# behind it, and may be all that is wrong.
REFUSALS = 5


def pause(
    failures: int, chance: float, asked: float | None = None, *, is_limit: bool = False
) -> timedelta:
    """How long to wait before the next attempt.

    Args:
        failures: how many attempts have failed in a row, at least 1.
        chance: a random number from 0 to 1.
        asked: the seconds that the receiver wants us to wait; None if it did not say.
        is_limit: it takes no more for now (status 429), and else is well: what it asked for is
            enough.
    """
    own = _PAUSES[min(failures, len(_PAUSES)) - 1] * (1 + _JITTER * chance)
    if asked is None:
        return own
    wanted = timedelta(seconds=min(max(asked, 0.0), _AT_MOST.total_seconds()))
    return max(wanted, _AT_LEAST) if is_limit else max(wanted, own)
