"""Parcels onto the socket. That the servers' seams hold, `tests/end_to_end` shows."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from live.protocol.frames import Frame as ServedFrame
from live.protocol.frames import FrameType, Nothing, encode
from live.sockets.wire import daphne, uvicorn
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
        wire.forget_handshake({})
        wire.abort()

        assert sent == [{"type": "websocket.send", "text": text} for text in "ab"]


class TestAKnownServer:
    """Each is known by the class of its protocol object, which is behind its `send`."""

    def test_uvicorn_gave_the_method_of_its_protocol(self) -> None:
        protocol = object.__new__(WebSocketsSansIOProtocol)

        assert isinstance(uvicorn.wire_for(protocol.send), uvicorn.UvicornWire)
        assert daphne.wire_for(protocol.send) is None

    def test_daphne_gave_a_function_with_its_protocol(self) -> None:
        protocol = object.__new__(WebSocketProtocol)

        assert isinstance(daphne.wire_for(partial(print, protocol)), daphne.DaphneWire)
        assert uvicorn.wire_for(partial(print, protocol)) is None

    @pytest.mark.parametrize("send", [print, partial(print), partial(print, "text"), "".join])
    def test_nothing_else_passes_for_them(self, send: Any) -> None:
        assert uvicorn.wire_for(send) is None
        assert daphne.wire_for(send) is None


@pytest.mark.parametrize("kind", FrameType)
def test_a_parcel_knows_the_types_of_its_frames(kind: FrameType) -> None:
    text = encode(ServedFrame(type=kind, ts=1, data=Nothing()))
    assert Parcel([text]).types == {kind: 1}
    assert Parcel([text, text]).types == {kind: 2}


def test_a_parcel_counts_frames_of_several_types() -> None:
    kinds = (FrameType.PONG, FrameType.LIKE, FrameType.PONG)
    texts = [encode(ServedFrame(type=kind, ts=1, data=Nothing())) for kind in kinds]
    assert Parcel(texts).types == {"pong": 2, "like": 1}
