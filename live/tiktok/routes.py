"""What the routes to TikTok's socket have in common.

A route is a way to get a socket to a LIVE whose room is known: `signed` asks the sign server for
its address, `direct` connects as an anonymous visitor. `TIKTOK_ROUTES` lists them in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from django.utils.translation import gettext_noop as _

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.attempt import Attempt
from live.tiktok.webcast import WebcastSocket

__all__ = [
    "OF_THE_STREAMER",
    "USE_DIRECT_ROUTE",
    "Refusal",
    "Route",
    "RouteName",
    "failure_of_all",
]

# A hint for those who meet the sign server's limit where the direct route is off.
USE_DIRECT_ROUTE = _(
    "Whoever runs this server can also set TIKTOK_ROUTES=signed,direct, to connect without the "
    "sign server."
)
# These errors are about the streamer, whatever the route: no other route is tried.
OF_THE_STREAMER = frozenset(
    {ErrorCode.USER_OFFLINE, ErrorCode.USER_NOT_FOUND, ErrorCode.AGE_RESTRICTED}
)


class RouteName(StrEnum):
    """The routes that there are."""

    SIGNED = "signed"
    DIRECT = "direct"


class Route(Protocol):
    """One way to a socket, for the accounts that listen to one stream."""

    name: RouteName

    @property
    def seconds_closed(self) -> float:
        """Seconds until it may be tried; 0 if it may be now."""

    def check(self, username: str) -> None:
        """Check that it may be tried now.

        Raises:
            RelayError: it is closed, mostly with the seconds to wait.
        """

    async def open(self, attempt: Attempt, limit: float) -> WebcastSocket:
        """Open a socket.

        Args:
            limit: seconds that it may take.

        Raises:
            RelayError: it failed; nothing is left open.
        """


class Refusal(NamedTuple):
    """What one route said."""

    name: RouteName
    error: RelayError


def failure_of_all(refusals: Sequence[Refusal]) -> RelayError:
    """Return the error of an attempt in which every route has failed: that of the first, which
    also says what each of them said."""
    first = refusals[0].error
    if len(refusals) == 1:
        return first
    said = " · ".join(f"{name}: {error.code} {error.said}".rstrip() for name, error in refusals)
    return first.copy(said=said, tried=tuple((str(name), error.code) for name, error in refusals))
