"""What happens on one socket between its handshake and its close.

One task does all of it: it admits the socket, follows the stream of its account, explains to the
client why that is over, closes, and completes the row in the connection log. What ends or moves it
before its time is handed to it as data (`live.sockets.orders`).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace
from typing import Protocol

from msgspec import UNSET, Struct

from accounts.models import AccessToken
from live.connections.record import Connection
from live.overlays.models import Overlay
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.frames import Connected, Frame, FrameType, Snapshot, State, encode
from live.protocol.options import SocketOptions
from live.relay import access
from live.relay.access import Account
from live.relay.relay import Relay
from live.sockets.asides import Asides
from live.sockets.delivery import Delivery
from live.sockets.dialects import FRAMES, Dialect, told
from live.sockets.orders import End, Inbox, Interrupt, MoveTo
from live.sockets.stalls import StallDetector
from live.sockets.wire.asgi import Parcel, Wire
from live.streams.borders import RoomBegan, StreamerOffline
from live.streams.followers import MAX_AHEAD
from live.streams.listener_access import OF_THE_KEY
from live.streams.state import StreamState
from live.streams.stream import LiveStream
from live.tiktok.decoding import load_whole_messages
from live.tiktok.rooms import Room

__all__ = ["Admitting", "Client", "Session"]

logger = logging.getLogger(__name__)
# Sockets of this process, for the log.
_numbers = itertools.count(1)

# A client that does not even take the explanation is dropped after so many seconds.
_EXPLAIN_TIMEOUT = 2.0
# Seconds between the end of a LIVE and the first look for the next one, for those who stay: TikTok
# may call the streamer live for a while.
_BETWEEN_LIVES = 30.0
_NOTHING_YET = Snapshot(viewers=None, likes=None, gifts=[], top=[], comments=[], diamonds=None)


class Client(Protocol):
    """What a session asks of its socket besides sending frames."""

    async def accept_handshake(self) -> None:
        """Raises OSError: the client has gone."""

    def forget_handshake(self) -> None:
        """Let go of the headers: a socket may stay for hours, and nobody needs them that long."""

    async def close(self, code: CloseCode) -> None:
        """Raises OSError: the client has gone."""


class Admitting(Protocol):
    """What a session asks of its admission, which is `live.sockets.admission.Admission`."""

    language: str

    async def admit(self) -> tuple[Account, SocketOptions]: ...


class Session:
    """One socket's session. Is a `live.relay.socket.Socket`.

    It begins with `start`. Its owner ends it with `end`, which waits until it has ended.

    Args:
        connection: what is known of the socket; the session fills it in.
        wire: the way out to the client.
        dialect: what the client understands.
    """

    def __init__(
        self,
        relay: Relay,
        client: Client,
        wire: Wire,
        admission: Admitting,
        connection: Connection,
        dialect: Dialect = FRAMES,
    ) -> None:
        self.connection = connection
        self.stream: LiveStream | None = None
        self._number = next(_numbers)
        self._relay = relay
        self._client = client
        self._wire = wire
        self._admission: Admitting | None = admission
        self._language = admission.language
        self._dialect = dialect
        self._translation = dialect.translation()
        self._inbox = Inbox()
        self._asides = Asides(wire)
        self._stalls = StallDetector(relay.clock, relay.limits.send_timeout)
        self._account: Account | None = None
        self._options = SocketOptions()
        self._delivery: Delivery | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with the handshake."""
        self._task = asyncio.create_task(self._run(), name="socket")
        self._relay.opened(self)

    async def end(self, close_code: int | None = None) -> None:
        """The client has gone: end the session, and wait until it has ended.

        Args:
            close_code: that the client closed with; None if it did not say.
        """
        self._inbox.put(End(close_code))
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- Methods of `live.relay.socket.Socket` ---

    @property
    def lag(self) -> int:
        return 0 if self._delivery is None else self._delivery.behind

    @property
    def stalled_for(self) -> float:
        return self._stalls.stalled_for

    @property
    def is_ending(self) -> bool:
        """What the client says does not matter any more."""
        return self._inbox.is_ending

    def interrupt(self, error: RelayError) -> None:
        self._inbox.put(Interrupt(error))

    def check_progress(self) -> None:
        try:
            self._stalls.check(self.connection.frames_sent)
        except RelayError as error:
            self.interrupt(error)

    def tell(self, text: str) -> None:
        if not self.is_ending:
            self._asides.put(text)

    def recheck(self, token: AccessToken | Overlay | None) -> None:
        try:
            account = self._relay.account_of(access.check_token(token).user)
        except RelayError as error:
            self.interrupt(error)
            return
        move = self._inbox.order
        known = move.account if isinstance(move, MoveTo) else self._account
        if known is None or account == known or self.is_ending:
            return
        if known is self._account and known.tiktok_username == account.tiktok_username:
            if self.stream is not None:
                self._relay.change_access(self.stream, known, account, self._options)
            self._account = account
        else:
            self._inbox.put(MoveTo(account))

    # --- From the handshake to the close -------------------------------------------------------

    async def _run(self) -> None:
        try:
            error = await self._serve()
            if not isinstance(self._inbox.order, End):
                await self._explain_and_close(error)
        except OSError:
            logger.debug("the client went away while it was sent something")
        except Exception:
            logger.exception("the end of a socket could not be explained", extra=self._ids())
        finally:
            await self._asides.close()
            if isinstance(end := self._inbox.order, End) and end.close_code is not None:
                self.connection.close_code = end.close_code
            self._relay.closed(self)

    async def _serve(self) -> RelayError | None:
        """Do all that the socket is for. Returns what to tell the client of its end; None if the
        LIVE has ended.

        Raises:
            OSError: the client has gone.
        """
        inbox = self._inbox
        try:
            # Not as `work`: without the handshake, no order could be explained to the client.
            async with asyncio.timeout(self._relay.limits.connect_timeout):
                await self._client.accept_handshake()
            await inbox.work(self._admit_and_follow())
            while move := inbox.take_move():
                self._move_to(move.account)
                await inbox.work(self._follow_lives())
        except RelayError as error:
            return error
        except OSError:
            raise
        except Exception:
            logger.exception("a socket failed", extra=self._ids())
            return RelayError(ErrorCode.INTERNAL_ERROR)
        return inbox.order.error if isinstance(inbox.order, Interrupt) else None

    def _ids(self) -> dict[str, object]:
        """Whom a line of the log is about."""
        connection = self.connection
        ids = {
            "socket": self._number,
            "stream": connection.tiktok_username or None,
            "account": connection.account_id,
        }
        return {name: value for name, value in ids.items() if value is not None}

    async def _admit_and_follow(self) -> None:
        await self._admit()
        await self._follow_lives()

    async def _admit(self) -> None:
        """See who it is and what they want.

        Raises:
            RelayError: they may not have it.
        """
        admission, self._admission = self._admission, None
        assert admission is not None
        try:
            account, asked = await admission.admit()
            self._options = self._dialect.options(asked)
        finally:
            self._language = admission.language
        self._account = account
        self._client.forget_handshake()

    def _move_to(self, account: Account) -> None:
        self._account = account
        # The cursor is one of another LIVE.
        self._options = replace(self._options, since=None)
        self.connection.moved(account.tiktok_username)
        self._relay.connection_log.moved(self.connection)

    async def _explain_and_close(self, error: RelayError | None) -> None:
        """Say why, then close. Nothing is sent after that."""
        self._inbox.begin_explaining()
        await self._asides.close()
        connection = self.connection
        connection.close_code = CloseCode.NORMAL
        if error is not None:
            connection.close_code, connection.error_code = error.close_code, error.code
            connection.reason, connection.said = error.reason, error.said
            connection.retry_after = error.retry_after
        await self._inbox.work(self._explain(error, connection.close_code))

    async def _explain(self, error: RelayError | None, close_code: CloseCode) -> None:
        try:
            async with asyncio.timeout(_EXPLAIN_TIMEOUT):
                if error is not None:
                    await self._send(FrameType.ERROR, error.explain(self._language))
                await self._client.close(close_code)
        except TimeoutError:
            self._wire.abort()

    # --- Following a stream --------------------------------------------------------------------

    async def _follow_lives(self) -> None:
        """Pass the account's LIVE on, and the next ones as well to a client that stays.

        Raises:
            RelayError: as `_follow`.
        """
        await self._follow()
        while self._dialect.stays:
            await asyncio.sleep(_BETWEEN_LIVES)
            await self._follow()

    async def _follow(self) -> None:
        """Pass the account's stream on until it is over.

        Raises:
            RelayError: why it is over, unless the LIVE has ended.
        """
        account, options, connection = self._account, self._options, self.connection
        assert account is not None
        if options.wants_others:
            await asyncio.to_thread(load_whole_messages)
        await self._relay.quota_of(options).check_others(account.id)
        self.stream = stream = self._relay.join(account, options)
        self._translation = self._dialect.translation(stream.username)
        try:
            await self._prepared(stream)
            connection.joined(stream)
            self._delivery = delivery = Delivery(
                stream.log,
                options.since,
                options.types,
                options.batch / 1000,
                self._relay.clock.unix_ms,
                MAX_AHEAD if stream.is_following else 0,
                self._translation,
            )
            await self._deliver(stream, delivery)
        finally:
            self._stalls.is_sending = False
            self.stream = self._delivery = None
            connection.left(stream)
            assert self._account is not None
            # Not `account`: its key may be another by now.
            moved = isinstance(self._inbox.order, MoveTo)
            self._relay.leave(stream, self._account, options, moved=moved)

    async def _prepared(self, stream: LiveStream) -> None:
        """Wait until the stream has its log.

        Raises:
            RelayError: it can't be had, or not in time.
        """
        try:
            async with asyncio.timeout(self._relay.limits.connect_timeout):
                await stream.prepared()
        except TimeoutError:
            # Unlike other errors of its class, this one is not the client's.
            raise RelayError(ErrorCode.INTERNAL_ERROR, said="no log in time") from None

    async def _deliver(self, stream: LiveStream, delivery: Delivery) -> None:
        """Greet the client, then send what the log has, until the stream is over and all of it
        sent.

        Raises:
            RelayError: the stream has failed; `user_offline`, and the client does not want to
                wait; or the sign server has refused the account's own key.
        """
        connection, stalls, wire = self.connection, self._stalls, self._wire
        traffic, clock = self._relay.traffic, self._relay.clock
        greeted_in = await self._greet_at_once(stream, delivery)
        if stream.offline is not None and delivery.up_to_date and not self._options.wait:
            raise _again(stream.offline)
        aside = None
        while True:
            stalls.is_sending = True
            for parcel in delivery.pending():
                await wire.send(parcel)
                connection.frames_sent += len(parcel.texts)
                traffic.sent(parcel.types, len(parcel.framed))
            if delivery.heard_at:
                traffic.send_latency.observe(clock.precise() - delivery.heard_at)
            stalls.is_sending = False
            border = delivery.take_border()
            if border is None:
                self._check_key(stream)
                if stream.aside is not aside:
                    aside = stream.aside
                    await self._send(FrameType.STATUS, aside or stream.status)
                elif stream.over and delivery.is_ahead:
                    # The log ended here before it got where the client is.
                    if stream.error is None:
                        return
                    raise _again(stream.error)
                else:
                    await delivery.wait()
            elif isinstance(border, RoomBegan):
                if greeted_in is None or greeted_in.id != border.room.id:
                    if greeted_in is None and self._options.since is None:
                        delivery.pass_gap()
                    resumed = greeted_in is None and delivery.resumed
                    greeted_in = border.room
                    await self._greet(stream, delivery, greeted_in, border.snapshot, resumed)
            elif isinstance(border, StreamerOffline):
                # While TikTok is asked again, nobody knows.
                is_known = stream.offline is not None
                is_newest = delivery.position == stream.log.last_border
                if is_known and is_newest and not self._options.wait:
                    raise _again(border.error)
            elif border.run >= stream.run:
                if border.error is None:
                    return
                own = self._refusal(stream) if border.error.code in OF_THE_KEY else None
                raise _again(own or border.error)

    def _check_key(self, stream: LiveStream) -> None:
        """Check that the sign server has not refused the account's own key.

        Raises:
            RelayError: it has. The stream may go on with other accounts' keys.
        """
        assert self._account is not None
        if self._account.sign_api_key and (error := self._refusal(stream)) is not None:
            raise _again(error)

    def _refusal(self, stream: LiveStream) -> RelayError | None:
        assert self._account is not None
        return self._relay.refusal(stream, self._account, self._options)

    async def _greet_at_once(self, stream: LiveStream, delivery: Delivery) -> Room | None:
        """Tell a newcomer what there is already. Returns the LIVE that it was greeted in; None if
        the next border tells it."""
        room = delivery.room if delivery.has_frames else None
        if delivery.up_to_date:
            room = stream.current_room
        if room is not None:
            # The snapshot includes the events that a replay sends again.
            snapshot = stream.snapshot() if delivery.up_to_date else _NOTHING_YET
            await self._greet(stream, delivery, room, snapshot, delivery.resumed)
        is_told = stream.state is StreamState.NEW or stream.status.state is State.LIVE
        if delivery.up_to_date and not is_told:
            await self._send(FrameType.STATUS, stream.status)
        return room

    async def _greet(
        self,
        stream: LiveStream,
        delivery: Delivery,
        room: Room,
        snapshot: Snapshot,
        resumed: bool,
    ) -> None:
        if self._options.is_overlay:
            # Its secret is on the screens of others: it shows what its kind shows.
            snapshot = snapshot.about(self._options.types or ())
        connected = Connected(
            username=stream.username,
            room_id=room.id,
            cursor=delivery.cursor,
            resumed=resumed,
            snapshot=snapshot,
            title=room.title or UNSET,
            owner=room.owner,
            started_at=room.started_at,
            heard_since=room.heard_late_since,
            counts=room.counts,
            test=self._relay.is_test or UNSET,
        )
        await self._send(FrameType.CONNECTED, connected)

    async def _send(self, type: FrameType, data: Struct) -> None:
        frame = Frame(type=type, ts=self._relay.clock.unix_ms(), data=data)
        translation = self._translation
        texts = told([encode(frame)], translation)
        if not texts:
            return
        parcel = Parcel(texts, "" if translation is None else translation.kind)
        await self._wire.send(parcel)
        self.connection.frames_sent += len(texts)
        self._relay.traffic.sent(parcel.types, len(parcel.framed))


def _again(error: RelayError) -> RelayError:
    """One object is raised in many sockets: without the places where it was raised before."""
    return error.with_traceback(None)
