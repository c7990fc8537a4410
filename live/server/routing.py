"""Sends each socket to what serves its address, and gives pages the relays."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from live.protocol.addresses import (
    ADDRESSES,
    OVERLAY_ADDRESSES,
    PREVIEW_ADDRESS,
    STAFF_ADDRESS,
    TEST_ADDRESSES,
    pattern,
)
from live.relay.relay import Relay
from live.server.rehearsing import RehearsalOnDemand
from live.sockets.admission import Admission, OverlayAdmission
from live.sockets.phone import PhoneSocket, reject
from live.sockets.staff import staff_socket

__all__ = ["make_router", "with_relays"]

_Application = Callable[[Any, Any, Any], Awaitable[None]]


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
    kinds: list[tuple[Sequence[str], Relay, type[Admission]]] = [
        (ADDRESSES, relay, Admission),
        (OVERLAY_ADDRESSES, relay, OverlayAdmission),
    ]
    if rehearsal is not None:
        kinds.append((TEST_ADDRESSES, rehearsal, Admission))
    phones = [
        (re.compile(pattern(address)), its_relay, admission)
        for addresses, its_relay, admission in kinds
        for address in addresses
    ]
    staff_address, staff = re.compile(pattern(STAFF_ADDRESS)), staff_socket()
    preview_address = re.compile(pattern(PREVIEW_ADDRESS))
    relays = {its_relay for _addresses, its_relay, _admission in kinds}

    async def preview(scope: Any, receive: Any, send: Any) -> None:
        if previews is None:
            await reject(scope, receive, send)
            return
        its_relay = await previews.get()
        its_relay.start()
        await PhoneSocket(its_relay, scope, send, "").serve(receive)

    def route(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        for each in relays:
            each.start()
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        for address, its_relay, admission in phones:
            if match := address.match(path):
                token = match.groupdict().get("token", "")
                return PhoneSocket(its_relay, scope, send, token, admission).serve(receive)
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
