"""Looks whether an offline streamer is live by now, without connecting to the LIVE.

A look is one small request to TikTok's web API; only when the streamer seems to be live, a second
one makes sure. It needs no signature. All looks of a process share one HTTP client, so that most
need no new TCP connection.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from django.conf import settings

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.lookup import LONGEST_WAIT, ask_for_room
from live.tiktok.network import Network
from live.tiktok.pacer import Pacer, Priority, Turn

__all__ = ["ByConnecting", "Looks", "TikTokLooks"]


class Looks(Protocol):
    """Finds out whether streamers are live."""

    @property
    def is_busy(self) -> bool:
        """There are so many requests to TikTok that some wait for their turn."""

    async def room_of(self, username: str, priority: Priority) -> str | None:
        """Return the id of the room that the user is live in. None if the user may be live, which
        is only known after connecting.

        Args:
            priority: how soon it is needed.

        Raises:
            RelayError: `user_offline`, `user_not_found`; or TikTok could not be asked:
                `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """

    def hasten(self, username: str) -> None:
        """Somebody waits now for the answer to a look that is under way."""


class ByConnecting:
    """Looks that ask nobody: the attempt to connect that follows tells whether the user is live."""

    is_busy = False

    async def room_of(self, username: str, priority: Priority) -> str | None:
        return None

    def hasten(self, username: str) -> None:
        pass


class TikTokLooks:
    """Asks TikTok. Belongs to one event loop.

    Args:
        pacer: bounds the requests of this process to TikTok.
        network: the way out to TikTok.
    """

    def __init__(self, pacer: Pacer, network: Network) -> None:
        self._pacer = pacer
        self._network = network
        self._turns: dict[str, Turn] = {}  # of the looks that wait for theirs, by username

    @property
    def is_busy(self) -> bool:
        return self._pacer.waiting > 0

    async def room_of(self, username: str, priority: Priority) -> str | None:
        gate = self._network.web_gate
        gate.check(username)
        await self._turn(username, priority)
        with gate.attempt(username):
            answer = await self._ask(username)
            if isinstance(answer, RelayError):
                try:
                    raise answer
                finally:
                    del answer  # else it would be kept by its own traceback
            return answer

    def hasten(self, username: str) -> None:
        if turn := self._turns.get(username):
            turn.hasten(Priority.CONNECT)

    async def _turn(self, username: str, priority: Priority) -> None:
        turn = self._turns[username] = Turn(self._pacer, priority)
        try:
            await turn.come()
        finally:
            if self._turns.get(username) is turn:
                del self._turns[username]

    async def _ask(self, username: str) -> str | RelayError:
        """Ask for the user's room, and return it or why there is none. The error is made here
        outside of `except`, so that it does not keep the exception that it replaces."""
        try:
            async with asyncio.timeout(min(LONGEST_WAIT, settings.RELAY_CONNECT_TIMEOUT)):
                room_id = await ask_for_room(self._network.web(), username)
        except Exception as failure:
            return self._network.explain(failure, username)
        return room_id or RelayError(ErrorCode.USER_OFFLINE, username=username)
