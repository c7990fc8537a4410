"""What a request, or the handshake of a socket, says of its client: address, token and language.

All of it comes from outside and may be false. The functions take an ASGI scope, so that pages, the
REST API and sockets read a client in the same way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

__all__ = ["address", "bearer_token", "header", "is_trusted_proxy", "language"]

_BEARER = "bearer"  # RFC 6750
# Longer queries are not read to their end.
_MAX_QUERY = 4096


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """The first header of that name (in lower case), or an empty text."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


def language(scope: Mapping[str, Any], chosen: str = "") -> str:
    """The language for people: `lang=`, else the `chosen` one, else Accept-Language, else the
    server's."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1")[:_MAX_QUERY])
    asked = query.get("lang", [""])[-1]
    if asked in settings.LANGUAGE_CODES:
        return str(asked)
    if chosen in settings.LANGUAGE_CODES:
        return chosen
    for accepted, quality in parse_accept_lang_header(header(scope, b"accept-language")):
        # A quality of 0 is "not this one", RFC 9110 section 12.4.2.
        with suppress(LookupError):
            if quality:
                return str(get_supported_language_variant(accepted))
    return str(settings.LANGUAGE_CODE)


def bearer_token(scope: Mapping[str, Any]) -> str:
    """The token of `Authorization: Bearer …` or of the subprotocols ["bearer", token]."""
    scheme, _space, token = header(scope, b"authorization").partition(" ")
    if scheme.lower() == _BEARER:
        return token.strip()
    subprotocols: Sequence[str] = scope.get("subprotocols", [])
    if len(subprotocols) >= 2 and subprotocols[0] == _BEARER:
        return subprotocols[1]
    return ""


def address(scope: Mapping[str, Any]) -> str | None:
    """The client's IP address. X-Forwarded-For counts as far as trusted proxies wrote it."""
    client = _ip((scope.get("client") or [""])[0])
    if client is None or not _is_trusted(client):
        return str(client) if client else None
    for forwarded in reversed(_forwarded_for(scope)):
        hop = _ip(forwarded.strip())
        if hop is None:
            break
        client = hop
        if not _is_trusted(hop):
            break
    return str(client)


def _forwarded_for(scope: Mapping[str, Any]) -> list[str]:
    # Some proxies add a header of their own below the one that the client sent.
    headers = [
        str(value, "latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"
    ]
    return ",".join(headers).split(",")


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        # Without the zone, which may be any text and means something to this host only.
        return ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
    return ip


def is_trusted_proxy(text: str) -> bool:
    """Whether the address is one of `TRUSTED_PROXIES`."""
    ip = _ip(text)
    return ip is not None and _is_trusted(ip)


def _is_trusted(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in network for network in settings.TRUSTED_PROXIES)
