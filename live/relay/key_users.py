"""Remembers which LIVEs were connected to with an account's own API key, so that staff can see
whose keys the sign server refuses for now.

A stream whose sign gate is closed ends at once, and then no stream shows the gate any more. So the
LIVE is noted here before the connection is made. The keys themselves are never shown.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from live.tiktok.signgate import SignGate

__all__ = ["KeyUsers"]

# How many usernames are remembered for one gate: the newest.
_MAX_NAMES = 10


class KeyUsers:
    """Remembers, for each sign gate of an account's own key, the LIVEs that were connected to.

    They are forgotten together with the gate: `live.tiktok.signgate.SignGates` keeps each gate
    that is closed.
    """

    def __init__(self) -> None:
        # The names are in the order of their last use, the oldest first. They are in a dict,
        # without values, because a set keeps no order.
        self._names: WeakKeyDictionary[SignGate, dict[str, None]] = WeakKeyDictionary()

    def note(self, gate: SignGate, username: str) -> None:
        """Remember that the LIVE of `username` may be connected to with the key of the gate."""
        names = self._names.setdefault(gate, {})
        names.pop(username, None)
        names[username] = None
        if len(names) > _MAX_NAMES:
            del names[next(iter(names))]

    def closed(self) -> list[tuple[str, SignGate]]:
        """Return the gates that are closed now, each with its last ten LIVEs as "@name, @name"."""
        return [
            (", ".join(f"@{name}" for name in sorted(names)), gate)
            for gate, names in list(self._names.items())
            if gate.seconds_closed
        ]
