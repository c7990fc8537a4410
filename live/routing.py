"""The socket addresses."""

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from live.consumers import RejectingConsumer, RelayConsumer
from live.relay import Relay

__all__ = ["make_router"]


def make_router(relay: Relay) -> Any:
    """An ASGI application for the sockets of `relay`."""
    consumer = RelayConsumer.as_asgi(relay=relay)
    return URLRouter(
        [
            re_path(r"^ws/?$", consumer),
            re_path(r"^ws/(?P<token>[^/]+)/?$", consumer),
            re_path(r"", RejectingConsumer.as_asgi()),
        ]
    )
