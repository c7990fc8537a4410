"""Control messages: what pages, the admin and accounts' changes ask of relays.

They travel through the channel layer, to every process, and each does what concerns its own
sockets and streams. A message may be lost; so what an open socket rests on (its token, its account)
is also looked up anew every minute, which finds what another process has changed, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from accounts import announcements
from accounts.models import AccessToken
from live.errors import ErrorCode, RelayError

if TYPE_CHECKING:
    from live.relay import Relay

__all__ = [
    "Control",
    "disconnect_account",
    "disconnect_stream",
    "reconnect_stream",
    "staff_watching",
]

logger = logging.getLogger(__name__)

_GROUP = "relays"
# Seconds. Between two looks at what open sockets rest on; and before a failed layer is tried again.
_RECHECK = 60.0
_RETRY = 1.0
# Accounts that are asked for in one query: databases limit the parameters of one.
_AT_ONCE = 500


def reconnect_stream(username: str) -> None:
    """Have the stream's connection to TikTok made anew. Its sockets stay."""
    async_to_sync(_send)({"type": "stream.reconnect", "username": username})


def disconnect_stream(username: str) -> None:
    """Close all sockets of the stream."""
    async_to_sync(_send)({"type": "stream.disconnect", "username": username})


disconnect_account = announcements.disconnect


async def staff_watching() -> None:
    """Somebody looks at the staff's pages: they need news for the next minute."""
    await _send({"type": "staff.watching"})


async def _send(message: dict[str, Any]) -> None:
    await get_channel_layer().group_send(_GROUP, message)


class Control:
    """Listens for one relay, from `start` to `close`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Does nothing when it has been started."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._listen(), name="control messages"),
                asyncio.create_task(self._look_around(), name="recheck of sockets"),
            ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self) -> None:
        while True:
            try:
                await self._receive()
            except Exception:
                logger.exception("control messages can't be received")
                await asyncio.sleep(_RETRY)

    async def _receive(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        groups = (_GROUP, announcements.GROUP)
        for group in groups:
            await layer.group_add(group, channel)
        try:
            while True:
                message = await layer.receive(channel)
                try:
                    await self._handle(message)
                except Exception:
                    logger.exception("a control message could not be obeyed")
        finally:
            for group in groups:
                await layer.group_discard(group, channel)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK)
            try:
                await self._recheck({socket.connection.account_id for socket in self._admitted()})
            except Exception:
                logger.exception("the accounts of open sockets could not be looked up")

    async def _handle(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "account.changed", "account": int(account_id)}:
                await self._recheck({account_id})
            case {"type": "account.disconnect", "account": int(account_id)}:
                self._disconnect(
                    socket
                    for socket in self._relay.sockets
                    if socket.connection.account_id == account_id
                )
            case {"type": "stream.disconnect", "username": str(username)}:
                self._disconnect(
                    socket
                    for socket in self._relay.sockets
                    if socket.stream is not None and socket.stream.username == username
                )
            case {"type": "stream.reconnect", "username": str(username)}:
                if stream := self._relay.streams.get(username):
                    stream.reconnect()
            case {"type": "staff.watching"}:
                self._relay.newsroom.watch()

    def _disconnect(self, sockets: Iterable[Any]) -> None:
        for socket in sockets:
            socket.interrupt(RelayError(ErrorCode.DISCONNECTED))

    def _admitted(self) -> list[Any]:
        return [socket for socket in self._relay.sockets if socket.connection.token_id is not None]

    async def _recheck(self, account_ids: Collection[int | None]) -> None:
        """Hold the accounts' open sockets against what the database says by now."""
        ids = list(account_ids)
        for start in range(0, len(ids), _AT_ONCE):
            some = set(ids[start : start + _AT_ONCE])
            tokens = await database_sync_to_async(_unrevoked_tokens)(some)
            # Only now: whoever was admitted while the database answered may have an older answer.
            for socket in self._admitted():
                if socket.connection.account_id in some:
                    socket.recheck(tokens.get(socket.connection.token_id))


def _unrevoked_tokens(account_ids: Collection[int | None]) -> dict[int, AccessToken]:
    tokens = AccessToken.objects.select_related("user")
    found = tokens.filter(user__in=account_ids, revoked_at=None)
    return {token.pk: token for token in found}
