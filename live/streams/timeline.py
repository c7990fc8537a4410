"""What happened to a stream or a socket, moment by moment, for the staff's pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from live.clock import Clock

__all__ = ["Moment", "Timeline", "What"]

# A stream that reconnects all day must not grow.
_LENGTH = 100


class What(StrEnum):
    """What can happen. The states of `frames.State` are among them, by the same names."""

    OPENED = "opened"
    WAITING = "waiting"
    CONNECTING = "connecting"
    LIVE = "live"
    QUIET = "quiet"
    DEAF = "deaf"
    CUT = "cut"
    RECONNECTING = "reconnecting"
    MOVED = "moved"
    CLOSED = "closed"


class Moment(NamedTuple):
    """As the connection log stores it, in JSON.

    Attributes:
        at: ms since the epoch.
        what: one of `What`.
        detail: `username` of moved; `error`, `reason?`, `said?` and `by?` of cut; `attempt` and
            `retry_in` (s) of reconnecting; `route?` of live, the name of the route to TikTok that
            the connection took (`live.tiktok.routes.RouteName`); `code`, `error?`, `reason?`,
            `said?` and `frames` of closed. `said` is what TikTok or the sign server answered;
            `reason` is the relay's own, a text that is translated when it is shown; `by` is the
            username of the member of the staff who asked for a new connection.
    """

    at: int
    what: str
    detail: dict[str, Any]

    @property
    def is_problem(self) -> bool:
        """Something went wrong that nobody of the staff had asked for."""
        return bool(self.detail.get("error")) and not self.detail.get("by")


class Timeline:
    """The newest moments of a stream.

    Args:
        clock: the time, for moments.

    Attributes:
        total: how many there have been.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moments: deque[Moment] = deque(maxlen=_LENGTH)
        self.total = 0

    def __iter__(self) -> Iterator[Moment]:
        """Oldest first."""
        return iter(list(self._moments))

    def add(self, what: str, **detail: Any) -> None:
        self._moments.append(Moment(self._clock.unix_ms(), str(what), detail))
        self.total += 1

    def since(self, total: int) -> list[Moment]:
        """The moments since there were `total` of them, as far as they are known."""
        return list(self._moments)[-(self.total - total) :] if self.total > total else []
