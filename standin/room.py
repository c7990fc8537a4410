"""A streamer's room in the stand-in, and the webcast sockets that are connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from standin import messages
from standin.changes import Changes
from standin.failures import Failures
from standin.frames import (
    ROUTE_PARAMS,
    PushFrame,
    decode_push_frame,
    encode_answer,
    encode_push_frame,
    entered_room,
    heartbeat_seq,
)
from standin.messages import Message

CLOSE_TIMEOUT = 2.0
"""Seconds to wait for a client's answer to a close frame."""


@dataclass(frozen=True, slots=True)
class Ack:
    """A client's acknowledgement of a frame.

    Attributes:
        log_id: the frame's id.
        at: when it came, in seconds on the event loop's clock.
    """

    log_id: int
    internal_ext: str
    at: float


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A client's heartbeat.

    Attributes:
        seq: its number; each client counts from 1.
        at: when it came, in seconds on the event loop's clock.
    """

    seq: int
    at: float


def is_direct(query: Mapping[str, str]) -> bool:
    """Return whether a handshake with this query is unsigned, so that its socket is direct."""
    return ROUTE_PARAMS.keys().isdisjoint(query)


class Socket:
    """One open webcast socket, with the query and the headers of its handshake.

    Attributes:
        is_direct: whether the client has connected without a signature.
        has_entered: whether the client gets messages. A signed one does at once; a direct one after
            it has entered the room.
    """

    def __init__(self, request: web.BaseRequest, response: web.WebSocketResponse) -> None:
        self.query: Mapping[str, str] = dict(request.query)
        self.headers: Mapping[str, str] = request.headers
        self.compress = self.query.get("compress") == "gzip"
        self.is_direct = is_direct(self.query)
        self.has_entered = not self.is_direct
        self._request = request
        self._response = response

    async def send(self, data: bytes) -> bool:
        """Send one binary frame. Waits if the client reads too slowly.

        Returns:
            Whether the frame was sent; False if the socket was already closed.
        """
        try:
            await self._response.send_bytes(data)
        except ConnectionError:
            return False
        return True

    def abort(self) -> None:
        """End the connection without a close frame: the client sees 1006."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame."""
        await self._response.close(code=code, message=reason.encode())


class Room(Failures):
    """A streamer, the LIVE if there is one, and what its clients have sent.

    `go_live` starts a LIVE with a new `room_id`, as on TikTok. Messages are pushed to all open
    `sockets`, except to direct ones that have not entered the room yet. Nothing is sent unless a
    test pushes it, apart from answers to clients, and history.

    Attributes:
        name: the streamer's @name, in lower case.
        creator: the streamer, as TikTok describes users.
        room_id: the id of the LIVE, with 19 digits; while offline, the id of the last LIVE.
        is_live: whether the LIVE page and check_alive say that the streamer is live.
        title: the title of the LIVE.
        history: messages that each client that connects gets first: in the sign server's answer,
            or over the direct socket.
        deaf: whether nothing is sent, while sockets stay open: nothing is pushed, and neither
            heartbeats nor close frames are answered.
        ping_interval: seconds between heartbeats that the handshake asks the client for.
        sockets: the open sockets.
        acks, heartbeats: what all clients have sent so far.
    """

    def __init__(self, name: str, changes: Changes, new_id: Callable[[], int]) -> None:
        super().__init__()
        self.name = name
        self.creator = messages.user(name)
        self.is_live = False
        self.title = ""
        self.history: list[Message] = []
        self.deaf = False
        self.ping_interval = 10.0
        self.sockets: list[Socket] = []
        self.acks: list[Ack] = []
        self.heartbeats: list[Heartbeat] = []
        self.room_ids = [new_id()]
        self._changes = changes
        self._new_id = new_id

    @property
    def room_id(self) -> int:
        return self.room_ids[-1]

    def go_live(self, *, title: str = "", history: Iterable[Message] = ()) -> None:
        """Start a new LIVE, with a new room id."""
        self.room_ids.append(self._new_id())
        self.creator = messages.user(self.name)
        self.title = title or f"{self.name} is live"
        self.history = list(history)
        self.is_live = True

    def offline(self) -> None:
        """Stop being live; the open sockets are not told."""
        self.is_live = False

    async def push(self, *pushed: Message) -> int:
        """Send a frame with these messages to every socket; return to how many it was sent."""
        encoded = {
            compress: encode_push_frame(pushed, compress)
            for compress in {socket.compress for socket in self.sockets}
        }
        return await self._send(lambda socket: encoded[socket.compress])

    async def push_encoded(self, data: bytes) -> int:
        """Send an encoded frame, unchanged, to every socket; return to how many it was sent."""
        return await self._send(lambda socket: data)

    push_raw = push_encoded
    """The same, for bytes that are no valid frame, such as a broken gzip stream."""

    async def _send(self, data: Callable[[Socket], bytes]) -> int:
        if self.deaf:
            return 0
        return sum([await socket.send(data(socket)) for socket in self._entered])

    @property
    def _entered(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.has_entered]

    async def pause(self) -> None:
        """Push the message that the host has paused the LIVE."""
        await self.push(messages.pause())

    async def resume(self) -> None:
        """Push the message that the host has resumed the LIVE."""
        await self.push(messages.resume())

    async def end(self, *, suspended: bool = False, reason: str = "") -> None:
        """End the LIVE: the streamer goes offline, and the open sockets are told."""
        self.offline()
        await self.push(messages.end(suspended=suspended, reason=reason))

    async def cut(self) -> None:
        """Abort all connections without a close frame, and return when they are gone."""
        cut = list(self.sockets)
        for socket in cut:
            socket.abort()
        await self._gone(cut)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close all sockets with a close frame, and return when they are gone."""
        closed = list(self.sockets)
        await asyncio.gather(*(socket.close(code, reason) for socket in closed))
        await self._gone(closed)

    async def _gone(self, sockets: list[Socket]) -> None:
        await self._changes.wait_for(lambda: not any(s in self.sockets for s in sockets))

    async def wait_for_socket(self, n: int = 1, within: float | None = 10) -> None:
        """Return once at least `n` sockets are open, and get what is pushed.

        Raises:
            TimeoutError: fewer were open for `within` seconds.
        """
        await self._changes.wait_for(lambda: len(self._entered) >= n, within)

    async def wait_until_left(self, within: float = 10) -> None:
        """Return once no socket is open any more.

        Raises:
            TimeoutError: a socket was still open after `within` seconds.
        """
        await self._changes.wait_for(lambda: not self.sockets, within)

    async def serve(self, request: web.BaseRequest, *, cut_at_once: bool) -> web.StreamResponse:
        """Answer a WebSocket handshake and then the client's frames, until the socket is closed."""
        response = web.WebSocketResponse(
            protocols=("echo-protocol",),
            timeout=CLOSE_TIMEOUT,
            autoclose=False,
            autoping=False,
            compress=False,
        )
        response.headers["Handshake-Options"] = f"ping-interval={self.ping_interval:g}"
        await response.prepare(request)
        socket = Socket(request, response)
        self.sockets.append(socket)
        self._changes.notify()
        try:
            if cut_at_once:
                socket.abort()
            await self._answer(socket, response)
        finally:
            self.sockets.remove(socket)
            self._changes.notify()
        return response

    async def _answer(self, socket: Socket, response: web.WebSocketResponse) -> None:
        while True:
            received = await response.receive()
            if received.type is WSMsgType.BINARY:
                await self._answer_frame(socket, received.data)
            elif received.type is WSMsgType.CLOSE:
                if self.deaf:
                    await hang()
                await response.close()
                return
            elif received.type in (WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return

    async def _answer_frame(self, socket: Socket, data: bytes) -> None:
        frame = decode_push_frame(data)
        now = asyncio.get_running_loop().time()
        answer = None
        match frame.payload_type:
            case "ack":
                self.acks.append(Ack(frame.log_id, frame.payload.decode(), now))
            case "hb":
                self.heartbeats.append(Heartbeat(heartbeat_seq(frame.payload), now))
                answer = encode_answer("hb", frame.log_id, frame.payload)
            case "im_enter_room":
                await self._enter(socket, frame)
                answer = encode_answer("im_enter_room_resp", frame.log_id)
        if answer is not None and socket.has_entered and not self.deaf:
            await socket.send(answer)
        self._changes.notify()

    async def _enter(self, socket: Socket, frame: PushFrame) -> None:
        """Send a direct socket that enters this room its history, and from then on all else."""
        if socket.has_entered or entered_room(frame.payload) != self.room_id:
            return
        if self.history and not self.deaf:
            await socket.send(encode_push_frame(self.history, socket.compress, history=True))
        socket.has_entered = True


async def hang() -> None:
    """Never answer: wait until cancelled, which happens when the client's connection ends."""
    await asyncio.get_running_loop().create_future()
