"""Reads the client's address, token and language from a request or from a socket's handshake.

The client can send false values. The functions take an ASGI scope, so that pages, the REST API and
sockets use the same rules.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

__all__ = [
    "address",
    "bearer_token",
    "client",
    "header",
    "is_of_own_page",
    "is_trusted_proxy",
    "language",
    "network",
    "page_origin",
    "query_token",
]

_BEARER = "bearer"  # RFC 6750
# The number of characters of a query that are read. The rest is ignored.
_MAX_QUERY = 4096
# The number of bits of an IPv6 address that name a client's network. A client can choose any
# address in its network, so the other bits don't count.
_NETWORK_BITS = 64
_PORTS = {"http": 80, "https": 443}
# How many addresses are remembered as they were read: each handshake reads its own several times.
_REMEMBERED = 256


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """Return the value of the first header with this name, or an empty text if there is none.

    Args:
        scope: the ASGI scope.
        name: the name, in lower case.
    """
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def language(scope: Mapping[str, Any], chosen: str = "") -> str:
    """Return the language for texts: the first of these that the server has.

    1. The parameter `lang` of the query.
    2. The language in `chosen`.
    3. The languages in the header Accept-Language, in the client's order.
    4. The server's own language.

    Args:
        scope: the ASGI scope.
        chosen: the language of the account; empty for none.
    """
    query = scope.get("query_string", b"")
    asked = parse_qs(query.decode("latin-1")[:_MAX_QUERY]).get("lang", [""])[-1] if query else ""
    if asked in settings.LANGUAGE_CODES:
        return str(asked)
    if chosen in settings.LANGUAGE_CODES:
        return chosen
    for accepted, quality in parse_accept_lang_header(header(scope, b"accept-language")):
        # A quality of 0 means "not this language": RFC 9110, section 12.4.2.
        with suppress(LookupError):
            if quality:
                return str(get_supported_language_variant(accepted))
    return str(settings.LANGUAGE_CODE)


def bearer_token(scope: Mapping[str, Any]) -> str:
    """Return the token that was sent in a handshake or request; empty if none was sent.

    It is in the header `Authorization: Bearer …` or in the subprotocols ["bearer", token].
    """
    scheme, _space, token = header(scope, b"authorization").partition(" ")
    if scheme.lower() == _BEARER:
        return token.strip()
    subprotocols: Sequence[str] = scope.get("subprotocols", [])
    if len(subprotocols) >= 2 and subprotocols[0] == _BEARER:
        return subprotocols[1]
    return ""


def query_token(scope: Mapping[str, Any]) -> str:
    """Return the token in the parameter `token` of the query; empty if there is none.

    Only for addresses whose clients can send it in no other way: browsers and proxies keep whole
    addresses.
    """
    query = parse_qs(scope.get("query_string", b"").decode("latin-1")[:_MAX_QUERY])
    return str(query.get("token", [""])[-1])


def page_origin(scope: Mapping[str, Any]) -> str:
    """Return the origin of the page that a browser opens a socket for, such as
    "https://example.org"; "null" for a page without one, and empty if the client is no browser.

    Any client but a browser may send what it likes.
    """
    return header(scope, b"origin").lower()


def is_of_own_page(scope: Mapping[str, Any]) -> bool:
    """Return whether the page's origin is the host and port that was asked, or one that forms may
    come from (`CSRF_TRUSTED_ORIGINS`).

    Cookies are sent to all ports of a host, and a page of any site may open a socket.
    """
    origin = page_origin(scope)
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{header(scope, b'host')}")
        # The default port follows the page's scheme, since a proxy may hide https.
        default = _PORTS[page.scheme]
        return bool(page.hostname) and (page.hostname, page.port or default) == (
            asked.hostname,
            asked.port or default,
        )
    except (KeyError, ValueError):
        return False


def address(scope: Mapping[str, Any]) -> str | None:
    """Return the client's IP address; None if it is not known.

    In X-Forwarded-For, only the entries that trusted proxies added count.
    """
    peer = (scope.get("client") or [""])[0]
    client = _ip(peer)
    if not is_trusted_proxy(peer):
        return str(client) if client else None
    for forwarded in reversed(_forwarded_for(scope)):
        hop = _ip(forwarded.strip())
        if hop is None:
            break
        client = hop
        if not _is_trusted(hop):
            break
    return str(client) if client else None


def client(scope: Mapping[str, Any]) -> str | None:
    """Return the client as limits count it: the `network` of its `address`."""
    return network(address(scope))


def network(address: str | None) -> str | None:
    """Return the IP address; for IPv6, the address of its network. None if it is not known."""
    ip = _ip(address or "")
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ipaddress.ip_network((ip, _NETWORK_BITS), strict=False).network_address
    return None if ip is None else str(ip)


def _forwarded_for(scope: Mapping[str, Any]) -> list[str]:
    # There may be several of these headers: some proxies add another one after the client's.
    headers = [
        str(value, "latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"
    ]
    return ",".join(headers).split(",")


@lru_cache(_REMEMBERED)
def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        # Remove the zone: it can be any text, and has a meaning on this host only.
        return ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
    return ip


def is_trusted_proxy(text: str) -> bool:
    """Whether the address is in one of the networks in the setting `TRUSTED_PROXIES`.

    Args:
        text: the address; empty for whoever connects by a Unix socket, who has none.
    """
    if not text:
        return bool(settings.TRUSTS_UNIX_SOCKET)
    ip = _ip(text)
    return ip is not None and _is_trusted(ip)


def _is_trusted(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in network for network in settings.TRUSTED_PROXIES)
