"""Prints the addresses at which other machines on the network reach this one, for `make run`.

python -m relay_project.addresses HOST PORT
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import socket

from django.conf import settings
from django.http.request import validate_host

__all__ = ["network_hint", "own_addresses"]

# An address and port outside this network, from the range that is reserved for documentation (RFC
# 5737). A UDP socket that is connected to it sends nothing, but shows the address it would send
# from.
_ELSEWHERE = ("192.0.2.1", 9)
# The values of HOST with which a server listens on all addresses of this machine.
_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 -- only compared with


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


def network_hint(host: str, port: int, own: list[str]) -> str:
    """Say at which addresses others on the network open the pages, and what must be set for that.

    Args:
        host: the address that the server listens on.
        port: the port that the server listens on.
        own: this machine's addresses.

    Returns:
        The text to print; empty unless the server listens on all addresses.
    """
    if host not in _EVERY_ADDRESS or not own:
        return ""
    lines = ["On your network: " + "  ".join(f"http://{each}:{port}/" for each in own)]
    refused = [each for each in own if not validate_host(each, settings.ALLOWED_HOSTS)]
    if refused:
        hosts = ",".join([*settings.ALLOWED_HOSTS, *refused])
        lines.append(f"Browsers there are refused until you start with: ALLOWED_HOSTS={hosts}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Say how others on the network reach a server.")
    parser.add_argument("host", help="that the server listens on")
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    if hint := network_hint(options.host, options.port, own_addresses()):
        print(hint, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    main()
