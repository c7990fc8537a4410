"""Fields that matter and go empty: said once, in plain words, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest
from msgspec import Struct
from pytest_django import Settings

from live.protocol.frames import Comment, FrameType, Join, Like
from live.streams.drift import Drift
from live.tiktok.decoding import METHODS
from standin import captures, messages, wire
from standin.messages import Message
from tests.support.reading import MessageFeed
from tests.support.samples import gift, read_frame, sample, user

NOW = 1_795_000_000_000
WINDOW = 200
ENOUGH = 30


def comments(count: int, text: str = "hello") -> list[Comment]:
    return [Comment(user(), text, [], []) for _ in range(count)]


def watch(drift: Drift, data: Sequence[Struct]) -> None:
    for each in data:
        drift.watch(each)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "live")


class TestDrift:
    def test_an_emptied_field_is_found_and_logged_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        drift = Drift("anna")

        watch(drift, comments(ENOUGH, text=""))

        (finding,) = drift.findings
        assert (finding.what, finding.missing, finding.seen) == ("Comments without text", 30, 30)
        assert said(caplog) == [
            "⚠️ @anna: Comments without text: 30 of the last 30 (normal: 10 %)."
            " TikTok may have changed its messages."
        ]

    def test_it_is_said_in_the_language_of_the_server(
        self, caplog: pytest.LogCaptureFixture, settings: Settings
    ) -> None:
        settings.LANGUAGE_CODE = "ru"

        watch(Drift("anna"), comments(ENOUGH, text=""))

        (line,) = said(caplog)
        assert "@anna" in line
        assert "30" in line

    def test_it_is_said_once_as_long_as_it_lasts(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")

        watch(drift, comments(5 * WINDOW, text=""))

        assert len(said(caplog)) == 1
        (finding,) = drift.findings
        assert (finding.missing, finding.seen) == (WINDOW, WINDOW)

    def test_it_says_when_it_is_over(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")
        watch(drift, comments(WINDOW, text=""))
        caplog.clear()

        watch(drift, comments(WINDOW))

        assert drift.findings == []
        (line,) = said(caplog)
        assert line.startswith("✅ @anna: Comments without text: ")

    def test_it_can_begin_again(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")

        for _ in range(3):
            watch(drift, comments(WINDOW, text=""))
            watch(drift, comments(WINDOW))

        assert len(said(caplog)) == 6

    def test_it_does_not_flicker_at_the_border(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")

        # It begins at 30 %: normal are 10, and 20 more.
        for missing in (62, 56) * 10:
            watch(drift, [*comments(missing, text=""), *comments(WINDOW - missing)])

        assert len(said(caplog)) == 1

    def test_few_messages_say_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")

        watch(drift, comments(ENOUGH - 1, text=""))

        assert drift.findings == []
        assert not said(caplog)

    def test_it_is_normal_that_some_are_empty(self, caplog: pytest.LogCaptureFixture) -> None:
        drift = Drift("anna")

        for _ in range(100):  # comments of emotes, free gifts
            watch(drift, [*comments(1, text=""), *comments(9)])
            watch(drift, [gift(diamonds=0), *[gift(diamonds=5)] * 9])

        assert drift.findings == []
        assert not said(caplog)

    def test_it_forgets_what_is_long_ago(self) -> None:
        drift = Drift("anna")
        watch(drift, comments(WINDOW))

        watch(drift, comments(WINDOW // 2, text=""))

        (finding,) = drift.findings
        assert (finding.missing, finding.seen) == (WINDOW // 2, WINDOW)

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (Comment(user(""), "hello", [], []), "Comments without a user id"),
            (gift(who="", diamonds=5), "Gifts without a user id"),
            (gift(diamonds=0), "Gifts without diamonds"),
            (gift(kind="0", diamonds=5), "Gifts without an id"),
            (Like(user(""), 1, 1), "Likes without a user id"),
            (Join(user("")), "Joins without a user id"),
        ],
    )
    def test_it_knows_the_fields_that_matter(self, data: Struct, what: str) -> None:
        drift = Drift("anna")

        watch(drift, [data] * ENOUGH)

        assert [finding.what for finding in drift.findings] == [what]

    def test_it_watches_each_field_for_itself(self) -> None:
        drift = Drift("anna")

        watch(drift, [Comment(user(""), "", [], [])] * ENOUGH)

        assert len(drift.findings) == 2

    @pytest.mark.parametrize("type", FrameType)
    def test_it_takes_any_frame(self, type: FrameType) -> None:
        drift = Drift("anna")

        watch(drift, [sample(type, 1)] * WINDOW)

        assert drift.findings == []


def moved(message: Message, *numbers: int) -> Message:
    """The message as TikTok sends it once it has moved some of its fields to other numbers."""
    payload = message.payload
    for number in numbers:
        (value,) = [field.value for field in wire.fields(payload) if field.number == number]
        if isinstance(value, bytes):
            field = wire.bytes_field(1900 + number, value)
        else:
            field = wire.varint_field(1900 + number, value)
        payload = wire.replace(payload, number, field)
    return Message(message.method, payload, message.msg_id)


CONTENT, CHAT_USER = 3, 2
GIFT_ID, GIFT = 2, 15


class TestAFeed:
    def test_it_notices_that_comments_have_lost_their_text(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        feed = MessageFeed(1000, NOW)

        feed.hear([messages.chat("a", f"hello {number}") for number in range(100)], 0)
        assert feed.drift.findings == []
        feed.hear([moved(messages.chat("a", "hello"), CONTENT) for _ in range(100)], 1)

        (finding,) = feed.drift.findings
        assert finding.what == "Comments without text"
        assert not feed.reader.undecodable, "nothing else says that something is wrong"
        assert read_frame(feed.log.read(0, 1000)[-1].text)["data"]["text"] == ""
        (line,) = said(caplog)
        assert "@anna: Comments without text: " in line

    def test_it_notices_that_users_have_gone(self) -> None:
        feed = MessageFeed(1000, NOW)

        feed.hear([moved(messages.chat("a", "hello"), CHAT_USER) for _ in range(ENOUGH)], 0)

        assert [finding.what for finding in feed.drift.findings] == ["Comments without a user id"]

    def test_it_notices_that_gifts_have_lost_what_they_are(self) -> None:
        feed = MessageFeed(1000, NOW)

        for _ in range(ENOUGH):
            feed.hear([moved(messages.gift("a", diamonds=5), GIFT_ID, GIFT)], 0)

        found = {finding.what for finding in feed.drift.findings}
        assert found == {"Gifts without an id", "Gifts without diamonds"}

    def test_it_is_at_ease_with_what_tiktok_sent(self, caplog: pytest.LogCaptureFixture) -> None:
        if not captures.captures_available():
            pytest.skip(captures.captures_reason())
        feed = MessageFeed(1000, NOW)
        captured = [m for m in captures.load_captures() if m.method in METHODS]

        for _ in range(3):  # a LIVE of 3 × 20 comments
            feed.hear([m.renumbered() for m in captured if m.method != END], 0)

        assert len(feed.log.read(0, 10_000)) > 600
        assert feed.drift.findings == []
        assert not said(caplog)


END = "WebcastControlMessage"
