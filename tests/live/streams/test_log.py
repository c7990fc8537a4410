"""The log: a bounded row of frames, and cursors on it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType
from live.streams.log import EventLog
from tests.support.clock import now, settle, virtual_time
from tests.support.samples import append, read_frame

COMMENT, LIKE, GIFT = FrameType.COMMENT, FrameType.LIKE, FrameType.GIFT
JOIN, STATUS, OTHER = FrameType.JOIN, FrameType.STATUS, FrameType.OTHER
REMEMBERED = 16  # types per entry kept
ALL = frozenset(FrameType)


def filled(capacity: int, frames: int) -> EventLog:
    log = EventLog(capacity)
    for number in range(1, frames + 1):
        append(log, COMMENT, number)
    return log


def offsets(log: EventLog, after: int, limit: int = 100) -> list[int]:
    return [entry.offset for entry in log.read(after, limit)]


class TestAppend:
    def test_it_counts_from_one_without_holes(self) -> None:
        log = EventLog(8)

        assert [append(log, COMMENT).offset for _ in range(20)] == list(range(1, 21))

    def test_it_gives_the_frame_its_own_cursor(self) -> None:
        log = filled(8, 2)

        entry = append(log, COMMENT)

        assert read_frame(entry.text)["cursor"] == f"{log.epoch}-3" == str(log.cursor)

    def test_it_has_another_epoch_in_every_log(self) -> None:
        assert len({EventLog(1).epoch for _ in range(100)}) == 100

    def test_its_cursor_can_be_read_back(self) -> None:
        log = filled(8, 3)

        assert Cursor.parse(str(log.cursor)) == Cursor(log.epoch, 3)


class TestRead:
    def test_it_is_empty_at_first(self) -> None:
        log = EventLog(8)

        assert (log.first, log.end, offsets(log, 0)) == (1, 0, [])

    def test_it_gives_what_is_behind_a_place(self) -> None:
        assert offsets(filled(8, 5), after=2) == [3, 4, 5]

    def test_it_gives_nothing_behind_the_end(self) -> None:
        assert offsets(filled(8, 5), after=5) == []

    def test_it_gives_no_more_than_the_limit(self) -> None:
        assert offsets(filled(8, 5), after=1, limit=2) == [2, 3]

    def test_it_holds_as_many_as_its_capacity(self) -> None:
        log = filled(8, 8)

        assert (log.first, log.end) == (1, 8)

    def test_it_forgets_the_oldest_beyond_that(self) -> None:
        log = filled(8, 9)

        assert (log.first, log.end) == (2, 9)
        assert offsets(log, after=0) == list(range(2, 10))

    @given(capacity=st.integers(1, 12), frames=st.integers(0, 60), after=st.integers(0, 60))
    def test_it_gives_the_right_frames_however_often_it_wrapped(
        self, capacity: int, frames: int, after: int
    ) -> None:
        log = filled(capacity, frames)

        held = [n for n in range(1, frames + 1) if n > frames - capacity]

        read = log.read(after, 100)
        assert [entry.offset for entry in read] == [n for n in held if n > after]
        assert [read_frame(entry.text)["data"]["text"] for entry in read] == [
            f"comment {n}" for n in held if n > after
        ]


class TestOthers:
    @given(
        capacity=st.integers(1, 12),
        types=st.lists(st.sampled_from([COMMENT, LIKE, OTHER]), max_size=60),
        after=st.integers(0, 60),
        until=st.none() | st.integers(0, 60),
        limit=st.integers(0, 30),
    )
    def test_as_many_are_held_as_of_all_the_rest(
        self,
        capacity: int,
        types: list[FrameType],
        after: int,
        until: int | None,
        limit: int,
    ) -> None:
        log = EventLog(capacity)
        for frame_type in types:
            append(log, frame_type)
        places = dict(enumerate(types, start=1))
        others = [place for place, each in places.items() if each is OTHER]
        rest = [place for place, each in places.items() if each is not OTHER]

        def expected(held: list[int]) -> list[int]:
            last = log.end if until is None else until
            return [place for place in sorted(held) if after < place <= last][:limit]

        read = log.read(after, limit, until)
        assert [entry.offset for entry in read] == expected(rest[-capacity:] + others[-capacity:])
        assert all(entry.type is places[entry.offset] for entry in read)
        without = log.read(after, limit, until, others=False)
        assert [entry.offset for entry in without] == expected(rest[-capacity:])
        gone, gone_others = [0, *rest[:-capacity]], [0, *others[:-capacity]]
        assert log.first == gone[-1] + 1
        assert log.first_with_others == max(gone[-1], gone_others[-1]) + 1

    def test_a_reader_of_them_gets_what_lasts_though_others_can_read_it(self) -> None:
        log = EventLog(2)
        for frame_type in (GIFT, OTHER, LIKE, OTHER, OTHER):
            append(log, frame_type)
        first = log.first_with_others

        assert (log.first, first) == (1, 3)
        assert log.lasting(0) == []
        assert [entry.offset for entry in log.lasting(0, first=first)] == [1]
        assert log.missed(0, ALL, first=first) == {OTHER: 1}
        append(log, OTHER)
        first = log.first_with_others
        assert log.missed(0, ALL, first=first) == {LIKE: 1, OTHER: 2}
        assert log.missed(0, ALL, until=2, first=first) == {OTHER: 1}
        assert log.missed(0, ALL, announced=3, first=first) == {OTHER: 1}


class TestMissed:
    def test_it_is_nothing_while_the_log_reaches_back(self) -> None:
        assert filled(8, 8).missed(0, ALL) == {}

    def test_it_counts_by_type_what_is_gone(self) -> None:
        log = EventLog(2)
        for frame_type in (COMMENT, LIKE, LIKE, GIFT, COMMENT, COMMENT):
            append(log, frame_type)

        assert log.missed(0, ALL) == {"comment": 1, "like": 2, "gift": 1}
        assert log.missed(2, ALL) == {"like": 1, "gift": 1}
        assert log.missed(4, ALL) == {}

    def test_it_knows_types_for_much_longer_than_frames(self) -> None:
        log = filled(2, 2 * REMEMBERED)

        assert log.missed(0, ALL) == {"comment": 2 * REMEMBERED - 2}

    def test_it_says_so_when_it_has_forgotten(self) -> None:
        log = filled(2, 2 * REMEMBERED + 1)

        assert log.missed(0, ALL) is None
        assert log.missed(1, ALL) == {"comment": 2 * REMEMBERED - 2}

    @given(
        capacity=st.integers(1, 3),
        types=st.lists(st.sampled_from([JOIN, LIKE, STATUS]), max_size=70),
        after=st.integers(0, 70),
    )
    def test_it_is_exact_or_unknown(
        self, capacity: int, types: list[FrameType], after: int
    ) -> None:
        log = EventLog(capacity)
        for frame_type in types:
            append(log, frame_type)

        gone = types[after : max(0, len(types) - capacity)]

        if after < len(types) - capacity * REMEMBERED:
            assert log.missed(after, ALL) is None
        else:
            assert log.missed(after, ALL) == {each: gone.count(each) for each in gone}

    def test_it_does_not_count_what_lasts(self) -> None:
        log = EventLog(2)
        for frame_type in (GIFT, LIKE, COMMENT, LIKE, LIKE):
            append(log, frame_type)

        assert log.missed(0, ALL) == {"like": 1}


class TestLasting:
    def test_it_keeps_gifts_and_comments_that_likes_have_pushed_out(self) -> None:
        log = EventLog(2)
        for frame_type in (GIFT, LIKE, COMMENT, JOIN, STATUS, LIKE, LIKE):
            append(log, frame_type)

        assert [entry.offset for entry in log.lasting(0)] == [1, 3]
        assert [entry.offset for entry in log.lasting(1)] == [3]

    def test_it_gives_nothing_that_can_be_read(self) -> None:
        assert filled(4, 3).lasting(0) == []

    def test_it_keeps_the_newest_of_these_up_to_the_capacity(self) -> None:
        log = filled(3, 10)
        for _ in range(3):
            append(log, LIKE)

        assert [entry.offset for entry in log.lasting(0)] == [8, 9, 10]


class TestChanged:
    @virtual_time
    async def test_it_returns_at_once_when_there_is_something(self) -> None:
        log = filled(8, 3)

        await log.changed(2)

    @virtual_time
    async def test_it_waits_while_nothing_happens(self) -> None:
        log = filled(8, 3)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(log.changed(3), 60)

    @virtual_time
    async def test_it_wakes_every_reader_on_an_append(self) -> None:
        log = filled(8, 3)
        readers = [asyncio.create_task(log.changed(3)) for _ in range(3)]
        await settle()

        append(log, COMMENT)

        await asyncio.wait_for(asyncio.gather(*readers), 1)

    @virtual_time
    async def test_it_wakes_when_told_to_look_up(self) -> None:
        log = filled(8, 3)
        reader = asyncio.create_task(log.changed(3))
        await settle()

        log.wake()

        await asyncio.wait_for(reader, 1)

    @virtual_time
    async def test_it_leaves_nothing_behind_when_cancelled(self) -> None:
        log = filled(8, 3)
        staying = asyncio.create_task(log.changed(3))
        leaving = asyncio.create_task(log.changed(3))
        await settle()

        leaving.cancel()
        await asyncio.wait([leaving])

        assert log.readers_waiting == 1
        log.wake()
        await staying
        assert log.readers_waiting == 0

    @virtual_time
    async def test_it_survives_a_reader_that_is_cancelled_while_it_is_woken(self) -> None:
        log = filled(8, 3)
        reader = asyncio.create_task(log.changed(3))
        await settle()

        append(log, COMMENT)
        reader.cancel()

        await asyncio.wait([reader])
        assert log.readers_waiting == 0

    @virtual_time
    async def test_those_who_gather_are_woken_together(self) -> None:
        log = filled(8, 3)
        began = now()
        early = asyncio.create_task(log.changed(3, gather=0.1))
        await settle()
        append(log, COMMENT)
        await asyncio.sleep(0.04)
        late = asyncio.create_task(log.changed(4, gather=0.1))
        await settle()

        await asyncio.gather(early, late)

        assert now() - began == pytest.approx(0.1, abs=0.01)
        assert log.readers_waiting == 0
        assert not log.is_gathering

    @virtual_time
    async def test_nobody_gathers_for_a_reader_that_has_left(self) -> None:
        log = filled(8, 3)
        reader = asyncio.create_task(log.changed(3, gather=0.1))
        await settle()
        reader.cancel()
        await asyncio.wait([reader])

        append(log, COMMENT)

        assert not log.is_gathering
