"""One connection to one TikTok LIVE, through TikTokLive.

TikTokLive finds the room, has the socket signed, connects, sends heartbeats and acknowledges. Only
its decoding is replaced, at two seams: `_Connect` (the socket's bytes to responses) and `_Client`
(responses to events, and how acknowledgements are encoded); `tests/live/tiktok/test_upstream.py`
fails when a release moves them. Everything that can go wrong comes out as a `RelayError`, whose
`said` has TikTok's words without secrets.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import math
from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol

import httpx
from django.conf import settings
from TikTokLive import TikTokLiveClient
from TikTokLive.client.errors import (
    AgeRestrictedError,
    InitialCursorMissingError,
    SignAPIError,
    TikTokLiveError,
    UserNotFoundError,
    UserOfflineError,
    WebcastBlockedError,
    WebsocketURLMissingError,
)
from TikTokLive.client.web.routes.fetch_room_id_live_html import FailedParseRoomIdError
from TikTokLive.client.web.web_settings import WebDefaults
from TikTokLive.client.ws.ws_connect import WebcastConnect
from TikTokLive.client.ws.ws_utils import extract_websocket_options
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.decoding import DecodeError, decode_push_frame, decode_response, encode_ack
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate

__all__ = ["TLS", "Listener", "TikTokUpstream", "Upstream", "code_of"]

logger = logging.getLogger(__name__)

# Building a TLS context reads a hundred certificates; all clients share this one.
TLS = httpx.create_ssl_context()
# How long TikTok's socket may take to say goodbye before it is dropped.
_CLOSE_TIMEOUT = 0.5
_MAX_WEBCAST_FRAME = 16 * 1024 * 1024
_MAX_SAID = 500
# A page of TikTok that hangs may take that part of the connect timeout; the API may still answer.
_PAGES = 4


class Listener(Protocol):
    """Who an upstream reports to. Called on the event loop; must neither block nor raise."""

    def on_open(self, room: Room) -> None:
        """The socket is open. Called once, before any message."""

    def on_messages(self, messages: Iterable[Any]) -> None:
        """Messages of one response, in TikTok's order: `method`, `payload`, `msg_id` each."""

    def on_heartbeat(self) -> None:
        """TikTok sent something that is no message: the connection is alive."""

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        """Bytes that could not be read were left out."""


class Upstream(Protocol):
    """One attempt at one connection. Opened once; closed once, whatever became of it."""

    async def open(self) -> None:
        """Connect; the listener hears of the room and its messages.

        Raises:
            RelayError: it can't be done, or took longer than the connect timeout.
        """

    async def closed(self) -> RelayError:
        """Wait until the connection has ended by itself, and say why."""

    async def close(self) -> None:
        """End everything: tasks, socket, HTTP clients. Takes a second or two at most."""


class _Connect(WebcastConnect):
    """TikTokLive's socket, decoded by `live.tiktok.decoding`."""

    def __init__(self, *args: Any, listener: Listener, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listener = listener

    async def __aiter__(self) -> AsyncIterator[tuple[Any, Any]]:
        try:
            async with self as protocol:
                self._ws = protocol
                self._ws_options = extract_websocket_options(protocol.response_headers)
                yield None, self._initial_response
                async for data in protocol:
                    try:
                        push_frame = decode_push_frame(
                            data.encode() if isinstance(data, str) else data
                        )
                        if push_frame.payload_type != "msg":
                            self._listener.on_heartbeat()
                            continue
                        response = decode_response(push_frame)
                    except DecodeError as failure:
                        self._listener.on_undecodable("push frame", failure)
                        continue
                    yield push_frame, response
        finally:
            self._ws = None
            self._ws_options = None


class _Client(TikTokLiveClient):
    """TikTokLive's client, which hands messages to the listener undecoded."""

    def __init__(
        self,
        username: str,
        gate: SignGate,
        listener: Listener,
        deadline: asyncio.Timeout,
        limit: float,
    ) -> None:
        super().__init__(
            username,
            web_kwargs={
                "httpx_kwargs": {"verify": TLS, "timeout": limit / _PAGES},
                "signer_kwargs": {
                    "sign_api_key": gate.api_key or None,
                    "sign_api_base": settings.SIGN_API_URL,
                },
            },
            ws_kwargs={
                "open_timeout": None,
                "close_timeout": _CLOSE_TIMEOUT,
                "max_size": _MAX_WEBCAST_FRAME,
            },
        )
        self._gate = gate
        self._listener = listener
        self._deadline = deadline
        self._limit = limit
        self.opened = asyncio.get_running_loop().create_future()
        self.sign_response: httpx.Response | None = None
        self._ws._connect_generator_class = functools.partial(_Connect, listener=listener)
        self._ws.send_ack = self._send_ack
        # TikTokLive's own two routes are of no use here: the one swallows cancellation, the other
        # takes any short answer for an age restriction.
        self._live_route = self._web.fetch_is_live
        self._web.fetch_is_live = self._fetch_is_live
        self._web.fetch_room_info = self._fetch_room_info
        self._sign_route = self._web.fetch_signed_websocket
        self._web.fetch_signed_websocket = self._fetch_signed_websocket
        self._sign_http = self._verifying_sign_client()

    def _verifying_sign_client(self) -> httpx.AsyncClient:
        """The signer's HTTP client, as its SDK would make it, but with TLS verified."""

        async def learn(response: httpx.Response) -> None:
            self.sign_response = response
            self._gate.on_answer(response.status_code, response.headers)

        sdk = self._web.signer.sdk_client
        headers = dict(sdk._headers)
        if key := self._web.signer.sign_api_key:
            headers["X-Api-Key"] = key
        client = httpx.AsyncClient(
            base_url=settings.SIGN_API_URL,
            headers=headers,
            timeout=None,  # noqa: S113 -- the limit is that of `TikTokUpstream.open`
            verify=TLS,
            event_hooks={"response": [learn]},
        )
        sdk.set_async_httpx_client(client)
        return client

    async def _fetch_is_live(self, room_id: int) -> bool:
        return bool((await self._live_route.fetch_is_live_room_ids(room_id))[0])

    async def _fetch_room_info(self) -> dict[str, Any]:
        """What TikTok says of the room; nothing where it says nothing useful.

        Raises:
            AgeRestrictedError: TikTok wants the viewer to sign in.
        """
        try:
            response = await self._web.get(
                url=f"{WebDefaults.tiktok_webcast_url}/room/info/",
                extra_params={"room_id": self._web.params["room_id"]},
            )
            data = response.json()["data"]
        except (httpx.HTTPError, LookupError, TypeError, ValueError, RecursionError):
            return {}
        if not isinstance(data, dict):
            return {}
        if data.get("prompts"):
            raise AgeRestrictedError(str(data["prompts"]))
        return data

    async def _fetch_signed_websocket(self, platform: Any) -> Any:
        # The time it takes until it is our turn is not TikTok's.
        self._deadline.reschedule(None)
        async with self._gate.request():
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._limit)
            return await self._sign_route(platform)

    async def _send_ack(self, webcast_response: Any, webcast_push_frame: Any) -> None:
        # TikTokLive's takes longer to write one acknowledgement than we to read ten events.
        if self._ws.connected:
            ack = encode_ack(webcast_push_frame.log_id, webcast_response.internal_ext)
            await self._ws.ws.send(ack)

    async def _parse_webcast_response(self, webcast_response: Any) -> AsyncIterator[Any]:
        if not self.opened.done():
            self.opened.set_result(None)
            self._listener.on_open(Room.of(str(self.room_id), self.room_info or {}))
        self._listener.on_messages(webcast_response.messages)
        nothing: list[Any] = []
        for event in nothing:  # makes this the asynchronous generator that TikTokLive expects
            yield event

    async def aclose(self) -> None:
        """Close the socket and both HTTP clients, and end the heartbeat."""
        async with contextlib.AsyncExitStack() as last_to_first:
            last_to_first.push_async_callback(self._sign_http.aclose)
            last_to_first.push_async_callback(self._web.close)
            if self._event_loop_task:
                last_to_first.push_async_callback(_cancel, self._event_loop_task)
            # TikTokLive leaves the heartbeat sleeping when the socket is cut.
            if heartbeat := self._ws._ping_loop:
                last_to_first.push_async_callback(_cancel, heartbeat)
            with contextlib.suppress(OSError, WebSocketException):  # TimeoutError is an OSError
                async with asyncio.timeout(4 * _CLOSE_TIMEOUT):
                    await self._ws.disconnect()


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # seen, so that asyncio does not report it


class TikTokUpstream:
    """The `Upstream` that really connects to TikTok.

    Args:
        gate: that of the EulerStream API key to connect with.
    """

    def __init__(self, username: str, gate: SignGate, listener: Listener) -> None:
        self._username = username
        self._gate = gate
        self._listener = listener
        self._client: _Client | None = None
        self._task: asyncio.Task[Any] | None = None

    async def open(self) -> None:
        self._gate.check()
        WebDefaults.tiktok_app_url = settings.TIKTOK_APP_URL
        WebDefaults.tiktok_webcast_url = settings.TIKTOK_WEBCAST_URL
        limit = settings.RELAY_CONNECT_TIMEOUT
        try:
            async with asyncio.timeout(limit) as deadline:
                self._client = client = _Client(
                    self._username, self._gate, self._listener, deadline, limit
                )
                self._task = await client.start(fetch_room_info=True)
                await asyncio.wait([client.opened, self._task], return_when="FIRST_COMPLETED")
        except TimeoutError:
            raise RelayError(ErrorCode.TIKTOK_TIMEOUT, username=self._username) from None
        except RelayError:
            raise
        except Exception as failure:
            raise self._explain(failure) from failure
        if not client.opened.done():
            raise self._ending(self._task)

    async def closed(self) -> RelayError:
        if self._task is None:
            raise RuntimeError("not opened")
        await asyncio.wait([self._task])
        return self._ending(self._task)

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    def _ending(self, task: asyncio.Task[Any]) -> RelayError:
        failure = task.exception() if not task.cancelled() else None
        # TikTokLive ends without a word as often as with one when the socket is cut.
        return self._explain(failure or ConnectionClosed(None, None))

    def _explain(self, failure: BaseException) -> RelayError:
        response = self._client.sign_response if self._client else None
        code = code_of(failure, response, connecting=self._task is None)
        if code is ErrorCode.INTERNAL_ERROR:
            logger.error("unexpected failure of the upstream", exc_info=failure)
        return RelayError(
            code,
            username=self._username,
            retry_after=math.ceil(self._gate.seconds_closed)
            if code is ErrorCode.RATE_LIMITED
            else None,
            said=self._said(failure),
        )

    def _said(self, failure: BaseException) -> str:
        """Who reads it: staff. Only TikTokLive's texts are known to hold no address or cookie."""
        response = self._client.sign_response if self._client else None
        parts = [type(failure).__name__]
        if isinstance(failure, TikTokLiveError):
            parts.append(str(failure).partition("->")[2])
        elif isinstance(failure, InvalidHandshake | ConnectionClosed):
            parts.append(str(failure))
        elif isinstance(failure, httpx.RequestError) and failure._request is not None:
            parts.append(failure.request.url.host)
        if response is not None and response.status_code != httpx.codes.OK:
            parts.append(f"(sign server: HTTP {response.status_code})")
        said = "".join(filter(str.isprintable, " ".join(" ".join(parts).split())))
        for secret in filter(None, (self._gate.api_key, settings.SIGN_API_KEY)):
            said = said.replace(secret, "…")
        return said[:_MAX_SAID]


def code_of(
    failure: BaseException, sign_response: httpx.Response | None, connecting: bool
) -> ErrorCode:
    """The code for whatever TikTokLive raised.

    Args:
        sign_response: the sign server's answer, once there is one; it tells more than the error.
        connecting: the socket has not been tried yet.
    """
    status = sign_response.status_code if sign_response is not None else httpx.codes.OK
    match failure:
        case UserOfflineError():
            return ErrorCode.USER_OFFLINE
        case UserNotFoundError():
            return ErrorCode.USER_NOT_FOUND
        case AgeRestrictedError():
            return ErrorCode.AGE_RESTRICTED
        # TikTokLive's own error raises TypeError when the answer lacks a header.
        case _ if status == httpx.codes.TOO_MANY_REQUESTS:
            return ErrorCode.RATE_LIMITED
        case _ if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return ErrorCode.SIGN_FORBIDDEN
        case SignAPIError():
            return ErrorCode.SIGN_UNAVAILABLE
        case WebcastBlockedError() | InvalidHandshake() | FailedParseRoomIdError():
            return ErrorCode.TIKTOK_BLOCKED
        case InitialCursorMissingError() | WebsocketURLMissingError():
            return ErrorCode.TIKTOK_BLOCKED
        case httpx.TimeoutException() | TimeoutError():
            return ErrorCode.TIKTOK_TIMEOUT
        case WebSocketException() | httpx.HTTPError() | OSError():
            return ErrorCode.CONNECTION_LOST
        case _ if connecting and sign_response is not None:
            return ErrorCode.SIGN_UNAVAILABLE
        # The room's page and API gave something else than TikTokLive knows: a captcha, mostly.
        case LookupError() | TypeError() | ValueError() | AttributeError() if connecting:
            return ErrorCode.TIKTOK_BLOCKED
    return ErrorCode.INTERNAL_ERROR
