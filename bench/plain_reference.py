"""Reference: the least that an ASGI application can do with a socket. It accepts, sends one text,
and waits for the client to close."""

from __future__ import annotations

from typing import Any

# As long as the relay's `connected` of a LIVE that has just begun.
_TEXT = "x" * 700


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        raise NotImplementedError(scope["type"])  # of the lifespan: servers do without it
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": _TEXT})
    while (await receive())["type"] != "websocket.disconnect":
        pass
