"""The relay: what all sockets of this process share, made once and passed to their consumers."""

from __future__ import annotations

import random
from asyncio import Task, TimerHandle, get_running_loop, timeout, wait
from collections import Counter
from contextlib import suppress
from typing import ClassVar, NamedTuple, Protocol

from django.conf import settings

from accounts.models import AccessToken, User
from accounts.usernames import is_tiktok_username
from live.connections.record import Connection
from live.connections.writer import ConnectionLogWriter
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay.control import Control
from live.relay.numbers import Newsroom
from live.streams import operator_log as notices
from live.streams.stream import LiveStream, StreamOptions, Streams, UpstreamFactory
from live.tiktok.lookup import Lookup
from live.tiktok.pictures import Pictures
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGates
from live.tiktok.upstream import TikTokUpstream

__all__ = ["Account", "Relay", "Socket"]

# Sockets are asked to come back within that many seconds, spread out.
_COME_BACK = (1, 10)
# A goodbye waits that long for sockets that don't take it.
_GOODBYE_TIMEOUT = 3.0
# Seconds between two looks at whether clients take what they are sent.
_PATROL = 1.0


class Socket(Protocol):
    """An open socket, for those who want to know of it, or to end it."""

    connection: Connection
    # What it listens to; None before and after.
    stream: LiveStream | None

    @property
    def lag(self) -> int:
        """How many frames of the stream's log are still to be sent to it."""

    @property
    def stalled_for(self) -> float:
        """Seconds since the client last took something of what is being sent; 0 if it takes it."""

    def recheck(self, token: AccessToken | None) -> None:
        """Go on as the token and its account are now: end, or move to another stream.

        Args:
            token: None for one that was revoked or deleted.
        """

    def interrupt(self, error: RelayError) -> None:
        """Explain the error to the client, and close."""

    def check_progress(self, now: float) -> None:
        """Called every second or so, with the loop's time: is the client taking what it is sent?"""

    @property
    def task(self) -> Task[None]:
        """Done when the socket is."""


class Account(NamedTuple):
    """What a socket keeps of its account: the model's object would weigh more than the socket.

    Attributes:
        sign_api_key: its own; empty for the server's.
    """

    id: int
    tiktok_username: str
    sign_api_key: str


class Relay:
    """Streams, the connection log, the sockets, and what TikTok was asked besides. Belongs to one
    event loop.

    Args:
        make_upstream: makes connections; TikTok's, except in tests and at the test endpoint.

    Attributes:
        is_test: nothing of it is real.
        sockets: the open ones.
    """

    is_test: ClassVar[bool] = False

    def __init__(
        self,
        make_upstream: UpstreamFactory = TikTokUpstream,
        rng: random.Random | None = None,
    ) -> None:
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        self.streams = self._new_streams(make_upstream)
        self.lookup = Lookup()
        self.pictures = Pictures()
        self.newsroom = Newsroom(self)
        self.connection_log = ConnectionLogWriter(self.newsroom.rows_written)
        self.control = Control(self)
        self.sockets: set[Socket] = set()
        self._patrol: TimerHandle | None = None
        self._leaving = False
        self._sockets_of: Counter[int] = Counter()

    def check_in(self, socket: Socket) -> None:
        """A socket is open; it leaves by itself when its task is done."""
        self.control.start()
        self.sockets.add(socket)
        if self._patrol is None:
            self._patrol = get_running_loop().call_later(_PATROL, self._check_progress)
        socket.task.add_done_callback(lambda _: self.sockets.discard(socket))

    def check(self) -> None:
        """Raises RelayError (`server_shutdown`) once the server is leaving."""
        if self._leaving:
            raise self._goodbye()

    def account_of(self, user: User) -> Account:
        """What a socket of the account needs.

        Raises:
            RelayError: `username_missing`, `username_invalid`.
        """
        if not user.tiktok_username:
            notices.username_missing(user.pk)
            raise RelayError(ErrorCode.USERNAME_MISSING)
        if not is_tiktok_username(user.tiktok_username):
            raise RelayError(ErrorCode.USERNAME_INVALID)
        return Account(user.pk, user.tiktok_username, user.sign_api_key())

    def streams_of(self, options: SocketOptions) -> Streams:
        """Where a socket with these options finds its stream."""
        return self.streams

    async def probe(self, username: str, sign_api_key: str) -> Room:
        """Connect as a phone would, and go again. A stream that is reconnecting tries at once.

        Raises:
            RelayError: why it can't be done.
        """
        self.check()
        stream = self.streams.get(username)
        if stream is None or not stream.is_connected:
            self.streams.gate(sign_api_key).check()
            if stream is not None:
                stream.reconnect()  # or the answer would be that of its last attempt
        stream = self.streams.join(username, sign_api_key, wait=False, since=None)
        try:
            async with timeout(settings.RELAY_CONNECT_TIMEOUT):
                return await stream.connected()
        except TimeoutError:
            raise RelayError(ErrorCode.TIKTOK_TIMEOUT, username=username) from None
        finally:
            self.streams.leave(stream, sign_api_key, wait=False)

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        """The stream of the account, for one more socket, which must `leave` it.

        Raises:
            RelayError: `too_many_connections`, the account has as many as it may.
        """
        if self._sockets_of[account.id] >= settings.RELAY_MAX_SOCKETS:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        streams = self.streams_of(options)
        self._sockets_of[account.id] += 1
        return streams.join(
            account.tiktok_username, account.sign_api_key, wait=options.wait, since=options.since
        )

    def change_key(self, stream: LiveStream, old: Account, new: Account) -> None:
        """The account's own key is another from now on."""
        self.streams.change_key(stream, old.sign_api_key, new.sign_api_key)

    def leave(self, stream: LiveStream, account: Account, options: SocketOptions) -> None:
        self.streams_of(options).leave(stream, account.sign_api_key, wait=options.wait)
        self._sockets_of[account.id] -= 1
        if not self._sockets_of[account.id]:
            del self._sockets_of[account.id]

    async def close(self) -> None:
        """Say goodbye to all sockets, end all streams, finish writing the connection log."""
        self._leaving = True
        if self._patrol is not None:
            self._patrol.cancel()
        for socket in list(self.sockets):
            socket.interrupt(self._goodbye())
        with suppress(TimeoutError):
            async with timeout(_GOODBYE_TIMEOUT):
                while tasks := [socket.task for socket in self.sockets]:
                    await wait(tasks)
        await self.control.close()
        await self.newsroom.close()
        await self.streams.close()
        await self.lookup.close()
        await self.pictures.close()
        await self.connection_log.flush()

    def _new_streams(self, make_upstream: UpstreamFactory) -> Streams:
        """Streams as the settings have them, with sign gates of their own."""
        options = StreamOptions(
            backlog=settings.RELAY_BACKLOG,
            linger=settings.RELAY_LINGER,
            idle_timeout=settings.RELAY_IDLE_TIMEOUT,
            reconnect_attempts=settings.RELAY_RECONNECT_ATTEMPTS,
            wait_interval=settings.RELAY_WAIT_INTERVAL,
            is_test=self.is_test,
        )
        return Streams(make_upstream, options, SignGates(settings.SIGN_API_KEY), rng=self._rng)

    def _check_progress(self) -> None:
        loop = get_running_loop()
        for socket in list(self.sockets):
            socket.check_progress(loop.time())
        self._patrol = loop.call_later(_PATROL, self._check_progress) if self.sockets else None

    def _goodbye(self) -> RelayError:
        return RelayError(ErrorCode.SERVER_SHUTDOWN, retry_after=self._rng.randint(*_COME_BACK))
