"""TikTok's socket against a server that sends what TikTok never should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from live.tiktok import webcast
from live.tiktok.decoding import decode_push_frame
from live.tiktok.rooms import Room
from live.tiktok.webcast import ClosedError, RefusedError, SocketAddress, WebcastSocket
from standin import encode_push_frame, messages
from tests.support.connecting import Recorder

ROOM = 7
COMMENT = encode_push_frame([messages.chat("viewer", "hello")])
Serve = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def connected_to(
    handle: Serve,
    recorder: Recorder,
    *,
    options: str = "",
    first: Iterator[object] | tuple[object, ...] = (),
    speaks_first: bool = False,
) -> AsyncIterator[WebcastSocket]:
    """An open socket to a server that does this; closed in the end.

    Args:
        options: the header `Handshake-Options` of the server's answer.
        first, speaks_first: as for the socket.
    """

    def add_options(_: ServerConnection, request: Request, response: Response) -> None:
        response.headers["Handshake-Options"] = options

    async with serve(handle, "127.0.0.1", 0, process_response=add_options) as server:
        port = server.sockets[0].getsockname()[1]
        socket = WebcastSocket(
            ROOM,
            recorder,
            lambda: recorder.on_open(Room(str(ROOM)), "signed"),
            speaks_first=speaks_first,
        )
        try:
            async with asyncio.timeout(10):
                await socket.open(SocketAddress(f"ws://127.0.0.1:{port}/", {}, tuple(first)))
                yield socket
        finally:
            await socket.close()


async def until_gone(server: ServerConnection) -> None:
    await server.wait_closed()


class TestHello:
    async def test_it_enters_the_room_and_sends_heartbeats(self, recorder: Recorder) -> None:
        frames: asyncio.Queue[bytes] = asyncio.Queue()

        async def read(server: ServerConnection) -> None:
            async for frame in server:
                assert isinstance(frame, bytes)
                frames.put_nowait(frame)

        async with connected_to(read, recorder, options="ping-interval=0.01"):
            kinds = [decode_push_frame(await frames.get()).payload_type for _ in range(3)]
        assert kinds == ["hb", "im_enter_room", "hb"]

    @pytest.mark.parametrize("options", ["", "ping-interval=soon", "=;=", "a" * 5000])
    async def test_options_that_make_no_sense_are_left_out(
        self, recorder: Recorder, options: str
    ) -> None:
        async with connected_to(until_gone, recorder, options=options) as socket:
            assert socket._heartbeat_every == 10

    async def test_it_is_open_with_the_handshake_or_with_the_first_frame(
        self, recorder: Recorder
    ) -> None:
        may_speak = asyncio.Event()

        async def speak(server: ServerConnection) -> None:
            await may_speak.wait()
            await server.send(COMMENT)
            await server.wait_closed()

        async with connected_to(speak, recorder):
            assert recorder.routes == ["signed"]
            assert not recorder.methods
            may_speak.set()
            await recorder.next()
        recorder.methods.clear()
        async with connected_to(speak, recorder, speaks_first=True):
            assert recorder.routes == ["signed", "signed"]
            assert recorder.methods == ["WebcastChatMessage"]

    async def test_what_came_with_the_address_comes_first(self, recorder: Recorder) -> None:
        async def speak(server: ServerConnection) -> None:
            await server.send(COMMENT)
            await server.wait_closed()

        first = (messages.like("viewer"),)
        async with connected_to(speak, recorder, first=first):
            while len(recorder.methods) < 2:
                await recorder.next()
        assert recorder.methods == ["WebcastLikeMessage", "WebcastChatMessage"]


class TestWhatItReads:
    async def test_parts_of_a_message_are_joined(self, recorder: Recorder) -> None:
        async def speak(server: ServerConnection) -> None:
            await server.send([COMMENT[:10], COMMENT[10:20], COMMENT[20:]])
            await server.ping()
            await server.send(COMMENT)
            await server.wait_closed()

        async with connected_to(speak, recorder):
            while len(recorder.methods) < 2:
                await recorder.next()
        assert not recorder.rejected

    async def test_a_message_that_grows_without_an_end_is_cut(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webcast, "_MAX_FRAME", 1000)

        async def speak(server: ServerConnection) -> None:
            await server.send([b"x" * 400] * 10)
            await server.wait_closed()

        async with connected_to(speak, recorder) as socket:
            end = await socket.closed()
        assert isinstance(end, ClosedError)
        assert "too large" in str(end)

    async def test_a_frame_that_is_too_large_is_not_read(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(webcast, "_MAX_FRAME", 1000)

        async def speak(server: ServerConnection) -> None:
            await server.send(b"x" * 2000)
            await server.wait_closed()

        async with connected_to(speak, recorder) as socket:
            assert isinstance(await socket.closed(), ClosedError)
        assert not recorder.rejected
        assert not recorder.methods

    async def test_text_and_garbage_are_reported_and_passed_over(self, recorder: Recorder) -> None:
        async def speak(server: ServerConnection) -> None:
            await server.send("\ufffd no push frame")
            await server.send(b"\xff\xff")
            await server.send(COMMENT)
            await server.wait_closed()

        async with connected_to(speak, recorder):
            while not recorder.methods:
                await recorder.next()
        assert recorder.rejected == ["push frame", "push frame"]

    async def test_a_fault_of_ours_ends_it_and_is_told(
        self, recorder: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        fault = RuntimeError("a fault")

        class Faulty(Recorder):
            def on_messages(self, messages: object) -> None:
                raise fault

        async def speak(server: ServerConnection) -> None:
            await server.send(COMMENT)
            await server.wait_closed()

        async with connected_to(speak, Faulty()) as socket:
            assert await socket.closed() is fault
        assert "could not be taken" in caplog.text


class TestTheEnd:
    async def test_tiktok_s_close_frame_is_told_and_answered(self, recorder: Recorder) -> None:
        codes: list[int | None] = []

        async def close(server: ServerConnection) -> None:
            await server.close(4123, "enough")
            codes.append(server.close_code)

        async with connected_to(close, recorder) as socket:
            assert str(await socket.closed()) == "close code 4123 enough"
        assert codes == [4123]

    async def test_a_cut_is_told_as_one(self, recorder: Recorder) -> None:
        async def cut(server: ServerConnection) -> None:
            server.transport.abort()

        async with connected_to(cut, recorder) as socket:
            assert str(await socket.closed()) == "closed without a close frame"

    async def test_it_says_goodbye(self, recorder: Recorder) -> None:
        closed = asyncio.Event()
        codes: list[int | None] = []

        async def wait(server: ServerConnection) -> None:
            await server.wait_closed()
            codes.append(server.close_code)
            closed.set()

        async with connected_to(wait, recorder):
            pass
        await closed.wait()
        assert codes == [1000]


class TestAHandshakeThatFails:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (
                b"HTTP/1.1 415 Unsupported\r\nHandshake-Msg: DEVICE_BLOCKED\r\n\r\n",
                "DEVICE_BLOCKED",
            ),
            (b"HTTP/1.1 599 Strange\r\nHandshake-Msg: no\r\n\r\n", "HTTP 0"),
            (b"no HTTP at all\r\n\r\n", "HTTP 0"),
            (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", "HTTP 302"),
        ],
    )
    async def test_it_is_a_refusal(self, recorder: Recorder, answer: bytes, said: str) -> None:
        with pytest.raises(RefusedError, match=said):
            await self.open_to(answer, recorder)
        assert not recorder.routes

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "127.0.0.1", "ws://", ""])
    async def test_so_is_an_address_of_no_socket(self, recorder: Recorder, url: str) -> None:
        socket = WebcastSocket(ROOM, recorder, lambda: None, speaks_first=False)
        with pytest.raises(RefusedError, match="no socket address"):
            await socket.open(SocketAddress(url, {}))
        await socket.close()

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
    async def test_one_that_is_cut_is_told_as_such(self, recorder: Recorder, answer: bytes) -> None:
        with pytest.raises(ClosedError, match="during the handshake"):
            await self.open_to(answer, recorder)

    @staticmethod
    async def open_to(answer: bytes, recorder: Recorder) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            socket = WebcastSocket(ROOM, recorder, lambda: None, speaks_first=False)
            try:
                async with asyncio.timeout(5):
                    await socket.open(SocketAddress(f"ws://127.0.0.1:{port}/", {}))
            finally:
                await socket.close()
