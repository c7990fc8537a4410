"""Parcels onto the socket. That the servers' seams hold, `tests/end_to_end` shows."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from live.sockets.wire.asgi import Parcel
from live.sockets.wire.servers import wire_for


def read(data: bytes) -> list[str]:
    """The texts that a WebSocket client reads."""
    client = Protocol(Side.CLIENT, max_size=None)
    client.receive_data(data)
    texts = []
    for frame in client.events_received():
        assert isinstance(frame, Frame)
        assert frame.opcode is Opcode.TEXT
        assert frame.fin
        texts.append(bytes(frame.data).decode())
    return texts


class TestParcel:
    @pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
    def test_a_client_reads_its_texts(self, length: int) -> None:
        texts = ["x" * length, "👩‍👩‍👧 مرحبا", "x" * length]

        assert read(Parcel(texts).framed) == texts

    def test_it_is_framed_once(self) -> None:
        parcel = Parcel(["hello"])

        assert parcel.framed is parcel.framed


class TestAnUnknownServer:
    async def test_it_gets_asgi_messages(self) -> None:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        wire = wire_for(send)
        await wire.send(Parcel(["a", "b"]))
        wire.forget_handshake()
        wire.abort()

        assert sent == [{"type": "websocket.send", "text": text} for text in "ab"]
