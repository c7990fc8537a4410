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
from typing import Any, Protocol

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from accounts import announcements
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access, groups
from live.relay.socket import Socket
from live.streams.stream import LiveStream
from live.tasks import cancel_and_wait

__all__ = ["Control", "disconnect_stream", "reconnect_stream", "staff_watching"]

logger = logging.getLogger(__name__)

# Seconds between two looks at what open sockets rest on.
_RECHECK_EVERY = 60.0
# Seconds before a channel layer that has failed is tried again.
_RETRY = 1.0
# Accounts that are asked for in one query: databases limit the parameters of one.
_AT_ONCE = 500


def reconnect_stream(username: str, by: str) -> None:
    """Have the stream's connection to TikTok made anew. Its sockets stay.

    Args:
        by: the username of the member of the staff who asks for it.
    """
    async_to_sync(_send)({"type": "stream.reconnect", "username": username, "by": by})


def disconnect_stream(username: str) -> None:
    """Close all sockets of the stream."""
    async_to_sync(_send)({"type": "stream.disconnect", "username": username})


async def staff_watching() -> None:
    """Somebody looks at the staff's pages: numbers are to be published for the next minute."""
    await _send({"type": "staff.watching"})


async def _send(message: dict[str, Any]) -> None:
    await get_channel_layer().group_send(groups.RELAYS, message)


class _Streams(Protocol):
    """What is asked of a relay's streams."""

    def get(self, username: str) -> LiveStream | None: ...


class _Watched(Protocol):
    """What is asked of a relay's numbers."""

    def watch(self) -> None: ...


class Control:
    """Receives control messages for one relay, from `start` to `close`, and does what they ask.

    Args:
        sockets: the open ones, whenever they are iterated.
        is_test: the relay is that of the test endpoint: what staff ask of a LIVE is not for it.
        recheck_every: seconds between two looks at what open sockets rest on.
    """

    def __init__(
        self,
        sockets: Iterable[Socket],
        streams: _Streams,
        numbers: _Watched,
        *,
        is_test: bool,
        recheck_every: float = _RECHECK_EVERY,
    ) -> None:
        self._sockets = sockets
        self._streams = streams
        self._numbers = numbers
        self._is_test = is_test
        self._recheck_every = recheck_every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Does nothing when it has been started."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="control messages")

    async def close(self) -> None:
        await cancel_and_wait(self._task)

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
        joined = (groups.RELAYS, announcements.GROUP)
        try:
            while True:
                for group in joined:
                    # Again each time: layers forget members that have joined long ago.
                    await layer.group_add(group, channel)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._recheck_every):
                        await self._obey(layer, channel)
                await self._recheck_all()
        finally:
            for group in joined:
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
                    for socket in self._sockets
                    if socket.connection.account_id in account_ids
                )
            case {"type": "staff.watching"}:
                self._numbers.watch()
            case _ if self._is_test:
                pass  # what staff see of streams is of real ones
            case {"type": "stream.disconnect", "username": str(username)}:
                self._disconnect(
                    socket
                    for socket in self._sockets
                    if socket.stream is not None and socket.stream.username == username
                )
            case {"type": "stream.reconnect", "username": str(username), "by": str(by)}:
                if stream := self._streams.get(username):
                    logger.info("@%s is to be connected anew, as %s has asked", username, by)
                    stream.reconnect(by)

    def _disconnect(self, sockets: Iterable[Socket]) -> None:
        for socket in sockets:
            socket.interrupt(RelayError(ErrorCode.DISCONNECTED))

    def _admitted(self) -> list[Socket]:
        return [socket for socket in self._sockets if socket.connection.token_id is not None]

    async def _recheck(self, account_ids: Collection[int | None]) -> None:
        """Hold the accounts' open sockets against what the database says by now."""
        ids = list(account_ids)
        for start in range(0, len(ids), _AT_ONCE):
            some = set(ids[start : start + _AT_ONCE])
            tokens = await database_sync_to_async(access.usable_tokens)(some)
            # Only now: whoever was admitted while the database answered may have an older answer.
            for socket in self._admitted():
                connection = socket.connection
                if connection.account_id in some and connection.token_id is not None:
                    socket.recheck(tokens.get(connection.token_id))
