"""Looks whether an offline streamer is live by now, without connecting to the LIVE.

A look is one small request to TikTok's web API; only when the streamer seems to be live, a second
one makes sure. It needs no signature. All looks of a process share one HTTP client, so that most
need no new TCP connection.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from django.conf import settings
from TikTokLive.client.web.web_base import TikTokHTTPClient

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.blockgate import BlockGate
from live.tiktok.failures import code_of, is_block
from live.tiktok.lookup import LONGEST_WAIT, ask_for_room
from live.tiktok.pacer import Pacer, Priority, Turn
from live.tiktok.web import make_web_client, use_configured_addresses

__all__ = ["ByConnecting", "Looks", "TikTokLooks"]

logger = logging.getLogger(__name__)


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

    async def close(self) -> None:
        """No look is under way any more, and none follows."""


class ByConnecting:
    """Looks that ask nobody: the attempt to connect that follows tells whether the user is live."""

    is_busy = False

    async def room_of(self, username: str, priority: Priority) -> str | None:
        return None

    def hasten(self, username: str) -> None:
        pass

    async def close(self) -> None:
        pass


class TikTokLooks:
    """Asks TikTok. Belongs to one event loop.

    Args:
        pacer: bounds the requests of this process to TikTok.
        blocks: the gate of this process for what TikTok blocks.
    """

    def __init__(self, pacer: Pacer, blocks: BlockGate) -> None:
        self._pacer = pacer
        self._blocks = blocks
        self._turns: dict[str, Turn] = {}  # of the looks that wait for theirs, by username
        self._client: TikTokHTTPClient | None = None

    @property
    def is_busy(self) -> bool:
        return self._pacer.waiting > 0

    async def room_of(self, username: str, priority: Priority) -> str | None:
        self._blocks.check(username)
        await self._turn(username, priority)
        with self._blocks.attempt(username):
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

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

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
        use_configured_addresses()
        if self._client is None:
            self._client = make_web_client()
        try:
            async with asyncio.timeout(min(LONGEST_WAIT, settings.RELAY_CONNECT_TIMEOUT)):
                room_id = await ask_for_room(self._client, username)
        except Exception as failure:
            code, said = code_of(failure, None, connecting=True), type(failure).__name__
            if code is ErrorCode.INTERNAL_ERROR:
                logger.exception("unexpected answer of TikTok")
            if code is ErrorCode.TIKTOK_BLOCKED and is_block(failure):
                self._blocks.on_blocked(username)
        else:
            if room_id is not None:
                return room_id
            code, said = ErrorCode.USER_OFFLINE, ""
        return RelayError(code, username=username, said=said)
