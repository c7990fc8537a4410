"""How frames go out to one socket under any ASGI server, and what is asked of the faster ways.

Under ASGI, the server makes a WebSocket frame of each text again for each socket, which costs more
than all else on the way out. So `uvicorn` and `daphne`, beside this module, write the bytes of a
parcel that was framed once.
Nothing here knows what frames say, but for their types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from websockets.frames import Frame, Opcode

__all__ = ["AsgiWire", "Parcel", "Wire"]


# Where the type begins in the text of a frame.
_TYPE = len('{"type":"')


class Parcel:
    """Texts that go out together, a WebSocket message each. Sockets at one place share it.

    Args:
        kind: what the texts count as, where they are no frames; empty for frames.
    """

    def __init__(self, texts: Sequence[str], kind: str = "") -> None:
        self.texts = texts
        self._types: dict[str, int] | None = {kind: len(texts)} if kind else None

    @property
    def types(self) -> Mapping[str, int]:
        """How many of the frames are of each type, which is what each text begins with."""
        if (types := self._types) is None:
            # Not a cached_property, whose lock takes longer than all of this.
            types = self._types = {}
            for text in self.texts:
                name = text[_TYPE : text.index('"', _TYPE)]
                types[name] = types.get(name, 0) + 1
        return types

    @cached_property
    def framed(self) -> bytes:
        """The texts as a server frames them without extensions (RFC 6455, section 5)."""
        return b"".join(
            Frame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in self.texts
        )


class Wire(Protocol):
    """One socket's way out."""

    async def send(self, parcel: Parcel) -> None:
        """Returns once the server has room for more.

        Raises:
            OSError: the client has gone.
        """

    def forget_handshake(self, scope: Any) -> None:
        """Have the server let go of the headers, and empty the scope: it keeps both as long as the
        socket.

        Args:
            scope: the one that it gave to the application.
        """

    def abort(self) -> None:
        """Drop the connection, and what is buffered for it: a close frame would wait behind that
        for ever."""


class AsgiWire:
    """The way out that every ASGI server has. Here, forgetting and aborting do nothing.

    Args:
        send: what the server gave to the application.
    """

    def __init__(self, send: Any) -> None:
        self._send = send

    async def send(self, parcel: Parcel) -> None:
        for text in parcel.texts:
            await self._send({"type": "websocket.send", "text": text})

    def forget_handshake(self, scope: Any) -> None:
        pass  # the server may still need them

    def abort(self) -> None:
        pass
