"""The relay: what all sockets and pages of this process share. `live.server.assembly` makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accounts.models import User
from live.clock import Clock
from live.connections.writer import ConnectionLogWriter
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay import access
from live.relay.access import Account
from live.relay.control import Control
from live.relay.key_users import KeyUsers
from live.relay.numbers import NumbersPublisher
from live.relay.open_sockets import OpenSockets
from live.relay.quota import SocketQuota
from live.relay.shutdown import Shutdown
from live.relay.socket import Socket
from live.streams import operator_log
from live.streams.registry import Streams
from live.streams.stream import LiveStream
from live.tiktok.lookup import Lookup
from live.tiktok.pictures import Pictures

__all__ = ["Limits", "Relay"]


@dataclass(frozen=True)
class Limits:
    """How long is waited, in seconds: for the database and for TikTok when something connects
    (`connect_timeout`), and for a client that takes nothing (`send_timeout`)."""

    connect_timeout: float = 20
    send_timeout: float = 30


@dataclass(eq=False, repr=False, kw_only=True)
class Relay:
    """Holds the parts that sockets and pages share; sockets join and leave streams through it.

    It belongs to one event loop.

    Attributes:
        is_test: nothing of it is real.
    """

    is_test: ClassVar[bool] = False

    streams: Streams
    sockets: OpenSockets
    quota: SocketQuota
    limits: Limits
    connection_log: ConnectionLogWriter
    numbers: NumbersPublisher
    key_users: KeyUsers
    control: Control
    shutdown: Shutdown
    lookup: Lookup
    pictures: Pictures
    clock: Clock

    def opened(self, socket: Socket) -> None:
        """A socket is open; it says when it has `closed`."""
        self.control.start()
        self.sockets.add(socket)

    def closed(self, socket: Socket) -> None:
        """A socket of `opened` has closed: its row is completed."""
        self.connection_log.closed(socket.connection)
        self.sockets.remove(socket)

    def check(self) -> None:
        """Raises RelayError (`server_shutdown`) once the server is stopping."""
        self.shutdown.check()

    def account_of(self, user: User) -> Account:
        """What a socket of the account needs. The log says so to operators if it has no LIVE.

        Raises:
            RelayError: `username_missing`, `username_invalid`.
        """
        try:
            return access.account_of(user)
        except RelayError as error:
            if error.code is ErrorCode.USERNAME_MISSING:
                operator_log.username_missing(user.pk)
            raise

    def streams_of(self, options: SocketOptions) -> Streams:
        """Where a socket with these options finds its stream."""
        return self.streams

    def join(self, account: Account, options: SocketOptions) -> LiveStream:
        """The stream of the account, for one more socket, which must `leave` it.

        Raises:
            RelayError: `too_many_connections`, the account has as many as it may.
        """
        self.quota.take(account.id)
        streams = self.streams_of(options)
        self.note_key(streams, account.tiktok_username, account.sign_api_key)
        return streams.join(
            account.tiktok_username, account.sign_api_key, wait=options.wait, since=options.since
        )

    def change_key(
        self, stream: LiveStream, old: Account, new: Account, options: SocketOptions
    ) -> None:
        """The account's own key is another from now on.

        Args:
            options: those that the stream was joined with.
        """
        streams = self.streams_of(options)
        self.note_key(streams, new.tiktok_username, new.sign_api_key)
        streams.change_key(stream, old.sign_api_key, new.sign_api_key)

    def leave(self, stream: LiveStream, account: Account, options: SocketOptions) -> None:
        """A socket of `join` is gone."""
        self.streams_of(options).leave(stream, account.sign_api_key, wait=options.wait)
        self.quota.give_back(account.id)

    def note_key(self, streams: Streams, username: str, sign_api_key: str) -> None:
        """A connection to the LIVE of `username` may use that key, which is an account's own."""
        if sign_api_key:
            self.key_users.note(streams.gate(sign_api_key), username)

    async def close(self) -> None:
        """Tell all clients that the server stops, end all streams, write the rest of the log."""
        await self.shutdown.close_sockets(self.sockets)
        await self.control.close()
        await self.numbers.close()
        await self.streams.close()
        await self.lookup.close()
        await self.pictures.close()
        await self.connection_log.flush()
