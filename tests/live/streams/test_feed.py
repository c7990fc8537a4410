"""From TikTok's messages to the log: each event once, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType, State, Status
from live.streams.borders import RoomBegan, RunEnded, StreamerOffline
from live.streams.streaks import STREAK_TIMEOUT
from live.tiktok.decoding import DecodeError
from live.tiktok.events import Event
from live.tiktok.rooms import Room
from standin import messages
from standin.messages import Message
from tests.support.reading import MessageFeed
from tests.support.samples import read_frame, sample

NOW = 1_795_000_000_000
IDS_REMEMBERED = 16_384
METHODS_TOLD_APART = 500
BROKEN = b"\xff\xff\xff"
ROOM = Room("1", "A title")


def heard(room: Room) -> Room:
    """The room, by a relay that has heard it since now."""
    return replace(room, heard_since=NOW)


def make_feed(backlog: int = 1000) -> MessageFeed:
    return MessageFeed(backlog, NOW)


def frames(feed: MessageFeed) -> list[Any]:
    return [read_frame(entry.text) for entry in feed.log.read(0, 100_000) if entry.text]


def types_of(feed: MessageFeed) -> list[str]:
    return [frame["type"] for frame in frames(feed)]


def texts(feed: MessageFeed) -> list[str]:
    return [frame["data"]["text"] for frame in frames(feed)]


class TestTake:
    def test_it_appends_events_in_their_order(self) -> None:
        feed = make_feed()

        assert feed.hear([messages.chat("a", str(n)) for n in range(5)], 0)
        feed.hear([messages.chat("a", "5"), messages.like("b")], 0)

        assert types_of(feed) == ["comment"] * 6 + ["like"]
        assert texts_of_comments(feed) == [str(n) for n in range(6)]

    def test_it_gives_frames_tiktok_s_id_as_text(self) -> None:
        feed = make_feed()

        feed.hear([messages.chat("a", "hello", msg_id=7_412_000_000_000_000_017)], 0)

        assert frames(feed)[0]["id"] == "7412000000000000017"

    def test_it_drops_what_tiktok_repeats(self) -> None:
        feed = make_feed()
        history = [messages.chat("a", "1"), messages.chat("a", "2")]
        feed.hear(history, 0)

        assert not feed.hear(history, 1)
        assert feed.hear([*history, messages.chat("a", "3")], 2)
        assert texts(feed) == ["1", "2", "3"]

    def test_it_drops_a_repeat_within_one_response(self) -> None:
        feed = make_feed()
        hello = messages.chat("a", "hello")

        feed.hear([hello, hello], 0)

        assert texts(feed) == ["hello"]

    def test_it_keeps_what_has_no_id(self) -> None:
        feed = make_feed()
        hello = messages.chat("a", "hello", msg_id=0)

        feed.hear([hello, hello], 0)

        assert texts(feed) == ["hello", "hello"]

    def test_it_remembers_a_bounded_number_of_ids(self) -> None:
        feed = make_feed()
        first, second = messages.chat("a", "first"), messages.chat("a", "second")
        feed.hear([first, second], 0)
        template = messages.like("a")
        feed.hear([template.renumbered(n) for n in range(1, IDS_REMEMBERED)], 0)

        assert feed.ids_remembered == IDS_REMEMBERED
        assert not feed.hear([second], 0), "the newest are remembered"
        assert feed.hear([first], 0), "the oldest is forgotten"

    def test_it_says_that_an_unread_response_brought_nothing_new(self) -> None:
        feed = make_feed()

        assert not feed.hear([], 0)
        assert not feed.hear([messages.unknown()], 0)


class TestStreaks:
    def test_it_shows_a_streak_as_it_grows(self) -> None:
        feed = make_feed()

        feed.hear(messages.streak("a", count=3), 0)

        assert gifts(feed) == [("ongoing", 1), ("ongoing", 2), ("ongoing", 3), ("ended", 3)]

    def test_it_ends_a_streak_that_tiktok_forgot(self) -> None:
        feed = make_feed()
        feed.hear(messages.streak("a", count=3)[:-1], 100)

        feed.sweep(100 + STREAK_TIMEOUT)

        assert gifts(feed)[-1] == ("ended", 3)
        assert "id" not in frames(feed)[-1]

    def test_a_streak_that_two_processes_have_ended_counts_once(self) -> None:
        streak = messages.streak("a", count=3)[:-1]
        mine, leaders = make_feed(), make_feed()
        mine.log.begin_behind(leaders.log.epoch, 0)
        for feed in (mine, leaders):
            feed.hear(streak, 100)
        leaders.log.skip_to(10)
        for feed in (mine, leaders):
            feed.sweep(100 + STREAK_TIMEOUT)
        (ended,) = leaders.log.read(10, 10)

        mine.copy_frame(ended.offset, ended.at, ended.type, "", ended.text)

        assert [gift for gift in gifts(mine) if gift[0] == "ended"] == [("ended", 3)]
        assert mine.log.end == leaders.log.end

    def test_it_ends_open_streaks_when_the_stream_is_over(self) -> None:
        feed = make_feed()
        feed.hear(messages.streak("a", count=2)[:-1], 0)

        feed.end_run(None, NOW)

        assert gifts(feed)[-1] == ("ended", 2)
        assert feed.log.border_after(0) == (feed.log.end, RunEnded(feed.run, None))


class TestLiveEnd:
    def test_it_ends_open_streaks_first(self) -> None:
        feed = make_feed()
        feed.hear(messages.streak("a", count=2)[:-1], 0)

        feed.hear([messages.end()], 1)

        assert types_of(feed) == ["gift", "gift", "gift", "live_end"]
        assert feed.live_ended

    def test_it_takes_nothing_after_it(self) -> None:
        feed = make_feed()

        feed.hear([messages.end(), messages.chat("a", "too late")], 0)
        assert not feed.hear([messages.chat("a", "later still")], 1)

        assert types_of(feed) == ["live_end"]

    def test_it_ends_the_next_run_too_when_tiktok_repeats_it(self) -> None:
        feed = make_feed()
        feed.hear([messages.end()], 0)
        feed.end_run(None, NOW)
        feed.begin_run()
        assert not feed.live_ended

        feed.hear([messages.end()], 1)

        assert feed.live_ended


class TestWhatTheRelaySays:
    def test_it_appends_the_stream_s_status(self) -> None:
        feed = make_feed()

        feed.append_status(Status(State.RECONNECTING, attempt=2, retry_in=1.5))

        (frame,) = frames(feed)
        assert (frame["type"], frame["ts"]) == ("status", NOW)
        assert frame["data"] == {"state": "reconnecting", "attempt": 2, "retry_in": 1.5}

    def test_it_announces_a_gap_of_the_upstream(self) -> None:
        feed = make_feed()
        feed.open(ROOM)
        feed.cut(NOW - 5000)
        feed.cut(NOW - 1000)

        feed.open(ROOM)

        (frame,) = frames(feed)
        cursor = f"{feed.log.epoch}-2"
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
        feed.open(ROOM)
        feed.hear([messages.viewers(12), *messages.streak("a", count=2)[:-1]], 0)

        feed.open(replace(ROOM, id="2"))

        assert gifts(feed)[-1] == ("ended", 2)
        assert feed.snapshot().viewers is None
        assert not feed.snapshot().gifts


class TestBorders:
    def test_a_live_begins_once(self) -> None:
        feed = make_feed()
        feed.begin_run()

        feed.open(ROOM)
        feed.cut(NOW)
        feed.open(ROOM)

        assert feed.log.border_after(0) == (1, RoomBegan(heard(ROOM), feed.snapshot()))
        assert feed.log.border_after(1) is None

    def test_it_begins_again_for_the_next_run_with_what_is_known_of_it(self) -> None:
        feed = make_feed()
        feed.begin_run()
        feed.open(ROOM)
        feed.hear([messages.viewers(12)], 0)
        feed.end_run(None, NOW)

        feed.begin_run()
        feed.open(ROOM)

        _offset, border = feed.log.border_after(feed.log.end - 2) or (0, None)
        assert isinstance(border, RoomBegan)
        assert border.snapshot.viewers == 12
        assert types_of(feed)[-1] == "gap"

    def test_a_gap_tells_that_the_end_of_the_last_live_was_not_heard(self) -> None:
        feed = make_feed()
        feed.open(ROOM)
        feed.hear([messages.chat("a", "hello")], 0)
        feed.cut(NOW - 5000)

        feed.open(replace(ROOM, id="2"))

        assert types_of(feed) == ["comment", "gap"]
        assert frames(feed)[-1]["data"]["from"] == NOW - 5000
        began = RoomBegan(heard(replace(ROOM, id="2")), feed.snapshot())
        assert feed.log.border_after(2) == (3, began)

    def test_so_it_does_in_the_next_run(self) -> None:
        feed = make_feed()
        feed.begin_run()
        feed.open(ROOM)
        feed.end_run(None, NOW - 5000)
        feed.begin_run()

        feed.open(replace(ROOM, id="2"))

        assert types_of(feed) == ["gap"]

    def test_no_gap_follows_an_end_that_was_heard(self) -> None:
        feed = make_feed()
        feed.begin_run()
        feed.open(ROOM)
        feed.hear([messages.end()], 0)
        feed.end_run(None, NOW)
        feed.begin_run()

        feed.open(replace(ROOM, id="2"))

        assert types_of(feed) == ["live_end"]

    def test_a_live_that_goes_on_after_its_end_has_a_gap(self) -> None:
        feed = make_feed()
        feed.begin_run()
        feed.open(ROOM)
        feed.hear([messages.end()], 0)
        feed.end_run(None, NOW)
        feed.begin_run()

        feed.open(ROOM)

        assert types_of(feed) == ["live_end", "gap"]

    def test_streaks_end_before_the_next_live_begins(self) -> None:
        feed = make_feed()
        feed.open(ROOM)
        feed.hear(messages.streak("a", count=2)[:-1], 0)
        ongoing = feed.log.end

        feed.open(replace(ROOM, id="2"))

        assert feed.log.border_after(ongoing) == (
            ongoing + 2,
            RoomBegan(heard(replace(ROOM, id="2")), feed.snapshot()),
        )
        assert gifts(feed)[-1] == ("ended", 2)

    def test_streaks_end_when_the_streamer_goes_offline(self) -> None:
        feed = make_feed()
        feed.open(ROOM)
        feed.hear(messages.streak("a", count=2)[:-1], 0)
        error = RelayError(ErrorCode.USER_OFFLINE, username="anna")

        feed.streamer_offline(error)

        assert gifts(feed)[-1] == ("ended", 2)
        assert feed.log.border_before(feed.log.end) == StreamerOffline(feed.run, error)


class TestSnapshots:
    def test_it_keeps_the_snapshot(self) -> None:
        feed = make_feed()

        feed.hear([messages.viewers(12), messages.like("a", 3, total=40)], 0)
        feed.hear(messages.streak("a", count=2, diamonds=5), 0)

        snapshot = feed.snapshot()
        assert (snapshot.viewers, snapshot.likes) == (12, 40)
        assert [gifter.diamonds for gifter in snapshot.top] == [10]
        assert snapshot.diamonds == 10


class TestSinceWhenALiveIsHeard:
    """However often the connection is lost, and the stream over."""

    def test_it_is_the_first_connection(self) -> None:
        feed = make_feed()
        feed.begin_run()
        feed.open(ROOM)
        feed.cut(NOW)
        feed.clock.ms += 60_000
        feed.open(replace(ROOM, title="Another title"))
        feed.end_run(None, NOW)

        feed.begin_run()
        feed.open(ROOM)

        assert feed.room == heard(ROOM)

    def test_the_next_live_begins_anew(self) -> None:
        feed = make_feed()
        feed.open(ROOM)
        feed.clock.ms += 60_000

        feed.open(replace(ROOM, id="2"))

        assert feed.room == replace(ROOM, id="2", heard_since=NOW + 60_000)

    def test_who_follows_another_process_knows_it_from_there(self) -> None:
        feed, other = make_feed(), make_feed()
        feed.open(ROOM)
        placed = feed.log.border_after(0)
        assert placed is not None

        other.copy_border(placed[0], NOW + 60_000, placed[1])
        other.open(ROOM)

        assert other.room == heard(ROOM)


def gifts(feed: MessageFeed) -> list[tuple[str, int]]:
    data = [frame["data"] for frame in frames(feed) if frame["type"] == "gift"]
    return [(each["streak"], each["count"]) for each in data]


def texts_of_comments(feed: MessageFeed) -> list[str]:
    return [frame["data"]["text"] for frame in frames(feed) if frame["type"] == "comment"]


class TestCounting:
    def test_it_counts_new_events_by_type(self) -> None:
        feed = make_feed()
        hello = messages.chat("a", "hello")
        feed.hear([hello, messages.like("b"), messages.chat("c", "hi")], 0)
        feed.hear([hello, messages.chat("d", "new")], 1)
        assert {kind: n for kind, n in feed.counts.events.items() if n} == {"comment": 3, "like": 1}

    def test_it_measures_how_late_the_newest_event_of_a_push_is(self) -> None:
        feed = make_feed()
        events = [
            Event(FrameType.FOLLOW, str(age), NOW - age, sample(FrameType.FOLLOW))
            for age in (90_000, 2_500)
        ]
        feed.take(events, 0)
        feed.take(events, 0)  # a repeat
        latency = feed.counts.upstream_latency
        assert (latency.count, latency.sum) == (1, 2.5)

    def test_an_event_without_a_time_of_tiktok_s_is_not_measured(self) -> None:
        feed = make_feed()
        feed.take([Event(FrameType.FOLLOW, "1", NOW, sample(FrameType.FOLLOW))], 0)
        assert feed.counts.events[FrameType.FOLLOW] == 1
        assert feed.counts.upstream_latency.count == 0

    def test_methods_that_make_no_frames_are_counted_as_one(self) -> None:
        feed = make_feed()
        feed.hear([Message("WebcastChatMessage", BROKEN, number) for number in (1, 2)], 0)
        for what in ("push frame", "WebcastWhateverTikTokSays"):
            feed.reader.on_undecodable(what, DecodeError("broken"))
        assert feed.counts.undecodable == {"WebcastChatMessage": 2, "other": 1, "push frame": 1}
