"""Sends each socket to what serves its address, and gives pages the relays."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from accounts import requests
from live.protocol.addresses import (
    ADDRESSES,
    OVERLAY_ADDRESSES,
    PREVIEW_ADDRESS,
    STAFF_ADDRESS,
    TEST_ADDRESSES,
    TEST_TIKFINITY_ADDRESSES,
    TIKFINITY_ADDRESSES,
    pattern,
)
from live.relay.relay import Relay
from live.server.rehearsing import RehearsalOnDemand
from live.sockets.admission import Admission, OverlayAdmission, PreviewAdmission
from live.sockets.dialects import FRAMES, TIKFINITY, Dialect
from live.sockets.phone import PhoneSocket, reject
from live.sockets.staff import staff_socket

__all__ = ["make_router", "with_relays"]

_Application = Callable[[Any, Any, Any], Awaitable[None]]


class _Kind(NamedTuple):
    """Sockets of clients: where they connect to, who is admitted, and what they understand."""

    addresses: Sequence[str]
    relay: Relay
    admission: type[Admission] = Admission
    dialect: Dialect = FRAMES


def make_router(
    relay: Relay, rehearsal: Relay | None = None, previews: RehearsalOnDemand | None = None
) -> _Application:
    """Make the ASGI application that serves all sockets.

    The handshake to an address that does not exist fails with HTTP 403.

    Args:
        relay: the relay of real LIVEs.
        rehearsal: the relay of the test endpoint; None if the test endpoint is off.
        previews: gives the relay of overlays' previews; None where there are none.
    """
    kinds = [
        _Kind(ADDRESSES, relay),
        _Kind(OVERLAY_ADDRESSES, relay, OverlayAdmission),
        _Kind(TIKFINITY_ADDRESSES, relay, dialect=TIKFINITY),
    ]
    if rehearsal is not None:
        kinds += [
            _Kind(TEST_ADDRESSES, rehearsal),
            _Kind(TEST_TIKFINITY_ADDRESSES, rehearsal, dialect=TIKFINITY),
        ]
    phones = [(re.compile(pattern(address)), kind) for kind in kinds for address in kind.addresses]
    staff_address, staff = re.compile(pattern(STAFF_ADDRESS)), staff_socket()
    preview_address = re.compile(pattern(PREVIEW_ADDRESS))
    relays = {kind.relay for kind in kinds}

    async def preview(scope: Any, receive: Any, send: Any) -> None:
        if previews is None:
            await reject(scope, receive, send)
            return
        its_relay = await previews.get()
        its_relay.start()
        await PhoneSocket(its_relay, scope, send, "", PreviewAdmission).serve(receive)

    def route(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        for each in relays:
            each.start()
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        for address, kind in phones:
            if match := address.match(path):
                token = match.groupdict().get("token", "")
                if kind.dialect is TIKFINITY:
                    token = token or requests.query_token(scope)
                socket = PhoneSocket(kind.relay, scope, send, token, kind.admission, kind.dialect)
                return socket.serve(receive)
        application: _Application = reject
        if staff_address.match(path):
            application = staff
        elif preview_address.match(path):
            application = preview
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
