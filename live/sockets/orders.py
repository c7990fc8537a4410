"""What ends or moves a session: data that it is handed, and the inbox that it is handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from live.protocol.errors import RelayError
from live.relay.access import Account

__all__ = ["End", "Inbox", "Interrupt", "MoveTo", "Order"]


@dataclass(frozen=True, slots=True)
class MoveTo:
    """Follow the stream of the account as it is now: its TikTok username is another."""

    account: Account


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Explain the error to the client, and close."""

    error: RelayError


@dataclass(frozen=True, slots=True)
class End:
    """The client has gone, and can't be told anything.

    Attributes:
        close_code: that the client closed with; None if it did not say.
    """

    close_code: int | None = None


Order = MoveTo | Interrupt | End

# The weakest first: an order replaces a weaker one, and a new move an older move.
_RANKS = (MoveTo, Interrupt, End)


class Inbox:
    """The one order that a session has yet to obey, and what wakes it.

    Everything that may take long runs inside `work`. An order that comes meanwhile is kept here,
    and the work is stopped; then the session reads here which order it was.

    Attributes:
        order: the one that counts; None for none.
    """

    __slots__ = ("_explains", "_working", "order")

    def __init__(self) -> None:
        self.order: Order | None = None
        self._explains = False
        self._working: asyncio.Timeout | None = None

    @property
    def is_ending(self) -> bool:
        """The session will end, or is ending: it can't be moved or interrupted any more."""
        return self._explains or isinstance(self.order, Interrupt | End)

    def put(self, order: Order) -> None:
        """Hand in an order. It is dropped if the one that is there, or that is being explained,
        counts for more."""
        if not self._counts(order):
            return
        self.order = order
        if self._working is not None:
            # Ended as by a timeout, so that it can't be confused with a real cancellation.
            self._working.reschedule(asyncio.get_running_loop().time())
            self._working = None

    def take_move(self) -> MoveTo | None:
        """Take the order out, if it is a `MoveTo`."""
        order = self.order
        if not isinstance(order, MoveTo):
            return None
        self.order = None
        return order

    def begin_explaining(self) -> None:
        """The session explains its end to the client: only the client's going stops that."""
        self._explains = True
        if not isinstance(self.order, End):
            self.order = None

    async def work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it is done, or an order is there. Look at `order` afterwards.

        Raises what the work raises.
        """
        if self.order is not None:
            work.close()
            return
        try:
            async with asyncio.timeout(None) as working:
                self._working = working
                await work
        except TimeoutError:
            if not working.expired():  # it is one of the work's own
                raise
        finally:
            self._working = None

    def _counts(self, order: Order) -> bool:
        if self._explains and not isinstance(order, End):
            return False
        if self.order is None or (isinstance(order, MoveTo) and isinstance(self.order, MoveTo)):
            return True
        return _RANKS.index(type(order)) > _RANKS.index(type(self.order))
