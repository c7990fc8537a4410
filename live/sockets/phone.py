"""The socket of the mobile app, `/ws/{token}` and `/ws`.

A consumer accepts, then explains: whatever stands in the way goes out as one `error` frame and a
close code. One task (`_serve`) does everything for the socket from the handshake to the close; the
consumer owns it, and ends it when the client goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils.translation import gettext_noop as _
from msgspec import UNSET, UnsetType

from accounts.models import AccessToken
from live.connections.record import Connection
from live.protocol import options as clients
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.frames import Connected, Frame, FrameType, Nothing, Snapshot, State, encode
from live.relay.relay import Account, Relay
from live.sockets.delivery import Delivery
from live.sockets.wire.asgi import Parcel
from live.sockets.wire.servers import wire_for
from live.streams.stream import LiveStream, now_ms
from live.tiktok.decoding import load_whole_messages
from live.tiktok.rooms import Room

__all__ = ["Ping", "RejectingConsumer", "RelayConsumer"]

logger = logging.getLogger(__name__)

_MAX_MESSAGE = 4096
_MAX_PING_ID = 128
# A client may send that many messages at once, and that many a second in the long run.
_BURST = 20
_RATE = 5.0
_MAX_USER_AGENT = 300
# A client that does not even take the explanation is dropped.
_LAST_WORD_TIMEOUT = 2.0
_NOTHING_YET = Snapshot(viewers=None, likes=None, gifts=[], top=[], comments=[])


class Ping(msgspec.Struct):
    """The one message that a client may send."""

    type: Literal["ping"]
    id: Annotated[str, msgspec.Meta(max_length=_MAX_PING_ID)] | int | float | UnsetType | None = (
        UNSET
    )


_decode_message = msgspec.json.Decoder(Ping).decode


class RejectingConsumer(AsyncWebsocketConsumer):
    """For socket addresses that do not exist: the handshake fails with HTTP 403."""

    async def connect(self) -> None:
        await self.close()


class RelayConsumer(AsyncWebsocketConsumer):
    """One socket. Made with `as_asgi(relay=…)`."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._task: asyncio.Task[None] | None = None
        self._interruption: RelayError | None = None
        self._ending = False
        self._account: Account | None = None
        self._moves_to: Account | None = None
        self._delivery: Delivery | None = None
        self.stream: LiveStream | None = None
        self._client_close_code: int | None = None
        self._sending = False
        self._progress = (0, 0.0)  # frames sent, and when a change of that was last seen
        self._allowance = float(_BURST)
        self._allowance_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._end()

    async def connect(self) -> None:
        self.connection = Connection(
            address=clients.address(self.scope),
            user_agent=self._user_agent(),
            is_test=self._relay.is_test,
        )
        self._language = clients.language(self.scope)
        self._wire = wire_for(self.base_send)
        self._task = asyncio.create_task(self._serve(), name="socket")
        self._relay.check_in(self)

    async def disconnect(self, code: int) -> None:
        self._client_close_code = code
        await self._end()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._interruption is not None:
            return
        try:
            ping = self._read(text_data)
        except RelayError as error:
            self.interrupt(error)
            return
        pong = Frame(type=FrameType.PONG, ts=now_ms(), data=Nothing())
        if ping.id is not None:
            pong.id = ping.id
        with contextlib.suppress(OSError):  # the client has gone meanwhile
            await self._wire.send(Parcel([encode(pong)]))

    # --- What the client sends -----------------------------------------------------------------

    def _read(self, text: str | None) -> Ping:
        now = time.monotonic()
        self._allowance = min(_BURST, self._allowance + (now - self._allowance_at) * _RATE)
        self._allowance_at = now
        if self._allowance < 1:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Too many messages in a short time."))
        self._allowance -= 1
        if text is None:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Binary messages are not understood."))
        if len(text) > _MAX_MESSAGE:
            raise RelayError(ErrorCode.BAD_REQUEST, reason=_("The message is too long."))
        try:
            return _decode_message(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise RelayError(
                ErrorCode.BAD_REQUEST, reason=_("The message is no JSON object of a known type.")
            ) from None

    # --- A `live.relay.relay.Socket` ---

    @property
    def task(self) -> asyncio.Task[None]:
        assert self._task is not None
        return self._task

    @property
    def lag(self) -> int:
        delivery = self._delivery
        return 0 if delivery is None else delivery.behind

    @property
    def stalled_for(self) -> float:
        if not self._sending:
            return 0.0
        return max(0.0, self.task.get_loop().time() - self._progress[1])

    def check_progress(self, now: float) -> None:
        sent = self.connection.frames_sent
        if not self._sending or sent != self._progress[0]:
            self._progress = (sent, now)
        elif now - self._progress[1] >= settings.RELAY_SEND_TIMEOUT:
            self.interrupt(RelayError(ErrorCode.TOO_SLOW))

    def interrupt(self, error: RelayError) -> None:
        if self._interruption is None:
            self._interruption = error
            self.task.cancel()

    def recheck(self, token: AccessToken | None) -> None:
        try:
            if token is None:
                raise RelayError(ErrorCode.TOKEN_REVOKED)
            clients.check_access(token)
            account = self._relay.account_of(token.user)
        except RelayError as error:
            self.interrupt(error)
            return
        known = self._moves_to or self._account
        if known is None or self._interruption is not None or account == known:
            return
        if self._moves_to is not None:
            self._moves_to = account
        elif known.tiktok_username == account.tiktok_username:
            if self.stream is not None:
                self._relay.change_key(self.stream, known, account)
            self._account = account
        else:
            self._moves_to = account
            self.task.cancel()

    def _user_agent(self) -> str:
        # What people call their app may well be UTF-8.
        text = clients.header(self.scope, b"user-agent").encode("latin-1").decode(errors="replace")
        return "".join(filter(str.isprintable, text))[:_MAX_USER_AGENT]

    # --- The socket's task ---------------------------------------------------------------------

    async def _end(self) -> None:
        self._ending = True
        if self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _serve(self) -> None:
        connection = self.connection
        error = None
        try:
            try:
                account, options = await self._admit()
                self._account = account
                while True:
                    try:
                        await self._follow(options)
                        break
                    except asyncio.CancelledError:
                        if not self._moves():
                            raise
                        # The cursor is one of another LIVE.
                        options = replace(options, since=None)
            except (Exception, asyncio.CancelledError) as failure:
                error = self._explainable(failure)
            await self._explain_and_close(error)
        except OSError:
            logger.debug("the client went away while it was sent something")
        finally:
            if self._client_close_code is not None:
                connection.close_code = self._client_close_code
            self._relay.connection_log.closed(connection)

    def _explainable(self, failure: BaseException) -> RelayError:
        """What to tell the client of a failure. Raises it again when nobody is there to be told."""
        match failure:
            case RelayError():
                return failure
            case asyncio.CancelledError():
                task = asyncio.current_task()
                if self._interruption is None or self._ending or not task:
                    raise failure
                task.uncancel()
                return self._interruption
            case OSError():
                raise failure
        logger.error("a socket failed", exc_info=failure)
        return RelayError(ErrorCode.INTERNAL_ERROR)

    def _moves(self) -> bool:
        """Whether the task was cancelled to follow another stream, and not to end."""
        if self._moves_to is None or self._interruption is not None or self._ending:
            return False
        while self.task.uncancel():
            pass
        self._account, self._moves_to = self._moves_to, None
        self.connection.moved(self._account.tiktok_username)
        self._relay.connection_log.moved(self.connection)
        return True

    async def _admit(self) -> tuple[Account, clients.SocketOptions]:
        """Accept the handshake, and see who it is and what they want."""
        offered = self.scope.get("subprotocols", [])
        await self.accept(subprotocol=clients.BEARER if clients.BEARER in offered else None)
        self._relay.check()
        try:
            async with asyncio.timeout(settings.RELAY_CONNECT_TIMEOUT):
                token = await self._authenticate()
        except TimeoutError:  # which is an OSError, and would pass for a client that has gone
            logger.error("the database did not answer in time")
            raise RelayError(ErrorCode.INTERNAL_ERROR) from None
        finally:
            self._relay.connection_log.opened(self.connection)
        account = self._relay.account_of(token.user)
        query = self.scope["query_string"].decode("latin-1")
        options = clients.SocketOptions.parse(query, test=self._relay.is_test)
        # A socket may stay for hours, and nobody needs its headers that long.
        self._wire.forget_handshake()
        self.scope["headers"].clear()
        self.scope.clear()
        return account, options

    async def _authenticate(self) -> AccessToken:
        """Raises RelayError: the token is unknown or unusable, or its account disabled."""
        text = self.scope["url_route"]["kwargs"].get("token") or clients.bearer_token(self.scope)
        token: AccessToken | None = await database_sync_to_async(AccessToken.objects.find)(text)
        if token is None:
            raise RelayError(ErrorCode.INVALID_TOKEN)
        connection, account = self.connection, token.user
        connection.token_prefix = token.prefix
        connection.account_id = account.pk
        connection.tiktok_username = account.tiktok_username
        self._language = clients.language(self.scope, account.language)
        clients.check_access(token)
        connection.token_id = token.pk
        return token

    async def _follow(self, options: clients.SocketOptions) -> None:
        """Pass the account's stream on until it is over.

        Raises:
            RelayError: why it is over, unless the LIVE has ended.
        """
        connection, wire = self.connection, self._wire
        tells_others = options.types is not None and FrameType.OTHER in options.types
        if tells_others:
            await asyncio.to_thread(load_whole_messages)
        assert self._account is not None
        self.stream = stream = self._relay.join(self._account, options)
        connection.joined(stream)
        try:
            if tells_others:
                stream.tell_others()
            log = stream.log
            delivery = Delivery(log, options.since, options.types, options.batch / 1000, now_ms)
            self._delivery = delivery
            told_of: Room | None = None
            if stream.room is not None:
                told_of = stream.room
                # The snapshot is of the log's end: with a replay, it would tell things twice.
                await self._greet(stream, delivery, with_snapshot=delivery.up_to_date)
            if stream.status.state is not State.LIVE and delivery.position == log.end > 0:
                await self._send(Frame(type=FrameType.STATUS, ts=now_ms(), data=stream.status))
            while not delivery.finished:
                if stream.room is not None and (told_of is None or told_of.id != stream.room.id):
                    told_of = stream.room
                    await self._greet(stream, delivery, with_snapshot=False)
                self._sending = True
                for parcel in delivery.pending():
                    await wire.send(parcel)
                    connection.frames_sent += len(parcel.texts)
                self._sending = False
                if delivery.up_to_date and stream.offline is not None and not options.wait:
                    raise stream.offline.with_traceback(None)  # it is raised in every socket
                if not delivery.finished:
                    await delivery.wait()
            if stream.error is not None:
                raise stream.error.with_traceback(None)
        finally:
            self._sending = False
            self.stream = self._delivery = None
            connection.left(stream)
            self._relay.leave(stream, self._account, options)

    async def _greet(self, stream: LiveStream, delivery: Delivery, with_snapshot: bool) -> None:
        room = stream.room
        assert room is not None
        connected = Connected(
            username=stream.username,
            room_id=room.id,
            cursor=delivery.cursor,
            resumed=delivery.resumed,
            snapshot=stream.snapshot() if with_snapshot else _NOTHING_YET,
            title=room.title or UNSET,
            owner=room.owner,
            started_at=room.started_at,
            counts=room.counts,
            test=self._relay.is_test or UNSET,
        )
        await self._send(Frame(type=FrameType.CONNECTED, ts=now_ms(), data=connected))

    async def _send(self, frame: Frame) -> None:
        await self._wire.send(Parcel([encode(frame)]))
        self.connection.frames_sent += 1

    async def _explain_and_close(self, error: RelayError | None) -> None:
        """Say why, then close. Nothing is sent after that."""
        connection = self.connection
        self._interruption = error or RelayError(ErrorCode.CONNECTION_LOST)
        self._sending = False
        connection.close_code = CloseCode.NORMAL
        if error is not None:
            connection.close_code, connection.error_code = error.close_code, error.code
            connection.reason, connection.said = error.reason, error.said
            connection.retry_after = error.retry_after
        try:
            async with asyncio.timeout(_LAST_WORD_TIMEOUT):
                if error is not None:
                    explanation = error.explain(self._language)
                    await self._send(Frame(type=FrameType.ERROR, ts=now_ms(), data=explanation))
                await self.close(code=connection.close_code)
        except TimeoutError:
            self._wire.abort()
