"""Viewers, as TikTok's messages have them: names, pictures, badges, who follows whom."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from TikTokLiveProto.v3.webcast.model import FansClubData, FansClubMember
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.user import (
    BadgeStruct,
    FansClubInfo,
    FollowInfo,
    ImageBadge,
    User,
)
from TikTokLiveProto.v3.webcast.model.data import BadgeSceneType, UserIdentity
from TikTokLiveProto.v3.webcast.model.message import (
    WebcastChatMessage,
)

from tests.support.framing import (
    HEAD,
    MARIA,
    MARIA_JSON,
    NOBODY_JSON,
    data_of,
)
from tests.support.people import badge

NO_BADGES = {
    "moderator": False,
    "subscriber": False,
    "super_fan": False,
    "fan_level": None,
    "gifter_level": None,
    "top_gifter": None,
}


def club(name: str, level: int) -> FansClubMember:
    return FansClubMember(data=FansClubData(club_name=name, level=level))


class TestUser:
    def user(self, who: User | None, identity: UserIdentity | None = None) -> Any:
        return data_of(WebcastChatMessage(common=HEAD, user=who, user_identity=identity))["user"]

    def test_a_user_becomes_its_json(self) -> None:
        assert self.user(MARIA) == json.loads(MARIA_JSON)

    def test_it_is_empty_when_missing(self) -> None:
        assert self.user(None) == json.loads(NOBODY_JSON)

    def test_it_may_lack_a_nickname_and_a_picture(self) -> None:
        user = self.user(User(id=7, display_id="peter", avatar_thumb=ImageModel()))
        assert (user["nickname"], user["avatar"]) == ("", "")

    @pytest.mark.parametrize(
        ("who", "id"),
        [
            (User(id=2**62), "4611686018427387904"),
            (User(id=-1), "18446744073709551615"),
            (User(id_str="6812"), "6812"),
            (User(id=5, id_str="6812"), "5"),
        ],
    )
    def test_it_has_an_id_as_text(self, who: User, id: str) -> None:
        assert self.user(who)["id"] == id

    def test_it_has_its_picture_in_two_sizes(self) -> None:
        pictures = {
            size: ImageModel(url_list=[f"https://cdn.example/{size}.webp"])
            for size in ("thumb", "medium", "large")
        }
        who = User(
            avatar_thumb=pictures["thumb"],
            avatar_medium=pictures["medium"],
            avatar_large=pictures["large"],
        )
        user = self.user(who)
        assert user["avatar"] == "https://cdn.example/thumb.webp"
        assert user["avatar_large"] == "https://cdn.example/large.webp"

    @pytest.mark.parametrize(
        ("sizes", "large"),
        [
            (["thumb", "medium"], "medium"),
            (["thumb"], "thumb"),
            (["medium"], "medium"),
        ],
    )
    def test_its_large_picture_is_the_largest_there_is(self, sizes: list[str], large: str) -> None:
        pictures: dict[str, Any] = {
            f"avatar_{size}": ImageModel(url_list=[f"https://cdn.example/{size}.webp"])
            for size in sizes
        }
        user = self.user(User(avatar_large=ImageModel(), **pictures))
        assert user["avatar_large"] == f"https://cdn.example/{large}.webp"

    def test_it_may_be_verified(self) -> None:
        assert self.user(User(verified=True))["verified"] is True

    @pytest.mark.parametrize(
        ("follow_info", "identity", "status"),
        [
            (None, None, None),
            (FollowInfo(), None, "none"),
            (FollowInfo(follow_status=1), None, "follower"),
            (FollowInfo(follow_status=2), None, "friend"),
            # TikTok's identity says of all who have 3 that they follow, and are no friends.
            (FollowInfo(follow_status=3), None, "follower"),
            (FollowInfo(follow_status=3), UserIdentity(is_follower_of_anchor=True), "follower"),
            (None, UserIdentity(), "none"),
            (None, UserIdentity(is_follower_of_anchor=True), "follower"),
            (
                None,
                UserIdentity(is_follower_of_anchor=True, is_mutual_following_with_anchor=True),
                "friend",
            ),
            (FollowInfo(follow_status=1), UserIdentity(), "follower"),
        ],
    )
    def test_it_says_whether_it_follows_the_streamer(
        self, follow_info: FollowInfo | None, identity: UserIdentity | None, status: str | None
    ) -> None:
        user = self.user(User(follow_info=follow_info), identity)
        assert user.get("follow_status") == status

    @pytest.mark.parametrize(
        ("badges", "expected"),
        [
            ([], {}),
            ([badge(BadgeSceneType.ADMIN)], {"moderator": True}),
            ([badge(BadgeSceneType.SUBSCRIBER)], {"subscriber": True}),
            ([badge(BadgeSceneType.NEW_SUBSCRIBER, "2")], {"subscriber": True}),
            ([badge(BadgeSceneType.FANS, "28")], {"fan_level": 28}),
            ([badge(BadgeSceneType.FANS, "0")], {"fan_level": 0}),
            ([badge(BadgeSceneType.FANS, "")], {}),
            ([badge(BadgeSceneType.FANS, "gold")], {}),
            ([badge(BadgeSceneType.FANS, "9" * 5000)], {}),
            ([badge(BadgeSceneType.FANS, "12"), badge(BadgeSceneType.FANS)], {"fan_level": 12}),
            ([badge(BadgeSceneType.USER_GRADE, "30")], {"gifter_level": 30}),
            (
                [badge(BadgeSceneType.USER_GRADE, "30"), badge(BadgeSceneType.USER_GRADE)],
                {"gifter_level": 30},
            ),
            ([badge(BadgeSceneType.BADGE_SCENE_TYPE_RANK_LIST, text="No. 2")], {"top_gifter": 2}),
            (
                [badge(BadgeSceneType.BADGE_SCENE_TYPE_RANK_LIST, text="المركز ٣")],
                {"top_gifter": 3},
            ),
            (
                [badge(BadgeSceneType.BADGE_SCENE_TYPE_RANK_LIST, text="10. Platz")],
                {"top_gifter": 10},
            ),
            ([badge(BadgeSceneType.BADGE_SCENE_TYPE_RANK_LIST)], {}),
            ([badge(BadgeSceneType.BADGE_SCENE_TYPE_RANK_LIST, text="9" * 5000)], {}),
            (
                [
                    badge(BadgeSceneType.FANS, "7"),
                    badge(BadgeSceneType.ADMIN, "0"),
                    badge(BadgeSceneType.SUBSCRIBER, "1"),
                ],
                {"moderator": True, "subscriber": True, "fan_level": 7},
            ),
        ],
    )
    def test_it_has_badges(
        self, badges: Sequence[BadgeStruct], expected: dict[str, object]
    ) -> None:
        found = self.user(User(id=7, badge_list=list(badges)))["badges"]
        assert found == {**NO_BADGES, **expected}

    @pytest.mark.parametrize(
        "superfan",
        [
            badge(BadgeSceneType.SUBSCRIBER, icon="webcast-va/super_fan_badge_lv1.png"),
            badge(BadgeSceneType.NEW_SUBSCRIBER, key="pm_mt_SuperFan_badge"),
            BadgeStruct(
                scene_type=BadgeSceneType.SUBSCRIBER,
                image=ImageBadge(image=ImageModel(uri="webcast-va/superfan.png")),
            ),
        ],
    )
    def test_it_may_be_a_super_fan(self, superfan: BadgeStruct) -> None:
        badges = self.user(User(badge_list=[superfan]))["badges"]
        assert badges == {**NO_BADGES, "subscriber": True, "super_fan": True}

    @pytest.mark.parametrize(
        ("who", "level", "club"),
        [
            (User(fans_club=club("Owls", 7)), 7, "Owls"),
            (User(fans_club_info=FansClubInfo(fans_club_name="Owls", fans_level=7)), 7, "Owls"),
            (
                User(
                    fans_club=club("Owls", 7),
                    badge_list=[badge(BadgeSceneType.FANS, "9")],
                ),
                9,
                "Owls",
            ),
            (User(fans_club=club("", 0)), None, None),
            (User(fans_club=FansClubMember()), None, None),
        ],
    )
    def test_it_may_be_in_the_fan_club(
        self, who: User, level: int | None, club: str | None
    ) -> None:
        badges = self.user(who)["badges"]
        assert (badges["fan_level"], badges.get("fan_club")) == (level, club)

    @pytest.mark.parametrize(
        ("identity", "moderator", "subscriber"),
        [
            (UserIdentity(is_moderator_of_anchor=True), True, False),
            (UserIdentity(is_subscriber_of_anchor=True), False, True),
            (UserIdentity(is_follower_of_anchor=True), False, False),
        ],
    )
    def test_it_has_the_badges_of_its_identity(
        self, identity: UserIdentity, moderator: bool, subscriber: bool
    ) -> None:
        badges = self.user(MARIA, identity)["badges"]
        assert badges == {
            **NO_BADGES,
            "moderator": moderator,
            "subscriber": subscriber,
            "super_fan": subscriber,
        }
