"""Opens one connection to one TikTok LIVE, with the library TikTokLive.

TikTokLive finds the room, asks the sign server to sign the socket's address, connects, and sends
heartbeats. This module replaces some of its methods:

- decoding: `_Connect` decodes the bytes of the socket, and `_Client._parse_webcast_response` gives
  the messages to the listener before they are decoded;
- writing acknowledgements: `_Client._send_ack`;
- asking TikTok whether the LIVE is on, and for the room's info: `_fetch_is_live` and
  `_fetch_room_info`;
- asking the sign server: `_fetch_signed_websocket` waits until the sign gate allows the request,
  and `_verifying_sign_client` makes an HTTP client that verifies TLS.

These methods are private in TikTokLive. `tests/live/tiktok/test_connection.py` fails when a new
release of it changes them. Every failure is raised or returned as a `RelayError`; its `said` holds
the text of TikTok's error, with secrets removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
from django.conf import settings
from TikTokLive import TikTokLiveClient
from TikTokLive.client.errors import AgeRestrictedError
from TikTokLive.client.ws.ws_connect import WebcastConnect
from TikTokLive.client.ws.ws_utils import extract_websocket_options
from websockets.exceptions import ConnectionClosed, WebSocketException

from live.protocol.errors import ErrorCode, RelayError
from live.tasks import cancel_and_wait
from live.tiktok.decoding import DecodeError, decode_push_frame, decode_response, encode_ack
from live.tiktok.failures import code_of, words_of
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate
from live.tiktok.upstream import MessageListener
from live.tiktok.web import TLS, use_configured_addresses, webcast_address

__all__ = ["TikTokUpstream"]

logger = logging.getLogger(__name__)

# Seconds to wait for TikTok's answer to our close frame. After that, the connection is dropped.
_CLOSE_TIMEOUT = 0.5
# Bytes of the largest frame that is accepted from TikTok's socket.
_MAX_WEBCAST_FRAME = 16 * 1024 * 1024
# Each HTTP request to TikTok may take at most this fraction of the connect timeout: 1 / _PAGES.
# So when the LIVE page does not answer, there is still time to ask the API instead.
_PAGES = 4


class _Connect(WebcastConnect):
    """TikTokLive's socket, whose bytes are decoded by `live.tiktok.decoding`.

    Bytes that can't be decoded are reported to the listener, and the connection goes on.
    """

    def __init__(self, *args: Any, listener: MessageListener, **kwargs: Any) -> None:
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
    """TikTokLive's client, changed to give messages to the listener before they are decoded.

    Args:
        deadline: the timeout of the whole attempt; it is stopped while the client waits for the
            sign gate.
        limit: seconds that the attempt may take without that wait.

    Attributes:
        opened: a future that is done when the first response has come.
        sign_response: the sign server's answer; None before there is one.
    """

    def __init__(
        self,
        username: str,
        gate: SignGate,
        listener: MessageListener,
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
        # Two of TikTokLive's routes are replaced because of errors in them: its `fetch_is_live`
        # swallows cancellation, and its `fetch_room_info` reads any short answer as an age
        # restriction.
        self._live_route = self._web.fetch_is_live
        self._web.fetch_is_live = self._fetch_is_live
        self._web.fetch_room_info = self._fetch_room_info
        self._sign_route = self._web.fetch_signed_websocket
        self._web.fetch_signed_websocket = self._fetch_signed_websocket
        self._sign_http = self._verifying_sign_client()

    @property
    def http_clients(self) -> list[httpx.AsyncClient]:
        return [self._web.httpx_client, self._sign_http]

    def _verifying_sign_client(self) -> httpx.AsyncClient:
        """Make the HTTP client for the sign server.

        It has the same address and headers as the one that the sign server's SDK would make, but
        it verifies TLS, and it reports each answer to the sign gate.
        """

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
        """Ask TikTok for the room's info: title, owner and counts.

        Returns an empty dict when TikTok does not answer, or answers with something else.

        Raises:
            AgeRestrictedError: TikTok shows this LIVE only to viewers who have signed in.
        """
        try:
            response = await self._web.get(
                url=webcast_address("/room/info/"),
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
        # Waiting for the sign gate does not count towards the connect timeout, which starts anew
        # after it.
        self._deadline.reschedule(None)
        async with self._gate.request():
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._limit)
            return await self._sign_route(platform)

    async def _send_ack(self, webcast_response: Any, webcast_push_frame: Any) -> None:
        # TikTokLive's own method encodes with betterproto2: for one acknowledgement it needs more
        # time than this package needs to read ten events.
        if self._ws.connected:
            ack = encode_ack(webcast_push_frame.log_id, webcast_response.internal_ext)
            await self._ws.ws.send(ack)

    async def _parse_webcast_response(self, webcast_response: Any) -> AsyncIterator[Any]:
        if not self.opened.done():
            self.opened.set_result(None)
            self._listener.on_open(Room.of(str(self.room_id), self.room_info or {}))
        self._listener.on_messages(webcast_response.messages)
        nothing: list[Any] = []
        for event in nothing:  # TikTokLive expects an asynchronous generator; it yields nothing
            yield event

    async def aclose(self) -> None:
        """Close the socket and both HTTP clients, and end the heartbeat."""
        async with contextlib.AsyncExitStack() as last_to_first:
            last_to_first.push_async_callback(self._sign_http.aclose)
            last_to_first.push_async_callback(self._web.close)
            if self._event_loop_task:
                last_to_first.push_async_callback(cancel_and_wait, self._event_loop_task)
            # TikTokLive does not end its heartbeat task when the connection is cut.
            if heartbeat := self._ws._ping_loop:
                last_to_first.push_async_callback(cancel_and_wait, heartbeat)
            with contextlib.suppress(OSError, WebSocketException):  # TimeoutError is an OSError
                async with asyncio.timeout(4 * _CLOSE_TIMEOUT):
                    await self._ws.disconnect()


class TikTokUpstream:
    """An `Upstream` that connects to TikTok.

    Args:
        username: whose LIVE to connect to.
        gate: the sign gate of the EulerStream API key that is used.
        listener: gets the messages.
    """

    def __init__(self, username: str, gate: SignGate, listener: MessageListener) -> None:
        self._username = username
        self._gate = gate
        self._listener = listener
        self._client: _Client | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def http_clients(self) -> list[httpx.AsyncClient]:
        """The open HTTP clients, one for TikTok and one for the sign server; for tests."""
        return [] if self._client is None else self._client.http_clients

    async def open(self) -> None:
        self._gate.check()
        use_configured_addresses()
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
        # When the connection is cut, TikTokLive's task often ends without an exception.
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
            said=words_of(failure, response, (self._gate.api_key, settings.SIGN_API_KEY)),
        )
