"""What a socket that comes late is told of the LIVE so far."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from live.protocol.frames import (
    Comment,
    Delete,
    Follow,
    Frame,
    FrameType,
    Gift,
    Like,
    StreakState,
    Viewers,
    encode,
)
from live.streams.snapshot import SnapshotKeeper
from tests.support.contract import check_frame
from tests.support.samples import gift, user

ONGOING, ENDED = StreakState.ONGOING, StreakState.ENDED


def keeper_of(*data: msgspec.Struct) -> SnapshotKeeper:
    keeper = SnapshotKeeper()
    for each in data:
        update(keeper, each)
    return keeper


def update(keeper: SnapshotKeeper, data: msgspec.Struct, id: str = "") -> None:
    types = {Comment: FrameType.COMMENT, Gift: FrameType.GIFT, Like: FrameType.LIKE}
    frame_type = types.get(type(data), FrameType.FOLLOW)
    keeper.update(data, encode(Frame(type=frame_type, cursor="e-1", ts=0, data=data)), id)


def taken(keeper: SnapshotKeeper) -> Any:
    """The snapshot as a client reads it."""
    snapshot = msgspec.json.decode(msgspec.json.encode(keeper.take()))
    for frame in snapshot["gifts"] + snapshot["comments"]:
        check_frame(frame)
    return snapshot


def test_it_knows_nothing_at_first() -> None:
    assert taken(keeper_of()) == {
        "viewers": None,
        "likes": None,
        "gifts": [],
        "top": [],
        "comments": [],
        "diamonds": 0,
    }


def test_it_tells_the_latest_number_of_viewers() -> None:
    assert taken(keeper_of(Viewers(9, 90, []), Viewers(7, 91, [])))["viewers"] == 7


def test_it_tells_the_largest_total_of_likes() -> None:
    late = keeper_of(Like(user(), 1, 10), Like(user(), 1, 30), Like(user(), 1, 20))

    assert taken(late)["likes"] == 30


def test_it_tells_the_last_twenty_comments_as_they_were_sent() -> None:
    keeper = keeper_of(*(Comment(user(), str(number), [], []) for number in range(25)))

    comments = taken(keeper)["comments"]

    assert [frame["data"]["text"] for frame in comments] == [str(n) for n in range(5, 25)]
    assert (comments[0]["type"], comments[0]["cursor"]) == ("comment", "e-1")


def test_it_tells_no_comment_that_was_deleted() -> None:
    keeper = keeper_of()
    for number, name in enumerate(("anna", "bob", "anna", "carol")):
        update(keeper, Comment(user(name), str(number), [], []), id=f"id{number}")

    update(keeper, Delete(message_ids=["id3"], user_ids=["anna"]))

    assert [frame["data"]["text"] for frame in taken(keeper)["comments"]] == ["1"]


def test_it_tells_the_newest_of_each_open_streak() -> None:
    keeper = keeper_of(
        gift(1, ONGOING, group="a"),
        gift(4, ONGOING, group="b"),
        gift(2, ONGOING, group="a"),
    )

    gifts = [frame["data"] for frame in taken(keeper)["gifts"]]

    assert [(each["group_id"], each["count"]) for each in gifts] == [("a", 2), ("b", 4)]


def test_it_tells_no_streak_that_has_ended() -> None:
    keeper = keeper_of(gift(1, ONGOING, group="a"), gift(2, ENDED, group="a"), gift(1, None))

    assert taken(keeper)["gifts"] == []


def test_it_keeps_a_bounded_number_of_streaks() -> None:
    keeper = keeper_of(*(gift(1, ONGOING, group=str(number)) for number in range(500)))

    groups = [frame["data"]["group_id"] for frame in taken(keeper)["gifts"]]

    assert groups == [str(number) for number in range(400, 500)]


def test_it_ranks_gifters_by_all_that_they_gave() -> None:
    keeper = keeper_of(
        gift(1, who="once", diamonds=50),
        gift(2, ENDED, who="often", diamonds=10),
        gift(5, None, who="often", diamonds=10),
    )

    top = [(each["user"]["id"], each["diamonds"]) for each in taken(keeper)["top"]]

    assert top == [("often", 70), ("once", 50)]


def test_it_counts_a_streak_when_it_has_ended() -> None:
    keeper = keeper_of(gift(1, ONGOING), gift(2, ONGOING))
    assert taken(keeper)["top"] == []

    update(keeper, gift(3, ENDED))

    assert taken(keeper)["top"][0]["diamonds"] == 3


def test_it_sums_the_diamonds_of_gifts_that_are_settled() -> None:
    keeper = keeper_of(
        gift(3, ONGOING, who="anna", diamonds=5),
        gift(4, ENDED, who="anna", diamonds=5),
        gift(2, None, who="bea", diamonds=100),
        gift(1, ONGOING, who="carl", diamonds=7),
    )

    assert taken(keeper)["diamonds"] == 220


def test_it_sums_the_diamonds_of_gifters_that_it_has_forgotten() -> None:
    many = 10_001
    keeper = keeper_of(*(gift(1, None, who=f"user{n}", diamonds=2) for n in range(many)))

    assert keeper.gifters < many
    assert taken(keeper)["diamonds"] == 2 * many


def test_it_makes_do_with_what_an_older_version_has_written() -> None:
    saved = keeper_of(gift(2, None, who="bea", diamonds=100), gift(1, None)).save()
    old = msgspec.structs.replace(saved, diamonds=None)

    assert taken(SnapshotKeeper.restore(old)) == taken(SnapshotKeeper.restore(saved))


def test_it_tells_the_first_ten_gifters() -> None:
    keeper = keeper_of(*(gift(1, who=str(n), diamonds=n) for n in range(1, 31)))

    assert [each["diamonds"] for each in taken(keeper)["top"]] == list(range(30, 20, -1))


def test_it_forgets_small_gifters_before_large_ones() -> None:
    keeper = keeper_of(*(gift(1, who=str(n), diamonds=n) for n in range(1, 10_001)))
    assert keeper.gifters == 10_000

    update(keeper, gift(1, who="10001", diamonds=10_001))
    update(keeper, gift(1, who="1", diamonds=1))
    update(keeper, gift(1, who="9000", diamonds=2000))

    assert keeper.gifters <= 5_000 + 10
    top = [(each["user"]["id"], each["diamonds"]) for each in taken(keeper)["top"]]
    assert top[:3] == [("9000", 11_000), ("10001", 10_001), ("10000", 10_000)]


def test_it_ranks_equal_gifters_in_the_order_in_which_they_came_and_forgets_none_of_these() -> None:
    keeper = keeper_of(*(gift(1, who=str(n)) for n in range(10_001)))

    top = [each["user"]["id"] for each in taken(keeper)["top"]]

    assert top == [str(n) for n in range(10)]


def test_it_tells_a_gifter_as_they_were_last_seen() -> None:
    renamed = gift(1, who="anna")
    renamed.user.nickname = "Anna the Great"
    keeper = keeper_of(gift(5, who="anna"), gift(1, who="bob"), renamed)

    (first, _) = taken(keeper)["top"]

    assert (first["user"]["nickname"], first["diamonds"]) == ("Anna the Great", 6)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=150))
def test_it_ranks_like_somebody_who_remembers_everybody(given_: list[tuple[int, int]]) -> None:
    sums: Counter[str] = Counter()
    keeper = keeper_of()
    for who, diamonds in given_:
        update(keeper, gift(1, who=str(who), diamonds=diamonds))
        sums[str(who)] += diamonds

    top = [(each["user"]["id"], each["diamonds"]) for each in taken(keeper)["top"]]

    assert [diamonds for _, diamonds in top] == sorted(sums.values(), reverse=True)[:10]
    assert all(sums[who] == diamonds for who, diamonds in top)


def test_it_remembers_little_of_each_gifter() -> None:
    keeper = keeper_of()
    tracemalloc.start()
    try:
        for number in range(9_999):
            generous = gift(1, who=str(number))
            generous.user.avatar = f"https://cdn.example/{number:01000}"
            keeper.update(generous, "")
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert keeper.gifters == 9_999
    assert taken_bytes / 9_999 < 300


def raw_texts(frames: Any) -> list[bytes]:
    """The frames of a snapshot, which are encoded already."""
    return [bytes(frame) for frame in frames]


def test_it_keeps_open_streaks_to_a_bounded_length() -> None:
    keeper = keeper_of()
    for number in range(100):
        keeper.update(gift(1, ONGOING, group=str(number)), f'{{"n":{number:20000}}}')

    texts = raw_texts(keeper.take().gifts)

    assert sum(map(len, texts)) <= 512 * 1024
    assert texts[-1].endswith(b" 99}")


def test_it_counts_the_length_of_streaks_that_grow_and_end() -> None:
    keeper = keeper_of()
    for _ in range(100):
        keeper.update(gift(1, ONGOING, group="grows"), "1" * 20_000)
        keeper.update(gift(1, ONGOING, group="ends"), "2" * 20_000)
        keeper.update(gift(1, ENDED, group="ends"), "3" * 20_000)

    assert [text[:1] for text in raw_texts(keeper.take().gifts)] == [b"1"]


def test_it_keeps_comments_to_a_bounded_length() -> None:
    keeper = keeper_of()
    for number in range(20):
        keeper.update(Comment(user(), "", [], []), f'{{"n":{number:50000}}}')

    texts = raw_texts(keeper.take().comments)

    assert [text[-4:] for text in texts] == [b" 18}", b" 19}"]


def test_it_takes_no_notice_of_other_events() -> None:
    assert taken(keeper_of(Follow(user()))) == taken(keeper_of())
