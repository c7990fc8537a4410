"""The direct route: an anonymous visitor of TikTok's web page connects without a signature.

It could not be tried on TikTok itself when it was written: what it sends is what other projects
that use this route in 2026 send.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import quote

from django.conf import settings
from TikTokLive.client.web.web_settings import WebDefaults

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.access import Accesses
from live.tiktok.attempt import Attempt
from live.tiktok.failures import explain
from live.tiktok.network import Network, Networks
from live.tiktok.routes import RouteName
from live.tiktok.web import USER_AGENT
from live.tiktok.webcast import RefusedError, SocketAddress, WebcastSocket

__all__ = ["DirectRoute"]

_PATH = "/im/ws_proxy/ws_reuse_supplement/"
_ORIGIN = "https://www.tiktok.com"
# TikTok answers so when it takes the visitor for a robot, and not because of this LIVE.
_BLOCKING = frozenset(
    {
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_DEVICE_BLOCKED = "DEVICE_BLOCKED"


class DirectRoute:
    """See `live.tiktok.routes.Route`.

    Args:
        networks: the ways out. The one of the first access is taken.
        accesses: of the accounts that listen.
    """

    name = RouteName.DIRECT

    def __init__(self, networks: Networks, accesses: Accesses) -> None:
        self._networks = networks
        self._accesses = accesses

    @property
    def seconds_closed(self) -> float:
        return self._network.direct_gate.seconds_closed

    def check(self, username: str) -> None:
        self._network.direct_gate.check(username)

    async def open(self, attempt: Attempt, limit: float) -> WebcastSocket:
        network = self._network
        with network.used(), network.direct_gate.attempt(attempt.username):
            try:
                async with asyncio.timeout(limit):
                    cookie = await network.visitor.cookie(attempt.username)
                    return await attempt.open_socket(
                        _address(attempt, cookie),
                        self.name,
                        proxy=network.proxy,
                        speaks_first=True,
                    )
            except Exception as failure:
                raise _explained(failure, attempt, network) from None

    @property
    def _network(self) -> Network:
        return self._networks.of(self._accesses.best().proxy)


def _address(attempt: Attempt, cookie: str) -> SocketAddress:
    query = {**WebDefaults.ws_client_params, "room_id": attempt.room_id, "compress": "gzip"}
    # TikTokLive has some of the values encoded already.
    written = "&".join(f"{name}={quote(str(value), safe='%/')}" for name, value in query.items())
    headers = {
        "Cookie": f"ttwid={cookie}",
        "User-Agent": USER_AGENT,
        "Origin": _ORIGIN,
        "Referer": f"{_ORIGIN}/@{attempt.username}/live",
        "Accept-Language": WebDefaults.web_client_headers["Accept-Language"],
    }
    return SocketAddress(f"{settings.TIKTOK_SOCKET_URL}{_PATH}?{written}", headers)


def _explained(failure: Exception, attempt: Attempt, network: Network) -> RelayError:
    if isinstance(failure, RelayError):
        if failure.code is ErrorCode.TIKTOK_BLOCKED:  # no visitor's cookie
            network.direct_gate.on_blocked(attempt.username)
        return failure.copy(username=attempt.username)
    error = explain(failure, attempt.username, asks_tiktok=True)
    if isinstance(failure, RefusedError):
        if attempt.is_restricted:
            return error.copy(code=ErrorCode.AGE_RESTRICTED)
        if failure.status in _BLOCKING or _DEVICE_BLOCKED in failure.message:
            network.direct_gate.on_blocked(attempt.username)
    return error
