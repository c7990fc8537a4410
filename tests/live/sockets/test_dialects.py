"""What sockets do that speak as TikFinity does, beside what all sockets do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from live.protocol.cursor import Cursor
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.frames import EVENT_TYPES, Frame, FrameType
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.sockets.delivery import Delivery
from live.sockets.dialects import FRAMES, TIKFINITY, TikFinity
from live.sockets.wire.asgi import Parcel
from live.streams.log import EventLog
from live.tikfinity.events import Events, events_of
from standin import messages
from tests.live.sockets.test_session import Token
from tests.support.clock import settle, virtual_time
from tests.support.samples import append
from tests.support.sessions import FakePhone, open_relay

ALICE = Account(1, "alice", "", "")
BETWEEN_LIVES = 30


class TestOptions:
    def test_frames_are_told_as_they_are(self) -> None:
        asked = SocketOptions(batch=5, types=frozenset({FrameType.OTHER}))
        assert FRAMES.options(asked) is asked
        assert FRAMES.translation("anna") is None

    def test_tikfinity_waits_and_knows_neither_cursors_nor_batches(self) -> None:
        given = TIKFINITY.options(SocketOptions(since=Cursor("abc", 1), batch=500))
        assert (given.since, given.batch, given.wait) == (None, 0, True)

    def test_what_has_no_event_is_not_asked_for(self) -> None:
        types = TIKFINITY.options(SocketOptions()).types
        assert types is not None
        assert {FrameType.COMMENT, FrameType.GIFT, FrameType.LIVE_END} <= types
        assert not types & {FrameType.OTHER, FrameType.CAPTION}
        assert types <= EVENT_TYPES

    def test_a_program_may_ask_for_some_types(self) -> None:
        asked = SocketOptions(types=frozenset({FrameType.GIFT, FrameType.OTHER}))
        assert TIKFINITY.options(asked).types == frozenset({FrameType.GIFT})


class TestDelivery:
    def delivery(self, log: EventLog, dialect: TikFinity = TIKFINITY) -> Delivery:
        options = dialect.options(SocketOptions())
        return Delivery(log, None, options.types, 0, lambda: 77, 0, dialect.translation("anna"))

    def texts(self, parcels: list[Parcel]) -> list[Any]:
        return [json.loads(text) for parcel in parcels for text in parcel.texts]

    def test_frames_are_told_as_events(self) -> None:
        log = EventLog(100)
        delivery = self.delivery(log)
        append(log, FrameType.COMMENT, 5)
        append(log, FrameType.STATUS)
        append(log, FrameType.FOLLOW)
        events = self.texts(delivery.pending())
        assert [event["event"] for event in events] == ["chat", "social", "follow"]
        assert events[0]["data"]["comment"] == "comment 5"
        assert delivery.up_to_date

    def test_sockets_at_one_place_share_what_was_told(self) -> None:
        log = EventLog(100)
        one, other = self.delivery(log), self.delivery(log)
        phone = Delivery(log, None, one._wanted, 0, lambda: 77)
        append(log, FrameType.COMMENT)
        [mine], [others], [frames] = one.pending(), other.pending(), phone.pending()
        assert mine is others
        assert frames.types == {"comment": 1}
        assert mine.types == {"tikfinity": 1}

    def test_each_frame_is_told_once_to_sockets_at_several_places(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = []

        def counted(frame: Frame, streamer: str) -> Events:
            told.append(frame.cursor)
            return events_of(frame, streamer)

        monkeypatch.setattr("live.tikfinity.translator.events_of", counted)
        log = EventLog(100)
        dialect = TikFinity()
        one, other = self.delivery(log, dialect), self.delivery(log, dialect)
        got = []
        for number in range(1, 5):
            append(log, FrameType.COMMENT, number)
            got += self.texts(one.pending())
        assert self.texts(other.pending()) == got
        assert len(told) == len(set(told)) == 4

    def test_a_socket_that_lags_gets_merged_events_and_no_gap(self) -> None:
        log = EventLog(400)
        delivery = self.delivery(log)
        for number in range(1, 1001):
            append(log, FrameType.LIKE if number % 500 else FrameType.COMMENT, number)
        events: list[Any] = []
        while parcels := delivery.pending():
            events += self.texts(parcels)
        assert [event["event"] for event in events] == ["chat", "like", "chat"]
        assert events[1]["data"]["likeCount"] == sum(range(601, 1000))


class TestSession:
    @virtual_time
    async def test_it_is_told_the_room_then_its_events(self) -> None:
        async with open_relay() as (world, relay):
            program = FakePhone(relay, ALICE, dialect=TIKFINITY)
            state = await program.until("connected")
            assert state["data"]["roomId"] == world.room_id
            world.newest.say(messages.chat("viewer", "hello"))
            chat = await program.until("chat")
            assert chat["data"]["comment"] == "hello"
            assert chat["data"]["tikfinityUsername"] == "alice"
            assert program.types() == ["connected", "chat"], "no status is told"
            assert program.connection.frames_sent == 2
            assert relay.traffic.frames == {"tikfinity": 2}
            await program.session.end(1000)

    @virtual_time
    async def test_it_stays_for_the_next_live(self) -> None:
        async with open_relay() as (world, relay):
            program = FakePhone(relay, ALICE, dialect=TIKFINITY)
            await program.until("connected")
            world.newest.say(messages.end())
            await program.until("disconnected")
            await asyncio.sleep(BETWEEN_LIVES - 1)
            assert len(world.upstreams) == 1, "TikTok is not asked at once"
            assert program.closed_with is None
            world.room_id = "7000000000000000002"
            state = await program.until("connected")
            assert state["data"]["roomId"] == world.room_id
            assert program.types().count("streamEnd") == 1
            await program.session.end(1000)
            assert not len(relay.sockets)

    @virtual_time
    async def test_it_waits_for_a_streamer_who_is_offline(self) -> None:
        async with open_relay() as (world, relay):
            world.answers.append(RelayError(ErrorCode.USER_OFFLINE, username="alice"))
            program = FakePhone(relay, ALICE, dialect=TIKFINITY)
            await program.until("connected")
            assert program.types() == ["connected"]
            await program.session.end(1000)

    @virtual_time
    async def test_an_error_is_an_event_and_a_close_code(self) -> None:
        refusal = RelayError(ErrorCode.INVALID_TOKEN)
        async with open_relay() as (_world, relay):
            program = FakePhone(relay, ALICE, refused=refusal, dialect=TIKFINITY)
            error = await program.until("error")
            await settle()
            assert error["data"]["code"] == "invalid_token"
            assert program.closed_with is CloseCode.POLICY_VIOLATION

    @virtual_time
    async def test_an_interrupt_between_lives_is_explained(self) -> None:
        async with open_relay() as (world, relay):
            program = FakePhone(relay, ALICE, dialect=TIKFINITY)
            await program.until("connected")
            world.newest.say(messages.end())
            await program.until("disconnected")
            await asyncio.sleep(1)
            program.session.interrupt(RelayError(ErrorCode.TOKEN_REVOKED))
            error = await program.until("error")
            assert error["data"]["code"] == "token_revoked"
            assert not program.session.stream

    @virtual_time
    async def test_it_moves_to_another_streamer_and_stays_there(self) -> None:
        async with open_relay() as (world, relay):
            program = FakePhone(relay, ALICE, dialect=TIKFINITY)
            await program.until("connected")
            token: Any = Token("bob")
            program.session.recheck(token)
            await program.until("connected")
            world.newest.say(messages.chat("viewer", "hello"))
            chat = await program.until("chat")
            assert chat["data"]["tikfinityUsername"] == "bob"
            world.newest.say(messages.end())
            await program.until("disconnected")
            await program.until("connected")
            await program.session.end(1000)
