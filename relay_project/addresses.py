"""The addresses by which others on the network reach this machine: `make run` prints them.

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

# Addresses that are kept for documentation: asking for the way there sends nothing.
_ELSEWHERE = ("192.0.2.1", 9)
_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 -- to be recognised


def own_addresses() -> list[str]:
    """This machine's IPv4 addresses but for loopback; the one that leads outside comes first."""
    found: list[str] = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        infos = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        found += [str(info[4][0]) for info in infos]
    return [each for each in dict.fromkeys(found) if not ipaddress.ip_address(each).is_loopback]


def network_hint(host: str, port: int, own: list[str]) -> str:
    """How others on the network open the pages of a server that listens on all addresses, and what
    is to be set for it. "" for a server that listens on one address.

    Args:
        host: that the server listens on.
        own: this machine's addresses.
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
