"""The socket addresses, and how pages come to the relay."""

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from live.consumers import RejectingConsumer, RelayConsumer
from live.relay import Relay

__all__ = ["ADDRESSES", "make_router", "with_relay"]

ADDRESSES = ("/ws", "/ws/{token}")


def make_router(relay: Relay) -> Any:
    """An ASGI application for the sockets of `relay`."""
    consumer = RelayConsumer.as_asgi(relay=relay)
    return URLRouter(
        [
            *(re_path(_pattern(address), consumer) for address in ADDRESSES),
            re_path(r"", RejectingConsumer.as_asgi()),
        ]
    )


def _pattern(address: str) -> str:
    return f"^{address[1:].replace('{token}', '(?P<token>[^/]+)')}/?$"


def with_relay(pages: Any, relay: Relay) -> Any:
    """The ASGI application `pages`, whose requests find the relay in `scope["relay"]`."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await pages({**scope, "relay": relay}, receive, send)

    return application
