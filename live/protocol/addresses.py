"""The addresses of the sockets, and the word that comes before a token in a handshake.

`settings.SOCKET_PATH` is the one place that says "/ws"; pages of `accounts` read it there too.
"""

from __future__ import annotations

from django.conf import settings

__all__ = ["ADDRESSES", "BEARER", "STAFF_ADDRESS", "TEST_ADDRESSES", "pattern"]

# Where phones connect. The address without a token is for clients that send it in the handshake.
ADDRESSES = (settings.SOCKET_PATH, f"{settings.SOCKET_PATH}/{{token}}")
# Where apps are tried with invented events; only with RELAY_TEST_ENDPOINT.
TEST_ADDRESSES = (f"{settings.SOCKET_PATH}/test", f"{settings.SOCKET_PATH}/test/{{token}}")
# Where the pages of the staff connect. It is no part of the published contract.
STAFF_ADDRESS = "/staff/socket"
# The scheme of the header `Authorization`, and the first of the two subprotocols (RFC 6750).
BEARER = "bearer"

# "test" is no token, with the test endpoint or without: where there is none, its addresses are
# refused like any that do not exist.
_TOKEN = "(?P<token>(?!test/?$)[^/]+)"


def pattern(address: str) -> str:
    """The address as a regular expression for Channels, which leaves out the first slash."""
    return f"^{address[1:].replace('{token}', _TOKEN)}/?$"
