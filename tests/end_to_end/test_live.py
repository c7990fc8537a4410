"""From TikTok's messages to the phone's frames, over real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from live.tiktok.decoding import METHODS
from standin import Failure, Kind, TikTok, captures, messages
from tests.end_to_end.conftest import ON_DAPHNE, ON_UVICORN, AddAccount, StartServer
from tests.support.captures import each_once, ends_live
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")


class TestALive:
    async def test_a_phone_gets_the_events_of_a_live_and_its_row_is_complete(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer, title="Hello")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            assert (await phone.next())["data"] == {"state": "connecting"}
            connected = await phone.next()
            assert connected["type"] == "connected"
            assert connected["data"]["username"] == streamer
            assert connected["data"]["room_id"] == str(room.room_id)
            assert connected["data"]["title"] == "Hello"
            assert connected["data"]["resumed"] is False
            assert (await phone.next())["data"] == {"state": "live"}
            await room.push(messages.chat("viewer7", "hello"), messages.like("viewer8"))
            comment, like = await phone.events(2)
        assert (comment["type"], comment["data"]["text"]) == ("comment", "hello")
        assert comment["data"]["user"]["username"] == "viewer7"
        assert like["type"] == "like"
        row = await server.closed_row(account)
        assert (row["close_code"], row["error_code"]) == (1000, "")
        assert row["frames_sent"] == 5
        assert row["token_prefix"] == account.token[:8]
        assert row["address"] == "127.0.0.1"
        assert row["user_agent"].startswith("Python/")

    @ON_DAPHNE
    async def test_it_passes_on_the_history_of_the_first_answer(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        history = [messages.chat("early", str(number)) for number in range(5)]
        tiktok.go_live(streamer, history=history)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            events = await phone.events(5)
        assert [event["data"]["text"] for event in events] == list("01234")

    async def test_it_ends_with_the_live(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.pause()
            await room.resume()
            await room.end()
            assert await phone.until_closed() == 1000
        assert [frame["type"] for frame in phone.frames[-3:]] == [
            "live_pause",
            "live_resume",
            "live_end",
        ]
        row = await server.closed_row(account)
        assert (row["close_code"], row["error_code"]) == (1000, "")
        await tiktok.wait_for(lambda: not room.sockets)

    @ON_DAPHNE
    async def test_it_survives_garbage_and_unknown_messages(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.push_raw(b"\xff\xfe no protobuf")
            await room.push_raw(b"")
            await room.push(messages.unknown("WebcastNeverHeardOfMessage"))
            await room.push(
                messages.Message("WebcastChatMessage", b"\xff\xff\xff", 5),
                messages.chat("viewer", "still here"),
            )
            (comment,) = await phone.events(1)
        assert comment["data"]["text"] == "still here"

    @ON_UVICORN
    @pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
    async def test_it_loses_no_captured_message(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        # Of gifts, steps of a streak are told or not; their sums have tests of their own.
        captured = [
            message
            for message in each_once(captures.load_captures())
            if not ends_live(message) and message.method != "WebcastGiftMessage"
        ]
        expected = [str(message.msg_id) for message in captured if message.method in METHODS]
        assert expected
        room = tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            for start in range(0, len(captured), 10):
                await room.push(*captured[start : start + 10])
            events = await phone.events(len(expected))
        assert [event["id"] for event in events] == expected


@ON_UVICORN
class TestSharing:
    async def test_it_takes_one_upstream_and_one_signature_for_any_phones(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        mine, yours = await add_account(), await add_account(f"@{streamer.upper()}")
        addresses = [f"{server.address}/ws/{token}" for token in (mine.token, yours.token)]
        async with (
            Phone(addresses[0]) as first,
            Phone(addresses[0]) as second,
            Phone(addresses[1]) as third,
        ):
            phones = [first, second, third]
            for phone in phones:
                await phone.until_type("connected")
            await room.push(messages.chat("viewer", "to all"))
            comments = [await phone.until_type("comment") for phone in phones]
            assert comments[0] == comments[1] == comments[2]
            assert tiktok.count(Kind.SIGN, room) == 1
            assert len(room.sockets) == 1
        await tiktok.wait_for(lambda: not room.sockets)

    async def test_it_tells_a_late_phone_what_happened(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address) as early:
            await early.until_type("connected")
            await room.wait_for_socket()
            await room.push(
                messages.chat("viewer", "before"),
                messages.viewers(count=17, total=100),
                messages.gift("giver", "Rose", diamonds=5, repeat_count=3, combo=False),
            )
            await early.until_type("gift")
            async with Phone(address) as late:
                connected = await late.next()
                snapshot = connected["data"]["snapshot"]
                assert connected["type"] == "connected"
                assert snapshot["viewers"] == 17
                assert [c["data"]["text"] for c in snapshot["comments"]] == ["before"]
                assert snapshot["top"][0]["diamonds"] == 15
                await room.push(messages.chat("viewer", "after"))
                assert (await late.until_type("comment"))["data"]["text"] == "after"


class TestLeaving:
    @pytest.mark.parametrize(
        "failure", [Failure.LIVE_PAGE_HANG, Failure.SIGN_HANG, Failure.WEBCAST_HANG]
    )
    async def test_it_leaves_nothing_behind_when_the_phone_goes_while_connecting(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        failure: Failure,
    ) -> None:
        room = tiktok.go_live(streamer)
        room.fail(failure)
        account = await add_account()
        await tiktok.wait_for(lambda: not tiktok.under_way)
        stages = {
            Failure.LIVE_PAGE_HANG: Kind.LIVE_PAGE,
            Failure.SIGN_HANG: Kind.SIGN,
            Failure.WEBCAST_HANG: Kind.WEBCAST,
        }
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("status")
            await tiktok.wait_for(lambda: tiktok.count(stages[failure], room) == 1)
        row = await server.closed_row(account)
        assert (row["close_code"], row["error_code"]) == (1000, "")
        await tiktok.wait_for(lambda: not tiktok.under_way, within=5)

    @ON_UVICORN
    async def test_it_lingers_for_a_phone_that_comes_back(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.chat("viewer", "seen"))
            cursor = (await phone.until_type("comment"))["cursor"]
        await room.push(messages.chat("viewer", "missed"))
        async with Phone(f"{address}?since={cursor}") as phone:
            connected = await phone.until_type("connected")
            assert connected["data"]["resumed"] is True
            assert (await phone.until_type("comment"))["data"]["text"] == "missed"
        assert tiktok.count(Kind.SIGN, room) == 1
        await tiktok.wait_for(lambda: not room.sockets)


class TestCompression:
    async def test_a_server_that_compresses_frames_each_message_itself(
        self, start_server: StartServer, tiktok: TikTok, streamer: str
    ) -> None:
        server = await start_server("uvicorn", "--ws-per-message-deflate", "true")
        room = tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            assert phone.socket.protocol.extensions
            await phone.until_type("connected")
            await room.push(messages.chat("viewer", "x" * 1000), messages.chat("viewer", "y"))
            assert [event["data"]["text"] for event in await phone.events(2)] == ["x" * 1000, "y"]


class TestTheHandshake:
    async def test_it_takes_the_token_as_a_bearer_header(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        headers = {"Authorization": f"Bearer {account.token}"}
        async with Phone(f"{server.address}/ws", additional_headers=headers) as phone:
            await phone.until_type("connected")

    async def test_it_takes_the_token_as_a_subprotocol(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        protocols: Any = ["bearer", account.token]
        async with Phone(f"{server.address}/ws", subprotocols=protocols) as phone:
            await phone.until_type("connected")
            assert phone.socket.subprotocol == "bearer"

    @ON_DAPHNE
    @pytest.mark.parametrize(
        "query",
        ["since=xyz", "since=", "types=comment,nonsense", "batch=-1", "batch=5000", "wait=yes"],
    )
    async def test_it_refuses_a_bad_option(
        self, server: Server, tiktok: TikTok, add_account: AddAccount, query: str
    ) -> None:
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}?{query}") as phone:
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("bad_request", 1008)
        assert (await server.closed_row(account))["error_code"] == "bad_request"

    @ON_UVICORN
    async def test_it_ignores_an_unknown_option_and_filters_by_type(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}?types=comment,gift&colour=blue"
        async with Phone(address) as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            await room.push(messages.like("viewer"), messages.chat("viewer", "hi"))
            (event,) = await phone.events(1)
        assert event["type"] == "comment"


class TestWhatAClientSends:
    async def test_it_answers_a_ping_with_its_id(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            for ping_id in ("abc", 7):
                await phone.socket.send(json.dumps({"type": "ping", "id": ping_id}))
                assert (await phone.until_type("pong"))["id"] == ping_id
            await phone.socket.send('{"type":"ping"}')
            assert "id" not in await phone.until_type("pong")

    @pytest.mark.parametrize(
        "message",
        [
            "no json",
            "[1]",
            "{}",
            '{"type":"subscribe"}',
            '{"type":"ping","id":{"a":1}}',
            '{"type":"ping","id":"' + "x" * 200 + '"}',
            "[" * 3000,
            b"\x00binary",
            "x" * 900_000,
            "x" * 1_048_576,
        ],
        ids=["text", "list", "no type", "type", "id", "long id", "nested", "binary", "900k", "1M"],
    )
    async def test_it_explains_what_it_does_not_understand(
        self,
        server: Server,
        tiktok: TikTok,
        streamer: str,
        add_account: AddAccount,
        message: str | bytes,
    ) -> None:
        room = tiktok.go_live(streamer)
        account, other = await add_account(), await add_account()
        async with Phone(f"{server.address}/ws/{other.token}") as witness:
            await witness.until_type("connected")
            async with Phone(f"{server.address}/ws/{account.token}") as phone:
                await phone.until_type("connected")
                await phone.socket.send(message)
                code = await phone.until_closed()
            if code == 1009:  # the server's own limit, which leaves no room for a word
                assert len(message) >= 1_048_576
            else:
                assert code == 1008
                assert phone.frames[-1]["data"]["code"] == "bad_request"
                assert (await server.closed_row(account))["error_code"] == "bad_request"
            await room.push(messages.chat("viewer", "unharmed"))
            assert (await witness.until_type("comment"))["data"]["text"] == "unharmed"
        assert "Traceback" not in server.log_text

    async def test_it_closes_on_a_flood(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()

        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            for _ in range(200):
                await phone.socket.send('{"type":"ping"}')
            error, closed_with = await phone.explanation()
        assert (error["code"], closed_with) == ("bad_request", 1008)


class TestTheLog:
    async def test_it_holds_no_token(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        tiktok.go_live(streamer)
        account = await add_account()
        for path in (f"/ws/{account.token}", f"/ws/{account.token}/?lang=en"):
            async with Phone(server.address + path) as phone:
                await phone.until_type("connected")
        await server.closed_row(account)
        assert "/ws/…" in server.log_text
        assert account.token not in server.log_text

    async def test_it_holds_no_token_of_an_encoded_path_nor_of_a_lost_password(
        self, server: Server
    ) -> None:
        paths = [
            *("/ws%2Fs3cret-0", "/ws%2fs3cret-0", "/ws%252Fs3cret-0", "/%77s/s3cret-0"),
            *("/ws%2Ftest%2Fs3cret-0", "/login/reset/MQ/s3cret-0/", "/login%2Freset/MQ/s3cret-0/"),
            "/login/reset%2FMQ%252Fs3cret-0",
        ]
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )
        for path in paths:
            for more in ("Connection: close\r\n", upgrade):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
                assert (await reader.read(12)).startswith(b"HTTP/1.1 ")
                writer.close()
                await writer.wait_closed()
        async with asyncio.timeout(10):
            while server.log_text.count("…") < len(paths):
                await asyncio.sleep(0.05)
        assert "s3cret" not in server.log_text
