"""Parcels onto the socket. That the servers' seams hold, `tests/end_to_end` shows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.tcp import Connection
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from live.protocol.frames import Frame as ServedFrame
from live.protocol.frames import FrameType, Nothing, encode
from live.sockets.wire import daphne, uvicorn
from live.sockets.wire.asgi import Parcel
from live.sockets.wire.daphne import write_at_once
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


class Loop:
    """As much of Twisted's reactor as a connection asks for.

    Attributes:
        wanted: the connections that want to know when they can be written.
    """

    def __init__(self) -> None:
        self.wanted: list[Any] = []

    def addWriter(self, connection: Any) -> None:  # noqa: N802 -- Twisted's name
        if connection not in self.wanted:
            self.wanted.append(connection)

    def removeWriter(self, connection: Any) -> None:  # noqa: N802
        if connection in self.wanted:
            self.wanted.remove(connection)

    def removeReader(self, connection: Any) -> None:  # noqa: N802
        """It reads nothing here."""


class TestWritingUnderDaphne:
    @pytest.fixture
    def other_end(self) -> Iterator[socket.socket]:
        ours, theirs = socket.socketpair()
        protocol: Any = TwistedProtocol()
        loop: Any = Loop()
        self.loop = loop
        self.connection: Any = Connection(ours, protocol, loop)
        self.connection.connected = True
        with ours, theirs:
            theirs.setblocking(False)
            yield theirs

    def read(self, other_end: socket.socket) -> bytes:
        read = b""
        try:
            while data := other_end.recv(1 << 20):
                read += data
        except BlockingIOError:
            pass
        return read

    def test_it_does_not_wait_for_the_loop(self, other_end: socket.socket) -> None:
        write_at_once(self.connection, b"a frame")
        assert self.read(other_end) == b"a frame"
        assert self.loop.wanted == []

    def test_what_the_system_does_not_take_is_kept_in_order(self, other_end: socket.socket) -> None:
        large = b"0123456789" * 200_000
        write_at_once(self.connection, large)
        write_at_once(self.connection, b"the next frame")
        assert self.loop.wanted == [self.connection]
        read = self.read(other_end)
        while self.loop.wanted:
            assert self.connection.doWrite() is None
            read += self.read(other_end)
        assert read == large + b"the next frame"
        write_at_once(self.connection, b"one more")
        assert self.read(other_end) == b"one more"
        assert self.loop.wanted == []

    def test_a_full_buffer_stops_the_sender_as_before(self, other_end: socket.socket) -> None:
        flow = daphne._Flow()
        self.connection.registerProducer(flow, streaming=True)
        write_at_once(self.connection, b"x" * 2_000_000)
        assert not flow.is_writable()
        while self.loop.wanted:
            self.read(other_end)
            self.connection.doWrite()
        assert flow.is_writable()

    def test_a_lost_connection_is_found_by_the_loop(self, other_end: socket.socket) -> None:
        other_end.close()
        write_at_once(self.connection, b"a frame")
        assert self.loop.wanted == [self.connection]
        assert isinstance(self.connection.doWrite(), Exception)

    def test_a_closing_one_closes_after_what_was_written(self, other_end: socket.socket) -> None:
        write_at_once(self.connection, b"x" * 2_000_000)
        self.connection.loseConnection()
        write_at_once(self.connection, b"too late for the system's buffer")
        read = b""
        while self.connection.doWrite() is None:
            read += self.read(other_end)
        assert (read + self.read(other_end)).startswith(b"x" * 2_000_000)
