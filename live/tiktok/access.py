"""What accounts connect with, and how the one that works is found among several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, Protocol, TypeVar

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.signgate import SignGate

__all__ = ["Access", "Accesses", "OneAccess", "through"]

T = TypeVar("T")


class Access(NamedTuple):
    """What a connection to TikTok is made with.

    Attributes:
        gate: the sign gate of the account's own API key, or of the server's.
        proxy: the address of the account's own proxy, with its password; empty for the server's
            way out. It is not shown and not logged.
    """

    gate: SignGate
    proxy: str = ""


class Accesses(Protocol):
    """What a stream may connect with: the accesses of its listeners' accounts."""

    def best(self) -> Access:
        """The one to begin with."""

    def refuse(self, access: Access, error: RelayError) -> bool:
        """Connecting with it has failed. Returns whether another one may not fail in that way."""

    def next_best(self, tried: Collection[Access]) -> Access | None:
        """The one to go on with after these have failed; None if none is left."""

    def on_connected(self, access: Access) -> None:
        """The sign server has taken its key."""


class OneAccess:
    """`Accesses` of one account."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def best(self) -> Access:
        return self._access

    def refuse(self, access: Access, error: RelayError) -> bool:
        return False

    def next_best(self, tried: Collection[Access]) -> Access | None:
        return None

    def on_connected(self, access: Access) -> None:
        pass


async def through(accesses: Accesses, connect: Callable[[Access], Awaitable[T]]) -> T:
    """Connect with the first access whose key the sign server takes.

    Args:
        connect: tries one; raises RelayError.

    Raises:
        RelayError: none works. Of several errors it is the one that is over first.
    """
    failures: dict[Access, RelayError] = {}
    access: Access | None = accesses.best()
    while access is not None:
        try:
            connected = await connect(access)
        except RelayError as failure:
            if not accesses.refuse(access, failure):
                raise
            failures[access] = failure
        else:
            accesses.on_connected(access)
            return connected
        access = accesses.next_best(failures)
    raise min(failures.values(), key=_lasts_for)


def _lasts_for(failure: RelayError) -> tuple[bool, int]:
    return failure.code is ErrorCode.SIGN_FORBIDDEN, failure.retry_after or 0
