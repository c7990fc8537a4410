"""The addresses of the sockets, and the word that comes before the token in a handshake.

All addresses of apps begin with `settings.SOCKET_PATH`, which the pages of `accounts` also use.
"""

from __future__ import annotations

import re

from django.conf import settings

__all__ = [
    "ADDRESSES",
    "BEARER",
    "OVERLAY_ADDRESSES",
    "PREVIEW_ADDRESS",
    "STAFF_ADDRESS",
    "TEST_ADDRESSES",
    "TEST_TIKFINITY_ADDRESSES",
    "TIKFINITY_ADDRESSES",
    "is_of_tikfinity",
    "last_part",
    "pattern",
]

# The addresses that apps connect to. The one without a token is for clients that send the token in
# the handshake.
ADDRESSES = (settings.SOCKET_PATH, f"{settings.SOCKET_PATH}/{{token}}")
# The addresses of the test endpoint, where apps get invented events. They exist only if
# RELAY_TEST_ENDPOINT is on.
TEST_ADDRESSES = (f"{settings.SOCKET_PATH}/test", f"{settings.SOCKET_PATH}/test/{{token}}")
# The addresses that overlays connect to, with the overlay's secret in the place of a token; and
# that of overlays' previews, where the token is that of the signed-in session's console, and the
# LIVE invented. They are not part of the published contract.
OVERLAY_ADDRESSES = (f"{settings.SOCKET_PATH}/overlay", f"{settings.SOCKET_PATH}/overlay/{{token}}")
PREVIEW_ADDRESS = f"{settings.SOCKET_PATH}/overlay-preview"
# The addresses for programs that understand TikFinity's local event API; the first one also takes
# the token in its query. They are no part of the published contract: docs/tikfinity.md has them.
TIKFINITY_ADDRESSES = (settings.TIKFINITY_PATH, f"{settings.TIKFINITY_PATH}/{{token}}")
TEST_TIKFINITY_ADDRESSES = tuple(
    f"{settings.SOCKET_PATH}/test/tikfinity{end}" for end in ("", "/{token}")
)
# The address that the staff's pages connect to. It is not part of the published contract.
STAFF_ADDRESS = "/staff/socket"
# The scheme in the header `Authorization` (RFC 6750), and also the first of the two subprotocols
# of a client that sends its token as the second one.
BEARER = "bearer"

_OF_TIKFINITY = re.compile(rf"/*{settings.SOCKET_PATH[1:]}/(?:test/)?tikfinity(?:/[^/]+)?/?$")
# The words that come in the place of a token, and so are none. "test" is no token either where the
# test endpoint is off: its addresses are then refused like all addresses that do not exist.
_WORDS = ("test", "tikfinity", "overlay", "overlay-preview")
# Matches a token.
_TOKEN = f"(?P<token>(?!(?:{'|'.join(_WORDS)})/?$)[^/]+)"


def pattern(address: str) -> str:
    """Return the regular expression that matches the address.

    It has no first slash: a path may come with several.
    """
    return f"^{address[1:].replace('{token}', _TOKEN)}/?$"


def is_of_tikfinity(path: str) -> bool:
    """Whether the path of a socket is for programs that understand TikFinity alone."""
    return _OF_TIKFINITY.match(path) is not None


def last_part(path: str) -> str:
    """The token in the path of a socket; empty if there is none.

    For a path that is no socket's, it is some other text.
    """
    last = path.rstrip("/").rpartition("/")[2]
    return "" if last in {settings.SOCKET_PATH[1:], *_WORDS} else last
