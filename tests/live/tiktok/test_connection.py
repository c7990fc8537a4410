"""The real upstream, in this process, against the stand-in: what it reports, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
from TikTokLive.client import client as tiktoklive_client
from TikTokLive.client.ws import ws_connect
from TikTokLive.proto import ProtoMessageFetchResult, WebcastPushFrame

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import Person, RoomCounts
from live.tiktok.connection import TikTokUpstream
from live.tiktok.decoding import DecodeError, encode_ack
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate
from standin import Failure, Kind, TikTok, encode_push_frame, messages, pages


class Recorder:
    """A `MessageListener` that keeps what it hears."""

    def __init__(self) -> None:
        self.room: Room | None = None
        self.methods: list[str] = []
        self.heartbeats = 0
        self.rejected: list[str] = []
        self.heard = asyncio.Event()

    def on_open(self, room: Room) -> None:
        self.room = room

    def on_messages(self, messages: Iterable[Any]) -> None:
        self.methods += [message.method for message in messages]
        if self.methods:
            self.heard.set()

    def on_heartbeat(self) -> None:
        self.heartbeats += 1
        self.heard.set()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self.rejected.append(what)
        self.heard.set()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self.heard.wait()
        self.heard.clear()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def upstream(tiktok: TikTok, recorder: Recorder) -> AsyncIterator[TikTokUpstream]:
    """An upstream for @alice; closed, with nothing left of it, when the test is over."""
    before = asyncio.all_tasks()
    upstream = TikTokUpstream("alice", SignGate("secret-key"), recorder)
    yield upstream
    clients = upstream.http_clients
    await upstream.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    left = {task for task in left if not _is_of_the_stand_in(task)}
    assert not left
    assert len(clients) in {0, 2}  # none if the test has closed it
    assert all(client.is_closed for client in clients)


def _is_of_the_stand_in(task: asyncio.Task[Any]) -> bool:
    return "aiohttp" in str(getattr(task.get_coro(), "cr_code", ""))


class TestAnUpstream:
    async def test_an_upstream_passes_on_room_and_messages(
        self, tiktok: TikTok, recorder: Recorder, upstream: TikTokUpstream
    ) -> None:
        room = tiktok.go_live("alice", title="Hi", history=[messages.chat("early", "bird")])
        await upstream.open()
        alice = messages.user("alice")
        assert recorder.room == Room(
            id=str(room.room_id),
            title="Hi",
            owner=Person(str(alice.id), "alice", "Alice", "https://cdn.example/alice.webp"),
            started_at=pages.started_at(room) * 1000,
            counts=RoomCounts(0, pages.TOTAL_VIEWERS, pages.LIKES, pages.FOLLOWERS),
        )
        assert recorder.methods == ["WebcastChatMessage"]
        recorder.heard.clear()
        await room.push(messages.like("viewer"), messages.unknown("WebcastUnheardOfMessage"))
        await recorder.next()
        assert recorder.methods[1:] == ["WebcastLikeMessage", "WebcastUnheardOfMessage"]
        await tiktok.wait_for(lambda: room.acks)

    def test_it_acknowledges_as_tiktoklive_does(self) -> None:
        response = ProtoMessageFetchResult(internal_ext="ext|1-2-3")
        theirs = WebcastPushFrame(
            payload_type="ack", payload_encoding="pb", log_id=77, payload=b"ext|1-2-3"
        )
        assert encode_ack(77, response.internal_ext) == bytes(theirs)

    async def test_it_reports_heartbeats_and_garbage(
        self, tiktok: TikTok, recorder: Recorder, upstream: TikTokUpstream
    ) -> None:
        room = tiktok.go_live("alice")
        await upstream.open()
        await recorder.next()
        assert recorder.heartbeats
        await room.push_raw(b"\xff")
        while not recorder.rejected:
            await recorder.next()

    async def test_it_says_how_the_connection_ended(
        self, tiktok: TikTok, recorder: Recorder, upstream: TikTokUpstream
    ) -> None:
        room = tiktok.go_live("alice")
        await upstream.open()
        await room.wait_for_socket()
        await room.cut()
        async with asyncio.timeout(5):
            assert (await upstream.closed()).code is ErrorCode.CONNECTION_LOST

    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (Failure.LIVE_PAGE_HANG, Kind.LIVE_PAGE),
            (Failure.SIGN_HANG, Kind.SIGN),
            (Failure.WEBCAST_HANG, Kind.WEBCAST),
        ],
    )
    async def test_it_leaves_nothing_when_it_is_cancelled(
        self, tiktok: TikTok, upstream: TikTokUpstream, failure: Failure, kind: Kind
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        opening = asyncio.create_task(upstream.open())
        await tiktok.wait_for(lambda: tiktok.count(kind))
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    async def test_it_closes_a_deaf_connection_in_bounded_time(
        self, tiktok: TikTok, upstream: TikTokUpstream
    ) -> None:
        room = tiktok.go_live("alice")
        await upstream.open()
        await room.wait_for_socket()
        room.deaf = True
        async with asyncio.timeout(5):
            await upstream.close()

    async def test_it_keeps_the_api_key_to_itself(
        self, tiktok: TikTok, upstream: TikTokUpstream
    ) -> None:
        tiktok.go_live("alice").fail(Failure.SIGN_403, message="bad key secret-key")
        with pytest.raises(RelayError) as refused:
            await upstream.open()
        assert refused.value.code is ErrorCode.SIGN_FORBIDDEN
        assert "secret-key" not in str(refused.value) + refused.value.said
        (sign,) = [request for request in tiktok.requests if request.kind is Kind.SIGN]
        assert sign.api_key == "secret-key"
        assert all(r.api_key == "" for r in tiktok.requests if r.kind is not Kind.SIGN)

    async def test_it_still_connects_when_only_the_live_page_hangs(
        self, tiktok: TikTok, recorder: Recorder, upstream: TikTokUpstream
    ) -> None:
        tiktok.go_live("alice").fail(Failure.LIVE_PAGE_HANG)
        await upstream.open()
        assert recorder.room is not None

    async def test_it_asks_nobody_while_the_gate_is_closed(
        self, tiktok: TikTok, recorder: Recorder
    ) -> None:
        gate = SignGate("limited")
        gate.on_answer(429, {"retry-after": "30"})
        with pytest.raises(RelayError) as refused:
            await TikTokUpstream("alice", gate, recorder).open()
        assert refused.value.code is ErrorCode.RATE_LIMITED
        assert refused.value.retry_after == 30
        assert not tiktok.requests


class TestTheSeams:
    """What of TikTokLive is replaced. A release that moves it fails here."""

    async def test_none_of_its_decoding_runs_on_the_event_path(
        self,
        tiktok: TikTok,
        recorder: Recorder,
        upstream: TikTokUpstream,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        room = tiktok.go_live("alice")
        await upstream.open()
        await recorder.next()

        def decoded_after_all(*args: object, **kwargs: object) -> None:
            raise AssertionError("TikTokLive decodes")

        push_frame = ws_connect.WebcastPushFrame
        monkeypatch.setattr(push_frame, "parse", decoded_after_all)
        monkeypatch.setattr(ws_connect, "extract_webcast_response_message", decoded_after_all)
        for event in tiktoklive_client.EVENT_MAPPINGS.values():
            monkeypatch.setattr(event, "parse", decoded_after_all, raising=False)
        recorder.heard.clear()
        await room.push_encoded(_ENCODED)
        await recorder.next()
        assert recorder.methods == ["WebcastChatMessage"]

    async def test_tls_is_verified_towards_the_sign_server(
        self, tiktok: TikTok, recorder: Recorder, upstream: TikTokUpstream
    ) -> None:
        tiktok.go_live("alice")
        await upstream.open()
        for client in upstream.http_clients:
            transport = client._transport
            assert isinstance(transport, httpx.AsyncHTTPTransport)
            context = transport._pool._ssl_context
            assert context is not None
            assert context.check_hostname


_ENCODED = encode_push_frame([messages.chat("viewer", "hello")])
