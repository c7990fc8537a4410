"""The direct route in the stand-in: the visitor's cookie, and the socket without a signature."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from TikTokLiveProto.v3.webcast.im import (
    HeartBeatMessage,
    WebcastImEnterRoomMessage,
    WebcastPushFrame,
)
from TikTokLiveProto.v3.webcast.shared.message import ProtoMessageFetchResult
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from standin import Failure, Kind, Room, TikTok
from standin import messages as build
from standin.frames import ROUTE_PARAMS
from standin.server import SOCKET_PATH

TIMEOUT = 10
HISTORY = [build.chat("bob", "earlier"), build.chat("carol", "before that")]


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTok]:
    async with TikTok() as tiktok:
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice", history=HISTORY)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        yield client


async def visit(tiktok: TikTok, path: str = "/@alice") -> str | None:
    """The cookie that the page gives a new visitor."""
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        page = await client.get(tiktok.url + path)
    assert page.status_code == 200
    return page.cookies.get("ttwid")


def handshake(
    tiktok: TikTok,
    room: Room,
    cookie: str | None = None,
    *,
    signature: Mapping[str, str] | None = None,
    region: str = "",
    within: float = TIMEOUT,
) -> connect:
    """A socket that is connected once it is awaited or entered."""
    params = httpx.QueryParams(
        {"room_id": str(room.room_id), "compress": "gzip", **(signature or {})}
    )
    return connect(
        f"{tiktok.socket_url(region)}{SOCKET_PATH}?{params}",
        additional_headers={} if cookie is None else {"Cookie": f"lang=en; ttwid={cookie}"},
        open_timeout=within,
        proxy=None,
    )


async def refusal(*arguments: Any, **options: Any) -> tuple[int, str | None, str | None]:
    """How a handshake is refused: HTTP status, message and status of TikTok."""
    with pytest.raises(InvalidStatus) as refused:
        await handshake(*arguments, **options)
    headers = refused.value.response.headers
    status = refused.value.response.status_code
    return status, headers.get("Handshake-Msg"), headers.get("Handshake-Status")


def beat(room: Room, seq: int = 1) -> bytes:
    payload = bytes(HeartBeatMessage(room_id=room.room_id, send_packet_seq_id=seq))
    return bytes(WebcastPushFrame(payload_type="hb", payload=payload))


def enter(room_id: int) -> bytes:
    payload = WebcastImEnterRoomMessage(room_id=room_id, live_id=12, identity="audience")
    return bytes(WebcastPushFrame(payload_type="im_enter_room", payload=bytes(payload)))


async def frame(socket: ClientConnection) -> WebcastPushFrame:
    async with asyncio.timeout(TIMEOUT):
        data = await socket.recv()
    assert isinstance(data, bytes)
    return WebcastPushFrame().parse(data)


def result(frame: WebcastPushFrame) -> ProtoMessageFetchResult:
    assert frame.payload_type == "msg"
    return ProtoMessageFetchResult().parse(gzip.decompress(frame.payload))


def ids(result: ProtoMessageFetchResult) -> list[int]:
    return [message.msg_id for message in result.messages]


class TestVisitors:
    async def test_a_profile_page_gives_each_visitor_a_cookie(self, tiktok: TikTok) -> None:
        cookies = [await visit(tiktok) for _ in range(2)]
        assert cookies == tiktok.visitors
        assert len(set(cookies)) == tiktok.count(Kind.PROFILE_PAGE) == 2

    async def test_on_a_part_of_the_requests(self, tiktok: TikTok) -> None:
        tiktok.cookie_every = 3
        cookies = [await visit(tiktok, "/@tiktok/") for _ in range(6)]
        assert [cookie is not None for cookie in cookies] == [False, False, True] * 2
        tiktok.cookie_every = 0
        assert await visit(tiktok) is None

    async def test_the_room_need_not_exist_but_is_known(self, tiktok: TikTok, room: Room) -> None:
        await visit(tiktok, "/@Alice")
        await visit(tiktok, "/@nobody")
        assert [request.room for request in tiktok.requests] == [room, None]

    async def test_neither_home_page_nor_live_page_gives_one(
        self, tiktok: TikTok, room: Room
    ) -> None:
        assert await visit(tiktok, "/") is None
        assert await visit(tiktok, "/@alice/live") is None
        assert [r.kind for r in tiktok.requests] == [Kind.HOME_PAGE, Kind.LIVE_PAGE]

    async def test_who_comes_back_is_known(self, tiktok: TikTok, client: httpx.AsyncClient) -> None:
        for path in ("/@alice", "/api-live/user/room?uniqueId=alice"):
            await client.get(tiktok.url + path)
        assert [request.visitor for request in tiktok.requests] == ["", *tiktok.visitors]

    async def test_it_can_give_none_for_a_room(self, tiktok: TikTok, room: Room) -> None:
        room.fail(Failure.PROFILE_PAGE_NO_COOKIE, times=1)
        assert await visit(tiktok, "/@tiktok") is not None
        assert await visit(tiktok) is None
        assert await visit(tiktok) is not None

    async def test_it_can_hang(self, tiktok: TikTok, client: httpx.AsyncClient) -> None:
        tiktok.fail(Failure.PROFILE_PAGE_HANG)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{tiktok.url}/@alice", timeout=0.2)
        assert tiktok.visitors == []


class TestSocket:
    async def test_it_gets_history_once_it_has_entered_and_then_what_is_said(
        self, tiktok: TikTok, room: Room
    ) -> None:
        async with handshake(tiktok, room, await visit(tiktok)) as socket:
            await socket.send(beat(room))
            await tiktok.wait_for(lambda: room.heartbeats)
            assert await room.push(build.chat("bob", "nobody hears this")) == 0
            await socket.send(enter(room.room_id))
            history = await frame(socket)
            assert ids(result(history)) == [message.msg_id for message in HISTORY]
            assert all(message.is_history for message in result(history).messages)
            assert (await frame(socket)).payload_type == "im_enter_room_resp"
            await room.wait_for_socket()
            said = build.chat("bob", "hi")
            assert await room.push(said) == 1
            pushed = await frame(socket)
            assert ids(result(pushed)) == [said.msg_id]
            assert not any(message.is_history for message in result(pushed).messages)
            assert result(history).need_ack
            assert result(pushed).need_ack
            ext = result(pushed).internal_ext.encode()
            ack = WebcastPushFrame(payload_type="ack", log_id=pushed.log_id, payload=ext)
            await socket.send(bytes(ack))
            await tiktok.wait_for(lambda: room.acks)
            assert room.acks[0].log_id == pushed.log_id
            await socket.send(beat(room, 2))
            assert (await frame(socket)).payload_type == "hb"
            assert [heartbeat.seq for heartbeat in room.heartbeats] == [1, 2]

    async def test_it_is_told_apart_from_a_signed_one(self, tiktok: TikTok, room: Room) -> None:
        async with (
            handshake(tiktok, room, await visit(tiktok)),
            handshake(tiktok, room, signature=ROUTE_PARAMS),
        ):
            assert [(s.is_direct, s.has_entered) for s in room.sockets] == [
                (True, False),
                (False, True),
            ]
            assert tiktok.count(Kind.DIRECT, room) == tiktok.count(Kind.WEBCAST, room) == 1
            direct = next(r for r in tiktok.requests if r.kind is Kind.DIRECT)
            assert [direct.visitor] == tiktok.visitors

    async def test_a_signed_one_gets_its_history_from_the_sign_server_only(
        self, tiktok: TikTok, room: Room
    ) -> None:
        async with handshake(tiktok, room, signature=ROUTE_PARAMS) as socket:
            await socket.send(enter(room.room_id))
            assert (await frame(socket)).payload_type == "im_enter_room_resp"

    async def test_it_hears_nothing_in_a_room_that_is_not_this_one(
        self, tiktok: TikTok, room: Room
    ) -> None:
        async with handshake(tiktok, room, await visit(tiktok)) as socket:
            await socket.send(enter(room.room_id + 1))
            await socket.send(beat(room))
            await tiktok.wait_for(lambda: room.heartbeats)
            assert await room.push(build.chat("bob", "hi")) == 0
            room.history = []
            await socket.send(enter(room.room_id))
            assert (await frame(socket)).payload_type == "im_enter_room_resp"

    async def test_entering_again_does_not_bring_history_again(
        self, tiktok: TikTok, room: Room
    ) -> None:
        async with handshake(tiktok, room, await visit(tiktok)) as socket:
            for _ in range(2):
                await socket.send(enter(room.room_id))
            types = [(await frame(socket)).payload_type for _ in range(3)]
            assert types == ["msg", "im_enter_room_resp", "im_enter_room_resp"]

    async def test_a_deaf_room_sends_no_history(self, tiktok: TikTok, room: Room) -> None:
        room.deaf = True
        async with handshake(tiktok, room, await visit(tiktok)) as socket:
            await socket.send(enter(room.room_id))
            await room.wait_for_socket()
            room.deaf = False
            said = build.chat("bob", "hi")
            await room.push(said)
            assert ids(result(await frame(socket))) == [said.msg_id]

    async def test_requests_tell_the_region(self, tiktok: TikTok, room: Room) -> None:
        cookie = await visit(tiktok)
        for region in ("", "eu"):
            async with handshake(tiktok, room, cookie, region=region) as socket:
                await socket.send(enter(room.room_id))
                assert ids(result(await frame(socket)))
        regions = [r.region for r in tiktok.requests if r.kind is Kind.DIRECT]
        assert regions == ["", "eu"]
        assert tiktok.environment()["TIKTOK_SOCKET_URL"] == tiktok.socket_url()


BLOCKED = (200, "DEVICE_BLOCKED", None)
REFUSED = [(Failure.DIRECT_200, 200), (Failure.DIRECT_415, 415)]


class TestFailures:
    @pytest.mark.parametrize("cookie", [None, "", "1%7Cunheard-of"])
    async def test_an_unknown_visitor_is_blocked(
        self, tiktok: TikTok, room: Room, cookie: str | None
    ) -> None:
        await visit(tiktok)
        assert await refusal(tiktok, room, cookie) == BLOCKED
        assert room.sockets == []

    async def test_a_visitor_can_be_blocked_later(self, tiktok: TikTok, room: Room) -> None:
        cookies = [await visit(tiktok) for _ in range(2)]
        tiktok.visitors.pop(0)
        assert await refusal(tiktok, room, cookies[0]) == BLOCKED
        async with handshake(tiktok, room, cookies[1]):
            assert len(room.sockets) == 1

    @pytest.mark.parametrize(("failure", "status"), REFUSED)
    async def test_handshakes_can_be_refused(
        self, tiktok: TikTok, room: Room, failure: Failure, status: int
    ) -> None:
        cookie = await visit(tiktok)
        room.fail(failure, times=1)
        assert await refusal(tiktok, room, cookie) == (status, "DEVICE_BLOCKED", None)
        tiktok.fail(failure, message="odd", status=13)
        assert await refusal(tiktok, room, cookie) == (status, "odd", "13")
        tiktok.fail(failure, message="")
        assert await refusal(tiktok, room, cookie) == (status, None, None)
        tiktok.clear()
        async with handshake(tiktok, room, cookie):
            assert len(room.sockets) == 1

    async def test_it_can_hang_in_the_handshake(self, tiktok: TikTok, room: Room) -> None:
        cookie = await visit(tiktok)
        room.fail(Failure.DIRECT_HANG)
        with pytest.raises(TimeoutError):
            await handshake(tiktok, room, cookie, within=0.2)
        assert tiktok.count(Kind.DIRECT, room) == 1

    async def test_it_can_be_cut_at_once(self, tiktok: TikTok, room: Room) -> None:
        cookie = await visit(tiktok)
        room.fail(Failure.DIRECT_CUT_AT_ONCE)
        async with handshake(tiktok, room, cookie) as socket:
            with pytest.raises(ConnectionClosedError):
                await frame(socket)

    async def test_each_route_can_fail_while_the_other_works(
        self, tiktok: TikTok, room: Room
    ) -> None:
        cookie = await visit(tiktok)
        for failure in (Failure.WEBCAST_200, Failure.WEBCAST_HANG, Failure.CUT_AT_ONCE):
            tiktok.fail(failure)
        async with handshake(tiktok, room, cookie) as socket:
            await socket.send(enter(room.room_id))
            assert ids(result(await frame(socket)))
        tiktok.clear()
        for failure in (Failure.DIRECT_200, Failure.DIRECT_HANG, Failure.DIRECT_CUT_AT_ONCE):
            tiktok.fail(failure)
        async with handshake(tiktok, room, cookie, signature=ROUTE_PARAMS) as socket:
            await socket.send(beat(room))
            assert (await frame(socket)).payload_type == "hb"

    async def test_a_signed_handshake_is_refused_with_a_status_too(
        self, tiktok: TikTok, room: Room
    ) -> None:
        room.fail(Failure.WEBCAST_400, message="illegal secret key", status=7)
        told = await refusal(tiktok, room, signature=ROUTE_PARAMS)
        assert told == (400, "illegal secret key", "7")

    async def test_the_sign_server_can_send_clients_elsewhere(
        self, tiktok: TikTok, room: Room, client: httpx.AsyncClient
    ) -> None:
        url = f"{tiktok.url}/webcast/fetch?room_id={room.room_id}"
        room.fail(Failure.SIGN_FALLBACK, times=1, message="elsewhere", status=9)
        addresses = [
            ProtoMessageFetchResult().parse((await client.get(url)).content).push_server
            for _ in range(2)
        ]
        assert addresses == [
            f"ws://localhost:{tiktok.port}/fallback{SOCKET_PATH}",
            f"{tiktok.socket_url()}{SOCKET_PATH}",
        ]
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{addresses[0]}?room_id={room.room_id}", proxy=None)
        response = refused.value.response
        assert (response.status_code, response.headers["Handshake-Msg"]) == (400, "elsewhere")
        assert response.headers["Handshake-Status"] == "9"
        assert tiktok.count(Kind.FALLBACK, room) == 1
        assert tiktok.count(Kind.WEBCAST) == tiktok.count(Kind.DIRECT) == 0
