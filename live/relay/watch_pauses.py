"""How long a watched account is left alone after its stream is over.

Pure: it draws from the random source that it was given, and waits for nothing.
"""

from __future__ import annotations

import random

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["Pauses"]

# Seconds. After a LIVE's end, TikTok's pages may show it for a moment longer. The pause doubles
# while streams are over soon, as with a LIVE that shows on TikTok's pages and can't be heard.
_AFTER_LIVE = 15.0
_AFTER_FAILURE = 30.0
_LONGEST = 600.0
# After these, only somebody's change helps, of which the relay is told, or much time.
_LASTING = frozenset(
    {
        ErrorCode.USER_NOT_FOUND,
        ErrorCode.AGE_RESTRICTED,
        ErrorCode.SIGN_FORBIDDEN,
    }
)
_AFTER_LASTING = 600.0
_LONGEST_AFTER_LASTING = 3600.0
# A stream that has lasted so long was worth it: the next pause is a short one.
_WORTH_IT = 60.0
# More doublings than the longest pause needs are not counted.
_MOST_DOUBLINGS = 10
# Pauses are so much longer or shorter, as a share.
_JITTER = 0.2
# Those who wait for the same gate come back over that many seconds.
_GATE_SPREAD = 10.0


class Pauses:
    """The pauses of one watched account.

    Args:
        rng: where jitter comes from.
    """

    __slots__ = ("_rng", "_short")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._short = 0  # streams that were over soon, in a row

    def after(self, failure: RelayError | None, lasted: float) -> float:
        """Return the seconds until the next attempt.

        Args:
            failure: why the stream is over, or could not begin; None for the LIVE's end.
            lasted: seconds for which there was a stream.
        """
        if lasted >= _WORTH_IT:
            self._short = 0
        doublings = min(self._short, _MOST_DOUBLINGS)
        self._short += 1
        if failure is not None and failure.code in _LASTING:
            return self._about(_AFTER_LASTING, doublings, _LONGEST_AFTER_LASTING)
        if failure is not None and failure.retry_after:
            # It is known when another attempt makes sense; before that, nobody would be asked.
            return failure.retry_after + self._rng.uniform(0, _GATE_SPREAD)
        is_failure = failure is not None and failure.code is not ErrorCode.USER_OFFLINE
        return self._about(_AFTER_FAILURE if is_failure else _AFTER_LIVE, doublings, _LONGEST)

    def _about(self, first: float, doublings: int, longest: float) -> float:
        pause = min(first * (1 << doublings), longest)
        return pause * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
