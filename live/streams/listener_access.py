"""What a stream may connect with: the accesses of its listeners' accounts.

What the sign server says of one key is the business of that key alone. A key that it has refused is
left out while there is another, so that nobody's LIVE ends for somebody else's key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.access import Access

__all__ = ["OF_THE_KEY", "ListenerAccess"]

# What the sign server says of a key, and of no LIVE.
OF_THE_KEY = frozenset({ErrorCode.SIGN_FORBIDDEN, ErrorCode.RATE_LIMITED})
# What another key may not be told. (A sign server that does not work may do so for one key only.)
_TRY_ANOTHER = OF_THE_KEY | {ErrorCode.SIGN_UNAVAILABLE}


class ListenerAccess:
    """Counts the listeners of one stream by their access, and chooses one to connect with. Is an
    `Accesses`.

    When the last listener has left, its access stays: the stream may still have to reconnect while
    it lingers.

    Args:
        access: of the listener for whom the stream begins.
        on_refused: is called when a key was refused.
    """

    def __init__(self, access: Access, on_refused: Callable[[], None] = lambda: None) -> None:
        self._listeners: Counter[Access] = Counter()
        self._last = access
        self.on_refused = on_refused
        self._refusals: dict[Access, RelayError] = {}

    def __iter__(self) -> Iterator[Access]:
        return iter(list(self._listeners) or [self._last])

    def add(self, access: Access) -> None:
        """A listener joins."""
        if not self._listeners[access]:
            self._refusals.pop(access, None)  # of a listener that has left
        self._listeners[access] += 1

    def remove(self, access: Access) -> None:
        """A listener leaves."""
        self._listeners[access] -= 1
        if self._listeners[access] <= 0:
            del self._listeners[access]
            self._refusals.pop(access, None)
            self._last = access

    def replace(self, old: Access, new: Access) -> None:
        """A listener has another access from now on."""
        self.add(new)
        self.remove(old)

    def best(self) -> Access:
        """The one to connect with: one that was not refused; else the one that opens first."""
        return min(self, key=self._rank)

    def refuse(self, access: Access, error: RelayError) -> bool:
        if error.code in OF_THE_KEY and access in self:
            self._refusals[access] = error
        if error.code not in _TRY_ANOTHER:
            return False
        self.on_refused()
        return True

    def next_best(self, tried: Collection[Access]) -> Access | None:
        """One whose gate is closed counts: connecting with it says when it opens."""
        left = (access for access in self if access not in tried and not self._rank(access)[0])
        return min(left, key=self._rank, default=None)

    def on_connected(self, access: Access) -> None:
        self._refusals.pop(access, None)

    def refusal(self, access: Access) -> RelayError | None:
        """Why no connection can be had with this one; None if none was tried, or the sign server
        takes its requests again by now."""
        error = self._refusals.get(access)
        limited = error is not None and error.code is ErrorCode.RATE_LIMITED
        if limited and not access.gate.seconds_closed:
            return None
        return error

    def _rank(self, access: Access) -> tuple[bool, bool, float]:
        """The lower, the better. Another stream may have been refused with the key, too."""
        refusal = self.refusal(access) or access.gate.refusal
        return _is_forbidden(refusal), refusal is not None, access.gate.seconds_closed


def _is_forbidden(refusal: RelayError | None) -> bool:
    return refusal is not None and refusal.code is ErrorCode.SIGN_FORBIDDEN
