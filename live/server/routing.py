"""Sends each socket to what serves its address, and gives pages the relays."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from accounts import requests
from live.protocol.addresses import (
    ADDRESSES,
    STAFF_ADDRESS,
    TEST_ADDRESSES,
    TEST_TIKFINITY_ADDRESSES,
    TIKFINITY_ADDRESSES,
    is_of_tikfinity,
    pattern,
)
from live.relay.relay import Relay
from live.sockets.dialects import FRAMES, TIKFINITY
from live.sockets.phone import PhoneSocket, reject
from live.sockets.staff import staff_socket

__all__ = ["make_router", "with_relays"]

_Application = Callable[[Any, Any, Any], Awaitable[None]]


def make_router(relay: Relay, rehearsal: Relay | None = None) -> _Application:
    """Make the ASGI application that serves all sockets.

    The handshake to an address that does not exist fails with HTTP 403.

    Args:
        relay: the relay of real LIVEs.
        rehearsal: the relay of the test endpoint; None if the test endpoint is off.
    """
    relays_by_address = dict.fromkeys((*ADDRESSES, *TIKFINITY_ADDRESSES), relay)
    if rehearsal is not None:
        relays_by_address |= dict.fromkeys((*TEST_ADDRESSES, *TEST_TIKFINITY_ADDRESSES), rehearsal)
    phones = [(re.compile(pattern(address)), it) for address, it in relays_by_address.items()]
    staff_address, staff = re.compile(pattern(STAFF_ADDRESS)), staff_socket()
    relays = {*relays_by_address.values()}

    def route(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        for each in relays:
            each.start()
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        for address, its_relay in phones:
            if match := address.match(path):
                token = match.groupdict().get("token", "")
                dialect = FRAMES
                if is_of_tikfinity(path):
                    dialect, token = TIKFINITY, token or requests.query_token(scope)
                return PhoneSocket(its_relay, scope, send, token, dialect).serve(receive)
        application: _Application = staff if staff_address.match(path) else reject
        return application(scope, receive, send)

    return route


def with_relays(application: Any, relays: Sequence[Relay]) -> Any:
    """Wrap an ASGI application so that its pages can find the relays.

    The first relay is in `scope["relay"]`. All relays, also that of the test endpoint, are in
    `scope["relays"]`. Each relay starts with the first request.

    Args:
        application: the application to wrap.
        relays: the relay of real LIVEs, then that of the test endpoint if there is one.
    """

    async def with_them(scope: Any, receive: Any, send: Any) -> None:
        for relay in relays:
            relay.start()
        await application({**scope, "relay": relays[0], "relays": relays}, receive, send)

    return with_them
