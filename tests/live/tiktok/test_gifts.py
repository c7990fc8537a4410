"""The kinds of gifts that were seen on LIVEs."""

from __future__ import annotations

from live.protocol.frames import GiftKind
from live.tiktok.gifts import SeenGifts
from standin import messages
from tests.support.reading import MessageFeed


def kind(id: str, name: str, diamonds: int = 1) -> GiftKind:
    return GiftKind(id, name, diamonds, "", streakable=True)


def test_seen_gifts_are_in_the_order_of_what_they_cost() -> None:
    seen = SeenGifts()
    lion, rose, heart = kind("1", "Lion", 29_999), kind("2", "Rose"), kind("3", "Heart")
    for each in (lion, rose, heart):
        seen.add(each)
    assert seen.cheapest_first() == (heart, rose, lion)


def test_what_is_said_last_of_a_gift_counts() -> None:
    seen = SeenGifts()
    seen.add(kind("1", "Rose", 1))
    seen.add(kind("1", "Rose", 2))
    assert seen.cheapest_first() == (kind("1", "Rose", 2),)


def test_a_gift_without_a_name_is_of_no_use() -> None:
    seen = SeenGifts()
    seen.add(kind("1", ""))
    assert not seen.cheapest_first()


def test_seen_gifts_are_bounded() -> None:
    seen = SeenGifts(most=2)
    for number in range(5):
        seen.add(kind(str(number), "Rose", number))
    assert [each.id for each in seen.cheapest_first()] == ["3", "4"]


def test_a_feed_remembers_the_gifts_that_are_given() -> None:
    seen = SeenGifts()
    feed = MessageFeed(gifts=seen)
    feed.hear(messages.streak("anna", count=2, diamonds=5), 0)
    (gift,) = seen.cheapest_first()
    assert gift.diamonds == 5
