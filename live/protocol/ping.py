"""What a client may send over its socket: the ping, and how many of them.

A ping is answered with a `pong` frame, so that a client knows that the connection works.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from django.utils.translation import gettext_noop as _
from msgspec import UNSET, UnsetType

from live.protocol.errors import ErrorCode, RelayError

__all__ = ["BURST", "RATE", "Ping", "parse_ping"]

# A client may send that many messages at once, and that many a second in the long run.
BURST = 20
RATE = 5.0
_MAX_MESSAGE = 4096
_MAX_PING_ID = 128


class Ping(msgspec.Struct):
    """The one message that a client may send."""

    type: Literal["ping"]
    id: Annotated[str, msgspec.Meta(max_length=_MAX_PING_ID)] | int | float | UnsetType | None = (
        UNSET
    )


_decode = msgspec.json.Decoder(Ping).decode


def parse_ping(text: str | None) -> Ping:
    """Read what a client sent.

    Args:
        text: the message; None for a binary one.

    Raises:
        RelayError: `bad_request`, it is not a ping.
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
