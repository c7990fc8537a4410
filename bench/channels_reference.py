"""Reference: a bare Channels consumer, and a loop that sends to each; an ASGI application."""

from __future__ import annotations

from typing import Any

from django.conf import settings

settings.configure()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402

from bench.publishing import Publisher  # noqa: E402


class BareConsumer(AsyncWebsocketConsumer):
    sockets: set[BareConsumer] = set()

    async def connect(self) -> None:
        await self.accept()
        self.sockets.add(self)

    async def disconnect(self, code: int) -> None:
        self.sockets.discard(self)


async def send(text: str) -> None:
    for socket in list(BareConsumer.sockets):
        await socket.send(text_data=text)


publisher = Publisher(send)


async def publish(scope: Any, receive: Any, respond: Any) -> None:
    publisher.begin(scope["query_string"].decode())
    await respond({"type": "http.response.start", "status": 200, "headers": []})
    await respond({"type": "http.response.body", "body": b""})


application = ProtocolTypeRouter({"http": publish, "websocket": BareConsumer.as_asgi()})
