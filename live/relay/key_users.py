"""Whose API keys the sign server refuses for now, for the staff to see.

A stream that finds its gate closed ends at once, and nothing is left that shows the gate. So each
LIVE that is connected to with an account's own key is noted here. Keys themselves are never shown.
"""

from __future__ import annotations

from live.tiktok.signgate import SignGate

__all__ = ["KeyUsers"]

# Beyond that many gates, those that are open are forgotten first; and names of one gate.
_MAX_GATES = 500
_MAX_NAMES = 10


class KeyUsers:
    """The LIVEs that were connected to through each account's own key."""

    def __init__(self) -> None:
        # Oldest first; the names are a dict for their order.
        self._names: dict[SignGate, dict[str, None]] = {}

    def note(self, gate: SignGate, username: str) -> None:
        """A connection to the LIVE of `username` may go through the gate."""
        names = self._names.pop(gate, {})
        names.pop(username, None)
        names[username] = None
        if len(names) > _MAX_NAMES:
            del names[next(iter(names))]
        self._names[gate] = names
        if len(self._names) > _MAX_GATES:
            is_open = (other for other in self._names if not other.seconds_closed)
            del self._names[next(is_open, next(iter(self._names)))]

    def closed(self) -> list[tuple[str, SignGate]]:
        """The gates that are closed now, each with the names of its LIVEs, the newest ten."""
        return [
            (", ".join(f"@{name}" for name in sorted(names)), gate)
            for gate, names in self._names.items()
            if gate.seconds_closed
        ]
