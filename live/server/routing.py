"""Sends each socket to the consumer for its address, and gives pages and sockets the relays."""

from collections.abc import Sequence
from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from live.protocol.addresses import ADDRESSES, STAFF_ADDRESS, TEST_ADDRESSES, pattern
from live.relay.relay import Relay
from live.sockets.phone import PhoneConsumer, RejectingConsumer
from live.sockets.staff import staff_socket

__all__ = ["make_router", "with_relays"]


def make_router(relay: Relay, rehearsal: Relay | None = None) -> Any:
    """Make the ASGI application that serves all sockets.

    A socket whose address does not exist is accepted, and then refused with an error frame.

    Args:
        relay: the relay of real LIVEs.
        rehearsal: the relay of the test endpoint; None if the test endpoint is off.
    """
    return URLRouter(
        [
            re_path(pattern(STAFF_ADDRESS), staff_socket()),
            *(_routes(TEST_ADDRESSES, rehearsal) if rehearsal is not None else []),
            *_routes(ADDRESSES, relay),
            re_path(r"", RejectingConsumer.as_asgi()),
        ]
    )


def _routes(addresses: tuple[str, ...], relay: Relay) -> list[Any]:
    consumer = PhoneConsumer.as_asgi(relay=relay)
    return [re_path(pattern(address), consumer) for address in addresses]


def with_relays(application: Any, relays: Sequence[Relay]) -> Any:
    """Wrap an ASGI application so that its pages and sockets can find the relays.

    The first relay is in `scope["relay"]`. All relays, also that of the test endpoint, are in
    `scope["relays"]`. Each relay begins to receive control messages with the first request.

    Args:
        application: the application to wrap.
        relays: the relay of real LIVEs, then that of the test endpoint if there is one.
    """

    async def with_them(scope: Any, receive: Any, send: Any) -> None:
        for relay in relays:
            relay.control.start()
        await application({**scope, "relay": relays[0], "relays": relays}, receive, send)

    return with_them
