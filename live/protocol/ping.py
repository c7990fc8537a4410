"""Reads the pings that clients send over a socket, and says how many of them a client may send.

The relay answers a ping with a `pong` frame, so that the client knows that the connection works.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from django.utils.translation import gettext_noop as _
from msgspec import UNSET, UnsetType

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["BURST", "RATE", "Ping", "parse_ping"]

# The number of messages that a client may send at once.
BURST = 20
# The number of messages per second that a client may send in the long run.
RATE = 5.0
# The largest length of a message, in characters.
_MAX_MESSAGE = 4096
# The largest length of a ping's `id`, in characters.
_MAX_PING_ID = 128


class Ping(msgspec.Struct):
    """The one message that a client may send."""

    type: Literal["ping"]
    id: Annotated[str, msgspec.Meta(max_length=_MAX_PING_ID)] | int | float | UnsetType | None = (
        UNSET
    )


_decode = msgspec.json.Decoder(Ping).decode


def parse_ping(text: str | None) -> Ping:
    """Read a message that a client sent.

    Args:
        text: the message; None if it is binary.

    Raises:
        RelayError: `bad_request`, if the message is not a ping.
    """
    if text is None:
        raise RelayError(ErrorCode.BAD_REQUEST, reason=_("Binary messages are not understood."))
    if len(text) > _MAX_MESSAGE:
        raise RelayError(ErrorCode.BAD_REQUEST, reason=_("The message is too long."))
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise RelayError(
            ErrorCode.BAD_REQUEST, reason=_("The message is no JSON object of a known type.")
        ) from None
