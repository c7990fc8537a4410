"""Connects to webhooks' hosts: to the very addresses that were checked, and to no others.

A name is resolved once for each connection. What came of it is checked, and the connection goes to
one of these IP addresses. So a name that resolves to something else a moment later gains nothing.
The `Host` header and TLS's server name stay those of the address.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore
import httpx

from live.webhooks.addresses import Guard

__all__ = ["Resolve", "make_client", "resolve"]

# Connections that may be open at once, and seconds for which one is kept for what follows.
_CONNECTIONS = 64
_KEPT_FOR = 5.0
# Seconds for one of several addresses of a host, such as an IPv6 one that leads nowhere.
_EACH_ADDRESS = 1.5

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve(host: str, port: int) -> Sequence[str]:
    """Resolve a name, as the machine does.

    Raises:
        OSError: it can't be.
    """
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def make_client(
    guard: Guard,
    resolve: Resolve = resolve,
    connect: float = 5.0,
    tls: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """Make a client that connects only to where the guard allows, verifies TLS, uses no proxy, and
    follows no redirects.

    Its requests raise `AddressRefusedError`, beside httpx's own errors.

    Args:
        guard: says where it may connect to.
        resolve: returns the IP addresses of a host.
        connect: seconds for a new connection.
        tls: how servers are verified; None for what the machine trusts.
    """
    return httpx.AsyncClient(
        transport=_Transport(guard, resolve, tls or httpx.create_ssl_context()),
        timeout=httpx.Timeout(None, connect=connect),
        follow_redirects=False,
        trust_env=False,
    )


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self, guard: Guard, resolve: Resolve, tls: ssl.SSLContext) -> None:
        # httpx's own makes nothing but the pool, and takes no network backend for it.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEPT_FOR,
            network_backend=_Checked(guard, resolve),
        )


class _Checked(httpcore.AnyIOBackend):
    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
                self._guard.check(host, port, addresses)
                return await self._connect(addresses, port, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError as failure:
            raise httpcore.ConnectError(type(failure).__name__) from failure

    async def _connect(
        self,
        addresses: Sequence[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first of them that answers."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for number, address in enumerate(addresses, start=1):
            try:
                # The last one may take the time that is left.
                return await super().connect_tcp(
                    address,
                    port,
                    None if number == len(addresses) else _EACH_ADDRESS,
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
