"""The addresses of the sockets, and the word that comes before the token in a handshake.

All addresses of apps begin with `settings.SOCKET_PATH`, which the pages of `accounts` also use.
"""

from __future__ import annotations

from django.conf import settings

__all__ = ["ADDRESSES", "BEARER", "STAFF_ADDRESS", "TEST_ADDRESSES", "pattern"]

# The addresses that apps connect to. The one without a token is for clients that send the token in
# the handshake.
ADDRESSES = (settings.SOCKET_PATH, f"{settings.SOCKET_PATH}/{{token}}")
# The addresses of the test endpoint, where apps get invented events. They exist only if
# RELAY_TEST_ENDPOINT is on.
TEST_ADDRESSES = (f"{settings.SOCKET_PATH}/test", f"{settings.SOCKET_PATH}/test/{{token}}")
# The address that the staff's pages connect to. It is not part of the published contract.
STAFF_ADDRESS = "/staff/socket"
# The scheme in the header `Authorization` (RFC 6750), and also the first of the two subprotocols
# of a client that sends its token as the second one.
BEARER = "bearer"

# Matches a token. "test" is never a token, also if the test endpoint is off: its addresses are
# then refused like all addresses that do not exist.
_TOKEN = "(?P<token>(?!test/?$)[^/]+)"


def pattern(address: str) -> str:
    """Return the regular expression that matches the address.

    It has no first slash: a path may come with several.
    """
    return f"^{address[1:].replace('{token}', _TOKEN)}/?$"
