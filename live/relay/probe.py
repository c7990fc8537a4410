"""Tests whether the relay can connect to one LIVE, for the staff's page of that LIVE."""

from __future__ import annotations

import asyncio

from live.protocol.errors import ErrorCode, RelayError
from live.relay.access import Account
from live.relay.relay import Relay
from live.tiktok.rooms import Room

__all__ = ["probe"]


async def probe(relay: Relay, account: Account) -> Room:
    """Connect to the LIVE in the way a socket does, then leave it.

    A stream that is connected already is used. A stream that is reconnecting tries again at once.

    Args:
        relay: the relay that connects.
        account: whose LIVE, and what to connect with.

    Returns:
        The room of the LIVE.

    Raises:
        RelayError: the relay is stopping, or the LIVE can't be reached; its code says why.
    """
    relay.check()
    streams = relay.streams
    username, access = account.tiktok_username, account.access(streams)
    stream = streams.get(username)
    if stream is None or not stream.is_connected:
        streams.check(access)
        if stream is not None:
            stream.reconnect()  # otherwise the answer would be that of the last attempt
    relay.note_key(streams, account)
    stream = streams.join(username, access, wait=False, since=None)
    try:
        async with asyncio.timeout(relay.limits.connect_timeout):
            return await stream.connected()
    except TimeoutError:
        raise RelayError(ErrorCode.TIKTOK_TIMEOUT, username=username) from None
    finally:
        streams.leave(stream, access, wait=False)
