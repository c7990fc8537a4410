"""The unmodified TikTokLive client against the stand-in.

These tests hold the stand-in to what the client expects, and the client to what the project
knows about it: when its pin moves, they say what has changed.
"""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from TikTokLive import TikTokLiveClient
from TikTokLive.client.errors import (
    AgeRestrictedError,
    SignAPIError,
    SignatureRateLimitError,
    UserNotFoundError,
    UserOfflineError,
    WebcastBlockedError,
)
from TikTokLive.client.web.routes.fetch_gift_list import FailedFetchGiftListError
from TikTokLive.client.web.routes.fetch_is_live import MissingRoomIdInResponse
from TikTokLive.client.web.routes.fetch_room_id_live_html import FailedParseRoomIdError
from TikTokLive.client.web.web_settings import WebDefaults
from TikTokLive.client.ws.ws_connect import InvalidStatusCode
from TikTokLive.events import custom_events, proto_events
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLiveProto.v3.webcast.im import WebcastPushFrame
from websockets.exceptions import ConnectionClosedError

from standin import Failure, Kind, Message, Room, TikTok, captures, encode_push_frame
from standin import messages as build
from standin.changes import Changes
from standin.server import SOCKET_PATH
from standin.sign import Limiter
from tests.support.captures import each_once

TIMEOUT = 10

EVENTS = {
    event
    for events in (proto_events, custom_events)
    for event in vars(events).values()
    if isinstance(event, type) and event.__name__.endswith("Event")
}


class Watcher:
    """A client, the events it emitted in their order, and its socket task."""

    def __init__(self, name: str = "alice", **options: Any) -> None:
        self.client = TikTokLiveClient(name, **options)
        self.events: list[Any] = []
        self.task: asyncio.Task[None] | None = None
        self._changes = Changes()
        for event in EVENTS:
            self.client.add_listener(event, self._append)

    def _append(self, event: Any) -> None:
        self.events.append(event)
        self._changes.notify()

    async def start(self, **options: Any) -> None:
        async with asyncio.timeout(TIMEOUT):
            self.task = await self.client.start(**options)

    async def end_of_task(self) -> None:
        assert self.task is not None
        async with asyncio.timeout(TIMEOUT):
            await self.task

    async def event(self, kind: type, n: int = 1) -> Any:
        """Return the n-th event of exactly that kind, once it is there."""
        await self._changes.wait_for(lambda: len(self.of(kind)) >= n)
        return self.of(kind)[n - 1]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if type(event) is kind]

    async def aclose(self) -> None:
        """Cancel the task, since `disconnect` waits for ever on a socket not yet open."""
        async with asyncio.timeout(TIMEOUT):
            if self.task is not None:
                self.task.cancel()
                await asyncio.gather(self.task, return_exceptions=True)
            await self.client.web.close()
            await self.client.web.signer.sdk_client.get_async_httpx_client().aclose()


@pytest.fixture
async def tiktok(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TikTok]:
    monkeypatch.delenv("SIGN_API_URL", raising=False)
    monkeypatch.delenv("SIGN_API_KEY", raising=False)
    async with TikTok() as tiktok:
        monkeypatch.setattr(WebDefaults, "tiktok_app_url", tiktok.url)
        monkeypatch.setattr(WebDefaults, "tiktok_webcast_url", f"{tiktok.url}/webcast")
        monkeypatch.setattr(WebDefaults, "tiktok_sign_url", tiktok.url)
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice", title="</script> & friends")


@pytest.fixture
async def watcher(tiktok: TikTok) -> AsyncIterator[Watcher]:
    watcher = Watcher()
    yield watcher
    await watcher.aclose()


class TestConnecting:
    async def test_the_unmodified_library_connects(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        await watcher.start()
        connected = await watcher.event(custom_events.ConnectEvent)
        assert connected.room_id == room.room_id
        assert len(str(room.room_id)) == 19
        kinds = [request.kind for request in tiktok.requests]
        assert kinds == [Kind.LIVE_PAGE, Kind.CHECK_ALIVE, Kind.SIGN, Kind.WEBCAST]
        assert all(request.room is room for request in tiktok.requests)
        assert [socket.compress for socket in room.sockets] == [True]

    async def test_it_serves_webcast_urls_without_their_suffix(
        self, tiktok: TikTok, room: Room, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(WebDefaults, "tiktok_webcast_url", tiktok.url)
        await watcher.start(fetch_room_info=True, fetch_gift_info=True)
        await watcher.event(custom_events.ConnectEvent)
        assert tiktok.count(Kind.ROOM_INFO, room) == tiktok.count(Kind.GIFT_LIST) == 1

    async def test_it_tells_room_and_gifts(self, room: Room, watcher: Watcher) -> None:
        await watcher.start(fetch_room_info=True, fetch_gift_info=True)
        assert watcher.client.room_info is not None
        assert watcher.client.room_info["title"] == "</script> & friends"
        assert watcher.client.gift_info is not None
        assert watcher.client.gift_info["gifts"][0]["name"] == "Rose"

    async def test_it_sends_history_at_each_connect(self, tiktok: TikTok, watcher: Watcher) -> None:
        room = tiktok.go_live("alice", history=[build.chat("bob", "earlier")])
        await watcher.start()
        first = await watcher.event(proto_events.CommentEvent)
        await room.close()
        await watcher.end_of_task()
        await watcher.start()
        again = await watcher.event(proto_events.CommentEvent, 2)
        assert again.common.msg_id == first.common.msg_id == room.history[0].msg_id

    async def test_it_sees_the_signing_key(
        self, tiktok: TikTok, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIGN_API_KEY", "key-1")
        watcher = Watcher()
        await watcher.start()
        await watcher.aclose()
        assert [r.api_key for r in tiktok.requests if r.kind is Kind.SIGN] == ["key-1"]

    async def test_it_sees_leaked_and_closed_connections(self, tiktok: TikTok, room: Room) -> None:
        watcher = Watcher()
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        async with asyncio.timeout(TIMEOUT):
            await watcher.client.disconnect()
        await tiktok.wait_for(lambda: not room.sockets)
        await tiktok.wait_for(lambda: tiktok.open_connections == 2)
        await watcher.aclose()
        await tiktok.wait_for(lambda: tiktok.open_connections == 0)

    async def test_it_can_stop_and_start_on_the_same_port(self) -> None:
        tiktok = TikTok()
        async with tiktok:
            port = tiktok.port
        async with tiktok, httpx.AsyncClient() as client:
            assert tiktok.port == port
            assert (await client.get(tiktok.url)).status_code == 200
            with pytest.raises(OSError, match="in use"):
                await TikTok(port).start()
        await tiktok.stop()


BUILT = [
    (build.chat("bob", "hi"), proto_events.CommentEvent),
    (build.gift("bob"), proto_events.GiftEvent),
    (build.like("bob", 15), proto_events.LikeEvent),
    (build.follow("bob"), custom_events.FollowEvent),
    (build.share("bob"), custom_events.ShareEvent),
    (build.join("bob"), proto_events.JoinEvent),
    (build.subscribe("bob"), proto_events.SubNotifyEvent),
    (build.viewers(3, top=["bob"]), proto_events.RoomUserSeqEvent),
    (build.question("bob", "why?"), proto_events.QuestionNewEvent),
    (build.emote("bob"), proto_events.EmoteChatEvent),
    (build.pause(), custom_events.LivePauseEvent),
    (build.resume(), custom_events.LiveUnpauseEvent),
    (build.end(), custom_events.LiveEndEvent),
    (build.end(suspended=True, reason="violation"), custom_events.LiveEndEvent),
]


class TestMessages:
    @pytest.mark.parametrize(
        ("message", "kind"), BUILT, ids=lambda value: getattr(value, "method", "")
    )
    async def test_each_becomes_its_event(
        self, room: Room, watcher: Watcher, message: Message, kind: type
    ) -> None:
        await watcher.start()
        await room.wait_for_socket()
        assert await room.push(message) == 1
        event = await watcher.event(kind)
        assert event.common.msg_id == message.msg_id

    async def test_they_carry_what_was_said(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.push(
            build.chat(build.user("bob", nickname="Bobby"), "hi"),
            build.gift("bob", "Galaxy", diamonds=1000, combo=False),
            build.share("bob", users_joined=2),
            build.viewers(3, total=30),
        )
        viewers = await watcher.event(proto_events.RoomUserSeqEvent)
        comment, gift, share = (
            watcher.of(proto_events.CommentEvent)
            + watcher.of(proto_events.GiftEvent)
            + watcher.of(custom_events.ShareEvent)
        )
        assert (comment.user.display_id, comment.user.nickname) == ("bob", "Bobby")
        assert comment.content == "hi"
        assert (gift.gift.name, gift.gift.diamond_count, gift.gift.type) == ("Galaxy", 1000, 2)
        assert share.users_joined == 2
        assert (viewers.total, viewers.total_user) == (3, 30)

    async def test_a_streak_grows_and_ends(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.push(*build.streak("bob", count=3))
        await watcher.event(proto_events.GiftEvent, 4)
        gifts = watcher.of(proto_events.GiftEvent)
        assert [(g.repeat_count, g.repeat_end) for g in gifts] == [(1, 0), (2, 0), (3, 0), (3, 1)]
        assert len({g.group_id for g in gifts}) == 1
        assert {g.gift.type for g in gifts} == {build.COMBO_GIFT}

    async def test_an_unknown_type_does_not_hurt(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.push(build.unknown(), build.unknown(payload=b"\xff"), build.chat("bob", "hi"))
        await watcher.event(proto_events.CommentEvent)
        assert len(watcher.of(custom_events.UnknownEvent)) == 2

    async def test_a_broken_payload_does_not_hurt(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.push(Message("WebcastChatMessage", b"\xff" * 9, 1), build.chat("bob", "hi"))
        await watcher.event(proto_events.CommentEvent)

    async def test_ids_are_unique_and_in_both_places(self) -> None:
        built = [message for message, _ in BUILT]
        assert len({message.msg_id for message in built}) == len(built)
        assert all(len(str(message.msg_id)) == 19 for message in built)
        assert all(build.read_msg_id(m.payload) == m.msg_id for m in built)
        assert build.chat("bob", "hi", msg_id=5).msg_id == 5

    async def test_renumbering_changes_nothing_else(self) -> None:
        message = build.gift("bob")
        renumbered = message.renumbered(7)
        assert (renumbered.msg_id, build.read_msg_id(renumbered.payload)) == (7, 7)
        assert renumbered.renumbered(message.msg_id).renumbered(7) == renumbered
        assert len(renumbered.payload) < len(message.payload)
        assert build.unknown(payload=b"\xff").renumbered(7).payload == b"\xff"


@pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
class TestCaptures:
    async def test_the_unmodified_library_reads_the_captured_messages(
        self, room: Room, watcher: Watcher
    ) -> None:
        captured = [
            message
            for message in captures.load_captures()
            if message.method not in ("WebcastControlMessage", "WebcastLinkLayerMessage")
        ]
        await watcher.start()
        await room.wait_for_socket()
        await room.push(*captured, build.chat("bob", "the last one"))
        expected = Counter(message.method for message in captured)
        n = expected["WebcastChatMessage"] + 1
        assert (await watcher.event(proto_events.CommentEvent, n)).content == "the last one"
        assert len(watcher.of(proto_events.GiftEvent)) == expected["WebcastGiftMessage"]
        unmapped = [message for message in captured if message.method not in EVENT_MAPPINGS]
        assert len(watcher.of(custom_events.UnknownEvent)) == len(unmapped)

    async def test_one_that_has_an_id_can_be_renumbered(self) -> None:
        for message in each_once(captures.load_captures()):
            assert build.read_msg_id(message.renumbered(7).payload) == 7


class TestSocket:
    async def test_frames_are_acknowledged(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.push_encoded(encode_push_frame([build.like("bob")], log_id=4711))
        await room.push_encoded(encode_push_frame([build.like("bob")], log_id=5, need_ack=False))
        await room.push_encoded(encode_push_frame([build.like("bob")], False, log_id=4712))
        await tiktok.wait_for(lambda: len(room.acks) == 2)
        assert [ack.log_id for ack in room.acks] == [4711, 4712]
        assert room.acks[0].internal_ext.endswith("log_id:4711")
        assert len(watcher.of(proto_events.LikeEvent)) >= 2

    async def test_frames_are_not_compressed_unasked(self, room: Room, watcher: Watcher) -> None:
        await watcher.start(compress_ws_events=False)
        await room.wait_for_socket()
        assert [socket.compress for socket in room.sockets] == [False]
        await room.push(build.chat("bob", "hi"))
        await watcher.event(proto_events.CommentEvent)

    async def test_heartbeats_are_answered(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        room.ping_interval = 0.02
        await watcher.start()
        await tiktok.wait_for(lambda: len(room.heartbeats) >= 3)
        assert [beat.seq for beat in room.heartbeats[:3]] == [1, 2, 3]

    async def test_heartbeats_are_answered_with_a_frame_unless_deaf(
        self, tiktok: TikTok, room: Room
    ) -> None:
        url = f"{tiktok.socket_url()}{SOCKET_PATH}?room_id={room.room_id}&imprp=stand-in"
        beat = bytes(WebcastPushFrame(payload_type="hb", log_id=3))
        enter = bytes(WebcastPushFrame(payload_type="im_enter_room"))
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_bytes(beat)
            answer = WebcastPushFrame().parse(await socket.receive_bytes(timeout=TIMEOUT))
            assert (answer.payload_type, answer.log_id) == ("hb", 3)
            room.deaf = True
            await socket.send_bytes(beat)
            await tiktok.wait_for(lambda: len(room.heartbeats) == 2)
            assert await room.push(build.chat("bob", "unheard")) == 0
            room.deaf = False
            await socket.send_bytes(enter)
            answer = WebcastPushFrame().parse(await socket.receive_bytes(timeout=TIMEOUT))
            assert answer.payload_type == "im_enter_room_resp"

    async def test_a_cut_is_not_an_end(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        await room.cut()
        assert room.sockets == []
        (error,) = await asyncio.gather(watcher.end_of_task(), return_exceptions=True)
        assert error is None or isinstance(error, ConnectionClosedError)
        assert error is None or error.rcvd is None
        assert not watcher.of(custom_events.LiveEndEvent)

    @pytest.mark.parametrize("code", [1000, 1001])
    async def test_a_normal_close_ends_the_task(
        self, room: Room, watcher: Watcher, code: int
    ) -> None:
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        await room.close(code, "bye")
        await watcher.end_of_task()
        await watcher.event(custom_events.DisconnectEvent)

    async def test_any_other_close_ends_it_with_an_error(
        self, room: Room, watcher: Watcher
    ) -> None:
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        await room.close(4001, "bye")
        with pytest.raises(ConnectionClosedError, match="4001"):
            await watcher.end_of_task()

    async def test_the_end_disconnects_the_client(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.end()
        await watcher.event(custom_events.LiveEndEvent)
        await watcher.end_of_task()
        await tiktok.wait_for(lambda: not room.sockets)
        with pytest.raises(UserOfflineError):
            await watcher.start()

    async def test_a_pause_does_not(self, room: Room, watcher: Watcher) -> None:
        await watcher.start()
        await room.wait_for_socket()
        await room.pause()
        await room.resume()
        await watcher.event(custom_events.LiveUnpauseEvent)
        assert len(watcher.of(custom_events.LivePauseEvent)) == len(room.sockets) == 1

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff" * 20,
            encode_push_frame([build.chat("bob", "hi")]).replace(gzip.compress(b"")[:2], b"xx"),
        ],
        ids=["no protobuf", "broken gzip"],
    )
    async def test_garbage_ends_the_task_with_an_error(
        self, room: Room, watcher: Watcher, data: bytes
    ) -> None:
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        await room.push_raw(data)
        with pytest.raises((ValueError, OSError, EOFError)):
            await watcher.end_of_task()


def signing_error(reason: str, status: int) -> Any:
    def check(error: Any) -> None:
        assert error.reason.name == reason
        assert error.response.status_code == status

    return check


def rate_limit(error: Any) -> None:
    assert error.retry_after == 0
    assert 50 < error.reset_time - time.time() <= 61
    assert 50 < int(error.response.headers["Retry-After"]) <= 60


def captcha(error: Any) -> None:
    assert isinstance(error.__cause__, FailedParseRoomIdError)


def anything(error: Any) -> None:
    """No more than its type is known."""


AT_START: list[tuple[Failure, type[Exception], Any]] = [
    (Failure.USER_NOT_FOUND, UserNotFoundError, anything),
    (Failure.AGE_RESTRICTED, AgeRestrictedError, anything),
    (Failure.CAPTCHA, json.JSONDecodeError, captcha),
    (Failure.NOT_ALIVE, UserOfflineError, anything),
    (Failure.CHECK_ALIVE_EMPTY, MissingRoomIdInResponse, anything),
    (Failure.SIGN_429, SignatureRateLimitError, rate_limit),
    (Failure.SIGN_429_WITHOUT_HEADER, TypeError, anything),
    (Failure.SIGN_401, SignAPIError, signing_error("SIGN_NOT_200", 401)),
    (Failure.SIGN_403, SignAPIError, signing_error("SIGN_NOT_200", 403)),
    (Failure.SIGN_500, SignAPIError, signing_error("SIGN_NOT_200", 500)),
    (Failure.SIGN_EMPTY, SignAPIError, signing_error("EMPTY_PAYLOAD", 200)),
    (Failure.SIGN_NO_COOKIES, SignAPIError, signing_error("EMPTY_COOKIES", 200)),
    (Failure.SIGN_GARBAGE, ValueError, anything),
]

IN_TASK: list[tuple[Failure, type[Exception], str]] = [
    (Failure.SIGN_FALLBACK, WebcastBlockedError, "illegal secret key"),
    (Failure.WEBCAST_200, WebcastBlockedError, "illegal secret key"),
    (Failure.WEBCAST_400, WebcastBlockedError, "illegal secret key"),
    (Failure.WEBCAST_403, InvalidStatusCode, "403"),
]


class TestFailures:
    @pytest.mark.parametrize(("failure", "error", "check"), AT_START)
    async def test_start_raises(
        self,
        room: Room,
        watcher: Watcher,
        failure: Failure,
        error: type[Exception],
        check: Any,
    ) -> None:
        room.fail(failure)
        with pytest.raises(error) as caught:
            await watcher.start(fetch_room_info=True)
        check(caught.value)
        room.clear()
        await watcher.start(fetch_room_info=True)
        await watcher.event(custom_events.ConnectEvent)

    @pytest.mark.parametrize(("failure", "error", "text"), IN_TASK)
    async def test_the_task_raises(
        self,
        room: Room,
        watcher: Watcher,
        failure: Failure,
        error: type[Exception],
        text: str,
    ) -> None:
        room.fail(failure, message="illegal secret key")
        await watcher.start()
        with pytest.raises(error, match=text):
            await watcher.end_of_task()

    async def test_an_offline_user_is_offline(self, tiktok: TikTok, watcher: Watcher) -> None:
        tiktok.room("alice")
        with pytest.raises(UserOfflineError):
            await watcher.start()
        assert tiktok.count(Kind.CHECK_ALIVE) == 0

    async def test_a_name_never_heard_of_is_not_found(self, watcher: Watcher) -> None:
        with pytest.raises(UserNotFoundError) as caught:
            await watcher.start()
        assert caught.value.unique_id == "alice"
        assert isinstance(caught.value.__cause__, UserNotFoundError)
        assert "not capable" in caught.value.__cause__.unique_id

    async def test_a_page_that_hangs_leaves_the_api(self, room: Room) -> None:
        room.fail(Failure.LIVE_PAGE_HANG)
        watcher = Watcher(web_kwargs={"httpx_kwargs": {"timeout": 0.3}})
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        await watcher.aclose()

    async def test_page_and_api_that_hang_time_out(self, room: Room) -> None:
        room.fail(Failure.LIVE_PAGE_HANG)
        room.fail(Failure.ROOM_API_HANG)
        watcher = Watcher(web_kwargs={"httpx_kwargs": {"timeout": 0.2}})
        with pytest.raises(httpx.ReadTimeout):
            await watcher.start()
        await watcher.aclose()

    @pytest.mark.parametrize(
        ("failure", "cause"),
        [
            (Failure.GIFT_LIST_HANG, httpx.ReadTimeout),
            (Failure.GIFT_LIST_CAPTCHA, json.JSONDecodeError),
        ],
    )
    async def test_a_gift_list_that_fails_is_one_error(
        self, room: Room, failure: Failure, cause: type[Exception]
    ) -> None:
        room.fail(failure)
        watcher = Watcher(web_kwargs={"httpx_kwargs": {"timeout": 0.2}})
        with pytest.raises(FailedFetchGiftListError) as failed:
            await watcher.start(fetch_gift_info=True)
        assert isinstance(failed.value.__cause__, cause)
        await watcher.aclose()

    async def test_the_clients_page_timeout_is_5_seconds(self, watcher: Watcher) -> None:
        assert watcher.client.web.httpx_client.timeout == httpx.Timeout(5)

    async def test_a_sign_server_that_hangs_is_waited_for_for_ever(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        room.fail(Failure.SIGN_HANG)
        starting = asyncio.create_task(watcher.client.start())
        await tiktok.wait_for(lambda: tiktok.count(Kind.SIGN, room) == 1)
        assert not starting.done()
        signer = watcher.client.web.signer.sdk_client.get_async_httpx_client()
        assert signer.timeout == httpx.Timeout(None)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    async def test_a_handshake_that_hangs_times_out_in_the_task(
        self, tiktok: TikTok, room: Room
    ) -> None:
        room.fail(Failure.WEBCAST_HANG)
        watcher = Watcher(ws_kwargs={"open_timeout": 0.2})
        await watcher.start()
        with pytest.raises(TimeoutError):
            await watcher.end_of_task()
        assert tiktok.count(Kind.WEBCAST, room) == 1
        await watcher.aclose()

    async def test_a_socket_cut_at_once_ends_the_task(self, room: Room, watcher: Watcher) -> None:
        room.fail(Failure.CUT_AT_ONCE, times=1)
        await watcher.start()
        with contextlib.suppress(ConnectionClosedError):
            await watcher.end_of_task()
        assert not watcher.client.connected

    async def test_hangs_do_not_keep_it_from_stopping(self, room: Room, tiktok: TikTok) -> None:
        room.fail(Failure.LIVE_PAGE_HANG)
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            asking = asyncio.create_task(client.get(f"{tiktok.url}/@alice/live"))
            await tiktok.wait_for(lambda: tiktok.count(Kind.LIVE_PAGE) == 1)
            async with asyncio.timeout(1):
                await tiktok.stop()
            with pytest.raises(httpx.HTTPError):
                await asking

    async def test_a_deaf_room_does_not_keep_it_from_stopping(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        await watcher.start()
        await watcher.event(custom_events.ConnectEvent)
        room.deaf = True
        async with asyncio.timeout(1):
            await tiktok.stop()
        assert room.sockets == []

    async def test_one_can_be_for_everyone(self, tiktok: TikTok, room: Room) -> None:
        tiktok.fail(Failure.SIGN_500)
        room.fail(Failure.SIGN_403, times=1)
        watcher = Watcher()
        statuses = []
        for _ in range(2):
            with pytest.raises(SignAPIError) as caught:
                await watcher.start()
            assert caught.value.response is not None
            statuses.append(caught.value.response.status_code)
        assert statuses == [403, 500]
        await watcher.aclose()


class TestSignLimit:
    async def test_the_sign_limit_is_told_in_headers_and_can_be_lifted(
        self, tiktok: TikTok, room: Room, watcher: Watcher
    ) -> None:
        tiktok.sign_limit(2, reset_in=30)
        async with httpx.AsyncClient() as client:
            url = f"{tiktok.url}/webcast/fetch?room_id={room.room_id}"
            answers = [await client.get(url) for _ in range(3)]
            with_key = await client.get(url, headers={"X-Api-Key": "key-1"})
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [a.headers["RateLimit-Remaining"] for a in answers] == ["1", "0", "0"]
        assert 0 < int(answers[2].headers["Retry-After"]) <= 30
        assert 0 < int(answers[2].headers["RateLimit-Reset"]) - time.time() <= 31
        assert (with_key.status_code, with_key.headers["RateLimit-Remaining"]) == (200, "1")
        with pytest.raises(SignatureRateLimitError):
            await watcher.start()
        tiktok.no_sign_limit()
        await watcher.start()

    def test_a_budget_starts_anew(self) -> None:
        now = 1000.0
        limiter = Limiter(1, reset_in=10, clock=lambda: now)
        assert [limiter.spend("").used for _ in range(2)] == [1, 2]
        now += 10
        assert limiter.spend("").used == 1


class TestCommand:
    async def test_it_streams_until_told_to_stop(self, tiktok: TikTok, watcher: Watcher) -> None:
        port = str(await free_port())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "ignore", "-m", "standin", "--port", port, "--rate", "100"),
            *("--live", "alice", "--live", "bob", "--fail", "bob=sign_429"),
            *("--fail", "*=profile_page_no_cookie"),
            cwd=captures.ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(2 * TIMEOUT):
                lines = [(await process.stdout.readline()).decode() for _ in range(6)]
            assert lines[0] == "export RELAY_STANDIN=on\n"
            assert lines[1] == f"export TIKTOK_APP_URL=http://127.0.0.1:{port}\n"
            assert lines[3] == f"export TIKTOK_SOCKET_URL=ws://127.0.0.1:{port}/webcast\n"
            assert lines[5] == f"export RELAY_PICTURE_HOSTS=http://127.0.0.1:{port}\n"
            async with httpx.AsyncClient() as client:
                page = await client.get(f"http://127.0.0.1:{port}/@alice/live")
                profile = await client.get(f"http://127.0.0.1:{port}/@alice")
            assert "SIGI_STATE" in page.text
            assert (profile.status_code, profile.cookies.get("ttwid")) == (200, None)
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                code = await process.wait()
        assert code == 0


async def free_port() -> int:
    async with TikTok() as tiktok:
        return tiktok.port
