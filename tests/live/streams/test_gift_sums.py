"""Gifts counted once: the gifts whose streak is ended or null add up to all that was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from TikTokLive.events.proto_events import GiftEvent
from TikTokLive.proto.custom_proto import ExtendedGift

from standin import captures, messages
from standin.messages import Message
from tests.support.reading import MessageFeed
from tests.support.samples import read_frame

NOW = 1_795_000_000_000
SILENCE = 20.0  # seconds after which a streak is over
REMEMBERED = 120.0  # so long TikTok may go on with a streak that was over


def frames(feed: MessageFeed) -> list[Any]:
    return [read_frame(entry.text) for entry in feed.log.read(0, feed.log.end) if entry.text]


def sum_of_a_client(feed: MessageFeed) -> int:
    """Diamonds, as a client sums them that keeps nothing in mind."""
    gifts = [frame["data"] for frame in frames(feed) if frame["type"] == "gift"]
    return sum(gift["diamonds_total"] for gift in gifts if gift["streak"] in ("ended", None))


def sum_by_tiktoklive(taken: Iterable[Message]) -> int:
    """The same by TikTokLive's events: of each streak the highest count that was told, however many
    messages told of it, and each other gift once."""
    streaks: dict[tuple[int, int, int], int] = {}
    others: dict[int, int] = {}
    for message in taken:
        event: Any = GiftEvent().parse(message.payload)
        worth = event.repeat_count * event.gift.diamond_count
        if ExtendedGift(event.gift).streakable:
            key = event.user.id, event.gift.id, event.group_id
            streaks[key] = max(streaks.get(key, 0), worth)
        else:
            others[event.common.msg_id] = worth
    return sum(streaks.values()) + sum(others.values())


@dataclass(frozen=True)
class Given:
    """A streak as a viewer sends it: `steps` messages, then perhaps the one that ends it."""

    who: str
    diamonds: int
    steps: int
    ends: bool
    streakable: bool

    def messages(self) -> dict[int, tuple[Message, int]]:
        """By their ids, with the diamonds that have been given by then."""
        if self.streakable:
            told = messages.streak(self.who, count=self.steps, diamonds=self.diamonds)
            told = told if self.ends else told[:-1]
        else:
            told = [
                messages.gift(
                    self.who, diamonds=self.diamonds, repeat_count=self.steps, combo=False
                )
            ]
        counts = [*range(1, self.steps + 1), self.steps] if self.streakable else [self.steps]
        return {
            message.msg_id: (message, self.diamonds * count)
            for message, count in zip(told, counts, strict=False)
        }


givens = st.builds(
    Given,
    who=st.sampled_from(["anna", "bea", "carl"]),
    diamonds=st.integers(0, 40_000),
    steps=st.integers(1, 6),
    ends=st.booleans(),
    streakable=st.booleans(),
)


class TestTheSumOfDiamonds:
    def test_whoever_comes_late_adds_to_the_snapshot_and_has_the_same_sum(self) -> None:
        feed = MessageFeed(1000, NOW)
        streak = messages.streak("anna", count=5, diamonds=10)
        feed.hear([messages.gift("bea", diamonds=500, combo=False), *streak[:3]], 0)
        snapshot, cursor = feed.snapshot(), feed.log.end
        assert snapshot.diamonds == 500, "the streak goes on"

        feed.hear([*streak[3:], messages.gift("bea", diamonds=20, combo=False)], 1)

        later = [read_frame(entry.text)["data"] for entry in feed.log.read(cursor, 100)]
        assert snapshot.diamonds + sum(
            gift["diamonds_total"] for gift in later if gift["streak"] in ("ended", None)
        ) == sum_of_a_client(feed)

    def test_a_client_s_sum_of_diamonds_is_right(self) -> None:
        feed = MessageFeed(1000, NOW)

        feed.hear(messages.streak("anna", count=5, diamonds=10), 0)
        feed.hear([messages.gift("bea", diamonds=500, combo=False)], 0)

        assert sum_of_a_client(feed) == 550

    def test_it_counts_an_interrupted_streak_once_its_silence_is_too_long(self) -> None:
        feed = MessageFeed(1000, NOW)
        feed.hear(messages.streak("anna", count=5, diamonds=10)[:-1], 100)

        feed.sweep(100 + SILENCE - 1)
        assert sum_of_a_client(feed) == 0, "TikTok may still go on with it"
        feed.sweep(100 + SILENCE)
        feed.sweep(100 + 2 * SILENCE)

        assert sum_of_a_client(feed) == 50

    def test_it_counts_what_tiktok_adds_after_all(self) -> None:
        feed = MessageFeed(1000, NOW)
        streak = messages.streak("anna", count=5, diamonds=10)
        feed.hear(streak[:3], 100)
        feed.sweep(100 + SILENCE)

        feed.hear(streak[3:], 100 + SILENCE + 1)

        assert sum_of_a_client(feed) == 50

    def test_it_counts_interleaved_givers_each_for_themselves(self) -> None:
        feed = MessageFeed(1000, NOW)
        anna = messages.streak("anna", count=4, diamonds=1)
        bea = messages.streak("bea", count=4, diamonds=100)

        for pair in zip(anna, bea, strict=True):
            feed.hear(pair, 0)

        assert sum_of_a_client(feed) == 404

    def test_it_counts_two_streaks_of_one_giver(self) -> None:
        feed = MessageFeed(1000, NOW)

        feed.hear(messages.streak("anna", count=3), 0)
        feed.hear(messages.streak("anna", count=4), 0)

        assert sum_of_a_client(feed) == 7

    def test_it_counts_a_history_that_tiktok_repeats_once(self) -> None:
        feed = MessageFeed(1000, NOW)
        streak = messages.streak("anna", count=3)
        feed.hear(streak[:2], 0)

        feed.hear(streak, 1)
        feed.hear(streak, 2)

        assert sum_of_a_client(feed) == 3

    def test_it_counts_steps_that_overtake_each_other(self) -> None:
        feed = MessageFeed(1000, NOW)
        first, second, third, end = messages.streak("anna", count=3)

        feed.hear([third, first, end, second], 0)

        assert sum_of_a_client(feed) == 3

    def test_it_counts_what_was_open_at_the_end_of_the_live(self) -> None:
        feed = MessageFeed(1000, NOW)

        feed.hear([*messages.streak("anna", count=3)[:-1], messages.end()], 0)

        assert sum_of_a_client(feed) == 3

    @settings(derandomize=True, deadline=None)
    @given(st.lists(givens, min_size=1, max_size=6), st.data())
    def test_it_is_right_whatever_happens_on_the_way(
        self, given_: list[Given], data: st.DataObject
    ) -> None:
        sent = [each.messages() for each in given_]
        everything = {
            number: message for each in sent for number, (message, _worth) in each.items()
        }
        # Any order, with losses and repeats, and silences in between.
        taken = data.draw(st.lists(st.sampled_from(sorted(everything)), max_size=40))
        feed = MessageFeed(1000, NOW)
        now = 0.0
        for number in taken:
            if now < REMEMBERED - SILENCE:
                now += data.draw(st.sampled_from([0.0, 0.0, 1.0, SILENCE]))
            feed.sweep(now)
            feed.hear([everything[number]], now)
        feed.end_run(None, NOW)

        told = [[worth for number, (_, worth) in each.items() if number in taken] for each in sent]
        assert sum_of_a_client(feed) == sum(max(worths, default=0) for worths in told)
        assert feed.snapshot().diamonds == sum_of_a_client(feed)

    @pytest.mark.skipif(not captures.captures_available(), reason=captures.captures_reason())
    @pytest.mark.parametrize("twentieths", range(1, 21))
    def test_it_is_right_for_what_tiktok_sent(self, twentieths: int) -> None:
        """The captured gifts, interrupted after some and taken up again with their history."""
        gifts = [m for m in captures.load_captures() if m.method == "WebcastGiftMessage"]
        gifts = [gift for gift in gifts if gift.msg_id]  # a repeat of the others can't be told
        if not gifts:
            pytest.skip("no gifts are captured")
        feed = MessageFeed(3 * len(gifts) + 100, NOW)

        feed.hear(gifts[: -(-len(gifts) * twentieths // 20)], 0)
        feed.sweep(SILENCE)
        feed.hear(gifts, SILENCE + 5)
        feed.sweep(3 * SILENCE)

        assert sum_of_a_client(feed) == sum_by_tiktoklive(gifts)
