"""Tells django-axes which sign-in attempts come from the same client, to limit wrong passwords.

The settings `AXES_…` say how many wrong passwords are allowed, and how long the lockout is.
"""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from accounts import requests

__all__ = ["client_address"]

# The number of bits of an IPv6 address that name a client's network. A client can choose any
# address in its network, so the other bits don't count.
_NETWORK_BITS = 64


def client_address(request: HttpRequest) -> str | None:
    """Return the client's IP address; for IPv6, the address of the client's network.

    X-Forwarded-For counts only if a trusted proxy sent it.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = requests.address(
        {
            "client": (request.META.get("REMOTE_ADDR", ""), None),
            "headers": [(b"x-forwarded-for", forwarded.encode("latin-1", "replace"))],
        }
    )
    if address is None or "." in address:
        return address
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False).network_address)
