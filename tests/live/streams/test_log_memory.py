"""Logs are bounded in bytes, each by itself and all together."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.protocol.frames import FrameType
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory

COMMENT, GIFT, LIKE, JOIN = FrameType.COMMENT, FrameType.GIFT, FrameType.LIKE, FrameType.JOIN
OTHER = FrameType.OTHER
KIB, MIB = 1024, 1024 * 1024
PLENTY = 1024 * MIB


def put(log: EventLog, type: FrameType, size: int = KIB, times: int = 1) -> None:
    """Append frames whose texts have so many bytes."""
    for _ in range(times):
        log.append(type, 0, "x" * size)


def offsets(log: EventLog) -> list[int]:
    return [entry.offset for entry in [*log.lasting(0), *log.read(0, 100_000)]]


class TestOneLog:
    def test_it_takes_next_to_nothing_before_it_is_used(self) -> None:
        EventLog(4096)
        gc.collect()
        tracemalloc.start()
        try:
            log = EventLog(4096)
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert log.end == 0
        assert taken < 4 * KIB

    def test_it_gives_up_its_oldest_frames(self) -> None:
        log = EventLog(4096, LogMemory(64 * KIB, PLENTY))

        put(log, LIKE, times=200)

        assert log.size <= 64 * KIB
        assert log.first > 100
        assert offsets(log) == list(range(log.first, 201))
        assert log.missed(0, {LIKE}) == {LIKE: log.first - 1}

    def test_its_size_is_about_what_it_takes(self) -> None:
        gc.collect()
        tracemalloc.start()
        try:
            log = EventLog(4096, LogMemory(PLENTY, PLENTY))
            for number in range(4096):
                log.append(COMMENT, 1_795_000_000_000 + number, "я" * (500 + number % 7))
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert 0.85 < log.size / taken < 1.1

    def test_gifts_and_comments_take_no_more_than_half_when_bytes_are_short(self) -> None:
        log = EventLog(4096, LogMemory(64 * KIB, PLENTY))

        put(log, GIFT, times=100)
        put(log, LIKE, times=100)

        assert 20 <= len(log.lasting(0)) <= 32
        assert 20 <= len(log.read(0, 1000)) <= 40
        assert log.lasting(0)[-1].offset == 100

    def test_others_take_up_to_a_quarter_on_top(self) -> None:
        log = EventLog(4096, LogMemory(64 * KIB, PLENTY))
        put(log, LIKE, times=40)
        kept, size = offsets(log), log.size

        put(log, OTHER, times=1000)
        assert 12 * KIB <= log.others_size <= 16 * KIB
        put(log, OTHER, size=100 * KIB)

        assert [entry.offset for entry in log.read(0, 2000)] == [*kept, log.end]
        assert (log.first, log.size) == (1, size)
        assert log.missed(0, set(FrameType)) == {OTHER: 1000}

    @pytest.mark.parametrize("type", [GIFT, LIKE])
    def test_a_frame_larger_than_the_bound_is_held_until_the_next(self, type: FrameType) -> None:
        log = EventLog(4096, LogMemory(64 * KIB, PLENTY))
        put(log, GIFT)
        put(log, LIKE)

        put(log, type, 100 * KIB)
        assert offsets(log) == [3]

        put(log, LIKE)
        assert offsets(log) == [4]
        assert log.missed(0, {GIFT}) == {GIFT: 2 if type is GIFT else 1}

    def test_it_goes_on_after_frames_of_which_each_is_larger_than_the_bound(self) -> None:
        log = EventLog(4096, LogMemory(64 * KIB, PLENTY))

        put(log, COMMENT, 100 * KIB, times=20)
        put(log, COMMENT, times=3)

        assert offsets(log) == [21, 22, 23]

    def test_what_readers_share_goes_with_the_frames(self) -> None:
        memory = LogMemory(PLENTY, 64 * KIB)
        log, other = EventLog(4096, memory), EventLog(4096, memory)
        put(log, LIKE, times=40)
        log.memo["place"] = "a parcel"

        put(other, LIKE, times=40)

        assert not log.memo

    @given(
        capacity=st.sampled_from([1, 3, 20]),
        of_each=st.integers(500, 8000),
        frames=st.lists(
            st.tuples(st.sampled_from([GIFT, COMMENT, LIKE, JOIN]), st.integers(0, 3000)),
            max_size=80,
        ),
        after=st.integers(0, 80),
    )
    def test_it_is_bounded_and_knows_what_is_gone(
        self, capacity: int, of_each: int, frames: list[tuple[FrameType, int]], after: int
    ) -> None:
        log = EventLog(capacity, LogMemory(of_each, PLENTY))
        for frame_type, size in frames:
            put(log, frame_type, size)
            held = [*log.lasting(0), *log.read(0, 1000)]
            assert log.size == sum(entry.size for entry in held)
            assert log.size <= of_each or len(held) == 1
            assert held[-1].offset == log.end
            assert len(log.read(0, 1000)) <= capacity

        kept = set(offsets(log))
        for kind in (GIFT, COMMENT, LIKE, JOIN):
            gone = [
                number
                for number, (frame_type, _) in enumerate(frames, start=1)
                if number > after and number not in kept and frame_type is kind
            ]
            if (missed := log.missed(after, {kind})) is None:
                assert gone
                assert after < log.end - 16 * capacity
            else:
                assert missed == ({kind: len(gone)} if gone else {})


class TestAllLogs:
    def test_the_largest_give_up_their_oldest_frames(self) -> None:
        memory = LogMemory(PLENTY, 256 * KIB)
        small, large, larger = (EventLog(4096, memory) for _ in range(3))
        put(small, LIKE, times=20)
        put(large, LIKE, times=80)

        put(larger, LIKE, times=200)

        assert small.first == 1
        assert large.first == 1
        assert larger.first > 50
        put(small, LIKE, times=40)
        assert large.first > 1
        assert small.first == 1
        assert small.size + large.size + larger.size <= 256 * KIB

    def test_a_log_that_nobody_has_any_more_counts_no_more(self) -> None:
        memory = LogMemory(PLENTY, 256 * KIB)
        forgotten, log = EventLog(4096, memory), EventLog(4096, memory)
        put(forgotten, LIKE, times=150)
        del forgotten
        gc.collect()

        put(log, LIKE, times=180)

        assert log.first == 1

    def test_each_log_keeps_its_newest_frame(self) -> None:
        memory = LogMemory(PLENTY, 64 * KIB)
        logs = [EventLog(16, memory) for _ in range(10)]

        for log in logs * 3:
            put(log, COMMENT, 20 * KIB)

        assert [offsets(log) for log in logs] == [[3]] * 10

    def test_others_take_up_to_a_quarter_on_top(self) -> None:
        memory = LogMemory(PLENTY, 256 * KIB)
        logs = [EventLog(4096, memory) for _ in range(3)]
        for log in logs:
            put(log, LIKE, times=68)
        put(logs[0], OTHER, times=5)
        assert sum(log.size for log in logs) > 250 * KIB

        for log in logs[1:]:
            put(log, OTHER, times=500)

        assert [log.first for log in logs] == [1, 1, 1]
        assert logs[0].first_with_others == 1
        assert 48 * KIB < sum(log.others_size for log in logs) <= 64 * KIB

    @given(
        of_all=st.integers(2000, 30_000),
        appends=st.lists(
            st.tuples(
                st.integers(0, 4), st.sampled_from([GIFT, LIKE, OTHER]), st.integers(0, 4000)
            ),
            max_size=100,
        ),
    )
    def test_together_they_take_no_more_but_for_their_newest_frames(
        self, of_all: int, appends: list[tuple[int, FrameType, int]]
    ) -> None:
        memory = LogMemory(10_000, of_all)
        logs = [EventLog(50, memory) for _ in range(5)]
        for number, frame_type, size in appends:
            put(logs[number], frame_type, size)
            newest = []
            for log in logs:
                held = log.read(0, 100)
                for others in (False, True):
                    of_kind = [each for each in held if (each.type is OTHER) is others]
                    newest += [entry.size for entry in of_kind[-1:]]
            taken = sum(log.size + log.others_size for log in logs)
            assert taken <= of_all * 1.25 + sum(newest)
