"""Whose wrong passwords are counted together, so that nobody can guess without end.

`AXES_…` in the settings say how many are too many, and for how long nobody gets in then.
"""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from accounts import requests

__all__ = ["client_address"]

# People get as many addresses of IPv6 as they like, all in the network that they are given.
_NETWORK_BITS = 64


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address, as far as proxies are trusted; of IPv6, its network's."""
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
