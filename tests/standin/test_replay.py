"""A recording played to clients of the stand-in, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from TikTokLiveProto.v3.webcast.im import WebcastPushFrame
from TikTokLiveProto.v3.webcast.shared.message import ProtoMessageFetchResult

from live.recordings.format import Message as Recorded
from standin import Message, Room, TikTok, messages
from standin.replay import play
from standin.server import SOCKET_PATH

WITHIN = 10


def recorded(*moments: tuple[int, Message]) -> list[Recorded]:
    return [Recorded(at, m.method, str(m.msg_id % 2**64), m.payload) for at, m in moments]


class Client:
    """One that takes frames, and knows when they came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def frame(self) -> list[tuple[str, int, bytes]]:
        """The messages of the next one."""
        push_frame = WebcastPushFrame().parse(await self._socket.receive_bytes(timeout=WITHIN))
        result = ProtoMessageFetchResult().parse(push_frame.payload)
        return [(m.method, m.msg_id, m.payload) for m in result.messages]


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTok]:
    async with TikTok() as tiktok:
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice")


@pytest.fixture
async def client(tiktok: TikTok, room: Room) -> AsyncIterator[Client]:
    url = f"{tiktok.socket_url()}{SOCKET_PATH}?room_id={room.room_id}&imprp=stand-in"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await room.wait_for_socket()
        yield Client(socket)


def parts(*sent: Message) -> list[tuple[str, int, bytes]]:
    return [(m.method, m.msg_id, m.payload) for m in sent]


class TestPlaying:
    async def test_messages_of_one_moment_travel_together(self, room: Room, client: Client) -> None:
        one, two, three = messages.chat("bob", "hi"), messages.like("bob"), messages.like("carol")
        assert not await play(room, recorded((0, one), (0, two), (90, three)), speed=1)
        assert await client.frame() == parts(one, two)
        assert await client.frame() == parts(three)
        assert room.is_live

    @pytest.mark.parametrize(("speed", "seconds"), [(1, 0.4), (4, 0.1)])
    async def test_it_keeps_the_pace(
        self, room: Room, client: Client, speed: float, seconds: float
    ) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await play(room, recorded((0, messages.like("bob")), (400, messages.like("bob"))), speed)
        assert seconds <= loop.time() - began + 0.001 < seconds + 0.3

    async def test_it_ends_the_live_where_the_recording_does(
        self, room: Room, client: Client
    ) -> None:
        assert await play(room, recorded((0, messages.end())), speed=0)
        assert not room.is_live

    async def test_with_fresh_ids_nothing_is_a_repetition_and_the_live_goes_on(
        self, room: Room, client: Client
    ) -> None:
        chat = messages.chat("bob", "hi")
        recording = recorded((0, chat), (10, messages.end()))
        for _ in range(2):
            assert not await play(room, recording, speed=0, fresh_ids=True)
        ids = [(await client.frame())[0][1] for _ in range(2)]
        assert len({*ids, chat.msg_id}) == 3
        assert room.is_live

    async def test_an_id_above_2_to_the_63_is_the_same_on_the_wire(
        self, room: Room, client: Client
    ) -> None:
        large = Message("WebcastOddMessage", b"", -5)
        await play(room, recorded((0, large)), speed=0)
        assert await client.frame() == parts(large)

    async def test_without_waiting_it_waits_for_a_client(self, tiktok: TikTok) -> None:
        room = tiktok.go_live("nobody.listens")
        playing = asyncio.create_task(play(room, recorded((0, messages.like("bob"))), speed=0))
        done, _pending = await asyncio.wait([playing], timeout=0.1)
        assert not done
        playing.cancel()
        await asyncio.wait([playing])
