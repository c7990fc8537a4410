"""The relay: what all sockets of this process share, made once and passed to their consumers."""

from __future__ import annotations

import random
from asyncio import Task, TimerHandle, get_running_loop, timeout, wait
from collections import Counter
from contextlib import suppress
from typing import NamedTuple, Protocol

from django.conf import settings

from live.clients import SocketOptions
from live.connectionlog import ConnectionLogWriter
from live.errors import ErrorCode, RelayError
from live.lookup import Lookup
from live.signgate import SignGates
from live.streams import LiveStream, StreamOptions, Streams, UpstreamFactory
from live.upstream import TikTokUpstream

__all__ = ["Account", "Relay", "Socket"]

# Sockets are asked to come back within that many seconds, spread out.
_COME_BACK = (1, 10)
# A goodbye waits that long for sockets that don't take it.
_GOODBYE_TIMEOUT = 3.0
# Seconds between two looks at whether clients take what they are sent.
_PATROL = 1.0


class Socket(Protocol):
    """An open socket, for those who want to end it."""

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
    """Streams, the connection log, the count of sockets, and what TikTok was asked besides. Belongs
    to one event loop.

    Args:
        make_upstream: makes connections; TikTok's, except in tests.
    """

    def __init__(
        self,
        make_upstream: UpstreamFactory = TikTokUpstream,
        rng: random.Random | None = None,
    ) -> None:
        options = StreamOptions(
            backlog=settings.RELAY_BACKLOG,
            linger=settings.RELAY_LINGER,
            idle_timeout=settings.RELAY_IDLE_TIMEOUT,
            reconnect_attempts=settings.RELAY_RECONNECT_ATTEMPTS,
            wait_interval=settings.RELAY_WAIT_INTERVAL,
        )
        self.streams = Streams(make_upstream, options, SignGates(settings.SIGN_API_KEY), rng=rng)
        self.lookup = Lookup()
        self.connection_log = ConnectionLogWriter()
        self._patrol: TimerHandle | None = None
        self._leaving = False
        self._rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
        self._sockets: set[Socket] = set()
        self._sockets_of: Counter[int] = Counter()

    def check_in(self, socket: Socket) -> None:
        """A socket is open; it leaves by itself when its task is done."""
        self._sockets.add(socket)
        if self._patrol is None:
            self._patrol = get_running_loop().call_later(_PATROL, self._check_progress)
        socket.task.add_done_callback(lambda _: self._sockets.discard(socket))

    def check(self) -> None:
        """Raises RelayError (`server_shutdown`) once the server is leaving."""
        if self._leaving:
            raise self._goodbye()

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        """The stream of the account, for one more socket, which must `leave` it.

        Raises:
            RelayError: `too_many_connections`, the account has as many as it may.
        """
        if self._sockets_of[account.id] >= settings.RELAY_MAX_SOCKETS:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        self._sockets_of[account.id] += 1
        return self.streams.join(
            account.tiktok_username, account.sign_api_key, wait=options.wait, since=options.since
        )

    def leave(self, stream: LiveStream, account: Account, options: SocketOptions) -> None:
        self.streams.leave(stream, account.sign_api_key, wait=options.wait)
        self._sockets_of[account.id] -= 1
        if not self._sockets_of[account.id]:
            del self._sockets_of[account.id]

    async def close(self) -> None:
        """Say goodbye to all sockets, end all streams, finish writing the connection log."""
        self._leaving = True
        if self._patrol is not None:
            self._patrol.cancel()
        for socket in list(self._sockets):
            socket.interrupt(self._goodbye())
        with suppress(TimeoutError):
            async with timeout(_GOODBYE_TIMEOUT):
                while tasks := [socket.task for socket in self._sockets]:
                    await wait(tasks)
        await self.streams.close()
        await self.lookup.close()
        await self.connection_log.flush()

    def _check_progress(self) -> None:
        loop = get_running_loop()
        for socket in list(self._sockets):
            socket.check_progress(loop.time())
        self._patrol = loop.call_later(_PATROL, self._check_progress) if self._sockets else None

    def _goodbye(self) -> RelayError:
        return RelayError(ErrorCode.SERVER_SHUTDOWN, retry_after=self._rng.randint(*_COME_BACK))
