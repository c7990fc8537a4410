"""Control messages: what pages, the admin and accounts' changes ask of relays.

They travel through the channel layer, to every relay that it reaches, and each does what concerns
its own sockets and streams. A message may be lost; so what an open socket rests on (its token, its
account) is also looked up anew every minute, which finds what another process has changed, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db.models import Q
from django.utils import timezone

from accounts import announcements
from accounts.models import AccessToken
from live.protocol.errors import ErrorCode, RelayError

if TYPE_CHECKING:
    from live.relay.relay import Relay

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
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Does nothing when it has been started."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="control messages")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception:
                logger.exception("control messages can't be received")
                await asyncio.sleep(_RETRY)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        groups = (_GROUP, announcements.GROUP)
        try:
            while True:
                for group in groups:
                    # Again each time: layers forget members that have joined long ago.
                    await layer.group_add(group, channel)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RECHECK):
                        await self._obey(layer, channel)
                await self._recheck_all()
        finally:
            for group in groups:
                await layer.group_discard(group, channel)

    async def _recheck_all(self) -> None:
        try:
            await self._recheck({socket.connection.account_id for socket in self._admitted()})
        except Exception:  # of a database that fails, there will be news in a minute
            logger.exception("the accounts of open sockets could not be looked up")

    async def _obey(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            try:
                await self._handle(message)
            except Exception:
                logger.exception("a control message could not be obeyed")

    async def _handle(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "accounts.changed", "accounts": list(account_ids)}:
                await self._recheck(account_ids)
            case {"type": "accounts.disconnect", "accounts": list(account_ids)}:
                self._disconnect(
                    socket
                    for socket in self._relay.sockets
                    if socket.connection.account_id in account_ids
                )
            case {"type": "staff.watching"}:
                self._relay.newsroom.watch()
            case _ if self._relay.is_test:
                pass  # what staff see of streams is of real ones
            case {"type": "stream.disconnect", "username": str(username)}:
                self._disconnect(
                    socket
                    for socket in self._relay.sockets
                    if socket.stream is not None and socket.stream.username == username
                )
            case {"type": "stream.reconnect", "username": str(username)}:
                if stream := self._relay.streams.get(username):
                    stream.reconnect()

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
            tokens = await database_sync_to_async(_usable_tokens)(some)
            # Only now: whoever was admitted while the database answered may have an older answer.
            for socket in self._admitted():
                if socket.connection.account_id in some:
                    socket.recheck(tokens.get(socket.connection.token_id))


def _usable_tokens(account_ids: Collection[int | None]) -> dict[int, AccessToken]:
    lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    tokens = AccessToken.objects.select_related("user")
    found = tokens.filter(lasting, user__in=account_ids, revoked_at=None)
    return {token.pk: token for token in found}
