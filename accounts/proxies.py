"""Checks the addresses of proxies: of the server's, and of the accounts' own.

An address is http://host:port, https://… or socks5://…, with user:password@ before the host where
the proxy needs them. It is as secret as a password: it is not shown and not logged.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["SCHEMES", "is_proxy"]

SCHEMES = ("http", "https", "socks5")
# Characters that an address may have.
_LONGEST = 500
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_proxy(text: str) -> bool:
    """Whether the text is the address of a proxy."""
    if not (text.isascii() and text.isprintable() and " " not in text and len(text) <= _LONGEST):
        return False
    try:
        parts = urlsplit(text)
        # `port` raises ValueError if the port is no number, or too large.
        has_port = parts.port is not None and parts.port > 0
    except ValueError:
        return False
    is_bare = parts.path in {"", "/"} and not parts.query and not parts.fragment
    return parts.scheme in SCHEMES and _is_host(parts.hostname or "") and has_port and is_bare


def _is_host(text: str) -> bool:
    # Others make HTTP clients raise errors that repeat the address.
    if ":" not in text:
        return _NAME.fullmatch(text) is not None
    try:
        return "%" not in text and bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False
