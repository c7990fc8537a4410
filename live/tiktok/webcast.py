"""One open socket to a LIVE: TikTok's "webcast" socket, the same on every route.

It reads TikTok's push frames and gives their messages to the listener, acknowledges them, sends
heartbeats, and enters the room. It does not know how its address came about (`signed`, `direct`).
picows carries it, which calls `on_ws_frame` for each frame as it is read: no task, no future.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as sockets
from collections.abc import Callable, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple

import aiohappyeyeballs
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSInvalidURL,
    WSListener,
    WSMsgType,
    WSParsedURL,
    WSTransport,
    ws_connect,
)
from python_socks import ProxyError
from TikTokLive.proto import HeartBeatMessage, WebcastImEnterRoomMessage, WebcastPushFrame

from live.tasks import cancel_and_wait
from live.tiktok.decoding import DecodeError, decode_push_frame, decode_response, encode_ack
from live.tiktok.schema import build_schema
from live.tiktok.upstream import MessageListener
from live.tiktok.web import TLS

__all__ = ["ClosedError", "RefusedError", "SocketAddress", "WebcastSocket"]

logger = logging.getLogger(__name__)

# Bytes of the largest frame, or of the parts of one message, that are accepted from TikTok.
_MAX_FRAME = 16 * 1024 * 1024
# Bytes of the buffer that a socket begins with. It grows for larger frames.
_BUFFER = 4096
# Seconds to wait for TikTok's answer to our close frame. After that, the connection is dropped.
_CLOSE_TIMEOUT = 0.5
# Seconds between heartbeats, where TikTok does not ask for others; and what it may ask for.
_HEARTBEAT = 10.0
_SHORTEST_HEARTBEAT, _LONGEST_HEARTBEAT = 0.1, 60.0
# Characters of TikTok's own words that are kept.
_MAX_WORDS = 200
# What TikTok's web page says of a viewer.
_LIVE_ID, _VIEWER = 12, "audience"

_SCHEMA = build_schema(
    {
        WebcastPushFrame: "payload_encoding payload_type payload",
        HeartBeatMessage: "room_id send_packet_seq_id",
        WebcastImEnterRoomMessage: "room_id live_id identity filter_welcome_msg",
    }
)
_PushFrame = _SCHEMA[WebcastPushFrame]
_HeartBeat = _SCHEMA[HeartBeatMessage]
_EnterRoom = _SCHEMA[WebcastImEnterRoomMessage]


class SocketAddress(NamedTuple):
    """Where a socket connects to, and what it shows there.

    Attributes:
        url: with its query. It may hold a signature, so it is not logged.
        headers: of the handshake. They may hold cookies, so they are not logged. (They are sent as
            they are: a value with the end of a line in it would be two headers.)
        first: messages that came with the address; they count as the socket's first.
    """

    url: str
    headers: Mapping[str, str]
    first: Sequence[Any] = ()


class RefusedError(Exception):
    """TikTok has answered the handshake by something else than an open socket.

    Attributes:
        status: of the HTTP answer; 0 if it was none.
        message: its header `Handshake-Msg`, by which TikTok says why.
    """

    def __init__(self, status: int = 0, message: str = "", message_status: str = "") -> None:
        told = f" ({message_status})" if message_status else ""
        super().__init__(f"HTTP {status} {message}".rstrip() + told)
        self.status = status
        self.message = message


class ClosedError(Exception):
    """The socket is closed. The text says how: TikTok's close frame, or none."""


class WebcastSocket(WSListener):
    """A socket to a LIVE. `open` is called once, then `close` once, even if `open` failed.

    Args:
        room_id: of the LIVE.
        listener: gets the messages.
        on_open: called once, before the first message, when the socket is open.
        speaks_first: TikTok's first frame, an answer to our hello, is the sign that the socket is
            open; otherwise the handshake is.
    """

    def __init__(
        self,
        room_id: int,
        listener: MessageListener,
        on_open: Callable[[], None],
        *,
        speaks_first: bool,
    ) -> None:
        self._room_id = room_id
        self._listener = listener
        self._on_open = on_open
        self._speaks_first = speaks_first
        self._first: Sequence[Any] = ()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: Exception | None = None
        self._tcp: sockets.socket | None = None
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []  # of a message that comes in several frames
        self._may_write = True
        self._heartbeats = 0
        self._heartbeat_every = _HEARTBEAT
        self._heartbeat: asyncio.TimerHandle | None = None

    async def open(self, address: SocketAddress, proxy: str = "") -> None:
        """Connect. It has no time limit of its own.

        Args:
            proxy: the address of a proxy; empty for none.

        Raises:
            RefusedError: TikTok does not open the socket.
            ClosedError: it was closed before it was open.
            OSError: TikTok, or the proxy, can't be reached.
            python_socks.ProxyError: the proxy does not let it through.
        """
        self._first = address.first
        connecting = asyncio.ensure_future(self._connect(address, proxy))
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # picows leaves a connection whose handshake is not answered as it is.
            self._break_off()
            connecting.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await connecting
            raise
        if self._transport is None:
            raise ClosedError("closed during the handshake")
        if not self._opened.done():
            lost = asyncio.ensure_future(self.closed())
            try:
                either: list[asyncio.Future[Any]] = [self._opened, lost]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await cancel_and_wait(lost)
        if not self._opened.done():
            raise await self.closed()

    async def closed(self) -> Exception:
        """Wait until the socket is closed, and return how: usually a `ClosedError`."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("not opened")
        try:
            await transport.wait_disconnected()
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # ours, or a frame that breaks the protocol
            return self._failure or ClosedError(type(failure).__name__)
        return self._failure or ClosedError(_end_of(transport))

    async def close(self) -> None:
        """Say goodbye, and drop the connection if TikTok does not answer in half a second."""
        self._stop_heartbeat()
        transport, self._transport = self._transport, None
        if transport is None:
            self._break_off()
            return
        if not (transport.is_disconnected or transport.is_close_frame_sent):
            transport.send_close(WSCloseCode.OK)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await transport.wait_disconnected()
        transport.disconnect(graceful=False)
        with contextlib.suppress(Exception):
            await transport.wait_disconnected()

    async def _connect(self, address: SocketAddress, proxy: str) -> None:
        try:
            await ws_connect(
                lambda request, response: self,
                address.url,
                ssl_context=TLS,
                extra_headers=address.headers,
                websocket_handshake_timeout=None,
                max_frame_size=_MAX_FRAME,
                max_redirects=0,
                read_buffer_init_size=_BUFFER,
                proxy=proxy or None,
                proxy_ssl_context=TLS if proxy.startswith("https:") else None,
                socket_factory=self._connect_to_proxy if proxy else self._connect_tcp,
            )
        except WSInvalidURL:
            raise RefusedError(0, "no socket address") from None
        except WSHandshakeError as refused:
            response = refused.response
            if response is None:
                raise RefusedError from None
            headers = response.headers
            raise RefusedError(
                response.status,
                _words(headers.get("Handshake-Msg", "")),
                _words(headers.get("Handshake-Status", "")),
            ) from None
        except (OSError, WSError):
            raise
        except Exception as failure:
            if not proxy or isinstance(failure, ProxyError):
                raise
            # The texts of some repeat the proxy's address or password.
            raise ProxyError(type(failure).__name__) from None

    async def _connect_to_proxy(self, url: WSParsedURL) -> sockets.socket:
        try:
            return await self._connect_tcp(url)
        except OSError as failure:
            raise ProxyError(type(failure).__name__) from None

    async def _connect_tcp(self, url: WSParsedURL) -> sockets.socket:
        """The TCP connection, to TikTok or to the proxy; kept, to be able to break it off."""
        found = await asyncio.get_running_loop().getaddrinfo(
            url.host, url.port, type=sockets.SOCK_STREAM
        )
        self._tcp = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=0.25)
        return self._tcp

    def _break_off(self) -> None:
        if self._tcp is not None:
            with contextlib.suppress(OSError):
                self._tcp.shutdown(sockets.SHUT_RDWR)

    # --- WSListener: called by picows ----------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        options = _options(transport.response.headers.get("Handshake-Options", ""))
        self._heartbeat_every = options.get("ping-interval", _HEARTBEAT)
        self._send_heartbeat()
        self._send("im_enter_room", _enter_room(self._room_id))
        if not self._speaks_first:
            self._be_open()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.CLOSE:
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        if kind is WSMsgType.PONG or self._failure is not None:
            return
        if frame.payload_size > _MAX_FRAME:  # picows lets one through that came with its beginning
            self._give_up(ClosedError("a frame is too large"))
            return
        data = frame.get_payload_as_bytes()
        if not frame.fin or kind is WSMsgType.CONTINUATION:
            whole = self._joined(data, last=frame.fin)
            if whole is None:
                return
            data = whole
        try:
            self._read(data)
        except DecodeError as failure:
            self._listener.on_undecodable("push frame", failure)
        except Exception as failure:
            logger.exception("a message of TikTok could not be taken")
            self._give_up(failure)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._stop_heartbeat()

    def pause_writing(self) -> None:
        # TikTok does not read: what we owe it must not fill the memory.
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True

    # -------------------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        push_frame = decode_push_frame(data)
        if not self._opened.done():
            self._be_open()
        if push_frame.payload_type != "msg":
            self._listener.on_heartbeat()
            return
        response = decode_response(push_frame)
        if response.need_ack and self._may_write and self._transport is not None:
            ack = encode_ack(push_frame.log_id, response.internal_ext)
            self._transport.send(WSMsgType.BINARY, ack)
        self._listener.on_messages(response.messages)

    def _be_open(self) -> None:
        self._opened.set_result(None)
        self._on_open()
        first, self._first = self._first, ()
        if first:
            self._listener.on_messages(first)

    def _joined(self, data: bytes, *, last: bool) -> bytes | None:
        """Add a part of a message, and return the message once the last part has come."""
        self._parts.append(data)
        if sum(map(len, self._parts)) > _MAX_FRAME:
            self._give_up(ClosedError("a message is too large"))
            return None
        if not last:
            return None
        whole = b"".join(self._parts)
        self._parts = []
        return whole

    def _give_up(self, failure: Exception) -> None:
        self._failure = failure
        self._parts = []
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def _send(self, payload_type: str, payload: bytes) -> None:
        if self._transport is not None and self._may_write:
            frame = _PushFrame(payload_encoding="pb", payload_type=payload_type, payload=payload)
            self._transport.send(WSMsgType.BINARY, frame.SerializeToString())

    def _send_heartbeat(self) -> None:
        self._heartbeats += 1
        beat = _HeartBeat(room_id=self._room_id, send_packet_seq_id=self._heartbeats)
        self._send("hb", beat.SerializeToString())
        loop = asyncio.get_running_loop()
        self._heartbeat = loop.call_later(self._heartbeat_every, self._send_heartbeat)

    def _stop_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None


def _enter_room(room_id: int) -> bytes:
    entered: bytes = _EnterRoom(
        room_id=room_id, live_id=_LIVE_ID, identity=_VIEWER, filter_welcome_msg="0"
    ).SerializeToString()
    return entered


def _options(header: str) -> dict[str, float]:
    """Read the numbers of `Handshake-Options`, which is written like cookies."""
    given = SimpleCookie()
    with contextlib.suppress(CookieError):
        given.load(header)
    options = {}
    for name, morsel in given.items():
        with contextlib.suppress(ValueError):
            options[name] = min(max(float(morsel.value), _SHORTEST_HEARTBEAT), _LONGEST_HEARTBEAT)
    return options


def _end_of(transport: WSTransport) -> str:
    """How a socket was closed, in a few words."""
    handshake = transport.close_handshake
    if handshake is None or handshake.recv is None:
        return "closed without a close frame"
    code, reason = handshake.recv.code, _words(handshake.recv.reason or "")
    return f"close code {code.value} {reason}".rstrip()


def _words(text: str) -> str:
    """TikTok's own words, safe for logs and pages."""
    return "".join(filter(str.isprintable, text[:_MAX_WORDS]))
