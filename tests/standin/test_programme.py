"""The LIVE that never was, as the relay understands it."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest

from live.protocol.frames import EVENT_TYPES, FrameType
from standin.messages import Message, pictures_at
from standin.programme import Programme
from tests.support.reading import MessageFeed
from tests.support.samples import read_frame

SEEDS = range(3)
MINUTES = 4


def play(seed: int, seconds: float) -> list[Any]:
    """The frames of so many seconds."""
    feed, now = MessageFeed(10_000, 0), 0.0
    feed.reader.tells_others = True
    for happening in Programme(random.Random(seed)):
        if isinstance(happening, Message):
            feed.hear([happening], now)
        else:
            now += happening
            if now > seconds:
                break
    assert not feed.reader.undecodable
    assert not feed.reader.unknown
    assert not feed.drift.findings
    return [read_frame(entry.text) for entry in feed.log.read(0, feed.log.end)]


@pytest.fixture(scope="module", params=SEEDS)
def frames(request: pytest.FixtureRequest) -> list[Any]:
    return play(request.param, MINUTES * 60)


class TestProgramme:
    def test_it_shows_every_type_within_minutes(self, frames: list[Any]) -> None:
        # It does not end.
        assert {frame["type"] for frame in frames} == EVENT_TYPES - {FrameType.LIVE_END}

    def test_it_is_lively(self, frames: list[Any]) -> None:
        assert 2 <= len(frames) / (MINUTES * 60) <= 8
        counts = Counter(frame["type"] for frame in frames)
        assert counts["comment"] > 100
        assert counts["gift"] > 50

    def test_its_ids_are_unique(self, frames: list[Any]) -> None:
        ids = [frame["id"] for frame in frames]
        assert len(set(ids)) == len(ids)

    def test_its_streaks_count_up_and_end(self, frames: list[Any]) -> None:
        gifts = [frame["data"] for frame in frames if frame["type"] == "gift"]
        assert any(gift["streak"] is None for gift in gifts)
        streaks: dict[str, list[Any]] = {}
        for gift in gifts:
            if gift["streak"] is not None:
                streaks.setdefault(gift["group_id"], []).append((gift["count"], gift["streak"]))
        *whole, _latest = streaks.values()
        assert len(whole) > 10
        for steps in whole:
            count = len(steps) - 1
            expected = [(n, "ongoing") for n in range(1, count + 1)]
            assert steps == [*expected, (count, "ended")]

    def test_its_likes_add_up(self, frames: list[Any]) -> None:
        likes = [frame["data"] for frame in frames if frame["type"] == "like"]
        for before, after in itertools.pairwise(likes):
            assert after["total"] == before["total"] + after["count"]

    def test_its_people_are_of_all_sorts(self, frames: list[Any]) -> None:
        comments = [frame["data"] for frame in frames if frame["type"] == "comment"]
        assert {comment["language"] for comment in comments} == {"en", "ru"}
        assert len({comment["user"]["id"] for comment in comments}) == 12
        badges = [comment["user"]["badges"] for comment in comments]
        assert any(badge["moderator"] for badge in badges)
        assert any(badge["subscriber"] for badge in badges)
        assert any(badge["fan_level"] == 12 for badge in badges)
        assert any(badge["gifter_level"] == 31 for badge in badges)
        assert any(comment["emotes"] for comment in comments)
        assert any(comment["mentions"] for comment in comments)

    def test_its_top_viewers_are_those_who_gave(self, frames: list[Any]) -> None:
        newest = [frame["data"] for frame in frames if frame["type"] == "viewers"][-1]
        coins = [viewer["coins"] for viewer in newest["top"]]
        assert len(coins) == 3
        assert coins == sorted(coins, reverse=True)
        assert newest["total"] > newest["count"]

    def test_it_deletes_and_pins_what_was_said(self, frames: list[Any]) -> None:
        said = {frame["id"] for frame in frames if frame["type"] == "comment"}
        deleted = {
            number
            for frame in frames
            if frame["type"] == "delete"
            for number in frame["data"]["message_ids"]
        }
        pinned = {frame["data"]["message_id"] for frame in frames if frame["type"] == "pin"}
        assert deleted
        assert deleted <= said
        assert pinned <= said

    def test_it_is_the_same_for_the_same_numbers(self) -> None:
        def happenings(seed: int) -> list[object]:
            with pictures_at(""):
                played = itertools.islice(Programme(random.Random(seed), lambda: 0), 400)
                return [h.method if isinstance(h, Message) else h for h in played]

        assert happenings(1) == happenings(1) != happenings(2)
