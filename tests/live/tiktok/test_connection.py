"""The real upstream, in this process, against the stand-in: what it reports, and what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pytest_django import Settings
from TikTokLive.client import client as tiktoklive_client
from TikTokLive.client.ws import ws_connect
from TikTokLive.proto import ProtoMessageFetchResult, WebcastPushFrame

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import Person, RoomCounts
from live.tiktok.connection import TikTokUpstream
from live.tiktok.decoding import encode_ack
from live.tiktok.network import Networks
from live.tiktok.pacer import Pacer, Priority
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate
from live.tiktok.web import TLS, WebClient
from live.tiktok.webcast import WebcastSocket
from standin import Failure, Kind, TikTok, encode_push_frame, messages, pages
from tests.support.connecting import Make, Recorder, end_of


@pytest.fixture
async def upstream(tiktok: TikTok, networks: Networks, make: Make) -> AsyncIterator[TikTokUpstream]:
    """An upstream for @alice; closed, with nothing left of it, when the test is over."""
    before = asyncio.all_tasks()
    upstream = make("alice", SignGate("secret-key"))
    yield upstream
    await upstream.close()
    await networks.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    left = {task for task in left if not _is_of_the_stand_in(task)}
    assert not left


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
        self, tiktok: TikTok, make: Make
    ) -> None:
        gate = SignGate("limited")
        gate.on_answer(429, {"retry-after": "30"})
        with pytest.raises(RelayError) as refused:
            await make("alice", gate).open()
        assert refused.value.code is ErrorCode.RATE_LIMITED
        assert refused.value.retry_after == 30
        assert not tiktok.requests


class TestASignServerThatHangs:
    async def test_everybody_is_told_within_one_timeout(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = limit = 2
        tiktok.fail(Failure.SIGN_HANG)
        gate = SignGate("")
        for number in range(10):
            tiktok.go_live(f"user{number}")

        async with asyncio.timeout(2 * limit):  # one after another, it took 10 times the limit
            ends = await asyncio.gather(*(end_of(make(f"user{n}", gate)) for n in range(10)))

        # On a busy machine, the time of some is over before the gate tells them.
        told = [end for end in ends if end is not None]
        assert len(told) == 10
        assert {end.code for end in told} <= {
            ErrorCode.TIKTOK_TIMEOUT,
            ErrorCode.SIGN_UNAVAILABLE,
        }
        assert tiktok.count(Kind.SIGN) <= 4

    async def test_nobody_asks_it_for_a_while(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        gate = SignGate("")
        tiktok.go_live("alice").fail(Failure.SIGN_500)
        for _ in range(5):
            end = await end_of(make("alice", gate))
            assert end is not None
            assert (end.code, end.username) == (ErrorCode.SIGN_UNAVAILABLE, "alice")
        assert tiktok.count(Kind.SIGN) == 3
        assert tiktok.count(Kind.LIVE_PAGE) == 3

    async def test_a_server_that_can_not_be_reached_is_one(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        settings.SIGN_API_URL = "http://127.0.0.1:9"  # nobody listens there
        gate = SignGate("")
        tiktok.go_live("alice")
        for _ in range(3):
            await end_of(make("alice", gate))
        assert gate.refusal is not None
        assert gate.refusal.code is ErrorCode.SIGN_UNAVAILABLE

    async def test_time_that_ran_out_in_the_queue_is_told_as_such(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 1
        gate = SignGate("")
        tiktok.go_live("alice")
        async with contextlib.AsyncExitStack() as others:
            for number in range(4):
                await others.enter_async_context(gate.request(f"other{number}"))
            end = await end_of(make("alice", gate))
        assert end is not None
        assert end.code is ErrorCode.SIGN_UNAVAILABLE
        assert tiktok.count(Kind.SIGN) == 0


class TestAKnownRoom:
    async def test_it_is_not_looked_up_again(
        self, tiktok: TikTok, recorder: Recorder, make: Make
    ) -> None:
        room = tiktok.go_live("alice", title="Hi")

        end = await end_of(make("alice", SignGate(""), str(room.room_id)))

        assert end is None
        assert recorder.room is not None
        assert (recorder.room.id, recorder.room.title) == (str(room.room_id), "Hi")
        first, *between, last = [request.kind for request in tiktok.requests]
        assert (first, last) == (Kind.CHECK_ALIVE, Kind.WEBCAST)
        assert set(between) == {Kind.ROOM_INFO, Kind.SIGN}  # at the same time
        assert len(between) == 2

    async def test_its_end_is_noticed(self, tiktok: TikTok, make: Make) -> None:
        room = tiktok.go_live("alice")
        room_id = room.room_id
        await room.end()

        end = await end_of(make("alice", SignGate(""), room_id))

        assert end is not None
        assert end.code is ErrorCode.USER_OFFLINE
        assert tiktok.count(Kind.SIGN) == 0

    @pytest.mark.parametrize("forgotten", [False, True])
    async def test_the_next_live_is_found(
        self, tiktok: TikTok, recorder: Recorder, make: Make, forgotten: bool
    ) -> None:
        room = tiktok.go_live("alice")
        room_id = room.room_id
        await room.end()
        room.go_live()
        assert room.room_id != room_id
        if forgotten:
            room.fail(Failure.CHECK_ALIVE_EMPTY, times=1)

        end = await end_of(make("alice", SignGate(""), room_id))

        assert end is None
        assert recorder.room is not None
        assert recorder.room.id == str(room.room_id)


class TestABlock:
    @pytest.mark.parametrize("failure", [Failure.CAPTCHA, Failure.WEBCAST_200, Failure.WEBCAST_403])
    async def test_all_streams_wait_after_it(
        self, tiktok: TikTok, make: Make, failure: Failure
    ) -> None:
        gate = SignGate("")
        for name in ("alice", "bob", "carol"):
            tiktok.go_live(name)
        tiktok.fail(failure)
        for name in ("alice", "bob"):
            end = await end_of(make(name, gate))
            assert end is not None
            assert (end.code, end.retry_after) == (ErrorCode.TIKTOK_BLOCKED, None)
        tiktok.clear()
        asked = len(tiktok.requests)

        end = await end_of(make("carol", gate))

        assert end is not None
        assert end.code is ErrorCode.TIKTOK_BLOCKED
        assert end.retry_after is not None
        assert 10 <= end.retry_after <= 18
        assert len(tiktok.requests) == asked

    async def test_what_is_wrong_with_one_live_is_none(self, tiktok: TikTok, make: Make) -> None:
        gate = SignGate("")
        for name in ("alice", "bob"):
            tiktok.go_live(name).fail(Failure.CHECK_ALIVE_EMPTY)
            end = await end_of(make(name, gate))
            assert end is not None
            assert end.code is ErrorCode.TIKTOK_BLOCKED
        tiktok.go_live("carol")

        assert await end_of(make("carol", gate)) is None


class TestItsTurn:
    async def test_tiktok_is_asked_when_its_turn_has_come(self, tiktok: TikTok, make: Make) -> None:
        tiktok.go_live("alice")
        pacer = Pacer(1)
        for _ in range(10):
            await pacer.turn(Priority.CONNECT)
        upstream = make("alice", SignGate(""), pacer=pacer)
        opening = asyncio.create_task(upstream.open())
        await asyncio.sleep(0.2)
        assert pacer.waiting == 1
        assert not tiktok.requests
        await opening
        await upstream.close()

    async def test_waiting_for_it_has_an_end(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.2
        pacer = Pacer(0.1)
        for _ in range(10):
            await pacer.turn(Priority.CONNECT)
        end = await end_of(make("alice", SignGate(""), pacer=pacer))
        assert end is not None
        assert (end.code, bool(end.reason)) == (ErrorCode.TIKTOK_TIMEOUT, True)
        assert not tiktok.requests
        assert not pacer.waiting


class StoppedClock(Clock):
    """Stands still until it goes on."""

    def __init__(self) -> None:
        self._is_going = False

    def go_on(self) -> None:
        self._is_going = True

    def monotonic(self) -> float:
        return super().monotonic() if self._is_going else 0.0


class TestABlockWhileOthersWait:
    @pytest.fixture
    def block_pause(self) -> float:
        return 300  # nothing is tried again, on a busy machine either

    async def test_it_stops_those_who_wait_for_their_turn(
        self, tiktok: TikTok, make: Make, networks: Networks, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 60  # nobody's time is over, on a busy machine either
        tiktok.fail(Failure.CAPTCHA)
        clock = StoppedClock()
        pacer = Pacer(1000, clock)
        upstreams = [make(f"user{number}", SignGate(""), pacer=pacer) for number in range(60)]
        ends = [asyncio.create_task(end_of(upstream)) for upstream in upstreams]
        # Ten go at once. The turns of the others come when TikTok has answered all of these.
        async with asyncio.timeout(60):
            await asyncio.wait(ends[:10])
        assert pacer.waiting == 50
        assert networks.main.web_gate.is_blocked
        asked = len(tiktok.requests)
        clock.go_on()
        errors = await asyncio.gather(*ends)

        assert {end and end.code for end in errors} == {ErrorCode.TIKTOK_BLOCKED}
        assert tiktok.count(Kind.LIVE_PAGE) == 10
        assert len(tiktok.requests) == asked
        assert all(end and end.retry_after for end in errors[10:])
        assert not pacer.waiting


class TestAnErrorThatIsKept:
    @pytest.mark.parametrize(
        "failure",
        [
            Failure.NOT_ALIVE,
            Failure.CAPTCHA,
            Failure.SIGN_403,
            Failure.SIGN_429,
            Failure.SIGN_HANG,
            Failure.WEBCAST_200,
        ],
    )
    async def test_it_keeps_no_client(
        self, tiktok: TikTok, make: Make, settings: Settings, failure: Failure
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 1
        tiktok.go_live("alice").fail(failure)
        gc.collect()
        before = _clients()
        upstream = make("alice", SignGate(""))
        kept: RelayError | None = None
        try:
            await upstream.open()
        except RelayError as refused:
            kept = refused
        await upstream.close()
        gc.collect()

        assert kept is not None
        assert kept.__cause__ is None
        assert kept.__context__ is None
        assert _clients() == before

    async def test_nor_does_that_of_a_lost_connection(self, tiktok: TikTok, make: Make) -> None:
        gc.collect()
        before = _clients()
        room = tiktok.go_live("alice")
        upstream = make("alice", SignGate(""))
        await upstream.open()
        await room.wait_for_socket()
        await room.cut()
        kept = await upstream.closed()
        await upstream.close()
        gc.collect()

        assert kept.code is ErrorCode.CONNECTION_LOST
        assert _clients() == before


def _clients() -> int:
    """How many sockets and web clients of attempts there are in memory.

    `type`, and not `isinstance`: that one asks an object for its class, which a lazy object of
    another test answers by making itself, or by an error.
    """
    return sum(issubclass(type(thing), WebcastSocket | WebClient) for thing in gc.get_objects())


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

    async def test_tls_is_verified(self, networks: Networks) -> None:
        transport = networks.main.web().httpx_client._transport
        assert isinstance(transport, httpx.AsyncHTTPTransport)
        assert transport._pool._ssl_context is TLS
        assert TLS.check_hostname


_ENCODED = encode_push_frame([messages.chat("viewer", "hello")])
