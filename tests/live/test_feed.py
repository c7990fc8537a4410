"""From TikTok's messages to the log: each event once, in order."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from live.decoding import DecodeError
from live.feed import Feed
from live.frames import State, Status
from live.streaks import STREAK_TIMEOUT
from tests.live.samples import read_frame
from tests.tiktok import messages
from tests.tiktok.messages import Message

NOW = 1_795_000_000_000
IDS_REMEMBERED = 16_384
METHODS_TOLD_APART = 500
BROKEN = b"\xff\xff\xff"


def make_feed(backlog: int = 1000) -> Feed:
    return Feed(backlog, lambda: NOW)


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
        with caplog.at_level(logging.WARNING, "live.feed"):
            for number in range(10):
                feed.take([Message("WebcastChatMessage", BROKEN, number)], 0)
                feed.take([Message("WebcastGiftMessage", BROKEN, number)], 0)

        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 2
        assert "WebcastChatMessage" in said[0]
        assert "WebcastGiftMessage" in said[1]

    def test_it_counts_methods_that_become_no_frames(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        feed = make_feed()

        feed.take([messages.unknown("WebcastFutureMessage", BROKEN)] * 3, 0)

        assert feed.unmapped == {"WebcastFutureMessage": 3}
        assert feed.log.end == 0
        assert not caplog.records

    def test_it_tells_a_bounded_number_of_methods_apart(self) -> None:
        feed = make_feed()
        for number in range(METHODS_TOLD_APART + 50):
            feed.take([messages.unknown(f"Webcast{number}")], 0)

        assert len(feed.unmapped) == METHODS_TOLD_APART + 1
        assert feed.unmapped["others"] == 50

    def test_it_counts_what_it_is_told_of(self) -> None:
        feed = make_feed()

        feed.reject("push frame", DecodeError("broken"))

        assert feed.undecodable == {"push frame": 1}


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
