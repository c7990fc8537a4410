"""Every kind of message that TikTok sends, from its socket to the phone."""

from __future__ import annotations

import pytest
from TikTokLive.events.proto_events import EVENT_MAPPINGS

from live.tiktok.decoding import METHODS
from standin import TikTok, captures, messages, pages
from standin.messages import Message
from tests.end_to_end.conftest import ON_DAPHNE, AddAccount
from tests.support.captures import each_once, ends_live
from tests.support.phone import Phone
from tests.support.server import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), ON_DAPHNE]

CHUNK = 10


def all_messages() -> list[Message]:
    """All that TikTok sent, where that is at hand, and one of each kind that TikTokLive maps."""
    sent = captures.load_captures() if captures.captures_available() else []
    sent = [message for message in each_once(sent) if not ends_live(message)]
    rest = [messages.unknown(method) for method in EVENT_MAPPINGS]
    return [*sent, *rest, messages.unknown("WebcastNobodyKnowsMessage")]


class TestTypes:
    async def test_a_phone_that_wants_all_types_loses_no_message(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        sent = all_messages()
        async with Phone(f"{server.address}/ws/{account.token}?types=all") as phone:
            await phone.until_type("connected")
            await room.wait_for_socket()
            events = []
            for start in range(0, len(sent), CHUNK):
                chunk = sent[start : start + CHUNK]
                await room.push(*chunk)
                events += await phone.events(len(chunk))
        assert [event["id"] for event in events] == [str(message.msg_id) for message in sent]
        for event, message in zip(events, sent, strict=True):
            if event["type"] == "other":
                assert event["data"]["method"] == message.method
                assert event["data"]["size"] == len(message.payload)
                small = len(message.payload) <= 16_384
                is_told = message.method in EVENT_MAPPINGS and small
                assert ("message" in event["data"]) is is_told
            else:
                assert message.method in METHODS

    async def test_a_phone_that_does_not_ask_gets_no_others(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer)
        account = await add_account()
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address) as modest, Phone(f"{address}?types=other,comment") as curious:
            await modest.until_type("connected")
            await curious.until_type("connected")
            await room.push(
                messages.unknown("WebcastMsgDetectMessage"),
                messages.unknown(),
                messages.chat("viewer", "hello"),
            )
            (comment,) = await modest.events(1)
            assert comment["type"] == "comment"
            events = await curious.events(3)
            assert [event["type"] for event in events] == ["other", "other", "comment"]
        assert "other" not in {frame["type"] for frame in modest.frames}


class TestTheRoom:
    async def test_a_phone_is_told_whose_live_it_is(
        self, server: Server, tiktok: TikTok, streamer: str, add_account: AddAccount
    ) -> None:
        room = tiktok.go_live(streamer, title="Baking 🍞")
        account = await add_account()
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            connected = (await phone.until_type("connected"))["data"]
        assert connected["title"] == "Baking 🍞"
        assert connected["owner"] == {
            "id": str(messages.user(streamer).id),
            "username": streamer,
            "nickname": streamer.title(),
            "avatar": f"https://cdn.example/{streamer}.webp",
        }
        assert connected["started_at"] == pages.started_at(room) * 1000
        assert connected["counts"] == {
            "viewers": 0,
            "total_viewers": pages.TOTAL_VIEWERS,
            "likes": pages.LIKES,
            "followers": pages.FOLLOWERS,
        }
