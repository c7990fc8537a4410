"""The address that a phone connects to, as text and as a picture.

Both contain a token, so they are shown once: on the page that answers the token's issue.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.http import HttpRequest

__all__ = ["is_for_this_computer_only", "qr_code", "socket_url"]

# What scanners need to find the code, in modules, and so white on dark pages too.
_QUIET_ZONE = 4


def socket_url(request: HttpRequest, token: str) -> str:
    """The socket's address on the host that the request came to."""
    scheme = "wss" if request.is_secure() else "ws"
    return f"{scheme}://{request.get_host()}{settings.SOCKET_PATH}/{token}"


def is_for_this_computer_only(socket_url: str) -> bool:
    """Whether the address has a loopback host: on a phone it would mean the phone itself."""
    host = (urlsplit(socket_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def qr_code(text: str) -> str:
    """A QR code as the `src` of an image."""
    code = segno.make_qr(text, error="m")
    return code.svg_data_uri(border=_QUIET_ZONE, dark="#000", light="#fff")
