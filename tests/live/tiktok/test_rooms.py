"""What TikTok's room info says of a LIVE, as far as it can be believed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from live.protocol.frames import Connected, Frame, FrameType, Person, RoomCounts, Snapshot, encode
from live.tiktok.rooms import Room
from tests.support.samples import read_frame

INFO: dict[str, Any] = {
    "title": "Baking 🍞",
    "create_time": 1_795_372_811,
    "user_count": 17,
    "like_count": 3000,
    "stats": {"total_user": 420},
    "owner": {
        "id": 6812000000000000001,
        "id_str": "6812000000000000001",
        "display_id": "anna.live",
        "nickname": "Anna",
        "avatar_thumb": {"url_list": ["https://cdn.example/anna.webp", "https://two.example/"]},
        "follow_info": {"follower_count": 987},
    },
}

# What JSON can hold, and Python's parser lets through.
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # lone surrogates too
    | st.sampled_from(["9" * 5000, "١٢", 2**64, -1, 10**12, "1e3", "https://cdn.example/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("title", "owner", "stats", "create_time", "user_count", "like_count"),
                    *("id", "id_str", "display_id", "nickname", "avatar_thumb", "url_list"),
                    *("follow_info", "follower_count", "total_user"),
                ]
            ),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
)


def connected(room: Room) -> Any:
    """The frame that tells a client of the room."""
    data = Connected(
        username="anna.live",
        room_id=room.id,
        cursor="k3f9abcd-1",
        resumed=False,
        snapshot=Snapshot(viewers=None, likes=None, gifts=[], top=[], comments=[], diamonds=None),
        title=room.title or UNSET,
        owner=room.owner,
        started_at=room.started_at,
        counts=room.counts,
    )
    return read_frame(encode(Frame(type=FrameType.CONNECTED, ts=1, data=data)))


class TestRoom:
    def test_a_room_is_read_from_tiktok_s_room_information(self) -> None:
        assert Room.of("7", INFO) == Room(
            id="7",
            title="Baking 🍞",
            owner=Person(
                "6812000000000000001", "anna.live", "Anna", "https://cdn.example/anna.webp"
            ),
            started_at=1_795_372_811_000,
            counts=RoomCounts(viewers=17, total_viewers=420, likes=3000, followers=987),
        )

    @pytest.mark.parametrize("info", [{}, None, [], "", 5, {"owner": None, "stats": []}])
    def test_it_is_only_an_id_where_tiktok_tells_nothing(self, info: Any) -> None:
        assert Room.of("7", info) == Room("7")

    @pytest.mark.parametrize("title", [None, 5, ["Baking"], ""])
    def test_it_has_no_title_that_is_no_text(self, title: Any) -> None:
        assert Room.of("7", INFO | {"title": title}).title == ""

    @pytest.mark.parametrize(
        ("given", "title"),
        [
            ("👩‍👩‍👧 مرحبا \u202e", "👩‍👩‍👧 مرحبا \u202e"),
            ("half an emoji \ud83d", "half an emoji ?"),
            ("x" * 501, "x" * 500),
        ],
    )
    def test_it_has_the_title_that_can_be_sent(self, given: str, title: str) -> None:
        room = Room.of("7", INFO | {"title": given})
        assert connected(room)["data"]["title"] == title

    @pytest.mark.parametrize(
        ("given", "started_at"),
        [
            (1_795_372_811, 1_795_372_811_000),
            ("1795372811", 1_795_372_811_000),
            (1_795_372_811_123, 1_795_372_811_123),
            (0, UNSET),
            (-5, UNSET),
            (2**63, UNSET),
            (10**11, UNSET),
            (1.5, UNSET),
            (True, UNSET),
            (None, UNSET),
            ("soon", UNSET),
        ],
    )
    def test_it_knows_when_it_began(self, given: Any, started_at: Any) -> None:
        assert Room.of("7", INFO | {"create_time": given}).started_at == started_at

    @pytest.mark.parametrize(
        ("owner", "id"),
        [
            ({"id": 5}, "5"),
            ({"id_str": "18446744073709551615", "id": 5}, "18446744073709551615"),
            ({"id_str": "", "id": 2**64 - 1}, "18446744073709551615"),
            ({"id_str": "nobody", "id": "6"}, "6"),
        ],
    )
    def test_its_owner_has_an_id_to_the_last_digit(self, owner: Any, id: str) -> None:
        assert Room.of("7", {"owner": owner}).owner == Person(id)

    @pytest.mark.parametrize(
        "owner", [{}, None, {"id": 0}, {"id": 2**64}, {"nickname": "Anna"}, {"id": True}]
    )
    def test_it_has_no_owner_without_an_id(self, owner: Any) -> None:
        assert Room.of("7", {"owner": owner}).owner is UNSET

    @pytest.mark.parametrize("avatar", [None, {}, {"url_list": []}, {"url_list": [5]}, "x"])
    def test_its_owner_may_have_no_picture(self, avatar: Any) -> None:
        owner = Room.of("7", {"owner": {"id": 5, "avatar_thumb": avatar}}).owner
        assert owner == Person("5")

    def test_it_has_the_counts_that_there_are(self) -> None:
        assert Room.of("7", {"user_count": 0}).counts == RoomCounts(viewers=0)
        assert Room.of("7", {"user_count": "many", "like_count": -1}).counts is UNSET

    @settings(derandomize=True, deadline=None, max_examples=500)
    @given(json_values)
    def test_it_takes_any_json(self, info: Any) -> None:
        frame = connected(Room.of("7", info))
        assert frame["data"]["room_id"] == "7"

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.dictionaries(st.sampled_from(sorted(INFO)), json_values))
    def test_it_takes_any_json_in_any_field(self, damage: dict[str, Any]) -> None:
        assert msgspec.json.encode(connected(Room.of("7", INFO | damage)))
