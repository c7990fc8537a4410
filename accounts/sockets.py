"""Makes the addresses that a phone connects to, as text and as QR codes.

They contain a token. So they are shown only once, on the page that comes after issuing the token.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.http import HttpRequest

from relay_project.addresses import USUAL_PORT, line_to_start_with, own_addresses

__all__ = [
    "Address",
    "addresses",
    "is_for_this_computer_only",
    "qr_code",
    "socket_url",
    "tikfinity_url",
]

# The width of the white border around a QR code, in modules: scanners need it to find the code.
_QUIET_ZONE = 4
# Seconds within which this machine has to take a connection to one of its own addresses.
_LISTENS_WITHIN = 0.2


def socket_url(request: HttpRequest, token: str, host: str = "") -> str:
    """Return the address of the account's socket.

    Args:
        host: with its port; empty for the host that the request was sent to.
    """
    return _url(request, settings.SOCKET_PATH, token, host)


def tikfinity_url(request: HttpRequest, token: str, host: str = "") -> str:
    """Return the address of the same LIVE for programs that understand TikFinity alone."""
    return _url(request, settings.TIKFINITY_PATH, token, host)


def _url(request: HttpRequest, path: str, token: str, host: str) -> str:
    scheme = "wss" if request.is_secure() else "ws"
    return f"{scheme}://{host or request.get_host()}{path}/{token}"


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


# --- The addresses of this server -----------------------------------------------------------------


class Address(NamedTuple):
    """A host by which phones may reach this server.

    Attributes:
        host: with its port.
        socket_url: the socket's address there.
        qr_code: the same as a picture.
        is_for_this_computer_only: a phone can't use it.
        is_open: whether the server takes connections there; None where that is not known.
    """

    host: str
    socket_url: str
    qr_code: str
    is_for_this_computer_only: bool
    is_open: bool | None


def addresses(request: HttpRequest, token: str) -> list[Address]:
    """Return the addresses to choose from, the best one for a phone first.

    That is the one by which the browser knows the server. A loopback address is of no use to
    phones, so where it is one, there are this machine's addresses on its networks, too, and the
    hosts of `ALLOWED_HOSTS`.
    """
    host = request.get_host()
    known = _address(request, token, host, None)
    if not known.is_for_this_computer_only:
        return [known]
    others = [
        _address(request, token, other, is_open) for other, is_open in _other_hosts(request, host)
    ]
    usable = [other for other in others if other.is_open]
    return [*usable, known, *(other for other in others if not other.is_open)]


def start_again(request: HttpRequest) -> str:
    """Return the command that starts this server so that phones reach it, with the same port."""
    port = urlsplit(f"//{request.get_host()}").port or USUAL_PORT
    return line_to_start_with([], port, "0.0.0.0")  # noqa: S104


def _address(request: HttpRequest, token: str, host: str, is_open: bool | None) -> Address:
    url = socket_url(request, token, host)
    return Address(host, url, qr_code(url), is_for_this_computer_only(url), is_open)


def _other_hosts(request: HttpRequest, host: str) -> Iterator[tuple[str, bool | None]]:
    """Other hosts of this server, with the same port, and whether it takes connections there."""
    port = urlsplit(f"//{host}").port
    suffix = f":{port}" if port else ""
    own = own_addresses()
    for address in own:
        yield address + suffix, _takes_connections(request, address, port)
    for name in settings.ALLOWED_HOSTS:
        is_exact = "*" not in name and not name.startswith(".")
        if is_exact and name not in own and not is_for_this_computer_only(f"//{name}"):
            yield name + suffix, None


def _takes_connections(request: HttpRequest, address: str, port: int | None) -> bool | None:
    """Whether this server takes connections at one of this machine's addresses; None if that can't
    be known, as behind a proxy.

    Args:
        port: that of the page. It is tried only if this server listens on it: the Host header, from
            which it comes, may name any port of this machine.
    """
    server: Any = getattr(request, "scope", {}).get("server")
    if not server or port is None or server[1] != port:
        return None
    with contextlib.suppress(OSError):
        socket.create_connection((address, port), timeout=_LISTENS_WITHIN).close()
        return True
    return False
