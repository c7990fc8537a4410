"""LIVEs are counted from the streams' logs, and kept: each event once, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from accounts.models import User
from live.clock import to_ms
from live.history.heard import Heard
from live.history.models import (
    EndReason,
    Gifter,
    GiftKind,
    GivenGift,
    Hole,
    HoleKind,
    Live,
    LiveListener,
    Minute,
    TranscriptLine,
)
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import FrameType, StreakState
from live.streams.feed import Feed
from tests.support.history import MINUTE, NOW, Keeping, event, gift_event, room, viewers

pytestmark = pytest.mark.django_db(transaction=True)

ONGOING, ENDED = StreakState.ONGOING, StreakState.ENDED


@pytest.fixture
async def keeping() -> AsyncIterator[Keeping]:
    keeping = Keeping()
    yield keeping
    await keeping.end()


async def an_account(name: str = "anna", **given: Any) -> int:
    user = await User.objects.acreate(username=name, tiktok_username=f"{name}.live", **given)
    return int(user.pk)


async def holes() -> list[tuple[str, int, int]]:
    return [
        (
            hole.kind,
            to_ms(hole.began_at),
            to_ms(hole.ended_at),
        )
        async for hole in Hole.objects.order_by("began_at", "pk")
    ]


class TestWhatIsCounted:
    async def test_each_kind_of_event_has_its_sum_in_the_live_and_its_minute(
        self, keeping: Keeping
    ) -> None:
        stream = keeping.stream(await an_account())
        stream.feed.open(room(started_at=NOW - 5000))
        keeping.clock.ms += MINUTE
        at = NOW + 1000
        stream.feed.take(
            [
                event(FrameType.LIKE, at, 7),
                event(FrameType.LIKE, at + MINUTE, 3),
                event(FrameType.COMMENT, at),
                event(FrameType.SHARE, at),
                event(FrameType.FOLLOW, at),
                event(FrameType.JOIN, at),
                event(FrameType.SUBSCRIBE, at),
                viewers(at, 10, 100),
                viewers(at + MINUTE, 31, 120),
                event(FrameType.CAPTION, at),
            ],
            0,
        )
        keeping.clock.ms += MINUTE
        await keeping.write()

        live = await Live.objects.aget()
        assert (live.tiktok_username, live.room_id, live.title) == ("anna.live", "1", "A title")
        assert (live.likes, live.comments, live.shares, live.follows) == (10, 1, 1, 1)
        assert (live.joins, live.subscriptions, live.gifts, live.diamonds) == (1, 1, 0, 0)
        assert (live.viewers_peak, live.viewers_average, live.viewers_total) == (31, 20, 120)
        assert live.viewers_peak_at is not None
        assert to_ms(live.viewers_peak_at) == at + MINUTE
        assert live.is_heard
        first, second = [minute async for minute in Minute.objects.all()]
        assert (first.likes, first.comments, first.viewers_peak) == (7, 1, 10)
        assert (second.likes, second.comments, second.viewers_peak) == (3, 0, 31)
        assert second.minute == first.minute + 1 == (at + MINUTE) // MINUTE
        assert live.curve == [[10, 0], [31, 0], [None, 0]]

    async def test_a_gift_counts_when_it_is_settled_by_its_kind_and_its_giver(
        self, keeping: Keeping
    ) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 3, ONGOING, who="bea", diamonds=10)], 0)
        await keeping.write()
        assert (await Live.objects.aget()).gifts == 0
        stream.feed.take(
            [
                gift_event(NOW, 5, ENDED, who="bea", diamonds=10),
                gift_event(NOW, 1, None, who="bea", diamonds=500, kind="7"),
                gift_event(NOW, 2, None, who="carl", diamonds=10),
            ],
            1,
        )
        await keeping.write()

        live = await Live.objects.aget()
        assert (live.gifts, live.diamonds, live.gifter_count) == (8, 570, 2)
        assert stream.feed.snapshot().diamonds == 570
        assert [gift["diamonds"] for gift in live.biggest_gifts] == [500, 50, 20]
        assert live.biggest_gifts[0]["nickname"] == "Bea"
        gifters = {g.username: (g.gifts, g.diamonds) async for g in Gifter.objects.all()}
        assert gifters == {"bea": (6, 550), "carl": (2, 20)}
        kinds = {k.gift_id: (k.gifts, k.diamonds) async for k in GiftKind.objects.all()}
        assert kinds == {"5655": (7, 70), "7": (1, 500)}
        given = {(g.user_id, g.gift_id): g.gifts async for g in GivenGift.objects.all()}
        assert given == {("bea", "5655"): 5, ("bea", "7"): 1, ("carl", "5655"): 2}

    async def test_sums_grow_from_one_look_to_the_next(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        for number in range(3):
            stream.feed.take(
                [gift_event(NOW + number, 1, None, who="bea"), event(FrameType.LIKE, NOW, 2)], 0
            )
            await keeping.write()
        live = await Live.objects.aget()
        assert (live.gifts, live.likes, live.gifter_count) == (3, 6, 1)
        assert (await Gifter.objects.aget()).gifts == 3
        assert (await Minute.objects.aget()).likes == 6

    async def test_numbers_that_no_column_holds_do_no_harm(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        huge = 2**62
        stream.feed.take(
            [
                gift_event(NOW, 2**31 - 1, None, diamonds=huge, who="a\x00b"),
                gift_event(NOW, 2**31 - 1, None, diamonds=huge, who="a\x00b"),
                gift_event(NOW, 2**31 - 1, None, diamonds=huge, who="a\x00b"),
                event(FrameType.LIKE, NOW, -5),
                viewers(NOW, huge, huge),
                event(FrameType.COMMENT, 1),
                event(FrameType.COMMENT, NOW * 2),
            ],
            0,
        )
        await keeping.write()
        live = await Live.objects.aget()
        assert (live.gifts, live.likes, live.comments) == (2**31 - 1, 0, 2)
        assert live.diamonds == 3_000_000_000


class TestWhereALiveBeginsAndEnds:
    async def test_it_ends_when_tiktok_says_so(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([event(FrameType.LIVE_END, NOW)], 0)
        stream.stop()
        await keeping.write()
        assert (await Live.objects.aget()).end_reason == EndReason.ENDED

    async def test_it_is_unheard_when_nobody_listens_any_more(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        keeping.clock.ms += 5000
        stream.stop()
        await keeping.write()
        live = await Live.objects.aget()
        assert live.end_reason == EndReason.UNHEARD
        assert to_ms(live.heard_until) == NOW + 5000

    async def test_it_has_the_error_of_a_stream_that_failed(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.stop(RelayError(ErrorCode.CONNECTION_LOST, username="anna.live"))
        await keeping.write()
        assert (await Live.objects.aget()).end_reason == ErrorCode.CONNECTION_LOST

    async def test_it_has_ended_when_the_streamer_is_offline_after_a_cut(
        self, keeping: Keeping
    ) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.stop(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        await keeping.write()
        assert (await Live.objects.aget()).end_reason == EndReason.ENDED

    async def test_it_stays_ended_though_an_app_comes_back_to_it(self) -> None:
        sink = Told()
        keeping = Keeping(sink)
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([event(FrameType.LIVE_END, NOW)], 0)
        stream.stop()
        await keeping.write()
        keeping.clock.ms += MINUTE
        again = keeping.stream(feed=stream.feed)
        again.feed.open(room())
        again.feed.take([viewers(NOW + MINUTE, 0)], 0)
        await keeping.write()
        again.stop()
        await keeping.write()
        await keeping.end()
        live = await Live.objects.aget()
        assert (live.end_reason, to_ms(live.heard_until)) == (EndReason.ENDED, NOW)
        assert [heard.has_ended for heard in sink.heard].count(True) == 1
        assert await holes() == []

    async def test_it_goes_on_if_viewers_do_something_after_what_was_taken_for_its_end(
        self, keeping: Keeping
    ) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.streamer_offline(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        await keeping.write()
        keeping.clock.ms += MINUTE
        stream.feed.open(room())
        await keeping.write()
        assert (await Live.objects.aget()).end_reason == EndReason.ENDED
        stream.feed.take([event(FrameType.LIKE, NOW + MINUTE, 1)], 0)
        await keeping.write()
        assert (await Live.objects.aget()).is_heard
        assert await holes() == [(HoleKind.UNHEARD, NOW, NOW + MINUTE)]

    @pytest.mark.parametrize("where", ["offline", "offline for whoever can't wait", "elsewhere"])
    async def test_one_whose_process_died_ends_when_the_streamer_is_found(
        self, keeping: Keeping, where: str
    ) -> None:
        anna = await an_account()
        keeping.stream(anna).feed.open(room("1"))
        await keeping.write()
        other_streamer = keeping.stream(feed=keeping.feed("bert.live"), username="bert.live")
        other_streamer.feed.open(room("3"))
        await keeping.write()

        sink = Told()
        other = Keeping(sink, clock=keeping.clock)
        keeping.clock.ms += MINUTE
        stream = other.stream(anna)
        offline = RelayError(ErrorCode.USER_OFFLINE, username="anna.live")
        if where == "elsewhere":
            stream.feed.open(room("2"))
        elif where == "offline":
            stream.feed.streamer_offline(offline)
        else:
            stream.stop(offline)
        await other.write()
        await other.end()
        lives = {live.room_id: live async for live in Live.objects.all()}
        assert (lives["1"].end_reason, to_ms(lives["1"].heard_until)) == (EndReason.ENDED, NOW)
        assert lives["3"].is_heard
        (ended,) = [heard for heard in sink.heard if heard.has_ended]
        assert ended.live == lives["1"]

    async def test_the_next_room_is_another_live(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room("1"))
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        stream.feed.streamer_offline(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        stream.feed.open(room("2"))
        stream.feed.take([event(FrameType.LIKE, NOW, 10)], 0)
        await keeping.write()
        lives = {live.room_id: live async for live in Live.objects.all()}
        assert (lives["1"].likes, lives["1"].end_reason) == (1, EndReason.ENDED)
        assert (lives["2"].likes, lives["2"].end_reason) == (10, "")

    async def test_a_stream_that_comes_and_goes_between_two_looks_loses_nothing(
        self, keeping: Keeping
    ) -> None:
        first = keeping.stream()
        first.feed.open(room())
        first.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        first.stop()
        second = keeping.stream(feed=first.feed)
        second.feed.open(room())
        second.feed.take([event(FrameType.LIKE, NOW, 10)], 0)
        await keeping.write()
        live = await Live.objects.aget()
        assert (live.likes, live.end_reason) == (11, "")

    async def test_a_stream_without_a_live_leaves_no_row(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.stop(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        await keeping.write()
        assert not await Live.objects.aexists()


class TestHoles:
    async def test_a_gap_of_the_upstream_is_one(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.cut(NOW + 1000)
        keeping.clock.ms += 9000
        stream.feed.open(room())
        await keeping.write()
        assert await holes() == [(HoleKind.UPSTREAM, NOW + 1000, NOW + 9000)]
        assert (await Live.objects.aget()).hole_count == 1

    async def test_so_is_what_came_before_anybody_listened(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room(started_at=NOW - 10 * MINUTE))
        await keeping.write()
        assert await holes() == [(HoleKind.LATE, NOW - 10 * MINUTE, NOW)]

    async def test_so_is_the_time_in_which_nobody_listened(self, keeping: Keeping) -> None:
        first = keeping.stream()
        first.feed.open(room())
        first.stop()
        keeping.clock.ms += 5 * MINUTE
        second = keeping.stream(feed=first.feed)
        second.feed.open(room())
        await keeping.write()
        assert await holes() == [(HoleKind.UNHEARD, NOW, NOW + 5 * MINUTE)]

    async def test_so_is_what_the_log_dropped_before_it_was_read(self, keeping: Keeping) -> None:
        stream = keeping.stream(feed=keeping.feed(backlog=8))
        stream.feed.open(room())
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        await keeping.write()
        keeping.clock.ms += MINUTE
        stream.feed.take([event(FrameType.LIKE, NOW + number, 1) for number in range(30)], 0)
        await keeping.write()
        [(kind, began, ended)] = await holes()
        assert (kind, began) == (HoleKind.OVERRUN, NOW)
        assert ended > NOW
        assert (await Live.objects.aget()).likes == 9

    async def test_a_gift_that_the_log_still_has_is_counted(self, keeping: Keeping) -> None:
        stream = keeping.stream(feed=keeping.feed(backlog=8))
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 1)], 0)
        stream.feed.take([event(FrameType.LIKE, NOW, 1) for number in range(30)], 0)
        await keeping.write()
        assert (await Live.objects.aget()).gifts == 1


class TestAnotherProcess:
    """Goes on with the LIVE, behind what is counted."""

    async def test_with_the_log_of_the_one_before_it_counts_nothing_twice(
        self, keeping: Keeping
    ) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take([gift_event(NOW, 5), event(FrameType.LIKE, NOW, 2)], 0)
        await keeping.write()
        stream.feed.take([gift_event(NOW, 1)], 0)  # not written any more
        stream.stop()
        saved = stream.feed.save(0)

        other = Keeping(clock=keeping.clock)
        keeping.clock.ms += 3000
        feed = Feed.restore(saved, 0, 4096, other.clock, "anna.live")
        again = other.stream(feed=feed)
        feed.open(room())
        feed.take([gift_event(NOW, 10)], 0)
        await other.write()
        await other.end()

        live = await Live.objects.aget()
        assert (live.gifts, live.likes, live.end_reason) == (16, 2, "")
        assert await holes() == [(HoleKind.STOPPED, NOW, NOW + 3000)]
        assert again.run == 2

    async def test_with_another_log_it_passes_over_what_tiktok_repeats(
        self, keeping: Keeping
    ) -> None:
        history = [gift_event(NOW - 2000, 5), event(FrameType.LIKE, NOW - 1000, 2)]
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take(history, 0)
        await keeping.write()

        other = Keeping(clock=keeping.clock)
        keeping.clock.ms += 9000
        stream = other.stream()
        stream.feed.open(room())
        stream.feed.take([*history, gift_event(NOW + 8000, 10)], 0)
        await other.write()
        stream.feed.take([event(FrameType.LIKE, NOW - 1500, 1)], 0)
        await other.write()
        await other.end()

        live = await Live.objects.aget()
        assert (live.gifts, live.likes) == (15, 2)
        assert await holes() == [(HoleKind.STOPPED, NOW, NOW + 9000)]

    async def test_a_streak_that_the_one_before_ended_is_not_counted_again(
        self, keeping: Keeping
    ) -> None:
        forgotten = [gift_event(NOW - 30_000, 5, ONGOING, who="bea")]
        stream = keeping.stream()
        stream.feed.open(room())
        stream.feed.take(forgotten, 0)
        stream.feed.sweep(25)
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 26)
        await keeping.write()
        assert (await Live.objects.aget()).gifts == 5

        other = Keeping(clock=keeping.clock)
        keeping.clock.ms += 9000
        stream = other.stream()
        stream.feed.open(room())
        stream.feed.take(forgotten, 0)
        stream.feed.sweep(25)
        await other.write()
        await other.end()
        assert (await Live.objects.aget()).gifts == 5

    async def test_one_that_was_overtaken_writes_nothing(self, keeping: Keeping) -> None:
        stream = keeping.stream()
        stream.feed.open(room())
        await keeping.write()

        other = Keeping(clock=keeping.clock)
        newer = other.stream()
        newer.feed.open(room())
        newer.feed.take([event(FrameType.LIKE, NOW, 10)], 0)
        await other.write()
        await other.end()
        keeping.clock.ms += 9000
        stream.feed.take([event(FrameType.LIKE, NOW + 5000, 1)], 0)
        await keeping.write()
        live = await Live.objects.aget()
        assert (live.likes, live.epoch) == (10, newer.log.epoch)


class TestWhoHearsIt:
    async def test_they_are_listed_once(self, keeping: Keeping) -> None:
        anna, bert = await an_account("anna"), await an_account("bert")
        stream = keeping.stream(anna)
        stream.feed.open(room())
        await keeping.write()
        keeping.hears.append((stream, bert))
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        await keeping.write()
        listeners = {listener.account_id async for listener in LiveListener.objects.all()}
        assert listeners == {anna, bert}

    async def test_whoever_comes_after_its_end_is_not(self, keeping: Keeping) -> None:
        anna, bert = await an_account("anna"), await an_account("bert")
        stream = keeping.stream(anna)
        stream.feed.open(room())
        stream.feed.streamer_offline(RelayError(ErrorCode.USER_OFFLINE, username="anna.live"))
        await keeping.write()
        keeping.hears.append((stream, bert))
        stream.feed.append_status(stream_status())
        await keeping.write()
        assert (await LiveListener.objects.aget()).account_id == anna

    async def test_an_account_that_is_gone_stops_nothing(self, keeping: Keeping) -> None:
        stream = keeping.stream(12345)
        stream.feed.open(room())
        await keeping.write()
        assert await Live.objects.aexists()
        assert not await LiveListener.objects.aexists()

    async def test_a_process_that_follows_lists_its_own_once_the_live_has_its_row(
        self, keeping: Keeping
    ) -> None:
        anna = await an_account()
        follower = keeping.following(anna)
        follower.feed.open(room())
        await keeping.write()
        assert not await Live.objects.aexists()

        other = Keeping(clock=keeping.clock)
        other.stream().feed.open(room())
        await other.write()
        await other.end()
        await keeping.write()
        assert (await LiveListener.objects.aget()).account_id == anna


class TestALiveThatIsDeletedWhileItIsHeard:
    async def test_it_stays_away_when_its_only_account_is_gone(self, keeping: Keeping) -> None:
        anna = await an_account()
        stream = keeping.stream(anna)
        stream.feed.open(room())
        await keeping.write()
        await (await User.objects.aget(pk=anna)).adelete()
        await Live.objects.all().adelete()  # as pruning does
        stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
        await keeping.write()  # its socket is not closed yet
        stream.stop()
        await keeping.write()
        assert not await Live.objects.aexists()

    async def test_it_begins_anew_for_an_account_that_hears_it(self, keeping: Keeping) -> None:
        anna = await an_account()
        stream = keeping.stream(anna)
        stream.feed.open(room())
        stream.feed.take([event(FrameType.LIKE, NOW, 5)], 0)
        await keeping.write()
        await Live.objects.all().adelete()
        for _ in range(2):
            stream.feed.take([event(FrameType.LIKE, NOW, 1)], 0)
            await keeping.write()
        assert (await Live.objects.aget()).likes == 2


class TestTranscripts:
    async def test_only_an_account_that_wants_them_has_them(self, keeping: Keeping) -> None:
        stream = keeping.stream(await an_account())
        stream.feed.open(room())
        stream.feed.take([event(FrameType.COMMENT, NOW)], 0)
        await keeping.write()
        assert not await TranscriptLine.objects.aexists()
        bert = await an_account("bert", keeps_transcripts=True)
        keeping.hears.append((stream, bert))
        stream.feed.take([event(FrameType.COMMENT, NOW, 2), gift_event(NOW, 3, who="bea")], 0)
        await keeping.write()
        comment, gift = [line async for line in TranscriptLine.objects.all()]
        assert (comment.type, comment.text, comment.username) == ("comment", "comment 2", "viewer")
        assert (gift.type, gift.text, gift.diamonds) == ("gift", "Rose × 3", 3)


class Told:
    """A sink that notes what it is told."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def write(self, heard: Sequence[Heard]) -> None:
        self.heard += heard


def stream_status() -> Any:
    from live.protocol.frames import State, Status

    return Status(State.WAITING)
