"""Decides whether a socket may connect: finds its token or overlay, its account and its options."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from accounts import requests
from accounts.models import AccessToken, User
from live.connections.record import Connection
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType
from live.protocol.options import SocketOptions
from live.relay import access
from live.relay.access import Account
from live.relay.failed_tokens import REASON
from live.relay.relay import Relay

__all__ = ["Admission", "OverlayAdmission", "PreviewAdmission", "connection_of"]

_MAX_USER_AGENT = 300


def connection_of(scope: Any, *, is_test: bool) -> Connection:
    """A connection for the connection log, with what the handshake says: address and user agent."""
    # What people call their app may well be UTF-8.
    header = requests.header(scope, b"user-agent").encode("latin-1").decode(errors="replace")
    user_agent = "".join(filter(str.isprintable, header))[:_MAX_USER_AGENT]
    return Connection(address=requests.address(scope), user_agent=user_agent, is_test=is_test)


class Admission:
    """Admits one socket.

    Args:
        scope: of the handshake, as ASGI has it.
        connection: gets the token and the account as soon as they are known.
        token: the text of the token in the address; empty if there is none.

    Attributes:
        language: for what people are told on this socket; that of the account, once it is known.
    """

    def __init__(self, relay: Relay, scope: Any, connection: Connection, token: str) -> None:
        self.language = requests.language(scope)
        self._relay = relay
        self._scope = scope
        self._connection = connection
        self._token = token or requests.bearer_token(scope)

    async def admit(self) -> tuple[Account, SocketOptions]:
        """The account whose stream it follows, and how. Whether admitted or refused by its token,
        the socket then has its row in the connection log.

        Raises:
            RelayError: the server is stopping, the token or the account may not connect, an option
                has a bad value, or the database does not answer in time.
        """
        self._relay.check()
        try:
            user = await self._authenticate()
        except TimeoutError:  # which is an OSError, and would pass for a client that has gone
            raise RelayError(ErrorCode.INTERNAL_ERROR) from None
        finally:
            if not self._connection.is_summed:
                self._relay.connection_log.opened(self._connection)
        account = self._relay.account_of(user)
        query = self._scope["query_string"].decode("latin-1")
        return account, SocketOptions.parse(query, test=self._relay.is_test)

    async def _authenticate(self) -> User:
        """Raises RelayError: the token is unknown or unusable, or its account disabled;
        TimeoutError: the database does not answer."""
        try:
            user = await self._find_usable()
        except RelayError:
            self._count_failure()
            raise
        self._relay.failed_tokens.works(self._token)
        return user

    async def _find_usable(self) -> User:
        relay, connection = self._relay, self._connection
        token = await relay.tokens.find(self._token, relay.limits.connect_timeout)
        self._note(token.prefix, token.user)
        if not self._opens(token):
            raise RelayError(ErrorCode.INVALID_TOKEN)
        user = access.check_token(token).user
        connection.token_id = token.pk
        return user

    def _opens(self, token: AccessToken) -> bool:
        """Whether sockets of this sort are opened by tokens of this sort."""
        return True

    def _note(self, prefix: str, user: User) -> None:
        """Whose it is, for the connection log, even if it is refused."""
        connection = self._connection
        connection.token_prefix = prefix
        connection.account_id = user.pk
        connection.tiktok_username = user.tiktok_username
        self.language = requests.language(self._scope, user.language)

    def _count_failure(self) -> None:
        """A client that has sent many such tokens gets one row for the rest of them."""
        relay, connection = self._relay, self._connection
        is_one_too_many = relay.failed_tokens.failed(
            requests.network(connection.address), self._token
        )
        if is_one_too_many or relay.refusals.is_counting(connection.address, REASON):
            connection.is_summed = True
            relay.refusals.add(connection, ErrorCode.TOO_MANY_CONNECTIONS, REASON)


class PreviewAdmission(Admission):
    """Admits the socket of an overlay's preview, which shows invented events to whoever is signed
    in: the token must be one of a session.

    It is not the test endpoint, which the operator may have left off: nothing is replayed, and no
    error rehearsed.
    """

    async def admit(self) -> tuple[Account, SocketOptions]:
        account, options = await super().admit()
        return account, replace(options, fail=None, replay="")

    def _opens(self, token: AccessToken) -> bool:
        return bool(token.session_digest)


class OverlayAdmission(Admission):
    """Admits the socket of an overlay's page, whose secret comes in the place of a token.

    It gets the events that its kind shows, whatever it asks for.
    """

    _types: frozenset[FrameType] = frozenset()

    async def admit(self) -> tuple[Account, SocketOptions]:
        account, options = await super().admit()
        return account, replace(options, types=self._types, is_overlay=True)

    async def _find_usable(self) -> User:
        relay, connection = self._relay, self._connection
        overlay = await relay.tokens.find_overlay(self._token, relay.limits.connect_timeout)
        self._note(overlay.prefix, overlay.account)
        access.check_token(overlay)
        self._types = overlay.sort.types
        connection.overlay_id, connection.overlay_digest = overlay.pk, overlay.digest
        return overlay.account
