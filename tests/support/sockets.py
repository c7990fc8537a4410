"""Open sockets, and what control asks for, without a server in between."""

from __future__ import annotations

import asyncio
from typing import Any

from accounts.models import AccessToken
from live.connections.record import Connection
from live.overlays.models import Overlay
from live.protocol.errors import RelayError
from live.relay.control import Control
from live.relay.open_sockets import OpenSockets
from live.relay.token_lookup import TokenLookup

__all__ = ["ControlledRelay", "FakeSocket"]

WITHIN = 5.0


class FakeSocket:
    """A `live.relay.socket.Socket` that keeps what it is asked for. `token` is what admitted it."""

    def __init__(
        self, token: AccessToken | None = None, lag: int = 0, stalled_for: float = 0
    ) -> None:
        self.connection = Connection("10.0.0.7", "")
        self.stream: Any = None
        self.lag = lag
        self.stalled_for = stalled_for
        self.checks = 0
        self.asked: asyncio.Queue[Any] = asyncio.Queue()
        if token is not None:
            self.connection.account_id = token.user_id
            self.connection.token_id = token.pk

    def recheck(self, token: AccessToken | Overlay | None) -> None:
        self.asked.put_nowait(token)

    def tell(self, text: str) -> None:
        self.asked.put_nowait(text)

    def interrupt(self, error: RelayError) -> None:
        self.asked.put_nowait(error.code)

    def check_progress(self) -> None:
        self.checks += 1

    async def hears(self) -> Any:
        """The next thing that it is asked for: a token, or the code of an error."""
        async with asyncio.timeout(WITHIN):
            return await self.asked.get()


class ControlledRelay:
    """What `Control` knows of a relay."""

    def __init__(self) -> None:
        self.sockets = OpenSockets()
        self.streams: dict[str, Any] = {}
        self.tokens = TokenLookup()
        self.watched = 0

    def watch(self) -> None:
        self.watched += 1

    def control(self, *, is_test: bool = False, recheck_every: float = 60.0) -> Control:
        return Control(
            self.sockets,
            self.streams,
            self.tokens,
            self,
            is_test=is_test,
            recheck_every=recheck_every,
        )
