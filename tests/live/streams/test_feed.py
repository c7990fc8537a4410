"""From TikTok's messages to the log: each event once, in order."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLiveProto.v3.webcast.im import MessageType
from TikTokLiveProto.v3.webcast.model.message import WebcastMsgDetectMessage
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.protocol.frames import State, Status
from live.streams.feed import Feed
from live.streams.streaks import STREAK_TIMEOUT
from live.tiktok.decoding import METHODS, DecodeError, load_whole_messages
from standin import captures, messages
from standin.messages import Message
from tests.support.samples import read_frame

NOW = 1_795_000_000_000
IDS_REMEMBERED = 16_384
METHODS_TOLD_APART = 500
BROKEN = b"\xff\xff\xff"


def make_feed(backlog: int = 1000) -> Feed:
    return Feed(backlog, lambda: NOW, "anna")


@pytest.fixture(scope="module")
def _whole_messages() -> None:
    load_whole_messages()


def make_feed_that_tells_others() -> Feed:
    feed = make_feed()
    feed.tells_others = True
    return feed


def frames(feed: Feed) -> list[Any]:
    return [read_frame(entry.text) for entry in feed.log.read(0, 100_000)]


def types_of(feed: Feed) -> list[str]:
    return [frame["type"] for frame in frames(feed)]


def texts(feed: Feed) -> list[str]:
    return [frame["data"]["text"] for frame in frames(feed)]


class TestTake:
    def test_it_appends_events_in_their_order(self) -> None:
        feed = make_feed()

        assert feed.take([messages.chat("a", str(n)) for n in range(5)], 0)
        feed.take([messages.chat("a", "5"), messages.like("b")], 0)

        assert types_of(feed) == ["comment"] * 6 + ["like"]
        assert texts_of_comments(feed) == [str(n) for n in range(6)]

    def test_it_gives_frames_tiktok_s_id_as_text(self) -> None:
        feed = make_feed()

        feed.take([messages.chat("a", "hello", msg_id=7_412_000_000_000_000_017)], 0)

        assert frames(feed)[0]["id"] == "7412000000000000017"

    def test_it_drops_what_tiktok_repeats(self) -> None:
        feed = make_feed()
        history = [messages.chat("a", "1"), messages.chat("a", "2")]
        feed.take(history, 0)

        assert not feed.take(history, 1)
        assert feed.take([*history, messages.chat("a", "3")], 2)
        assert texts(feed) == ["1", "2", "3"]

    def test_it_drops_a_repeat_within_one_response(self) -> None:
        feed = make_feed()
        hello = messages.chat("a", "hello")

        feed.take([hello, hello], 0)

        assert texts(feed) == ["hello"]

    def test_it_keeps_what_has_no_id(self) -> None:
        feed = make_feed()
        hello = messages.chat("a", "hello", msg_id=0)

        feed.take([hello, hello], 0)

        assert texts(feed) == ["hello", "hello"]

    def test_it_remembers_a_bounded_number_of_ids(self) -> None:
        feed = make_feed()
        first, second = messages.chat("a", "first"), messages.chat("a", "second")
        feed.take([first, second], 0)
        template = messages.like("a")
        feed.take([template.renumbered(n) for n in range(1, IDS_REMEMBERED)], 0)

        assert len(feed._ids) == IDS_REMEMBERED
        assert not feed.take([second], 0), "the newest are remembered"
        assert feed.take([first], 0), "the oldest is forgotten"

    def test_it_says_that_an_unread_response_brought_nothing_new(self) -> None:
        feed = make_feed()

        assert not feed.take([], 0)
        assert not feed.take([messages.unknown()], 0)


class TestWhatItCannotRead:
    def test_it_counts_undecodable_messages_and_takes_the_others(self) -> None:
        feed = make_feed()

        feed.take(
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
        assert feed.undecodable == {"WebcastChatMessage": 2, "WebcastGiftMessage": 1}

    def test_it_logs_the_first_of_each_kind(self, caplog: pytest.LogCaptureFixture) -> None:
        feed = make_feed()
        with caplog.at_level(logging.WARNING, "live"):
            for number in range(10):
                feed.take([Message("WebcastChatMessage", BROKEN, number)], 0)
                feed.take([Message("WebcastGiftMessage", BROKEN, number)], 0)

        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 2
        assert "WebcastChatMessage" in said[0]
        assert "WebcastGiftMessage" in said[1]

    def test_it_counts_methods_that_tiktoklive_does_not_map(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        feed = make_feed()

        with caplog.at_level(logging.INFO, "live"):
            feed.take([messages.unknown("WebcastFutureMessage", BROKEN)] * 3, 0)
            feed.take([messages.unknown("WebcastLinkLayerMessage", BROKEN)], 0)

        assert feed.unknown == {"WebcastFutureMessage": 3}
        assert feed.log.end == 0
        (said,) = [record.getMessage() for record in caplog.records]
        assert said == "@anna: TikTok sent a WebcastFutureMessage, which TikTokLive does not know"

    def test_it_tells_a_bounded_number_of_methods_apart(self) -> None:
        feed = make_feed()
        for number in range(METHODS_TOLD_APART + 50):
            feed.take([messages.unknown(f"Webcast{number}")], 0)

        assert len(feed.unknown) == METHODS_TOLD_APART + 1
        assert feed.unknown["others"] == 50

    def test_it_counts_what_it_is_told_of(self) -> None:
        feed = make_feed()

        feed.reject("push frame", DecodeError("broken"))

        assert feed.undecodable == {"push frame": 1}


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

        assert feed.take([message], 0)

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
        assert not feed.unknown
        assert not feed.undecodable

    def test_it_tells_nothing_of_the_kind_unless_asked(self) -> None:
        feed = make_feed()

        assert not feed.take([detection(), messages.unknown()], 0)

        assert not frames(feed)

    def test_it_tells_method_and_size_of_what_tiktoklive_does_not_map(self) -> None:
        feed = make_feed_that_tells_others()

        feed.take([messages.unknown("WebcastFutureMessage", BROKEN, msg_id=-1)], 0)

        (frame,) = frames(feed)
        assert frame["id"] == "18446744073709551615"
        assert frame["data"] == {"method": "WebcastFutureMessage", "size": len(BROKEN)}
        assert feed.unknown == {"WebcastFutureMessage": 1}

    def test_it_tells_only_the_size_of_what_is_too_large(self) -> None:
        feed = make_feed_that_tells_others()
        small, large = detection(text="x" * 16_000), detection(7, "x" * 16_384)

        feed.take([small, large], 0)

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

        feed.take([reminder, barrage], 0)

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

        feed.take([Message(method, BROKEN, 5)], 0)

        (frame,) = frames(feed)
        assert (frame["id"], frame["data"]) == ("5", {"method": method, "size": len(BROKEN)})
        assert feed.undecodable == {method: 1}

    def test_it_tells_of_a_typed_message_that_is_too_large_for_its_type(self) -> None:
        feed = make_feed_that_tells_others()
        message = messages.chat("a", "x" * 65_536)

        feed.take([message], 0)

        (frame,) = frames(feed)
        assert frame["data"] == {"method": "WebcastChatMessage", "size": len(message.payload)}

    def test_it_tells_each_once(self) -> None:
        feed = make_feed_that_tells_others()
        other = messages.unknown(msg_id=8)

        feed.take([detection(), detection(), other], 0)
        assert not feed.take([detection(), other], 1)

        ids = [frame["id"] for frame in frames(feed)]
        assert ids == [str(LAYER_ID), "8"]

    def test_it_knows_it_by_its_own_id_as_every_frame(self) -> None:
        feed = make_feed_that_tells_others()
        message = detection()

        feed.take([Message(message.method, message.payload, 99)], 0)

        assert frames(feed)[0]["id"] == str(LAYER_ID)

    def test_it_bounds_the_name_of_a_method(self) -> None:
        feed = make_feed_that_tells_others()

        feed.take([messages.unknown("x" * 5000)], 0)

        assert frames(feed)[0]["data"]["method"] == "x" * 100

    @pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
    def test_it_loses_nothing_that_tiktok_sent(self) -> None:
        captured = [m for m in captures.load_captures() if m.method != "WebcastControlMessage"]
        reticent, talkative = make_feed(), make_feed_that_tells_others()

        reticent.take(captured, 0)
        talkative.take(captured, 0)

        told = frames(talkative)
        assert {frame["id"] for frame in told} >= {str(m.msg_id) for m in captured}
        others = [frame for frame in told if frame["type"] == "other"]
        assert [frame["data"]["method"] for frame in others] == [
            message.method for message in captured if message.method not in METHODS
        ]
        for frame in others:
            large = frame["data"]["size"] > 16_384
            unmapped = frame["data"]["method"] not in EVENT_MAPPINGS
            assert ("message" not in frame["data"]) is (large or unmapped)
        typed = [frame for frame in told if frame["type"] != "other"]
        assert [without_cursor(frame) for frame in typed] == [
            without_cursor(frame) for frame in frames(reticent)
        ]


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
        feed.tells_others = tells_others

        feed.take([Message(method, payload, msg_id)], 0)

        told = frames(feed)
        assert len(told) <= 1
        if tells_others:
            assert told, "everything is told"
        shown = "".join(filter(str.isprintable, method[:100]))
        assert list(feed.unknown) == ([] if method in EVENT_MAPPINGS else [shown])
        if method in METHODS and not told:
            # Either it can't be read, or it says nothing.
            feed.tells_others = True
            feed.take([Message(method, payload, 0)], 0)
            assert ("message" in frames(feed)[0]["data"]) is not (method in feed.undecodable)
        assert sum(feed.undecodable.values()) <= 2


class TestStreaks:
    def test_it_shows_a_streak_as_it_grows(self) -> None:
        feed = make_feed()

        feed.take(messages.streak("a", count=3), 0)

        assert gifts(feed) == [("ongoing", 1), ("ongoing", 2), ("ongoing", 3), ("ended", 3)]

    def test_it_ends_a_streak_that_tiktok_forgot(self) -> None:
        feed = make_feed()
        feed.take(messages.streak("a", count=3)[:-1], 100)

        feed.sweep(100 + STREAK_TIMEOUT)

        assert gifts(feed)[-1] == ("ended", 3)
        assert "id" not in frames(feed)[-1]

    def test_it_ends_open_streaks_when_the_stream_is_over(self) -> None:
        feed = make_feed()
        feed.take(messages.streak("a", count=2)[:-1], 0)

        feed.finish()

        assert gifts(feed)[-1] == ("ended", 2)
        assert feed.log.closed


class TestLiveEnd:
    def test_it_ends_open_streaks_first(self) -> None:
        feed = make_feed()
        feed.take(messages.streak("a", count=2)[:-1], 0)

        feed.take([messages.end()], 1)

        assert types_of(feed) == ["gift", "gift", "gift", "live_end"]
        assert feed.live_ended

    def test_it_takes_nothing_after_it(self) -> None:
        feed = make_feed()

        feed.take([messages.end(), messages.chat("a", "too late")], 0)
        assert not feed.take([messages.chat("a", "later still")], 1)
        feed.finish()

        assert types_of(feed) == ["live_end"]


class TestWhatTheRelaySays:
    def test_it_appends_the_stream_s_status(self) -> None:
        feed = make_feed()

        feed.append_status(Status(State.RECONNECTING, attempt=2, retry_in=1.5))

        (frame,) = frames(feed)
        assert (frame["type"], frame["ts"]) == ("status", NOW)
        assert frame["data"] == {"state": "reconnecting", "attempt": 2, "retry_in": 1.5}

    def test_it_announces_a_gap_of_the_upstream(self) -> None:
        feed = make_feed()

        feed.append_upstream_gap(NOW - 5000)

        (frame,) = frames(feed)
        cursor = f"{feed.log.epoch}-1"
        assert frame["cursor"] == cursor
        assert frame["data"] == {
            "side": "upstream",
            "from": NOW - 5000,
            "to": NOW,
            "missed": None,
            "cursor": cursor,
        }

    def test_it_starts_anew_with_the_next_live_in_the_same_log(self) -> None:
        feed = make_feed()
        feed.take([messages.viewers(12), *messages.streak("a", count=2)[:-1]], 0)

        feed.start_anew()

        assert gifts(feed)[-1] == ("ended", 2)
        assert feed.snapshot().viewers is None
        assert not feed.snapshot().gifts

    def test_it_counts_a_message_that_is_too_large_to_keep(self) -> None:
        feed = make_feed()

        feed.take([messages.chat("a", "x" * 65536), messages.chat("a", "after")], 0)

        assert texts(feed) == ["after"]
        assert feed.undecodable == {"WebcastChatMessage": 1}

    def test_it_keeps_the_snapshot(self) -> None:
        feed = make_feed()

        feed.take([messages.viewers(12), messages.like("a", 3, total=40)], 0)
        feed.take(messages.streak("a", count=2, diamonds=5), 0)

        snapshot = feed.snapshot()
        assert (snapshot.viewers, snapshot.likes) == (12, 40)
        assert [gifter.diamonds for gifter in snapshot.top] == [10]


def gifts(feed: Feed) -> list[tuple[str, int]]:
    data = [frame["data"] for frame in frames(feed) if frame["type"] == "gift"]
    return [(each["streak"], each["count"]) for each in data]


def texts_of_comments(feed: Feed) -> list[str]:
    return [frame["data"]["text"] for frame in frames(feed) if frame["type"] == "comment"]
