"""The soak finds nothing in a short run, and what it checks with would find what there is."""

from __future__ import annotations

from typing import Any

import pytest

from soak.checking import GapSeen, Hole, Order, Sent, untrue_holes
from soak.phones import KINDS
from soak.plan import plan
from soak.running import Sample, Settings, run, slope

NOW = 1_795_000_000_000
ROOM, NEXT_ROOM = "7000000000000000001", "7000000000000000002"
STEP = 1000  # ms between two comments


def connected(offset: int = 0, room: str = ROOM, at: int = NOW) -> dict[str, Any]:
    data = {"room_id": room, "cursor": f"abcdefgh-{offset}"}
    return {"type": "connected", "ts": at, "data": data}


def comment(number: int, offset: int | None = None, epoch: str = "abcdefgh") -> dict[str, Any]:
    """The comment of that number, sent in its second."""
    cursor = f"{epoch}-{number if offset is None else offset}"
    text = f"{number} {NOW + number * STEP} xxx"
    return {"type": "comment", "cursor": cursor, "ts": NOW, "data": {"text": text}}


def gap(
    first: int, last: int, *, side: str = "upstream", missed: dict[str, int] | None = None
) -> dict[str, Any]:
    """A gap for the comments from `first` to `last`."""
    times = {"from": NOW + (first - 1) * STEP, "to": NOW + last * STEP}
    data = {"side": side, **times, "missed": missed}
    return {"type": "gap", "cursor": f"abcdefgh-{first}", "ts": NOW, "data": data}


def order(*frames: dict[str, Any]) -> Order:
    checked = Order(stream=0)
    for frame in (connected(), *frames):
        checked.take(frame)
    return checked


def sent(count: int, unheard: range = range(0), room: str = ROOM) -> list[Sent]:
    return [
        Sent(NOW + number * STEP, number not in unheard, room) for number in range(1, count + 1)
    ]


def gap_seen(first: int, last: int, side: str = "upstream", comments: int | None = None) -> GapSeen:
    return GapSeen(side, NOW + (first - 1) * STEP, NOW + last * STEP, comments)


class TestWhatAPhoneSees:
    def test_a_whole_sequence_is_right(self) -> None:
        checked = order(*map(comment, range(4, 20)))

        assert not checked.violations
        assert not checked.holes
        assert (checked.number, checked.comments, checked.cursor) == (19, 16, "abcdefgh-19")

    def test_a_lost_event_is_found(self) -> None:
        checked = order(comment(1), comment(2), comment(4), comment(5))

        [violation] = checked.violations
        assert "stream 0, cursor abcdefgh-4: expected 3, received 4: nothing announced" in violation

    def test_a_repeated_event_is_found(self) -> None:
        checked = order(comment(1), comment(2), comment(2, offset=3), comment(3, offset=4))

        [violation] = checked.violations
        assert "expected 3, received 2: repeated, or out of order" in violation

    def test_swapped_events_are_found(self) -> None:
        checked = order(comment(1), comment(3, offset=2), comment(2, offset=3), comment(4))

        assert len(checked.violations) == 2
        assert "expected 2, received 3" in checked.violations[0]
        assert "expected 4, received 2" in checked.violations[1]

    def test_a_cursor_that_goes_back_is_found(self) -> None:
        assert "comes behind" in order(comment(1, offset=9), comment(2, offset=8)).violations[0]

    def test_another_epoch_is_found(self) -> None:
        assert "epoch" in order(comment(1), comment(2, epoch="another1")).violations[0]

    def test_the_log_of_a_live_that_never_was_is_not_kept(self) -> None:
        checked = Order(stream=0)
        checked.take({"type": "status", "cursor": "another1-1", "ts": NOW, "data": {}})
        checked.take(connected())

        assert not checked.violations

    def test_a_batch_is_the_frames_in_it(self) -> None:
        batch = {"type": "batch", "ts": NOW, "data": {"events": [comment(2), comment(4)]}}

        assert "expected 3, received 4" in order(comment(1), batch).violations[0]

    def test_a_gap_announces_a_hole(self) -> None:
        checked = order(comment(1), gap(2, 3), comment(4))

        assert not checked.violations
        assert checked.holes == [Hole(0, 2, 3, (gap_seen(2, 3),), "")]

    def test_it_does_so_for_what_tiktok_has_not_repeated_behind_it(self) -> None:
        checked = order(comment(1), gap(2, 5), comment(3, offset=3), comment(5, offset=4))

        assert not checked.violations
        assert [(hole.first, hole.last) for hole in checked.holes] == [(2, 2), (4, 4)]

    def test_what_was_announced_may_come_later(self) -> None:
        checked = order(
            comment(1), gap(2, 5), comment(4, 3), gap(5, 6), comment(3, 5), comment(6, 6)
        )

        assert not checked.violations
        assert [(hole.first, hole.last) for hole in checked.holes] == [(2, 3), (5, 5)]

    def test_it_comes_once(self) -> None:
        checked = order(comment(1), gap(2, 5), comment(4, 3), comment(3, 4), comment(3, 5))

        assert "expected 5, received 3" in checked.violations[0]

    def test_a_gap_announces_nothing_of_later(self) -> None:
        checked = order(comment(1), gap(2, 3), comment(4), comment(5), comment(7))

        [violation] = checked.violations
        assert "expected 6, received 7" in violation

    def test_a_gap_of_the_phone_s_own_announces_one_hole(self) -> None:
        own = gap(2, 3, side="client", missed={"comment": 2})
        checked = order(comment(1), own, comment(4), comment(6))

        assert len(checked.holes) == 1
        assert "expected 5, received 6" in checked.violations[0]

    def test_a_phone_that_goes_back_gets_the_same_again(self) -> None:
        checked = order(comment(1), comment(2))
        place = checked.place
        checked.take(comment(3))
        checked.go_back(place)
        checked.take(comment(3))

        assert not checked.violations
        assert checked.number == 3

    def test_a_phone_that_begins_anew_may_begin_anywhere(self) -> None:
        checked = order(comment(1))
        checked.begin_anew()
        checked.take(comment(9))

        assert not checked.violations


class TestWhatWasSent:
    def test_a_hole_that_a_gap_covers_is_true(self) -> None:
        hole = Hole(0, 3, 5, (gap_seen(3, 5),), "")

        assert not list(untrue_holes([hole], [sent(9, unheard=range(3, 6))]))

    def test_a_gap_that_ends_too_early_is_found(self) -> None:
        hole = Hole(0, 3, 8, (gap_seen(3, 5),), "")

        [untrue] = untrue_holes([hole], [sent(9)])

        assert "do not cover [6, 7, 8] of 6 missing" in untrue

    def test_a_gap_that_begins_too_late_is_found(self) -> None:
        hole = Hole(0, 3, 20, (gap_seen(15, 20),), "")

        [untrue] = untrue_holes([hole], [sent(30)])

        assert "do not cover [3, 4, 5, 6, 7]" in untrue

    def test_what_one_gap_leaves_out_another_may_cover(self) -> None:
        hole = Hole(0, 3, 20, (gap_seen(3, 12), gap_seen(13, 20)), "")

        assert not list(untrue_holes([hole], [sent(30)]))

    @pytest.mark.parametrize("told", [1, 4])
    def test_a_wrong_count_is_found(self, told: int) -> None:
        hole = Hole(0, 3, 5, (gap_seen(3, 5, "client", told),), "")

        [untrue] = untrue_holes([hole], [sent(9)])

        assert f"{told} comments are told as missing, and 3 are" in untrue

    def test_a_right_count_is_true(self) -> None:
        hole = Hole(0, 3, 5, (gap_seen(3, 5, "client", 3),), "")

        assert not list(untrue_holes([hole], [sent(9)]))

    def test_a_gap_that_begins_nowhere_covers_all_before_its_end(self) -> None:
        hole = Hole(0, 3, 5, (gap_seen(3, 5, "client")._replace(from_=None),), "")

        assert not list(untrue_holes([hole], [sent(9)]))

    def test_a_live_that_begins_has_had_comments_before_the_relay_came(self) -> None:
        new = sent(9, unheard=range(3, 6), room=NEXT_ROOM)

        assert not list(untrue_holes([Hole(0, 3, 5, (), NEXT_ROOM)], [new]))

    def test_the_relay_was_there_already(self) -> None:
        new = sent(9, unheard=range(3, 5), room=NEXT_ROOM)

        [untrue] = untrue_holes([Hole(0, 3, 5, (), NEXT_ROOM)], [new])

        assert "do not cover [5]" in untrue

    def test_the_end_of_the_live_before_is_missing(self) -> None:
        [untrue] = untrue_holes([Hole(0, 3, 5, (), NEXT_ROOM)], [sent(9, unheard=range(3, 6))])

        assert "do not cover [3, 4, 5]" in untrue


class TestPlans:
    def test_everything_happens_and_in_order(self) -> None:
        faults = plan(60, 10, seed=4)

        assert {fault.what for fault in faults} == {
            *("cut", "cut_all", "end", "go_live", "broken", "restart"),
            *("sign_limit", "no_sign_limit"),
        }
        assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
        assert all(0 < fault.at < 60 for fault in faults)

    def test_a_seed_is_one_plan(self) -> None:
        assert plan(60, 10, seed=4) == plan(60, 10, seed=4)
        assert plan(60, 10, seed=4) != plan(60, 10, seed=5)

    def test_whoever_ends_a_live_begins_another(self) -> None:
        faults = plan(600, 20, seed=1)
        ended = [fault.arguments for fault in faults if fault.what == "end"]

        assert len(ended) > 5
        assert sorted(ended) == sorted(f.arguments for f in faults if f.what == "go_live")


def test_the_slope_is_that_of_a_line() -> None:
    samples = [Sample(at, 10_000_000 + 500 * at, 0, 0) for at in range(0, 100, 5)]

    assert slope(samples) == pytest.approx(30_000)


def test_a_short_soak_finds_nothing() -> None:
    result = run(Settings(minutes=0.2, streams=10, phones=30, seed=3))

    assert not result.violations
    assert result.is_good
    figures = result.rows[0].figures
    assert figures["faults"]["restart"] == figures["faults"]["cut_all"] == 1
    assert figures["comments"] > 100
    assert figures["received"] > figures["comments"] / 2
    assert figures["gaps"] > 0
    assert set(figures["phones"]) == set(KINDS)
