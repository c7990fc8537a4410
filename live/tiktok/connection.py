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
from django.utils.translation import gettext_noop as _
from TikTokLive import TikTokLiveClient
from TikTokLive.client.errors import AgeRestrictedError, UserOfflineError
from TikTokLive.client.ws.ws_connect import WebcastConnect
from TikTokLive.client.ws.ws_utils import extract_websocket_options
from websockets.exceptions import ConnectionClosed, WebSocketException

from live.protocol.errors import ErrorCode, RelayError
from live.tasks import cancel_and_wait
from live.tiktok.blockgate import BlockGate
from live.tiktok.decoding import DecodeError, decode_push_frame, decode_response, encode_ack
from live.tiktok.failures import code_of, is_block, words_of
from live.tiktok.pacer import Pacer, Priority
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
# The sign server may take this fraction of the connect timeout to answer: 1 / _SIGNING. So those
# who wait for their turn learn in time that it does not answer.
_SIGNING = 2


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
        limit: seconds that the whole attempt may take.
        known_room: the room of the user's LIVE if it is known; None if not.

    Attributes:
        opened: a future that is done when the first response has come.
        sign_response: the sign server's answer; None before there is one.
        is_waiting_for_gate: the next request is to the sign server, and its turn has not come.
    """

    def __init__(
        self,
        username: str,
        gate: SignGate,
        listener: MessageListener,
        limit: float,
        known_room: int | None,
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
        self._limit = limit
        self._known_room = known_room
        self.is_waiting_for_gate = False
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
            await response.aread()  # a sign server that sends half of its answer does not work
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
        answers = await self._live_route.fetch_is_live_room_ids(room_id)
        if not answers and room_id == self._known_room:
            return False  # TikTok does not know it any more
        return bool(answers[0])

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
        self.is_waiting_for_gate = True
        async with self._gate.request(self.unique_id):
            self.is_waiting_for_gate = False
            try:
                async with asyncio.timeout(self._limit / _SIGNING):
                    return await self._sign_route(platform)
            except Exception:
                if self.sign_response is None:
                    self._gate.on_no_answer()
                raise

    async def begin(self) -> asyncio.Task[Any]:
        """Do as `start`, without asking TikTok for the room if it is known.

        TikTok is still asked whether the known room is live. If it is not, the user's room is
        looked up after all, since the user may have begun another LIVE.
        """
        if self._known_room is not None:
            with contextlib.suppress(UserOfflineError):
                return await self._start(room_id=self._known_room)
        return await self._start()

    async def _start(self, room_id: int | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = await self.start(fetch_room_info=True, room_id=room_id)
        return task

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
        room_id: the room of the user's LIVE, if it is known.
        blocks: the gate of this process for what TikTok blocks; None for one of its own.
        pacer: bounds the requests of this process to TikTok; None for no bound. An attempt takes
            one turn, although it sends up to five requests.
    """

    def __init__(
        self,
        username: str,
        gate: SignGate,
        listener: MessageListener,
        room_id: int | str | None = None,
        *,
        blocks: BlockGate | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._username = username
        self._gate = gate
        self._listener = listener
        self._room_id = None if room_id is None else int(room_id)
        self._blocks = blocks or BlockGate()
        self._pacer = pacer
        self._client: _Client | None = None
        self._task: asyncio.Task[Any] | None = None

    @property
    def http_clients(self) -> list[httpx.AsyncClient]:
        """Until `close`: the HTTP clients for TikTok and for the sign server; for tests."""
        return [] if self._client is None else self._client.http_clients

    async def open(self) -> None:
        limit = settings.RELAY_CONNECT_TIMEOUT
        until = asyncio.get_running_loop().time() + limit
        # The turn comes first: while many wait for theirs, TikTok may begin to block.
        failure = await self._turn(until)
        if failure is not None:
            try:
                raise failure
            finally:
                del failure
        with self._blocks.attempt(self._username):
            # It is raised here, outside of `except`: in there, it would keep the exception that it
            # replaces, with TikTokLive's client in the traceback, for as long as it is kept itself.
            failure = await self._open(limit, until)
            if failure is not None:
                try:
                    raise failure
                finally:
                    del failure  # else it would be kept by its own traceback

    async def closed(self) -> RelayError:
        task = self._task
        if task is None:
            raise RuntimeError("not opened")
        await asyncio.wait([task])
        return self._ending(task)

    async def close(self) -> None:
        # Whoever keeps this object, or an exception with its frames, does not keep the client.
        client, self._client, self._task = self._client, None, None
        if client:
            await client.aclose()

    async def _open(self, limit: float, until: float) -> RelayError | None:
        """Connect, and return why it failed; None if the connection is open.

        Args:
            limit: seconds that a request may take.
            until: the event loop's time at which it must be open.
        """
        use_configured_addresses()
        try:
            self._gate.check()
            async with asyncio.timeout_at(until) as deadline:
                self._client = _Client(
                    self._username, self._gate, self._listener, limit, self._room_id
                )
                self._task = await self._client.begin()
                await asyncio.wait(
                    [self._client.opened, self._task], return_when=asyncio.FIRST_COMPLETED
                )
        except RelayError as failure:
            return _without_traceback(failure, self._username)
        except Exception as failure:
            if deadline.expired():
                return self._out_of_time()
            return self._explain(failure, connecting=self._task is None)
        return None if self._client.opened.done() else self._ending(self._task)

    async def _turn(self, until: float) -> RelayError | None:
        """Wait until TikTok may be asked, and return why it may not be; None if it may be."""
        try:
            # An attempt that would be refused takes no turn.
            self._blocks.check(self._username)
            self._gate.check()
            if self._pacer is not None:
                known = self._room_id is not None  # the room: from the connection before, or a look
                async with asyncio.timeout_at(until):
                    await self._pacer.turn(Priority.RECONNECT if known else Priority.CONNECT)
        except RelayError as failure:
            return _without_traceback(failure, self._username)
        except TimeoutError:
            return self._out_of_time()
        return None

    def _ending(self, task: asyncio.Task[Any]) -> RelayError:
        failure = task.exception() if not task.cancelled() else None
        # When the connection is cut, TikTokLive's task often ends without an exception.
        return self._explain(failure or ConnectionClosed(None, None), connecting=False)

    def _explain(self, failure: BaseException, *, connecting: bool) -> RelayError:
        response = self._client.sign_response if self._client else None
        code = code_of(failure, response, connecting)
        if code is ErrorCode.INTERNAL_ERROR:
            logger.error("unexpected failure of the upstream", exc_info=failure)
        if code is ErrorCode.TIKTOK_BLOCKED and is_block(failure):
            self._blocks.on_blocked(self._username)
        return RelayError(
            code,
            username=self._username,
            retry_after=math.ceil(self._gate.seconds_closed)
            if code is ErrorCode.RATE_LIMITED
            else None,
            said=words_of(failure, response, (self._gate.api_key, settings.SIGN_API_KEY)),
        )

    def _out_of_time(self) -> RelayError:
        if self._client and self._client.is_waiting_for_gate:
            return RelayError(
                ErrorCode.SIGN_UNAVAILABLE,
                username=self._username,
                reason=_("Other connections were waiting for the sign server, too."),
            )
        reason = "" if self._client else _("Too many other LIVEs were being connected.")
        return RelayError(ErrorCode.TIKTOK_TIMEOUT, username=self._username, reason=reason)


def _without_traceback(failure: RelayError, username: str) -> RelayError:
    """Make the same error for that user, without what Python notes of where it was raised."""
    return RelayError(
        failure.code,
        username=username,
        reason=failure.reason,
        retry_after=failure.retry_after,
        said=failure.said,
    )
