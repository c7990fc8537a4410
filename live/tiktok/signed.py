"""The signed route: the sign server gives an address of TikTok's socket that has a signature.

TikTokLive asks for it. Each of the accounts that listen may have an API key of its own; the first
one that the sign server takes is used.
"""

from __future__ import annotations

import asyncio
import math
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop as _
from TikTokLive.client.web.routes.fetch_signed_websocket import (
    FetchSignedWebSocketRoute,
    WebcastPlatform,
)
from TikTokLive.client.web.web_settings import WebDefaults
from TikTokLive.client.ws.ws_utils import build_webcast_uri

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.access import Access, Accesses, through
from live.tiktok.attempt import Attempt
from live.tiktok.failures import explain
from live.tiktok.network import Network, Networks
from live.tiktok.routes import RouteName
from live.tiktok.signgate import SignGate
from live.tiktok.web import USER_AGENT, SignRequests
from live.tiktok.webcast import RefusedError, SocketAddress, WebcastSocket

__all__ = ["SignedRoute"]

# The sign server may take this fraction of the route's time to answer: 1 / _SIGNING. So those who
# wait for their turn learn in time that it does not answer.
_SIGNING = 2
# TikTok's own hosts end in this.
_TIKTOK = ".tiktok.com"


class SignedRoute:
    """See `live.tiktok.routes.Route`.

    Args:
        networks: the ways out, one for each account's proxy.
        accesses: of the accounts that listen.
    """

    name = RouteName.SIGNED

    def __init__(self, networks: Networks, accesses: Accesses) -> None:
        self._networks = networks
        self._accesses = accesses

    @property
    def seconds_closed(self) -> float:
        access = self._accesses.best()
        blocked = self._networks.of(access.proxy).signed_gate.seconds_closed
        return max(access.gate.seconds_closed, blocked)

    def check(self, username: str) -> None:
        access = self._accesses.best()
        self._networks.of(access.proxy).signed_gate.check(username)
        access.gate.check()

    async def open(self, attempt: Attempt, limit: float) -> WebcastSocket:
        until = asyncio.get_running_loop().time() + limit
        return await through(self._accesses, _Opening(self._networks, attempt, until).open)


class _Opening:
    """Opens a socket with one access after the other.

    Args:
        until: the event loop's time at which it must be open.
    """

    def __init__(self, networks: Networks, attempt: Attempt, until: float) -> None:
        self._networks = networks
        self._attempt = attempt
        self._until = until
        self._waits_for_turn = False

    async def open(self, access: Access) -> WebcastSocket:
        network = self._networks.of(access.proxy)
        username = self._attempt.username
        requests = network.sign_requests(access.gate)
        with network.used(), network.signed_gate.attempt(username):
            access.gate.check()
            address: SocketAddress | None = None
            try:
                async with asyncio.timeout_at(self._until):
                    address = await self._address(access.gate, network, requests)
                    return await self._attempt.open_socket(
                        address, RouteName.SIGNED, proxy=network.proxy, speaks_first=False
                    )
            except RelayError:
                raise
            except Exception as failure:
                raise self._explained(failure, access.gate, network, requests, address) from None

    async def _address(
        self, gate: SignGate, network: Network, requests: SignRequests
    ) -> SocketAddress:
        """Ask the sign server, when its gate allows it."""
        room_id = self._attempt.room_id
        web = network.web()
        web.params["room_id"] = str(room_id)
        web.sign_with(requests)
        self._waits_for_turn = True
        async with gate.request(self._attempt.username):
            self._waits_for_turn = False
            left = self._until - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(left / _SIGNING):
                    first = await FetchSignedWebSocketRoute(web)(WebcastPlatform.WEB)
            except Exception:
                if requests.response is None:
                    gate.on_no_answer()
                raise
        url = build_webcast_uri(
            first,
            {**WebDefaults.ws_client_params, "room_id": room_id, "compress": "gzip"},
            WebDefaults.ws_client_params_append_str,
        )
        cookies = [f"{name}={value}" for name, value in web.cookies.items()]
        if not all(map(_is_plain, [url, *cookies])):
            raise ValueError("the sign server's answer can't be sent on")
        headers = {
            "Cookie": "; ".join(cookies),
            "User-Agent": USER_AGENT,
            "Sec-WebSocket-Protocol": "echo-protocol",
        }
        return SocketAddress(url, headers, first.messages)

    def _explained(
        self,
        failure: Exception,
        gate: SignGate,
        network: Network,
        requests: SignRequests,
        address: SocketAddress | None,
    ) -> RelayError:
        username = self._attempt.username
        if self._waits_for_turn and isinstance(failure, TimeoutError):
            return RelayError(
                ErrorCode.SIGN_UNAVAILABLE,
                username=username,
                reason=_("Other connections were waiting for the sign server, too."),
            )
        error = explain(
            failure,
            username,
            requests.response,
            asks_tiktok=address is not None,
            secrets=(gate.api_key, settings.SIGN_API_KEY),
        )
        if error.code is ErrorCode.RATE_LIMITED:
            return error.copy(retry_after=math.ceil(gate.seconds_closed), more_hint=gate.limit_hint)
        if isinstance(failure, RefusedError) and address is not None:
            if not _is_tiktoks(address.url):
                return error.copy(
                    code=ErrorCode.SIGN_UNAVAILABLE,
                    reason=_("The sign server gave an address of its own, which refuses."),
                )
            if self._attempt.is_restricted:
                return error.copy(code=ErrorCode.AGE_RESTRICTED)
            network.signed_gate.on_blocked(username)
        return error


def _is_plain(text: str) -> bool:
    """Whether a text of the sign server's may stand in the head of a request."""
    return text.isascii() and text.isprintable() and " " not in text


def _is_tiktoks(url: str) -> bool:
    """Whether it is an address of TikTok's, and not of the sign server's own relay."""
    host = urlsplit(url).hostname or ""
    configured = {
        urlsplit(address).hostname
        for address in (settings.TIKTOK_WEBCAST_URL, settings.TIKTOK_SOCKET_URL)
    }
    return host.endswith(_TIKTOK) or host in configured
