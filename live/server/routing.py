"""Connects socket addresses with consumers, and gives pages and sockets the relay."""

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
    """An ASGI application for the sockets of `relay`; and for the test endpoint's, if there is
    one, of `rehearsal`."""
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
    """The ASGI application, whose pages and sockets find the first relay in `scope["relay"]`, and
    all of them, that of the test endpoint too, in `scope["relays"]`."""

    async def with_them(scope: Any, receive: Any, send: Any) -> None:
        for relay in relays:
            relay.control.start()
        await application({**scope, "relay": relays[0], "relays": relays}, receive, send)

    return with_them
