"""HTTP clients for what this server asks TikTok and the sign server, perhaps through a proxy.

httpx could use proxies by itself. But httpcore 1.0.9, which works below it, leaves the connection
to a SOCKS5 proxy open when that refuses, and writes its password into the log at level DEBUG. And
it raises the same error whether a proxy is down or TikTok.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from httpcore._backends.anyio import AnyIOStream
from python_socks import ProxyTimeoutError
from python_socks.async_.anyio import Proxy

from live.tiktok.web import TLS

__all__ = ["make_client"]


def make_client(proxy: str, limits: httpx.Limits, **options: Any) -> httpx.AsyncClient:
    """Make a client that verifies TLS.

    Its requests raise `httpx.ProxyError` where the proxy can't be reached or does not let them
    through.

    Args:
        proxy: the address of a proxy; empty for none.
        limits: of the connections.
        options: others of the client.
    """
    transport = _ProxiedTransport(proxy, limits) if proxy else None
    return httpx.AsyncClient(verify=TLS, transport=transport, limits=limits, **options)


class _ProxiedTransport(httpx.AsyncHTTPTransport):
    """Sends requests through a proxy."""

    def __init__(self, proxy: str, limits: httpx.Limits) -> None:
        # httpx's own makes nothing but the pool, and takes no network backend for it.
        bounds: dict[str, Any] = {
            "ssl_context": TLS,
            "max_connections": limits.max_connections,
            "max_keepalive_connections": limits.max_keepalive_connections,
            "keepalive_expiry": limits.keepalive_expiry,
        }
        given = httpx.Proxy(proxy)
        if given.url.scheme == "socks5":
            self._pool = httpcore.AsyncConnectionPool(
                network_backend=_ThroughSocks(proxy), **bounds
            )
        else:
            self._pool = httpcore.AsyncHTTPProxy(
                str(given.url),
                proxy_auth=given.raw_auth,
                proxy_ssl_context=TLS if given.url.scheme == "https" else None,
                network_backend=_ToProxy(),
                **bounds,
            )


class _ToProxy(httpcore.AnyIOBackend):
    """Connects to the proxy itself."""

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        try:
            return await super().connect_tcp(*args, **options)
        except httpcore.ConnectError as failure:
            raise httpcore.ProxyError(type(failure).__name__) from None


class _ThroughSocks(httpcore.AnyIOBackend):
    """Connects to other hosts through a SOCKS5 proxy, which resolves their names.

    Args:
        proxy: its address.
    """

    def __init__(self, proxy: str) -> None:
        self._proxy = Proxy.from_url(proxy)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            stream = await self._proxy.connect(host, port, timeout=timeout)
        except ProxyTimeoutError:
            raise httpcore.ConnectTimeout from None
        except Exception as failure:  # the texts of some repeat the address or the password
            raise httpcore.ProxyError(type(failure).__name__) from None
        return AnyIOStream(stream)
