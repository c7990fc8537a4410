"""Prints the addresses at which other machines on the network reach this one, for `make run`.

python -m relay_project.addresses HOST PORT [COMMAND]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence

import segno
from django.conf import settings
from django.http.request import validate_host

__all__ = ["USUAL_PORT", "line_to_start_with", "network_hint", "own_addresses", "qr_code"]

# An address and port outside this network, from the range that is reserved for documentation (RFC
# 5737). A UDP socket that is connected to it sends nothing, but shows the address it would send
# from.
_ELSEWHERE = ("192.0.2.1", 9)
# The values of HOST with which a server listens on all addresses of this machine.
_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 -- only compared with
USUAL_PORT = 8000
"""The port of the Makefile."""
# The width of the white border around a QR code, in modules. Four would be better for scanners, but
# the code has to fit into a terminal of 24 lines.
_QUIET_ZONE = 2
# White on black, whatever the terminal's colours are: scanners need dark modules on light ones.
_WHITE_ON_BLACK, _RESET = "\033[97;40m", "\033[0m"


def own_addresses() -> list[str]:
    """Return this machine's IPv4 addresses, without loopback addresses.

    The address that is used for connections to other networks comes first.
    """
    found: list[str] = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        infos = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        found += [str(info[4][0]) for info in infos]
    return [each for each in dict.fromkeys(found) if not ipaddress.ip_address(each).is_loopback]


def line_to_start_with(hosts: Sequence[str], port: int, host: str = "") -> str:
    """Return the whole line that starts this server so that it answers at these hosts.

    Args:
        hosts: for ALLOWED_HOSTS; empty to leave that as it is.
        port: that it listens on.
        host: the address that it listens on; empty for the usual one.
    """
    parts = [
        f"ALLOWED_HOSTS={','.join(hosts)}" if hosts else "",
        settings.RELAY_START_COMMAND,
        f"HOST={host}" if host else "",
        f"PORT={port}" if port != USUAL_PORT else "",
    ]
    return " ".join(filter(None, parts))


def network_hint(host: str, port: int, own: Sequence[str], *, has_qr_code: bool = False) -> str:
    """Say at which addresses others on the network open the pages, and what must be set for that.

    Args:
        host: the address that the server listens on.
        port: the port that the server listens on.
        own: this machine's addresses.
        has_qr_code: whether a QR code of the first address that is allowed may follow it.

    Returns:
        The text to print; empty on a machine without a network.
    """
    reached = _reached(host, own)
    refused = _refused(reached)
    if not reached:
        line = line_to_start_with(_allowing(_refused(own)), port, "0.0.0.0")  # noqa: S104
        return f"Only this computer can open it. For phones on your network: {line}" if own else ""
    addresses = [f"http://{each}:{port}/" for each in reached]
    lines = ["On your network: " + "  ".join(addresses)]
    if has_qr_code:
        allowed = (each for each in reached if each not in refused)
        lines.append(qr_code(f"http://{next(allowed, reached[0])}:{port}/"))
    if refused:
        line = line_to_start_with(_allowing(refused), port, host)
        lines.append(f"Browsers there are refused until you start with: {line}")
    return "\n".join(lines)


def qr_code(text: str) -> str:
    """Return a QR code of the text as lines for a terminal, which need UTF-8."""
    drawn = io.StringIO()
    segno.make_qr(text, error="l").terminal(drawn, border=_QUIET_ZONE, compact=True)
    rows = drawn.getvalue().splitlines()
    return "\n".join(f"{_WHITE_ON_BLACK}{row}{_RESET}" for row in rows)


def _reached(host: str, own: Sequence[str]) -> list[str]:
    """The hosts at which others reach a server that listens on this one, as addresses have them."""
    if host in _EVERY_ADDRESS:
        return list(own)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return [] if host == "localhost" else [host]
    if ip.is_loopback:
        return []
    return [f"[{ip}]" if ip.version == 6 else str(ip)]


def _refused(hosts: Sequence[str]) -> list[str]:
    return [each for each in hosts if not validate_host(each, settings.ALLOWED_HOSTS)]


def _allowing(refused: Sequence[str]) -> list[str]:
    """The value for ALLOWED_HOSTS that allows these, too; empty if there are none."""
    return [*settings.ALLOWED_HOSTS, *refused] if refused else []


def _shows_qr_codes() -> bool:
    """Whether what is printed goes to a terminal that can draw them."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return sys.stdout.isatty() and encoding == "utf8"


def main() -> None:
    parser = argparse.ArgumentParser(description="Say how others on the network reach a server.")
    parser.add_argument("host", help="that the server listens on")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    hint = network_hint(options.host, options.port, own_addresses(), has_qr_code=_shows_qr_codes())
    if hint:
        print(hint, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    main()
