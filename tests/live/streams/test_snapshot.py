"""What a socket that comes late is told of the LIVE so far."""

from __future__ import annotations

from typing import Any

import msgspec

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


def test_it_tells_the_first_ten_gifters() -> None:
    keeper = keeper_of(*(gift(1, who=str(n), diamonds=n) for n in range(1, 31)))

    assert [each["diamonds"] for each in taken(keeper)["top"]] == list(range(30, 20, -1))


def test_it_forgets_small_gifters_before_large_ones() -> None:
    keeper = keeper_of(*(gift(1, who=str(n), diamonds=n) for n in range(1, 20_002)))

    assert keeper.gifters == 10_000
    assert taken(keeper)["top"][0]["diamonds"] == 20_001


def test_it_takes_no_notice_of_other_events() -> None:
    assert taken(keeper_of(Follow(user()))) == taken(keeper_of())
