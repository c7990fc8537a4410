"""TikTok's messages read: what becomes events, what is counted, and what is reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLiveProto.v3.webcast.im import MessageType
from TikTokLiveProto.v3.webcast.model.message import WebcastMsgDetectMessage
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.tiktok.decoding import METHODS, DecodeError, load_whole_messages
from live.tiktok.reader import Reader
from live.tiktok.rooms import Room
from live.tiktok.values import id_text
from standin import captures, messages, wire
from standin.messages import Message
from tests.support.clock import FixedClock
from tests.support.reading import NOW, Heard, MessageFeed
from tests.support.samples import read_frame

METHODS_TOLD_APART = 500
BROKEN = b"\xff\xff\xff"
# Of a WebcastChatMessage, and of a User.
USER, BADGE_LIST = 2, 64


def make_feed() -> MessageFeed:
    return MessageFeed()


@pytest.fixture(scope="module")
def _whole_messages() -> None:
    load_whole_messages()


def make_feed_that_tells_others() -> MessageFeed:
    feed = make_feed()
    feed.reader.tells_others = True
    return feed


def frames(feed: MessageFeed) -> list[Any]:
    return [read_frame(entry.text) for entry in feed.log.read(0, feed.log.end)]


def types_of(feed: MessageFeed) -> list[str]:
    return [frame["type"] for frame in frames(feed)]


def texts(feed: MessageFeed) -> list[str]:
    return [frame["data"]["text"] for frame in frames(feed)]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def reader(heard: Heard) -> Reader:
    return Reader(heard, FixedClock(NOW))


class TestWhatTheListenerHears:
    def test_it_hears_of_the_room_and_of_events_in_their_order(
        self, reader: Reader, heard: Heard
    ) -> None:
        reader.on_open(Room("7"), "direct")
        reader.on_messages([messages.chat("a", "hello"), messages.like("b"), messages.unknown()])

        assert heard.rooms == [Room("7")]
        assert [str(event.type) for event in heard.events] == ["comment", "like"]

    def test_it_hears_of_a_response_that_says_nothing(self, heard: Heard) -> None:
        calls: list[list[Any]] = []

        class Listening(Heard):
            def on_events(self, events: Any) -> None:
                calls.append(list(events))

        Reader(Listening()).on_messages([])

        assert calls == [[]]

    def test_it_hears_that_the_connection_is_alive(self, reader: Reader, heard: Heard) -> None:
        reader.on_heartbeat()
        reader.on_undecodable("push frame", DecodeError("broken"))

        assert heard.heartbeats == 2
        assert reader.undecodable == {"push frame": 1}

    def test_it_hears_of_the_first_undecodable_message_of_each_kind(
        self, reader: Reader, heard: Heard
    ) -> None:
        for number in range(10):
            reader.on_messages([Message("WebcastChatMessage", BROKEN, number)])
            reader.on_messages([Message("WebcastGiftMessage", BROKEN, number)])

        assert heard.undecodable == ["WebcastChatMessage", "WebcastGiftMessage"]

    def test_it_hears_of_the_first_message_of_a_method_that_tiktoklive_does_not_map(
        self, reader: Reader, heard: Heard
    ) -> None:
        reader.on_messages([messages.unknown("WebcastFutureMessage", BROKEN)] * 3)
        reader.on_messages([messages.unknown("WebcastLinkLayerMessage", BROKEN)])

        assert reader.unknown == {"WebcastFutureMessage": 3}
        assert heard.unknown == ["WebcastFutureMessage"]
        assert not heard.events

    def test_it_reads_no_message_that_the_listener_does_not_take(self, reader: Reader) -> None:
        events = reader.read([messages.end(), Message("WebcastChatMessage", BROKEN, 1)])

        next(events)

        assert not reader.undecodable

    def test_it_gives_a_message_without_a_time_that_of_the_clock(self, reader: Reader) -> None:
        (event,) = reader.read([Message("WebcastLikeMessage", b"", 5)])

        assert (event.id, event.at) == ("5", NOW)


class TestWhatItCannotRead:
    def test_it_counts_messages_with_a_broken_badge_each_time(self, reader: Reader) -> None:
        broken = wire.bytes_field(USER, wire.bytes_field(BADGE_LIST, b"\xff"))

        reader.on_messages([Message("WebcastChatMessage", broken, number) for number in (1, 2)])

        assert reader.undecodable == {"WebcastChatMessage": 2}

    def test_it_counts_undecodable_messages_and_takes_the_others(self) -> None:
        feed = make_feed()

        feed.hear(
            [
                messages.chat("a", "before"),
                Message("WebcastChatMessage", BROKEN, 1),
                Message("WebcastGiftMessage", BROKEN, 2),
                Message("WebcastChatMessage", BROKEN, 3),
                messages.chat("a", "after"),
            ],
            0,
        )

        assert texts(feed) == ["before", "after"]
        assert feed.reader.undecodable == {"WebcastChatMessage": 2, "WebcastGiftMessage": 1}

    def test_it_tells_a_bounded_number_of_methods_apart(self) -> None:
        feed = make_feed()
        for number in range(METHODS_TOLD_APART + 50):
            feed.hear([messages.unknown(f"Webcast{number}")], 0)

        assert len(feed.reader.unknown) == METHODS_TOLD_APART + 1
        assert feed.reader.unknown["others"] == 50

    def test_it_counts_a_message_that_is_too_large_to_keep(self) -> None:
        feed = make_feed()

        feed.hear([messages.chat("a", "x" * 65536), messages.chat("a", "after")], 0)

        assert texts(feed) == ["after"]
        assert feed.reader.undecodable == {"WebcastChatMessage": 1}


LAYER_ID = 7_412_000_000_000_000_018


def detection(msg_id: int = LAYER_ID, text: str = "") -> Message:
    """A message that TikTokLive maps, but that becomes no frame of its own."""
    schema = WebcastMsgDetectMessage(
        common=CommonMessageData(msg_id=msg_id), from_region=text, d_type=3
    )
    return Message("WebcastMsgDetectMessage", bytes(schema), msg_id)


@pytest.mark.usefixtures("_whole_messages")
class TestOthers:
    def test_it_tells_the_whole_of_a_message_that_has_no_frame(self) -> None:
        feed = make_feed_that_tells_others()
        message = detection()

        assert feed.hear([message], 0)

        assert frames(feed) == [
            {
                "type": "other",
                "cursor": f"{feed.log.epoch}-1",
                "ts": NOW,
                "id": str(LAYER_ID),
                "data": {
                    "method": "WebcastMsgDetectMessage",
                    "size": len(message.payload),
                    "message": {"common": {"msg_id": str(LAYER_ID)}, "d_type": 3},
                },
            }
        ]
        assert not feed.reader.unknown
        assert not feed.reader.undecodable

    def test_it_tells_nothing_of_the_kind_unless_asked(self) -> None:
        feed = make_feed()

        assert not feed.hear([detection(), messages.unknown()], 0)

        assert not frames(feed)

    def test_it_tells_method_and_size_of_what_tiktoklive_does_not_map(self) -> None:
        feed = make_feed_that_tells_others()

        feed.hear([messages.unknown("WebcastFutureMessage", BROKEN, msg_id=-1)], 0)

        (frame,) = frames(feed)
        assert frame["id"] == "18446744073709551615"
        assert frame["data"] == {"method": "WebcastFutureMessage", "size": len(BROKEN)}
        assert feed.reader.unknown == {"WebcastFutureMessage": 1}

    def test_it_tells_only_the_size_of_what_is_too_large(self) -> None:
        feed = make_feed_that_tells_others()
        small, large = detection(text="x" * 16_000), detection(7, "x" * 16_384)

        feed.hear([small, large], 0)

        told, untold = frames(feed)
        assert told["data"]["message"]["from_region"] == "x" * 16_000
        assert untold["data"] == {
            "method": "WebcastMsgDetectMessage",
            "size": len(large.payload),
        }
        assert untold["id"] == "7"

    def test_it_tells_of_a_typed_message_that_says_nothing_by_its_type(self) -> None:
        feed = make_feed_that_tells_others()
        reminder = messages.subscribe("a", message_type=MessageType.ANCHOR_REMINDER)
        barrage = messages.barrage("a", "")

        feed.hear([reminder, barrage], 0)

        assert types_of(feed) == ["other", "other"]
        assert [frame["id"] for frame in frames(feed)] == [
            str(reminder.msg_id),
            str(barrage.msg_id),
        ]
        assert frames(feed)[0]["data"]["message"]["message_type"] == MessageType.ANCHOR_REMINDER
        assert "fans_level_param" in frames(feed)[1]["data"]["message"]

    @pytest.mark.parametrize("method", ["WebcastChatMessage", "WebcastMsgDetectMessage"])
    def test_it_counts_what_it_cannot_decode_once_and_tells_its_size(self, method: str) -> None:
        feed = make_feed_that_tells_others()

        feed.hear([Message(method, BROKEN, 5)], 0)

        (frame,) = frames(feed)
        assert (frame["id"], frame["data"]) == ("5", {"method": method, "size": len(BROKEN)})
        assert feed.reader.undecodable == {method: 1}

    def test_it_tells_of_a_typed_message_that_is_too_large_for_its_type(self) -> None:
        feed = make_feed_that_tells_others()
        message = messages.chat("a", "x" * 65_536)

        feed.hear([message], 0)

        (frame,) = frames(feed)
        assert frame["data"] == {"method": "WebcastChatMessage", "size": len(message.payload)}

    def test_it_tells_each_once(self) -> None:
        feed = make_feed_that_tells_others()
        other = messages.unknown(msg_id=8)

        feed.hear([detection(), detection(), other], 0)
        assert not feed.hear([detection(), other], 1)

        ids = [frame["id"] for frame in frames(feed)]
        assert ids == [str(LAYER_ID), "8"]

    def test_it_knows_it_by_its_own_id_as_every_frame(self) -> None:
        feed = make_feed_that_tells_others()
        message = detection()

        feed.hear([Message(message.method, message.payload, 99)], 0)

        assert frames(feed)[0]["id"] == str(LAYER_ID)

    def test_it_bounds_the_name_of_a_method(self) -> None:
        feed = make_feed_that_tells_others()

        feed.hear([messages.unknown("x" * 5000)], 0)

        assert frames(feed)[0]["data"]["method"] == "x" * 100

    @pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
    def test_it_loses_nothing_that_tiktok_sent(self) -> None:
        captured = [m for m in captures.load_captures() if m.method != "WebcastControlMessage"]
        room = 2 * len(captured) + 100
        reticent, talkative = MessageFeed(room), MessageFeed(room)
        talkative.reader.tells_others = True

        reticent.hear(captured, 0)
        talkative.hear(captured, 0)

        told = frames(talkative)
        ids = {frame.get("id") for frame in told}
        # A repeated step of a streak adds nothing.
        lasting = [m for m in captured if m.method != "WebcastGiftMessage" and m.msg_id]
        assert ids >= {id_text(message.msg_id) for message in lasting}
        others = [frame for frame in told if frame["type"] == "other"]
        untyped = [frame for frame in others if frame["data"]["method"] not in METHODS]
        assert [frame["data"]["method"] for frame in untyped] == [
            message.method for message in once_each(captured) if message.method not in METHODS
        ]
        for frame in others:
            large = frame["data"]["size"] > 16_384
            unmapped = frame["data"]["method"] not in EVENT_MAPPINGS
            assert ("message" not in frame["data"]) is (large or unmapped)
        typed = [frame for frame in told if frame["type"] != "other"]
        assert [without_cursor(frame) for frame in typed] == [
            without_cursor(frame) for frame in frames(reticent)
        ]


def once_each(messages: Iterable[Message]) -> list[Message]:
    """Without what TikTok repeats, as far as ids tell."""
    first: dict[object, Message] = {}
    for message in messages:
        first.setdefault(message.msg_id or object(), message)
    return list(first.values())


def without_cursor(frame: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in frame.items() if key != "cursor"}


@pytest.mark.usefixtures("_whole_messages")
class TestHostileMessages:
    @settings(derandomize=True, deadline=None, max_examples=500)
    @given(
        st.sampled_from(sorted(EVENT_MAPPINGS)) | st.text(max_size=5),
        st.binary(),
        st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
    )
    def test_it_survives_any_bytes(
        self, method: str, payload: bytes, msg_id: int, tells_others: bool
    ) -> None:
        feed = make_feed()
        feed.reader.tells_others = tells_others

        feed.hear([Message(method, payload, msg_id)], 0)

        told = frames(feed)
        assert len(told) <= 1
        if tells_others:
            assert told, "everything is told"
        shown = "".join(filter(str.isprintable, method[:100]))
        assert list(feed.reader.unknown) == ([] if method in EVENT_MAPPINGS else [shown])
        if method in METHODS and not told:
            # Either it can't be read, or it says nothing.
            feed.reader.tells_others = True
            feed.hear([Message(method, payload, 0)], 0)
            assert ("message" in frames(feed)[0]["data"]) is not (method in feed.reader.undecodable)
        assert sum(feed.reader.undecodable.values()) <= 2
