"""Which addresses a webhook may have, and where this server does not connect to for others.

An address is checked twice: its text when it is entered, and what its host resolves to each time
that something is sent (`live.webhooks.connecting`).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from contextlib import suppress

import httpx
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

__all__ = [
    "AddressRefusedError",
    "Guard",
    "Network",
    "is_discord",
    "parse_address",
    "without_secrets",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_ADDRESS = 2000
# Ports below this are of services that are not for webhooks (mail, for one), but for the usual two.
_FIRST_FREE_PORT = 1024
_USUAL_PORTS = {"http": 80, "https": 443}

_DISCORD_HOST = re.compile(r"(?:canary\.|ptb\.)?discord(?:app)?\.com")
_DISCORD_PATH = re.compile(r"/api(?:/v[0-9]+)?/webhooks/([0-9]+)/")

# Beside what `ipaddress` does not take for global: networks in which an IPv4 address hides, or that
# are routed to no public host. Newer versions of Python know more of them than older ones.
_REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by providers' networks (CGNAT)
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # unspecified, loopback, and IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b:1::/48",  # NAT64 of a local network
        "100::/64",
        "2001::/23",  # Teredo, and others of IETF's
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",  # site-local
        "ff00::/8",
    )
]
# The last 32 bits of its addresses are the IPv4 address that they stand for.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefusedError(Exception):
    """This server does not send anything there.

    Attributes:
        why: for people; it does not repeat the address.
    """

    def __init__(self, why: str | Promise) -> None:
        super().__init__(str(why))
        self.why = why


_OWN_NETWORK = _(
    "This address is in the server's own networks, or in none that is public. Whoever runs the "
    "server can allow it: WEBHOOK_ALLOW."
)
_NOT_ALLOWED_PORT = _("This port is not for webhooks: use 80, 443, or one from 1024 on.")


def parse_address(text: str) -> httpx.URL:
    """Read the address of a webhook.

    It is parsed by httpx, which also sends the requests: so the host that is checked is the host
    that is asked.

    Raises:
        AddressRefusedError: it is no http or https address, it has a user or a password in it, or
            it is too long.
    """
    bad = AddressRefusedError(_("Enter an address such as https://example.org/hook."))
    if len(text) > LONGEST_ADDRESS or not text.isprintable() or " " in text:
        raise bad
    try:
        url = httpx.URL(text)
        _host = url.host  # decodes punycode, as httpx does later
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise bad from None
    if url.scheme not in _USUAL_PORTS or not url.raw_host or not _is_port(url.port):
        raise bad
    if url.userinfo:
        raise AddressRefusedError(_("An address with a user or a password in it is not possible."))
    return url.copy_with(fragment=None)


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65536


def is_discord(address: str) -> bool:
    """Whether it is the address of a webhook of Discord's."""
    with suppress(AddressRefusedError):
        url = parse_address(address)
        return bool(
            url.scheme == "https"
            and url.port is None
            and _DISCORD_HOST.fullmatch(url.host)
            and _DISCORD_PATH.match(url.path)
        )
    return False


def without_secrets(address: str) -> str:
    """The address as pages and mails show it: its path and its query may be secret."""
    try:
        url = parse_address(address)
    except AddressRefusedError:
        return "…"
    origin = f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"
    return f"{origin}/…" if url.raw_path != b"/" else origin


class Guard:
    """Knows where this server does not connect to for others.

    Args:
        allow: networks and hosts that it connects to all the same, of `WEBHOOK_ALLOW`.
    """

    def __init__(self, allow: Iterable[Network | str] = ()) -> None:
        allow = list(allow)
        self._hosts = frozenset(each.lower() for each in allow if isinstance(each, str))
        self._networks = [each for each in allow if not isinstance(each, str)]

    def check_text(self, url: httpx.URL) -> None:
        """Check what can be known without resolving the host.

        Raises:
            AddressRefusedError: it is an IP address, or a port, that is refused.
        """
        host = url.raw_host.decode("ascii").strip("[]")
        with suppress(ValueError):
            self.check(
                host, url.port or _USUAL_PORTS[url.scheme], [str(ipaddress.ip_address(host))]
            )
            return
        if not self.allows_host(host) and not self._networks:
            _check_port(url.port or _USUAL_PORTS[url.scheme])

    def allows_host(self, host: str) -> bool:
        return host.lower().rstrip(".") in self._hosts

    def check(self, host: str, port: int, resolved: Iterable[str]) -> None:
        """Check all that the host resolves to. One address that is refused refuses the host: its
        owner could mean that one.

        Raises:
            AddressRefusedError: this server does not connect there.
        """
        if self.allows_host(host):
            return
        for text in resolved:
            address = _read_ip(text)
            if any(address in network for network in self._networks):
                continue
            if _is_refused(address) or _is_own(address):
                raise AddressRefusedError(_OWN_NETWORK)
            _check_port(port)


def _check_port(port: int) -> None:
    if port < _FIRST_FREE_PORT and port not in _USUAL_PORTS.values():
        raise AddressRefusedError(_NOT_ALLOWED_PORT)


def _read_ip(text: str) -> _IP:
    """The address as it is connected to: an IPv4 address that is written as an IPv6 one is the
    IPv4 address."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_refused(address: _IP) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return True
    if address.is_multicast or not address.is_global:
        return True
    return any(address.version == each.version and address in each for each in _REFUSED)


def _is_own(address: _IP) -> bool:
    """Whether it is an address of this machine, though a public one: services that a firewall
    hides would take us for one of their own."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), 9))  # sends nothing; the kernel chooses our end
        return bool(ipaddress.ip_address(probe.getsockname()[0]) == address)
    return False
