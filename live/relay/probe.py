"""Tests whether the relay can connect to one LIVE, for the staff's page of that LIVE."""

from __future__ import annotations

import asyncio

from live.protocol.errors import ErrorCode, RelayError
from live.relay.relay import Relay
from live.tiktok.rooms import Room

__all__ = ["probe"]


async def probe(relay: Relay, username: str, sign_api_key: str) -> Room:
    """Connect to the LIVE in the way a socket does, then leave it.

    A stream that is connected already is used. A stream that is reconnecting tries again at once.

    Args:
        relay: the relay that connects.
        username: the TikTok username of the streamer.
        sign_api_key: the key to connect with; empty for the server's own.

    Returns:
        The room of the LIVE.

    Raises:
        RelayError: the relay is stopping, or the LIVE can't be reached; its code says why.
    """
    relay.check()
    streams = relay.streams
    stream = streams.get(username)
    if stream is None or not stream.is_connected:
        streams.gate(sign_api_key).check()
        if stream is not None:
            stream.reconnect()  # otherwise the answer would be that of the last attempt
    relay.note_key(streams, username, sign_api_key)
    stream = streams.join(username, sign_api_key, wait=False, since=None)
    try:
        async with asyncio.timeout(relay.limits.connect_timeout):
            return await stream.connected()
    except TimeoutError:
        raise RelayError(ErrorCode.TIKTOK_TIMEOUT, username=username) from None
    finally:
        streams.leave(stream, sign_api_key, wait=False)
