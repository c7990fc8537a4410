"""The sign gates that a stream may connect through: those of its listeners' API keys.

What the sign server says of one key is the business of that key alone. A key that it has refused is
left out while there is another, so that nobody's LIVE ends for somebody else's key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.signgate import SignGate

__all__ = ["OF_THE_KEY", "ListenerGates"]

# What the sign server says of a key, and of no LIVE.
OF_THE_KEY = frozenset({ErrorCode.SIGN_FORBIDDEN, ErrorCode.RATE_LIMITED})
# What another key may not be told. (A sign server that does not work may do so for one key only.)
_TRY_ANOTHER = OF_THE_KEY | {ErrorCode.SIGN_UNAVAILABLE}


class ListenerGates:
    """Counts the listeners of one stream by their gates, and chooses one to connect through.

    When the last listener has left, its gate stays: the stream may still have to reconnect while
    it lingers.

    Args:
        gate: of the listener for whom the stream begins.
    """

    def __init__(self, gate: SignGate) -> None:
        self._listeners: Counter[SignGate] = Counter()
        self._last = gate
        self._refusals: dict[SignGate, RelayError] = {}

    def __iter__(self) -> Iterator[SignGate]:
        return iter(list(self._listeners) or [self._last])

    def add(self, gate: SignGate) -> None:
        """A listener joins."""
        if not self._listeners[gate]:
            self._refusals.pop(gate, None)  # of a listener that has left
        self._listeners[gate] += 1

    def remove(self, gate: SignGate) -> None:
        """A listener leaves."""
        self._listeners[gate] -= 1
        if self._listeners[gate] <= 0:
            del self._listeners[gate]
            self._refusals.pop(gate, None)
            self._last = gate

    def replace(self, old: SignGate, new: SignGate) -> None:
        """A listener has another key from now on."""
        self.add(new)
        self.remove(old)

    def best(self) -> SignGate:
        """The gate to connect through: one that was not refused; else the one that opens first."""
        return min(self, key=self._rank)

    def refuse(self, gate: SignGate, error: RelayError) -> bool:
        """Connecting through this gate has failed.

        Returns:
            Whether another gate may not fail in that way.
        """
        if error.code in OF_THE_KEY and gate in self:
            self._refusals[gate] = error
        return error.code in _TRY_ANOTHER

    def next_best(self, tried: Collection[SignGate]) -> SignGate | None:
        """The gate to connect through after these have failed; None if none is left. One that is
        closed counts: connecting through it says when it opens."""
        left = (gate for gate in self if gate not in tried and not self._rank(gate)[0])
        return min(left, key=self._rank, default=None)

    def on_connected(self, gate: SignGate) -> None:
        """The sign server has taken the key."""
        self._refusals.pop(gate, None)

    def refusal(self, gate: SignGate) -> RelayError | None:
        """Why no connection can be had through this gate; None if none was tried, or the sign
        server takes its requests again by now."""
        error = self._refusals.get(gate)
        if error is None or (error.code is ErrorCode.RATE_LIMITED and not gate.seconds_closed):
            return None
        return error

    def _rank(self, gate: SignGate) -> tuple[bool, bool, float]:
        """The lower, the better. Another stream may have been refused through the gate, too."""
        refusal = self.refusal(gate) or gate.refusal
        return _is_forbidden(refusal), refusal is not None, gate.seconds_closed


def _is_forbidden(refusal: RelayError | None) -> bool:
    return refusal is not None and refusal.code is ErrorCode.SIGN_FORBIDDEN
