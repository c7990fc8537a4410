"""Control messages: they tell relays to reconnect a stream, to close sockets, or to look again at
accounts that have changed.

Pages, the admin and the models of `accounts` send them. The channel layer delivers them to every
relay that it reaches, and each relay acts on its own sockets and streams.

A message can be lost, and one from another process may not arrive. So the tokens and accounts of
all open sockets are also looked up again every minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from accounts import announcements
from accounts.models import AccessToken
from live.cluster.scripts import FAILURES
from live.overlays.models import Overlay
from live.protocol.errors import ErrorCode, RelayError
from live.relay import groups
from live.relay.socket import Socket
from live.streams.stream import LiveStream
from live.tasks import cancel_until_done

__all__ = ["Control", "disconnect_stream", "reconnect_stream", "staff_watching", "tell_overlay"]

logger = logging.getLogger(__name__)

# Seconds between two checks of the tokens and accounts of all open sockets.
_RECHECK_EVERY = 60.0
# Seconds to wait before the channel layer is used again after it has failed.
_RETRY = 1.0
# The number of accounts that one database query asks for: databases limit a query's parameters.
_AT_ONCE = 500
# Seconds to wait for the database. Other control messages wait meanwhile.
_DATABASE_TIMEOUT = 5.0


def reconnect_stream(username: str, by: str) -> None:
    """Tell all relays to connect the stream to TikTok again. Its sockets stay open.

    Args:
        username: the TikTok username of the streamer.
        by: the username of the staff member who asked for it.
    """
    async_to_sync(_send)({"type": "stream.reconnect", "username": username, "by": by})


def disconnect_stream(username: str) -> None:
    """Tell all relays to close all sockets of the stream.

    Args:
        username: the TikTok username of the streamer.
    """
    async_to_sync(_send)({"type": "stream.disconnect", "username": username})


def tell_overlay(overlay_id: int, data: dict[str, Any]) -> None:
    """Send the open pages of an overlay a message, wherever they are connected.

    Args:
        overlay_id: the overlay's primary key.
        data: what the page's script knows, see live/static/live/overlays/overlay.js.
    """
    text = msgspec.json.encode({"type": "overlay", "data": data}).decode()
    async_to_sync(_send)({"type": "overlay.tell", "overlay": overlay_id, "text": text})


async def staff_watching() -> None:
    """Tell all relays to publish their numbers for the next minute: a staff page is open."""
    await _send({"type": "staff.watching"})


async def _send(message: dict[str, Any]) -> None:
    await get_channel_layer().group_send(groups.RELAYS, message)


class _Streams(Protocol):
    """The part of `live.streams.registry.Streams` that `Control` uses."""

    def get(self, username: str) -> LiveStream | None: ...


class _Watched(Protocol):
    """The part of `live.relay.numbers.NumbersPublisher` that `Control` uses."""

    def watch(self) -> None: ...


class _Tokens(Protocol):
    """The part of `live.relay.token_lookup.TokenLookup` that `Control` uses."""

    async def usable(
        self, account_ids: Collection[int], within: float
    ) -> Mapping[int, AccessToken]: ...

    async def usable_overlays(
        self, account_ids: Collection[int], within: float
    ) -> Mapping[str, Overlay]: ...


class Control:
    """Receives control messages for one relay, from `start` to `close`, and does what they ask.

    When the channel layer or a message fails, that is logged, and the work goes on. When the
    database does, the next check of all sockets makes up for it.

    Args:
        sockets: the relay's open sockets; iterated anew for each message.
        streams: the relay's streams.
        tokens: looks up the tokens of the sockets.
        numbers: starts to publish when a staff page is open.
        is_test: whether the relay is that of the test endpoint. It ignores what staff ask of a
            stream, since staff see only streams of real LIVEs.
        recheck_every: seconds between two checks of the tokens and accounts of open sockets.
        on_changed: is told which accounts have changed.
    """

    def __init__(
        self,
        sockets: Iterable[Socket],
        streams: _Streams,
        tokens: _Tokens,
        numbers: _Watched,
        *,
        is_test: bool,
        recheck_every: float = _RECHECK_EVERY,
        on_changed: Callable[[Collection[int]], None] = lambda account_ids: None,
    ) -> None:
        self._on_changed = on_changed
        self._sockets = sockets
        self._streams = streams
        self._tokens = tokens
        self._numbers = numbers
        self._is_test = is_test
        self._recheck_every = recheck_every
        self._task: asyncio.Task[None] | None = None
        self._fails = False

    def start(self) -> None:
        """Begin to receive messages. Does nothing if it has already begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="control messages")

    async def close(self) -> None:
        """Stop receiving messages."""
        await cancel_until_done(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except FAILURES as failure:
                if not self._fails:
                    self._fails = True
                    logger.error("Control messages can't be received from Redis: %s", failure)
            except Exception:
                logger.exception("control messages can't be received")
            await asyncio.sleep(_RETRY)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        layer = get_channel_layer()
        channel = await layer.new_channel()
        joined = (groups.RELAYS, announcements.GROUP)
        receiving: asyncio.Task[Any] | None = None
        try:
            while True:
                for group in joined:
                    # Join again every time: a channel layer forgets old members of a group.
                    await layer.group_add(group, channel)
                self._note_success()
                end = loop.time() + self._recheck_every
                while (left := end - loop.time()) > 0:
                    # Cancelled only at the end: a channel layer then forgets the channel.
                    receiving = receiving or asyncio.ensure_future(layer.receive(channel))
                    await asyncio.wait([receiving], timeout=left)
                    if receiving.done():
                        message, receiving = receiving.result(), None
                        await self._obey(message)
                await self._recheck_all()
        finally:
            await cancel_until_done(receiving)
            for group in joined:
                await layer.group_discard(group, channel)

    def _note_success(self) -> None:
        if self._fails:
            self._fails = False
            logger.info("Control messages can be received again")

    async def _recheck_all(self) -> None:
        accounts = {socket.connection.account_id for socket in self._admitted()}
        try:
            await self._recheck([account for account in accounts if account is not None])
        except Exception:
            logger.exception("the accounts of open sockets could not be looked up")

    async def _obey(self, message: dict[str, Any]) -> None:
        try:
            await self._handle(message)
        except Exception:
            logger.exception("a control message could not be obeyed")

    async def _handle(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "accounts.changed", "accounts": list(account_ids)}:
                self._on_changed(account_ids)
                await self._recheck(account_ids)
            case {"type": "accounts.disconnect", "accounts": list(account_ids)}:
                self._disconnect(
                    socket
                    for socket in self._sockets
                    if socket.connection.account_id in account_ids
                )
            case {"type": "overlay.tell", "overlay": int(overlay_id), "text": str(text)}:
                for socket in self._sockets:
                    if socket.connection.overlay_id == overlay_id:
                        socket.tell(text)
            case {"type": "staff.watching"}:
                self._numbers.watch()
            case _ if self._is_test:
                pass  # staff see only streams of real LIVEs, so the messages below mean those
            case {"type": "stream.disconnect", "username": str(username)}:
                self._disconnect(
                    socket
                    for socket in self._sockets
                    if socket.stream is not None and socket.stream.username == username
                )
            case {"type": "stream.reconnect", "username": str(username), "by": str(by)}:
                if stream := self._streams.get(username):
                    logger.info(
                        "@%s is to be connected anew, as %s has asked",
                        username,
                        by,
                        extra={"stream": username},
                    )
                    stream.reconnect(by)

    def _disconnect(self, sockets: Iterable[Socket]) -> None:
        for socket in sockets:
            socket.interrupt(RelayError(ErrorCode.DISCONNECTED))

    def _admitted(self) -> list[Socket]:
        return [
            socket
            for socket in self._sockets
            if socket.connection.token_id is not None or socket.connection.overlay_id is not None
        ]

    async def _recheck(self, account_ids: Collection[int]) -> None:
        """Look up the accounts in the database, and tell their open sockets what has changed."""
        ids = list(account_ids)
        for start in range(0, len(ids), _AT_ONCE):
            some = set(ids[start : start + _AT_ONCE])
            try:
                tokens = await self._tokens.usable(some, _DATABASE_TIMEOUT)
                overlays = await self._tokens.usable_overlays(some, _DATABASE_TIMEOUT)
            except TimeoutError:
                return  # which is logged; the next check of all sockets comes in a minute
            # List the sockets only after the query: a socket that was admitted during the query
            # may have read its token before the change.
            for socket in self._admitted():
                connection = socket.connection
                if connection.account_id not in some:
                    pass
                elif connection.overlay_id is not None:
                    socket.recheck(overlays.get(connection.overlay_digest))
                elif connection.token_id is not None:
                    socket.recheck(tokens.get(connection.token_id))
