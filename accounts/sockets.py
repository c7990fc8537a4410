"""Makes the address that a phone connects to, as text and as a QR code.

Both contain a token. So they are shown only once, on the page that comes after issuing the token.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.http import HttpRequest

__all__ = ["is_for_this_computer_only", "qr_code", "socket_url", "tikfinity_url"]

# The width of the white border around a QR code, in modules: scanners need it to find the code.
_QUIET_ZONE = 4


def socket_url(request: HttpRequest, token: str) -> str:
    """Return the address of the account's socket, on the host that the request was sent to."""
    return _url(request, settings.SOCKET_PATH, token)


def tikfinity_url(request: HttpRequest, token: str) -> str:
    """Return the address of the same LIVE for programs that understand TikFinity alone."""
    return _url(request, settings.TIKFINITY_PATH, token)


def _url(request: HttpRequest, path: str, token: str) -> str:
    scheme = "wss" if request.is_secure() else "ws"
    return f"{scheme}://{request.get_host()}{path}/{token}"


def is_for_this_computer_only(socket_url: str) -> bool:
    """Whether the address works on this computer only, because its host is a loopback address.

    On a phone such an address means the phone itself.
    """
    host = (urlsplit(socket_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def qr_code(text: str) -> str:
    """Return a QR code of the text, as a data URI for the `src` of an image."""
    code = segno.make_qr(text, error="m")
    return code.svg_data_uri(border=_QUIET_ZONE, dark="#000", light="#fff")
