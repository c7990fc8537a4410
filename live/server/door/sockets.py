"""Limits the sockets of each address: how many are open, and how often tokens are tried in vain.
Refuses those of pages that may not open any (`ALLOWED_ORIGINS`).

A socket that is refused here costs no session, no query and no row of its own. Its client is told
why, as for all other errors: by an `error` frame, in its dialect, and a close code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any, NamedTuple

from django.utils.translation import gettext_noop as _

from accounts import requests
from live.protocol.addresses import BEARER, STAFF_ADDRESS, is_of_tikfinity, last_part
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import Frame, FrameType, encode
from live.relay.quota import Counts
from live.relay.relay import Relay
from live.sockets.admission import connection_of
from live.sockets.dialects import FRAMES, TIKFINITY, told
from live.sockets.wire.asgi import Parcel

__all__ = ["Refusal", "SocketDoor"]

# An app that died without a word still counts for about so long, in seconds.
_RETRY_AFTER = 30


class Refusal(NamedTuple):
    """What a client is told whose socket is refused.

    Attributes:
        text: one message.
        close_code: what the socket is closed with.
        subprotocol: what its handshake chooses; None for nothing.
    """

    text: str
    close_code: int
    subprotocol: str | None


class SocketDoor:
    """Refuses the sockets of clients that are over a limit, and of pages that may not open any. It
    wraps an ASGI application.

    Args:
        application: the application to wrap.
        relay: whose failed tokens count, and whose connection log has the refusals.
        most: how many sockets an address may have open.
        origins: of pages that may open phones' sockets, beside this server's own; empty for all.
        counts: the sockets of other processes; None where there are no others.
    """

    def __init__(
        self,
        application: Any,
        relay: Relay,
        most: int,
        origins: Collection[str] = (),
        counts: Counts | None = None,
    ) -> None:
        self._application = application
        self._relay = relay
        self._most = most
        self._origins = frozenset(origins)
        self._counts = counts
        self._open: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        client = requests.client(scope)
        if (refusal := self._refusal(client, scope)) is not None:
            await _tell(refusal, receive, send)
            return
        if client is None:
            await self._application(scope, receive, send)
            return
        open_here = self._open[client] = self._open.get(client, 0) + 1
        try:
            if await self._open_elsewhere(client) + open_here > self._most:
                await _tell(self._refuse(_too_many(), scope), receive, send)
                return
            await self._application(scope, receive, send)
        finally:
            self._open[client] -= 1
            if self._counts is not None:
                self._counts.note(_key(client), self._open[client])
            if not self._open[client]:
                del self._open[client]

    def may_refuse(self, host: str) -> bool:
        """Whether it is worth asking for a `refusal` before the server has read the request.

        Args:
            host: the address at the other end of the connection; empty for a Unix socket.
        """
        failed_tokens = self._relay.failed_tokens
        if requests.is_trusted_proxy(host):  # whose clients are named in the request
            return len(failed_tokens.clients) > 0
        client = requests.network(host)
        return client is not None and (self._is_full(client) or failed_tokens.has_to_wait(client))

    def refusal(self, scope: Any) -> Refusal | None:
        """What the client of this handshake is told, who is counted as refused then; None if it may
        come in."""
        return self._refusal(requests.client(scope), scope)

    def _refusal(self, client: str | None, scope: Any) -> Refusal | None:
        try:
            self._check(client, scope)
        except RelayError as error:
            return self._refuse(error, scope)
        return None

    async def _open_elsewhere(self, client: str) -> int:
        """How many sockets the client has open in other processes."""
        if self._counts is None:
            return 0
        return await self._counts.count(_key(client), self._open[client])

    def _is_full(self, client: str) -> bool:
        return self._open.get(client, 0) >= self._most

    def _check(self, client: str | None, scope: Any) -> None:
        """Raises RelayError: `too_many_connections`, `bad_request`."""
        if client is not None and self._is_full(client):
            raise _too_many()
        if not scope["path"].startswith(STAFF_ADDRESS):  # which takes its own pages alone
            self._check_origin(scope)
            self._relay.failed_tokens.check(client, _token(scope))

    def _check_origin(self, scope: Any) -> None:
        """Raises RelayError: `bad_request`, for a page of another site that is not allowed."""
        origin = requests.page_origin(scope)
        is_allowed = not self._origins or not origin or origin in self._origins
        if not is_allowed and not requests.is_of_own_page(scope):
            raise RelayError(
                ErrorCode.BAD_REQUEST,
                reason=_("Pages of this site may not open sockets here (ALLOWED_ORIGINS)."),
            )

    def _refuse(self, error: RelayError, scope: Any) -> Refusal:
        self._relay.refusals.add(connection_of(scope, is_test=False), error.code, error.reason)
        frame = Frame(
            type=FrameType.ERROR,
            ts=self._relay.clock.unix_ms(),
            data=error.explain(requests.language(scope)),
        )
        dialect = TIKFINITY if is_of_tikfinity(scope["path"]) else FRAMES
        translation = dialect.translation()
        texts = told([encode(frame)], translation)
        parcel = Parcel(texts, "" if translation is None else translation.kind)
        self._relay.traffic.sent(parcel.types, len(parcel.framed))
        self._relay.traffic.closed[error.code] += 1
        subprotocol = BEARER if BEARER in scope.get("subprotocols", []) else None
        return Refusal(parcel.texts[0], error.close_code, subprotocol)


async def _tell(refusal: Refusal, receive: Any, send: Any) -> None:
    await receive()
    with contextlib.suppress(OSError):  # the client has gone
        await send({"type": "websocket.accept", "subprotocol": refusal.subprotocol})
        await send({"type": "websocket.send", "text": refusal.text})
        await send({"type": "websocket.close", "code": refusal.close_code})


def _too_many() -> RelayError:
    return RelayError(
        ErrorCode.TOO_MANY_CONNECTIONS,
        reason=_("Too many sockets from this address."),
        retry_after=_RETRY_AFTER,
    )


def _key(client: str) -> str:
    return f"sockets of address {client}"


def _token(scope: Any) -> str:
    """The token that the client has sent, if there is one: else some other text."""
    token = last_part(scope["path"])
    if not token and is_of_tikfinity(scope["path"]):
        token = requests.query_token(scope)
    return token or requests.bearer_token(scope)
