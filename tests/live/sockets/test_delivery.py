"""From the log to one socket: in order, at its pace, nothing lost unsaid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType, Snapshot
from live.sockets.delivery import Delivery
from live.streams.borders import RoomBegan, RunEnded
from live.streams.log import EventLog
from live.streams.log_memory import LogMemory
from live.tiktok.rooms import Room
from tests.support.clock import now, settle, virtual_time
from tests.support.samples import append, read_frame

COMMENT, GIFT, LIKE = FrameType.COMMENT, FrameType.GIFT, FrameType.LIKE
JOIN, VIEWERS, FOLLOW = FrameType.JOIN, FrameType.VIEWERS, FrameType.FOLLOW
STATUS, OTHER = FrameType.STATUS, FrameType.OTHER
EVERYTHING = {COMMENT, GIFT, LIKE, JOIN, VIEWERS, FOLLOW, OTHER}
LAG = 256  # behind by more than that, a socket gets merged frames
NOW = 77
TYPES_REMEMBERED = 16
ROOM = Room("1", "A title")
NO_SNAPSHOT = Snapshot(viewers=None, likes=None, gifts=[], top=[], comments=[], diamonds=None)
ENDED = RunEnded(1, None)


def delivery(
    log: EventLog,
    since: Cursor | None = None,
    types: set[FrameType] | None = None,
    batch: float = 0,
) -> Delivery:
    return Delivery(log, since, None if types is None else frozenset(types), batch, lambda: NOW)


def pull(socket: Delivery) -> list[Any]:
    """The frames of one look, as a client reads them."""
    return [read_frame(text) for parcel in socket.pending() for text in parcel.texts]


def drain(socket: Delivery) -> list[Any]:
    """All frames that there are."""
    frames: list[Any] = []
    while some := pull(socket):
        frames += some
    return frames


def types_of(frames: Sequence[Any]) -> list[str]:
    return [frame["type"] for frame in frames]


def numbers(frames: Sequence[Any]) -> list[int]:
    """What `samples.append` told the frames apart by."""
    data = [frame["data"] for frame in frames]
    return [each.get("count") or int(each["text"].split()[1]) for each in data]


def offset(frame: Any) -> int:
    return Cursor.parse(frame["cursor"]).offset


class TestStart:
    def test_it_begins_with_what_comes_next(self) -> None:
        log = EventLog(8)
        append(log, COMMENT, 1)
        socket = delivery(log)
        append(log, COMMENT, 2)

        assert numbers(drain(socket)) == [2]
        assert not socket.resumed

    def test_it_goes_on_exactly_behind_the_cursor(self) -> None:
        log = EventLog(8)
        for number in range(1, 6):
            append(log, COMMENT, number)

        socket = delivery(log, Cursor(log.epoch, 2))

        assert socket.resumed
        assert numbers(drain(socket)) == [3, 4, 5]

    def test_it_resumes_at_the_end_without_a_word(self) -> None:
        log = EventLog(8)
        append(log, COMMENT)

        socket = delivery(log, log.cursor)

        assert socket.resumed
        assert drain(socket) == []

    def test_it_resumes_from_the_last_place_that_the_log_reaches_back_to(self) -> None:
        log = EventLog(4)
        for number in range(1, 7):
            append(log, COMMENT, number)

        socket = delivery(log, Cursor(log.epoch, 2))

        assert socket.resumed
        assert numbers(drain(socket)) == [3, 4, 5, 6]

    def test_it_announces_what_fell_off_the_log(self) -> None:
        log = EventLog(4)
        for number in range(1, 8):
            append(log, COMMENT, number, at=number * 1000)

        socket = delivery(log, Cursor(log.epoch, 1))
        gap, *rest = drain(socket)

        assert not socket.resumed
        assert gap == {
            "type": "gap",
            "cursor": f"{log.epoch}-3",
            "ts": NOW,
            "data": {
                "side": "client",
                "from": None,
                "to": 4000,
                "missed": {"comment": 2},
                "cursor": f"{log.epoch}-3",
            },
        }
        assert numbers(rest) == [4, 5, 6, 7]

    @pytest.mark.parametrize("cursor", ["zzzzzzzz-1", "zzzzzzzz-0", "zzzzzzzz-999"])
    def test_it_announces_that_another_epoch_says_nothing(self, cursor: str) -> None:
        log = EventLog(4)
        for number in range(1, 4):
            append(log, COMMENT, number)

        socket = delivery(log, Cursor.parse(cursor))
        gap, *rest = drain(socket)

        assert not socket.resumed
        assert (gap["type"], gap["data"]["missed"]) == ("gap", None)
        assert numbers(rest) == [1, 2, 3]

    def test_it_announces_a_cursor_from_the_future(self) -> None:
        log = EventLog(4)
        append(log, COMMENT, 1)

        gap, *rest = drain(delivery(log, Cursor(log.epoch, 2)))

        assert (gap["type"], gap["data"]["missed"]) == ("gap", None)
        assert numbers(rest) == [1]

    def test_it_announces_another_epoch_though_the_log_is_empty(self) -> None:
        socket = delivery(EventLog(4), Cursor.parse("zzzzzzzz-5"))

        assert types_of(drain(socket)) == ["gap"]
        assert drain(socket) == []

    def test_it_replays_a_long_backlog_frame_by_frame(self) -> None:
        log = EventLog(4096)
        for number in range(1, 2001):
            append(log, LIKE, number)

        assert numbers(drain(delivery(log, Cursor(log.epoch, 0)))) == list(range(1, 2001))


class TestTypes:
    def test_it_tells_others_only_when_asked(self) -> None:
        log = EventLog(8)
        unasked = delivery(log)
        asked = delivery(log, types={COMMENT, FrameType.OTHER})
        append(log, FrameType.OTHER)
        append(log, COMMENT)

        assert types_of(drain(unasked)) == ["comment"]
        assert types_of(drain(asked)) == ["other", "comment"]

    def test_it_leaves_out_what_is_not_wanted(self) -> None:
        log = EventLog(8)
        socket = delivery(log, types={GIFT})
        for frame_type in (COMMENT, GIFT, LIKE):
            append(log, frame_type)

        assert types_of(drain(socket)) == ["gift"]
        assert socket.position == log.end

    def test_it_always_tells_the_stream_s_state(self) -> None:
        log = EventLog(8)
        socket = delivery(log, types={GIFT})
        append(log, STATUS)

        assert types_of(drain(socket)) == ["status"]

    def test_it_counts_in_a_gap_only_what_was_wanted(self) -> None:
        log = EventLog(1)
        socket = delivery(log, types={GIFT})
        for frame_type in (COMMENT, GIFT, LIKE, STATUS, COMMENT):
            append(log, frame_type)

        assert drain(socket)[0]["data"]["missed"] == {"gift": 1}

    def test_it_announces_no_gap_in_what_was_not_wanted(self) -> None:
        log = EventLog(2)
        for number, frame_type in enumerate((GIFT, LIKE, LIKE, LIKE), start=1):
            append(log, frame_type, number)

        socket = delivery(log, Cursor(log.epoch, 1), types={GIFT})

        assert socket.resumed
        assert drain(socket) == []

    @pytest.mark.parametrize("capacity", [16, 4096])
    def test_it_resumes_however_much_has_come_that_was_not_wanted(self, capacity: int) -> None:
        log = EventLog(capacity)
        append(log, COMMENT)
        gift = append(log, GIFT)
        text = append(log, LIKE).text
        for _ in range(70_000):
            log.append(LIKE, 0, text)

        socket = delivery(log, Cursor(log.epoch, gift.offset), types={GIFT})

        assert socket.resumed
        assert drain(socket) == []
        assert delivery(log, Cursor(log.epoch, 0), types={GIFT}).resumed
        assert not delivery(log, Cursor(log.epoch, 0), types={GIFT, LIKE}).resumed

    def test_it_counts_what_is_rare_though_it_was_long_ago(self) -> None:
        log = EventLog(2)
        for frame_type in (*[LIKE] * 40, GIFT, COMMENT, GIFT, COMMENT, *[LIKE] * 20):
            append(log, frame_type)

        socket = delivery(log, Cursor(log.epoch, 0), types={GIFT})
        gap, gift = drain(socket)

        assert gap["data"]["missed"] == {"gift": 1}
        assert offset(gift) == 43

    def test_it_resumes_when_bytes_were_short_for_what_was_not_wanted(self) -> None:
        log = EventLog(4096, LogMemory(64 * 1024))
        append(log, GIFT, 1)
        append(log, COMMENT, 1)
        for _ in range(100):
            log.append(LIKE, 0, "x" * 2000)

        assert log.first > 50
        assert delivery(log, Cursor(log.epoch, 0), types={GIFT, COMMENT}).resumed
        assert not delivery(log, Cursor(log.epoch, 0), types={LIKE}).resumed

    def test_a_gap_of_the_upstream_that_is_gone_leaves_the_number_unknown(self) -> None:
        log = EventLog(2)
        log.append(FrameType.GAP, 0, "{}")
        for number in range(5):
            append(log, COMMENT, number)

        socket = delivery(log, Cursor(log.epoch, 0), types={GIFT})

        assert not socket.resumed
        (gap,) = drain(socket)
        assert gap["data"]["missed"] is None

    def test_it_then_says_that_something_is_missing_up_to_the_end_of_that_gap(self) -> None:
        """What TikTok repeats behind a gap is older than its end: the hole may be among it."""
        log = EventLog(3)
        log.append(FrameType.GAP, 5000, "{}")
        for at in (4000, 4100, 4200, 6000):
            append(log, COMMENT, at=at)

        for held in (log, EventLog.restore(log.save(), 3)):
            gap, first, *_ = drain(delivery(held, Cursor(log.epoch, 0), types={COMMENT}))
            assert gap["data"]["missed"] is None
            assert first["ts"] < gap["data"]["to"] == 5000


def among_others(
    log: EventLog, *types: FrameType, others: int, text: str = ""
) -> Counter[FrameType]:
    """Append frames, which are numbered from 1, and so many `other` frames behind each of them.
    Returns how many came of each type."""
    appended: Counter[FrameType] = Counter()
    for number, frame_type in enumerate(types, start=1):
        append(log, frame_type, number)
        appended[frame_type] += 1
        for _ in range(others):
            if text:
                log.append(OTHER, 0, text)
            else:
                append(log, OTHER)
        appended[OTHER] += others
    return appended


def told_of(frames: Sequence[Any]) -> Counter[FrameType]:
    """What a client has got and what it was told it missed, together."""
    told: Counter[FrameType] = Counter()
    for frame in frames:
        told.update(frame["data"]["missed"] if frame["type"] == "gap" else [frame["type"]])
    return told


class TestOthers:
    """`other` frames push out no frame of another type."""

    @pytest.mark.parametrize(
        ("others", "text"), [(5_000, "{}"), (200, "x" * 60_000), (3, "x" * 3_000_000)]
    )
    def test_they_push_nothing_out_however_many_and_large_they_are(
        self, others: int, text: str
    ) -> None:
        log = EventLog(4096, LogMemory())
        among_others(log, *[LIKE, COMMENT] * 10, others=others, text=text)

        socket = delivery(log, Cursor(log.epoch, 0))

        assert socket.resumed
        frames = drain(socket)
        assert types_of(frames) == ["like", "comment"] * 10
        assert numbers(frames) == list(range(1, 21))
        assert pull(socket) == []
        assert socket.up_to_date

    def test_they_push_nothing_out_of_another_stream_s_log(self) -> None:
        memory = LogMemory(1_000_000, 2_000_000)
        log = EventLog(4096, memory)
        among_others(log, *[LIKE] * 1000, others=0)
        flooded = [EventLog(4096, memory) for _ in range(20)]

        for each in flooded:
            among_others(each, LIKE, others=300, text="x" * 1000)

        assert delivery(log, Cursor(log.epoch, 0)).resumed
        assert all(delivery(each, Cursor(each.epoch, 0)).resumed for each in flooded)
        taken = sum(each.size + each.others_size for each in [log, *flooded])
        assert taken <= 2_500_000

    def test_they_make_no_socket_lag_that_does_not_want_them(self) -> None:
        log = EventLog(4096)
        socket = delivery(log)
        among_others(log, *[LIKE] * 10, others=LAG)

        assert numbers(drain(socket)) == list(range(1, 11))

    @pytest.mark.parametrize("others", [1, 100, 2_000])
    def test_who_wants_them_is_told_of_all_that_it_missed(self, others: int) -> None:
        log = EventLog(4096, LogMemory(400_000))
        appended = among_others(log, *[LIKE, COMMENT] * 10, others=others)

        socket = delivery(log, Cursor(log.epoch, 0), types=EVERYTHING)
        frames = drain(socket)

        assert socket.resumed == (others == 1)
        assert told_of(frames) == appended
        assert types_of(frames).count("comment") == 10
        assert ("gap" in types_of(frames)) == (others > 1)

    def test_who_wants_them_gets_all_of_them_when_it_keeps_up(self) -> None:
        log = EventLog(4096, LogMemory(400_000))
        socket = delivery(log, types=EVERYTHING)
        frames: list[Any] = []
        for _ in range(30):
            among_others(log, *[LIKE] * 10, others=9, text="")
            frames += drain(socket)

        assert told_of(frames) == {LIKE: 300, OTHER: 2700}
        assert "gap" not in types_of(frames)

    def test_what_a_gap_has_announced_does_not_come_later_though_it_is_held(self) -> None:
        log = EventLog(8)
        among_others(log, LIKE, COMMENT, LIKE, COMMENT, others=4)
        gap, comment, *_ = drain(delivery(log, Cursor(log.epoch, 0), types=EVERYTHING))
        assert gap["data"]["missed"] == {"like": 1, "other": 8}
        append(log, LIKE, 5)

        for frame, seen in (gap, 0), (comment, 1):
            again = delivery(log, Cursor.parse(frame["cursor"]))
            assert again.resumed
            assert types_of(drain(again)) == ["comment", "like", "comment", "like"][seen:]

    @pytest.mark.parametrize("others", [3, 50])
    @pytest.mark.parametrize("types", [None, EVERYTHING])
    def test_a_border_behind_them_is_passed(
        self, others: int, types: set[FrameType] | None
    ) -> None:
        log = EventLog(8)
        socket = delivery(log, types=types)
        for _ in range(others):
            append(log, OTHER)
        log.append_border(ENDED, 0)
        for _ in range(others):
            append(log, OTHER)

        frames = drain(socket)
        assert socket.take_border() == ENDED
        frames += drain(socket)

        assert socket.up_to_date
        assert told_of(frames)[OTHER] == (0 if types is None else 2 * others)

    @pytest.mark.parametrize("batch", [0, 1])
    def test_sockets_at_one_place_share_what_they_want(self, batch: float) -> None:
        log = EventLog(8)
        sockets = [delivery(log, types=types, batch=batch) for types in (None, EVERYTHING) * 2]
        among_others(log, LIKE, LIKE, others=1)

        parcels = [socket.pending() for socket in sockets]

        assert parcels[0][0] is parcels[2][0]
        assert parcels[1][0] is parcels[3][0]
        assert parcels[0][0] is not parcels[1][0]
        assert {socket.position for socket in sockets} == {log.end}


class TestGap:
    def test_it_tells_a_slow_socket_from_when_to_when(self) -> None:
        log = EventLog(2)
        socket = delivery(log)
        append(log, COMMENT, 1, at=1000)
        drain(socket)
        for number in range(2, 6):
            append(log, GIFT, number, at=number * 1000)

        gap, *rest = drain(socket)

        assert (gap["data"]["from"], gap["data"]["to"]) == (1000, 4000)
        assert gap["data"]["missed"] == {"gift": 2}
        assert numbers(rest) == [4, 5]

    def test_it_still_has_gifts_and_comments_that_passing_frames_pushed_off(self) -> None:
        log = EventLog(3)
        socket = delivery(log)
        for number, frame_type in enumerate((GIFT, LIKE, COMMENT, JOIN, LIKE, LIKE, LIKE), 1):
            append(log, frame_type, number)

        gap, *rest = drain(socket)

        assert gap["data"]["missed"] == {"like": 1, "join": 1}
        assert Cursor.parse(gap["cursor"]) == Cursor(log.epoch, 0, announced=4)
        assert types_of(rest) == ["gift", "comment", "like", "like", "like"]

    @pytest.mark.parametrize("received", [1, 2, 3])
    def test_it_does_not_announce_again_what_a_gap_said_to_a_client_that_was_cut_behind_it(
        self, received: int
    ) -> None:
        log = EventLog(3)
        socket = delivery(log)
        for frame_type in (*[LIKE] * 5, GIFT, *[LIKE] * 20, COMMENT, *[LIKE] * 3):
            append(log, frame_type)
        gap, gift, comment, *_ = frames = pull(socket)
        assert gap["data"]["missed"] == {"like": 25}

        again = delivery(log, Cursor.parse(frames[received - 1]["cursor"]))

        assert again.resumed
        rest = types_of(drain(again))
        assert rest == ["gift", "comment", "like", "like", "like"][received - 1 :]
        assert (offset(gift), offset(comment)) == (6, 27)

    def test_it_announces_to_such_a_client_only_what_has_been_lost_since(self) -> None:
        log = EventLog(3)
        socket = delivery(log)
        for frame_type in (*[LIKE] * 5, GIFT, *[LIKE] * 20, COMMENT, *[LIKE] * 3):
            append(log, frame_type)
        _gap, gift, *_ = pull(socket)
        for frame_type in (*[LIKE] * 2, COMMENT, COMMENT, COMMENT, JOIN):
            append(log, frame_type)

        again = delivery(log, Cursor.parse(gift["cursor"]))
        gap, *rest = drain(again)

        assert not again.resumed
        assert gap["data"]["missed"] == {"like": 5, "comment": 1}
        assert types_of(rest) == ["comment", "comment", "comment", "join"]

    def test_a_greeting_s_cursor_says_what_has_been_announced(self) -> None:
        log = EventLog(2)
        socket = delivery(log)
        for frame_type in (*[LIKE] * 5, GIFT, *[LIKE] * 5):
            append(log, frame_type)
        gap = pull(socket)[0]

        assert delivery(log, Cursor.parse(gap["cursor"])).cursor == gap["cursor"]

    @pytest.mark.parametrize("announced", [9, 10**15 - 1])
    def test_it_believes_no_cursor_of_which_more_was_announced_than_there_is(
        self, announced: int
    ) -> None:
        log = EventLog(2)
        for number in range(1, 7):
            append(log, COMMENT, number)

        socket = delivery(log, Cursor(log.epoch, 1, announced))

        assert not socket.resumed
        assert drain(socket)[0]["data"]["missed"] is None

    def test_it_says_once_what_was_missed(self) -> None:
        log = EventLog(2)
        socket = delivery(log)
        for number in range(1, 6):
            append(log, COMMENT, number)

        assert types_of(drain(socket)) == ["gap", "comment", "comment"]
        append(log, COMMENT, 6)
        assert types_of(drain(socket)) == ["comment"]

    def test_it_admits_that_it_does_not_know_any_more(self) -> None:
        log = EventLog(2)
        socket = delivery(log)
        for number in range(1, 2 * TYPES_REMEMBERED + 2):
            append(log, COMMENT, number)

        assert drain(socket)[0]["data"]["missed"] is None


def lagging(*types: FrameType, capacity: int = 1024) -> tuple[EventLog, Delivery]:
    """A socket that is behind by a few more frames than are sent one by one.

    The types repeat; the frames are numbered from 1.
    """
    log = EventLog(capacity)
    socket = delivery(log)
    for number in range(LAG + len(types)):
        append(log, types[number % len(types)], number + 1)
    return log, socket


class TestMerging:
    def test_it_sums_likes(self) -> None:
        log, socket = lagging(LIKE)

        (frame,) = drain(socket)

        likes = LAG + 1
        assert frame["data"]["count"] == sum(range(1, likes + 1))
        assert frame["data"]["total"] == likes
        assert frame["data"]["merged"] == likes
        assert offset(frame) == log.end

    def test_it_counts_joins(self) -> None:
        log, socket = lagging(JOIN)

        (frame,) = drain(socket)

        assert frame["data"]["merged"] == LAG + 1
        assert offset(frame) == log.end

    def test_it_tells_the_latest_number_of_viewers(self) -> None:
        _, socket = lagging(VIEWERS)

        (frame,) = drain(socket)

        assert frame["data"]["count"] == LAG + 1

    @pytest.mark.parametrize("frame_type", [COMMENT, GIFT])
    def test_it_leaves_gifts_and_comments_as_they_are(self, frame_type: FrameType) -> None:
        _, socket = lagging(frame_type, LIKE)

        frames = drain(socket)

        kept = [frame for frame in frames if frame["type"] == frame_type]
        assert numbers(kept) == list(range(1, LAG + 2, 2))
        assert types_of(frames).count("like") == len(kept)

    def test_it_resumes_without_a_loss_in_the_middle_of_a_run(self) -> None:
        log, socket = lagging(COMMENT, LIKE, JOIN, LIKE, JOIN)

        comment, joins, likes = pull(socket)[:3]

        assert [frame["data"].get("merged") for frame in (comment, joins, likes)] == [None, 2, 2]
        assert joins["cursor"] == comment["cursor"]
        assert offset(likes) == 5
        again = delivery(log, Cursor.parse(joins["cursor"]))
        assert again.resumed
        assert offset(pull(again)[0]) == offset(comment) + 1

    def test_it_does_not_merge_for_a_socket_that_is_only_a_little_behind(self) -> None:
        log = EventLog(1024)
        socket = delivery(log)
        for number in range(1, LAG + 1):
            append(log, LIKE, number)

        assert numbers(drain(socket)) == list(range(1, LAG + 1))

    def test_it_sends_one_by_one_again_once_the_socket_has_caught_up(self) -> None:
        log, socket = lagging(LIKE)
        drain(socket)

        append(log, LIKE, 5)
        append(log, LIKE, 6)

        assert numbers(drain(socket)) == [5, 6]

    def test_it_merges_what_piles_up_while_a_backlog_is_replayed(self) -> None:
        log = EventLog(4096)
        for number in range(1, 101):
            append(log, LIKE, number)
        socket = delivery(log, Cursor(log.epoch, 0))
        for number in range(101, 101 + LAG + 1):
            append(log, LIKE, number)

        assert len(drain(socket)) == 1

    def test_it_does_not_say_merged_of_a_single_frame(self) -> None:
        log, socket = lagging(COMMENT)
        append(log, LIKE, 7)

        like = drain(socket)[-1]

        assert like["data"]["count"] == 7
        assert "merged" not in like["data"]


class TestBatch:
    def test_it_puts_several_frames_into_one(self) -> None:
        log = EventLog(8)
        socket = delivery(log, batch=0.1)
        entries = [append(log, COMMENT, number) for number in range(3)]

        (frame,) = drain(socket)

        assert frame == {
            "type": "batch",
            "ts": NOW,
            "data": {"events": [read_frame(entry.text) for entry in entries]},
        }

    def test_it_sends_a_single_frame_as_it_is(self) -> None:
        log = EventLog(8)
        socket = delivery(log, batch=0.1)
        append(log, COMMENT)

        assert types_of(drain(socket)) == ["comment"]

    def test_it_sends_a_single_wanted_frame_as_it_is(self) -> None:
        log = EventLog(8)
        socket = delivery(log, types={GIFT}, batch=0.1)
        for frame_type in (COMMENT, GIFT, LIKE):
            append(log, frame_type)

        assert types_of(drain(socket)) == ["gift"]

    def test_it_sends_nothing_when_nothing_was_wanted(self) -> None:
        log = EventLog(8)
        socket = delivery(log, types={GIFT}, batch=0.1)
        append(log, COMMENT)
        append(log, LIKE)

        assert drain(socket) == []

    @virtual_time
    async def test_it_gathers_for_the_time_that_was_asked_for(self) -> None:
        log = EventLog(8)
        socket = delivery(log, batch=0.5)
        waiting = asyncio.create_task(socket.wait())
        await settle()
        started = now()

        append(log, COMMENT)
        await waiting

        assert now() - started == pytest.approx(0.5, abs=0.01)

    @virtual_time
    async def test_it_does_not_take_what_it_gathered_itself_for_lag(self) -> None:
        log = EventLog(4096)
        socket = delivery(log, batch=1)
        waiting = asyncio.create_task(socket.wait())
        await settle()
        for number in range(1, 1001):
            append(log, LIKE, number)

        await waiting
        events = [event for batch in drain(socket) for event in batch["data"]["events"]]

        assert numbers(events) == list(range(1, 1001))

    @virtual_time
    async def test_it_does_not_gather_while_there_is_more_to_send(self) -> None:
        log = EventLog(4096)
        socket = delivery(log, batch=1)
        for number in range(1, 1001):
            append(log, LIKE, number)
        started = now()

        while socket.position < log.end:
            await socket.wait()
            pull(socket)

        assert now() - started < 0.01


class TestSharing:
    def test_sockets_at_one_place_share_a_parcel(self) -> None:
        log = EventLog(8)
        first, second = delivery(log), delivery(log)
        append(log, COMMENT)

        assert first.pending()[0] is second.pending()[0]

    def test_sockets_that_batch_share_a_batch(self) -> None:
        log = EventLog(8)
        first, second = delivery(log, batch=0.1), delivery(log, batch=0.2)
        append(log, COMMENT, 1)
        append(log, COMMENT, 2)

        assert first.pending()[0] is second.pending()[0]

    def test_sockets_that_want_something_else_do_not(self) -> None:
        log = EventLog(8)
        batching, choosy = delivery(log, batch=0.1), delivery(log, types={GIFT})
        plain = delivery(log)
        append(log, COMMENT)
        append(log, GIFT)

        assert types_of(pull(batching)) == ["batch"]
        assert types_of(pull(choosy)) == ["gift"]
        assert types_of(pull(plain)) == ["comment", "gift"]

    def test_a_socket_further_behind_gets_what_it_has_not_seen(self) -> None:
        log = EventLog(8)
        append(log, COMMENT, 1)
        behind, ahead = delivery(log, since=Cursor(log.epoch, 0)), delivery(log)
        append(log, COMMENT, 2)

        assert numbers(pull(ahead)) == [2]
        assert numbers(pull(behind)) == [1, 2]

    def test_what_was_shared_goes_with_the_next_append(self) -> None:
        log = EventLog(8)
        delivery(log)
        append(log, COMMENT, 1)
        pull(delivery(log, since=Cursor(log.epoch, 0)))
        append(log, COMMENT, 2)

        assert not log.memo
        assert numbers(pull(delivery(log, since=Cursor(log.epoch, 0)))) == [1, 2]

    def test_a_parcel_of_large_frames_has_fewer(self) -> None:
        log = EventLog(8)
        socket = delivery(log)
        for _ in range(3):
            log.append(COMMENT, 0, "x" * 40_000)

        assert [len(parcel.texts) for _ in range(3) for parcel in socket.pending()] == [1, 1, 1]

    def test_a_frame_too_large_for_a_parcel_goes_alone(self) -> None:
        log = EventLog(8)
        socket = delivery(log)
        log.append(COMMENT, 0, "x" * 100_000)
        append(log, COMMENT)

        assert [len(parcel.texts) for _ in range(2) for parcel in socket.pending()] == [1, 1]

    def test_what_is_merged_goes_in_parcels_that_a_slow_socket_can_take(self) -> None:
        log = EventLog(1024)
        socket = delivery(log)
        for _ in range(LAG + 1):
            log.append(COMMENT, 0, "x" * 1000)

        parcels = socket.pending()

        assert sum(len(parcel.texts) for parcel in parcels) == LAG + 1
        assert all(sum(map(len, parcel.texts)) <= 64 * 1024 for parcel in parcels)

    def test_a_bounded_number_of_places_is_remembered(self) -> None:
        log = EventLog(1024)
        for number in range(200):
            append(log, COMMENT, number)
        for place in range(200):
            delivery(log, since=Cursor(log.epoch, place)).pending()

        assert 0 < len(log.memo) <= 64


class TestWait:
    @virtual_time
    async def test_it_ends_when_something_is_appended(self) -> None:
        log = EventLog(8)
        socket = delivery(log)
        waiting = asyncio.create_task(socket.wait())
        await settle()
        assert not waiting.done()

        append(log, COMMENT)

        await asyncio.wait_for(waiting, 0.1)

    @virtual_time
    async def test_it_lets_others_run_while_there_is_more_to_send(self) -> None:
        log = EventLog(8)
        socket = delivery(log)
        append(log, COMMENT)
        turns: list[str] = []
        asyncio.get_running_loop().call_soon(turns.append, "another's")

        await socket.wait()

        assert turns


class TestBorders:
    def test_it_stops_before_a_border(self) -> None:
        log = EventLog(8)
        socket = delivery(log)
        append(log, COMMENT)
        log.append_border(ENDED, 0)
        append(log, COMMENT)

        assert socket.take_border() is None
        assert types_of(drain(socket)) == ["comment"]
        assert socket.take_border() == ENDED
        assert socket.take_border() is None
        assert types_of(drain(socket)) == ["comment"]
        assert socket.up_to_date

    def test_it_stops_there_though_the_log_has_dropped_what_is_before_and_behind(self) -> None:
        log = EventLog(8)
        append(log, COMMENT)
        socket = delivery(log, Cursor(log.epoch, 1))
        for _ in range(3):
            append(log, FrameType.LIKE)
        log.append_border(ENDED, 0)
        for _ in range(12):
            append(log, FrameType.LIKE)

        assert [frame["data"]["missed"] for frame in drain(socket)] == [{"like": 3}]
        assert socket.take_border() == ENDED
        assert drain(socket)[0]["data"]["missed"] == {"like": 4}
        assert socket.up_to_date

    def test_it_knows_the_live_at_its_position(self) -> None:
        log = EventLog(8)
        assert delivery(log).room is None
        log.append_border(RoomBegan(ROOM, NO_SNAPSHOT), 0)
        append(log, COMMENT)
        at_the_comment = delivery(log)
        log.append_border(ENDED, 0)

        assert at_the_comment.room == ROOM
        assert delivery(log).room is None

    def test_who_comes_with_a_cursor_of_another_log_begins_with_the_oldest_live(self) -> None:
        log = EventLog(8)
        append(log, FrameType.STATUS)
        log.append_border(RoomBegan(ROOM, NO_SNAPSHOT), 0)
        append(log, COMMENT)

        socket = delivery(log, Cursor("elsewhere", 7))

        assert (socket.room, socket.resumed) == (ROOM, False)
        assert types_of(drain(socket)) == ["gap", "comment"]


# --- Any interleaving ----------------------------------------------------------------------------

ALL_TYPES = [COMMENT, GIFT, LIKE, JOIN, VIEWERS, FOLLOW, OTHER, STATUS]
MERGED = {"like", "join", "viewers"}
LASTING = {"comment", "gift", "follow"}


@dataclass
class History:
    """What was appended, by offset, as its sender knows it."""

    log: EventLog
    types: list[str] = field(default_factory=lambda: [""])
    counts: list[int] = field(default_factory=lambda: [0])
    texts: list[str] = field(default_factory=lambda: [""])

    def append(self, type: FrameType, count: int) -> None:
        entry = append(self.log, type, count)
        self.types.append(type)
        self.counts.append(count)
        self.texts.append(entry.text)

    def forgotten(self, offset: int, announced: int, gone: list[int]) -> bool:
        """Whether nobody knows how many events behind an offset are of the types of those that are
        gone. What passes has been announced up to another offset."""
        types = {self.types[place] for place in gone} - {"status"}
        remembered_from = self.log.end - TYPES_REMEMBERED * self.log.capacity + 1
        return any(
            self.types[place] in types
            for place in range(offset + 1, remembered_from)
            if place > announced or self.types[place] in LASTING
        )

    def first(self, others: bool) -> int:
        """Where the log begins: behind the newest frame that it has no room for."""
        rest = [place for place in range(1, len(self.types)) if self.types[place] != OTHER]
        gone = [0, *rest[: -self.log.capacity]]
        if others:
            of_others = [n for n in range(1, len(self.types)) if self.types[n] == OTHER]
            gone += of_others[: -self.log.capacity]
        return max(gone) + 1


class Client:
    """A phone that checks all that it is sent, knowing only frames and what was appended.

    It keeps account of what it must have been told by now: every wanted event up to `seen` has
    come, is part of a merged frame, or is `gone`, as a gap announced.
    """

    def __init__(
        self,
        history: History,
        since: Cursor | None,
        types: frozenset[FrameType] | None,
        batch: bool,
    ) -> None:
        self.history = history
        self.delivery = Delivery(history.log, since, types, float(batch), lambda: NOW)
        self.wanted = (set(ALL_TYPES) - {OTHER}) if types is None else types | {STATUS}
        self.seen = history.log.end if since is None else since.offset
        self.lost = since is not None and (
            since.epoch != history.log.epoch or since.offset > history.log.end
        )
        if self.lost:
            self.seen = 0
        self.cursors = [Cursor.parse(self.delivery.cursor)]
        # What passes, and a gap has announced before.
        self.announced = 0 if since is None or self.lost else since.announced
        self.gone = {
            place
            for place in range(self.seen + 1, self.announced + 1)
            if history.types[place] not in LASTING
        }
        self.parts: list[Any] = []

    def untold(self, start: int, stop: int) -> list[int]:
        """The wanted offsets from start to stop that have not been told of."""
        return [
            place
            for place in range(start, stop)
            if self.history.types[place] in self.wanted and place not in self.gone
        ]

    def fallen_off(self) -> list[int]:
        """The wanted offsets that the log has no more for this client, neither in its ring nor as
        lasting."""
        log, types = self.history.log, self.history.types
        lasting = [place for place in range(1, log.end + 1) if types[place] in LASTING]
        kept = set(lasting[-log.capacity :])
        return [place for place in self.untold(self.seen + 1, self.first) if place not in kept]

    @property
    def first(self) -> int:
        return max(self.history.first(OTHER in self.wanted), self.announced + 1)

    def pull(self) -> bool:
        """Take the frames of one look; False if there were none."""
        self.falling: list[int] | None = None
        if self.delivery.position < self.first - 1 or self.lost:
            self.falling = self.fallen_off()
            self.forgotten = self.history.forgotten(
                self.delivery.position, self.announced, self.falling
            )
            if not self.lost and not self.forgotten:
                exact = Counter(self.history.types[place] for place in self.falling)
                exact.pop("status", None)
                self.exact = dict(exact)
        texts = [text for parcel in self.delivery.pending() for text in parcel.texts]
        if self.falling is not None:
            self.gone.update(self.falling)
            announced = any(read_frame(text)["type"] == "gap" for text in texts)
            assert announced == (self.lost or self.forgotten or bool(self.exact))
        for text in texts:
            frame = read_frame(text)
            for each in frame["data"]["events"] if frame["type"] == "batch" else [frame]:
                self.take(each, text if frame is each else None)
        self.lost = False
        return bool(texts)

    def take(self, frame: Any, text: str | None) -> None:
        if frame["type"] == "gap":
            self.take_gap(frame)
            return
        at = offset(frame)
        told = self.untold(self.seen + 1, at + 1)
        if not told or told[-1] != at:
            self.take_part(frame, at)
            return
        frames, self.parts = [*self.parts, frame], []
        cursor = Cursor.parse(frame["cursor"])
        if len(told) == 1 and len(frames) == 1:
            assert frame["type"] == self.history.types[at]
            plain = cursor._replace(announced=0)
            expected = self.history.texts[at].replace(str(plain), str(cursor))
            assert frame == read_frame(expected)
            assert text is None or text == expected
        else:
            self.check_run(frames, told)
        self.seen = at
        self.cursors.append(cursor)

    def take_part(self, frame: Any, at: int) -> None:
        """One of several frames of a run, with the cursor from before the run."""
        assert frame["type"] in MERGED
        assert at >= self.seen
        assert not self.untold(self.seen + 1, at + 1)
        self.parts.append(frame)
        self.cursors.append(Cursor.parse(frame["cursor"]))

    def check_run(self, frames: list[Any], told: list[int]) -> None:
        kinds: dict[str, list[int]] = {}
        for place in told:
            assert self.history.types[place] in MERGED, "only what may be merged is"
            kinds.setdefault(self.history.types[place], []).append(place)
        assert sorted(kinds) == sorted(frame["type"] for frame in frames)
        for frame in frames:
            places = kinds[frame["type"]]
            counts = [self.history.counts[place] for place in places]
            if frame["type"] == "viewers":
                assert frame["data"]["count"] == counts[-1]
                continue
            assert frame["data"].get("merged", 1) == len(places)
            if frame["type"] == "like":
                assert frame["data"]["count"] == sum(counts)
                assert frame["data"]["total"] == max(counts)

    def take_gap(self, frame: Any) -> None:
        assert not self.parts, "merged frames never reach across a gap"
        place, missed = offset(frame), frame["data"]["missed"]
        assert frame["data"]["cursor"] == frame["cursor"]
        assert not self.untold(self.seen + 1, place + 1)
        if self.lost or self.forgotten:
            assert missed is None
        else:
            assert missed == self.exact
        self.seen = max(self.seen, place)
        self.cursors.append(Cursor.parse(frame["cursor"]))

    def assert_told_everything(self) -> None:
        while self.pull() or not self.delivery.up_to_date:
            pass
        assert not self.parts
        assert not self.untold(self.seen + 1, self.history.log.end + 1)
        self.seen = self.history.log.end


types_filters = st.none() | st.frozensets(
    st.sampled_from([each for each in ALL_TYPES if each is not STATUS]), min_size=1
)


class Interleavings(RuleBasedStateMachine):
    """Appends, readers at any pace, cuts and resumes, in any order."""

    @initialize(capacity=st.sampled_from([8, 100, 400, 1500]))
    def start(self, capacity: int) -> None:
        self.history = History(EventLog(capacity))
        self.clients: list[Client] = []

    @rule(types=st.lists(st.sampled_from(ALL_TYPES), min_size=1, max_size=12))
    def append_some(self, types: list[FrameType]) -> None:
        for number, frame_type in enumerate(types):
            self.history.append(frame_type, number + 1)

    @rule(
        mix=st.lists(st.sampled_from(ALL_TYPES), min_size=1, max_size=6),
        frames=st.sampled_from([70, 300, 600]),
    )
    def append_a_burst(self, mix: list[FrameType], frames: int) -> None:
        for number in range(frames):
            self.history.append(mix[number % len(mix)], number + 1)

    @precondition(lambda self: len(self.clients) < 6)
    @rule(types=types_filters, batch=st.booleans())
    def connect(self, types: frozenset[FrameType] | None, batch: bool) -> None:
        self.clients.append(Client(self.history, None, types, batch))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), types=types_filters, batch=st.booleans())
    def resume(self, data: st.DataObject, types: frozenset[FrameType] | None, batch: bool) -> None:
        """A client is cut, and goes on from any cursor that it ever saw."""
        cut = self.clients.pop(data.draw(st.integers(0, len(self.clients) - 1)))
        since = data.draw(st.sampled_from(cut.cursors))
        client = Client(self.history, since, types, batch)
        gone = {self.history.types[place] for place in client.fallen_off()} - {"status"}
        assert client.delivery.resumed == (not gone)
        self.clients.append(client)

    @precondition(lambda self: len(self.clients) < 6)
    @rule(ahead=st.integers(1, 1000), types=types_filters)
    def resume_from_the_future(self, ahead: int, types: frozenset[FrameType] | None) -> None:
        log = self.history.log
        client = Client(self.history, Cursor(log.epoch, log.end + ahead), types, False)
        assert not client.delivery.resumed
        self.clients.append(client)

    @precondition(lambda self: len(self.clients) < 6)
    @rule(place=st.integers(0, 2000), types=types_filters)
    def resume_from_another_log(self, place: int, types: frozenset[FrameType] | None) -> None:
        client = Client(self.history, Cursor("another", place), types, False)
        assert not client.delivery.resumed
        self.clients.append(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), looks=st.integers(1, 4))
    def take_some(self, data: st.DataObject, looks: int) -> None:
        client = data.draw(st.sampled_from(self.clients))
        for _ in range(looks):
            client.pull()

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def catch_up(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.clients)).assert_told_everything()

    @invariant()
    def the_log_holds_no_more_than_it_may(self) -> None:
        log = self.history.log
        others = self.history.types.count("other")
        assert len(log.read(0, 10_000, others=False)) == min(log.end - others, log.capacity)
        held = len(log.read(0, 10_000))
        assert held == min(log.end - others, log.capacity) + min(others, log.capacity)

    def teardown(self) -> None:
        for client in self.clients:
            client.assert_told_everything()


def test_every_reader_is_told_everything_once_or_of_a_gap() -> None:
    run_state_machine_as_test(
        Interleavings,
        settings=settings(max_examples=60, stateful_step_count=30, deadline=None),
    )
