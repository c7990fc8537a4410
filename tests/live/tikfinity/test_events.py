"""What each frame becomes. That names and values are the connector's is in test_connector.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET, Struct

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import (
    DATA,
    Badges,
    Battle,
    BattleState,
    BattleTeam,
    Comment,
    Connected,
    Contribution,
    Emote,
    EmoteMessage,
    Envelope,
    EnvelopeKind,
    EnvelopeState,
    Follow,
    FollowStatus,
    Frame,
    FrameType,
    Gift,
    GiftKind,
    Join,
    Like,
    LiveChange,
    Person,
    Question,
    RoomCounts,
    Share,
    Snapshot,
    State,
    Status,
    StreakState,
    Subscribe,
    SubscriptionKind,
    SuperFan,
    SuperFanState,
    TopViewer,
    User,
    Viewers,
    encode,
)
from live.tikfinity.translator import Translator
from tests.support.samples import gift, sample, user

TS = 1_795_000_000_123
NOTHING_YET = Snapshot(viewers=None, likes=None, gifts=[], top=[], comments=[], diamonds=None)


def told(type: FrameType, data: Struct, *, id: str = "7412") -> list[tuple[str, dict[str, Any]]]:
    """The events of a frame, as a program reads them."""
    frame = Frame(type=type, cursor="abc-1", ts=TS, id=id or UNSET, data=data)
    events = map(json.loads, Translator("anna.live").tell(encode(frame)))
    return [(event.pop("event"), event.pop("data")) for event in events]


def told_once(type: FrameType, data: Struct, **options: Any) -> dict[str, Any]:
    """The fields of the one event of a frame."""
    [(_event, fields)] = told(type, data, **options)
    return fields


def fan(**badges: Any) -> User:
    values = {
        "moderator": False,
        "subscriber": False,
        "super_fan": False,
        "fan_level": None,
        "gifter_level": None,
        "top_gifter": None,
    }
    return User(
        "6812",
        "viewer7",
        "Viewer 7",
        "https://cdn.example/7.webp",
        "https://cdn.example/7-large.webp",
        False,
        Badges(**{**values, **badges}),
    )


class TestWhoItIs:
    def test_a_user_is_flat_and_has_text_for_an_id(self) -> None:
        fields = told_once(FrameType.JOIN, Join(fan()))
        assert fields["userId"] == "6812"
        assert fields["uniqueId"] == "viewer7"
        assert fields["nickname"] == "Viewer 7"
        assert fields["profilePictureUrl"] == "https://cdn.example/7.webp"
        assert fields["userDetails"]["profilePictureUrls"] == [
            "https://cdn.example/7.webp",
            "https://cdn.example/7-large.webp",
        ]

    def test_without_a_picture_there_is_null(self) -> None:
        fields = told_once(FrameType.JOIN, Join(user()))
        assert fields["profilePictureUrl"] is None
        assert fields["userDetails"]["profilePictureUrls"] == []

    @pytest.mark.parametrize(
        ("status", "role"),
        [(FollowStatus.NONE, 0), (FollowStatus.FOLLOWER, 1), (FollowStatus.FRIEND, 2)],
    )
    def test_it_says_whether_the_user_follows(self, status: FollowStatus, role: int) -> None:
        viewer = fan()
        viewer.follow_status = status
        fields = told_once(FrameType.JOIN, Join(viewer))
        assert (fields["followRole"], fields["followInfo"]) == (role, {"followStatus": role})

    def test_where_tiktok_does_not_say_there_is_no_role(self) -> None:
        assert "followRole" not in told_once(FrameType.JOIN, Join(fan()))

    def test_badges_are_told_as_flags_levels_and_a_list(self) -> None:
        everything = fan(
            moderator=True, subscriber=True, fan_level=12, gifter_level=25, top_gifter=3
        )
        fields = told_once(FrameType.JOIN, Join(everything))
        assert fields["isModerator"] is fields["isSubscriber"] is True
        assert fields["teamMemberLevel"] == 12
        assert fields["gifterLevel"] == 25
        assert fields["topGifterRank"] == 3
        assert fields["userSceneTypes"] == [1, 4, 8, 10]
        assert [badge.get("level") for badge in fields["userBadges"]] == [None, 0, 25, 12]
        assert fields["userBadges"][0]["type"] == "pm_mt_moderator_im"

    def test_who_has_none_has_zeros(self) -> None:
        fields = told_once(FrameType.JOIN, Join(fan()))
        assert fields["isModerator"] is fields["isSubscriber"] is False
        assert fields["topGifterRank"] == fields["gifterLevel"] == fields["teamMemberLevel"] == 0
        assert fields["userBadges"] == fields["userSceneTypes"] == []


class TestWhichMessageItWas:
    def test_it_has_tiktok_s_id_and_time_as_texts(self) -> None:
        fields = told_once(FrameType.COMMENT, Comment(user(), "hello", [], []))
        assert (fields["msgId"], fields["createTime"]) == ("7412", str(TS))

    def test_what_has_no_id_has_one_of_its_own(self) -> None:
        """Programs take the same id for a repetition."""
        fields = told_once(FrameType.GIFT, gift(streak=StreakState.ENDED), id="")
        assert fields["msgId"] == "abc-1"

    def test_it_says_whose_live_it_is(self) -> None:
        fields = told_once(FrameType.COMMENT, Comment(user(), "hello", [], []))
        assert (fields["tikfinityUserId"], fields["tikfinityUsername"]) == (0, "anna.live")


class TestWhatIsSaid:
    def test_a_comment_is_a_chat(self) -> None:
        emotes = [Emote("728", "https://cdn.example/e.webp", 5), Emote("729", "")]
        [(event, fields)] = told(FrameType.COMMENT, Comment(user(), "hello", emotes, []))
        assert (event, fields["comment"]) == ("chat", "hello")
        assert fields["emotes"] == [
            {
                "emoteId": "728",
                "emoteImageUrl": "https://cdn.example/e.webp",
                "placeInComment": 5,
            },
            {"emoteId": "729", "emoteImageUrl": "", "placeInComment": 0},
        ]

    def test_each_emote_without_a_text_is_an_event(self) -> None:
        events = told(
            FrameType.EMOTE,
            EmoteMessage(user(), [Emote("1", "https://a"), Emote("2", "https://b")]),
        )
        assert [(event, fields["emoteId"]) for event, fields in events] == [
            ("emote", "1"),
            ("emote", "2"),
        ]
        assert events[0][1]["emoteImageUrl"] == "https://a"

    def test_a_question_is_told(self) -> None:
        [(event, fields)] = told(FrameType.QUESTION, Question("5", user(), "why?"))
        assert (event, fields["questionText"]) == ("questionNew", "why?")


class TestGifts:
    def test_one_without_streaks_counts_at_once(self) -> None:
        one = gift(2, diamonds=100)
        one.gift.streakable = False
        [(event, fields)] = told(FrameType.GIFT, one)
        assert event == "gift"
        assert (fields["giftType"], fields["repeatEnd"]) == (2, False)
        assert (fields["repeatCount"], fields["diamondCount"]) == (2, 100)

    def test_a_streak_is_told_step_by_step_and_then_ends(self) -> None:
        steps = [gift(1, StreakState.ONGOING), gift(2, StreakState.ONGOING)]
        told_so_far = [told_once(FrameType.GIFT, step) for step in steps]
        ended = told_once(FrameType.GIFT, gift(2, StreakState.ENDED))
        assert [(each["giftType"], each["repeatEnd"]) for each in told_so_far] == [(1, False)] * 2
        assert [each["repeatCount"] for each in told_so_far] == [1, 2]
        assert (ended["giftType"], ended["repeatEnd"], ended["repeatCount"]) == (1, True, 2)
        assert ended["gift"] == {
            "gift_id": 5655,
            "repeat_count": 2,
            "repeat_end": 1,
            "gift_type": 1,
        }

    def test_its_kind_is_flat(self) -> None:
        rose = GiftKind("5655", "Rose", 1, "https://cdn.example/rose.webp", True)
        given = Gift(user(), rose, 1, StreakState.ONGOING, 1, "17", to_user=user("guest"))
        fields = told_once(FrameType.GIFT, given)
        assert fields["giftId"] == 5655
        assert (fields["giftName"], fields["describe"]) == ("Rose", "Sent Rose")
        assert fields["giftPictureUrl"] == "https://cdn.example/rose.webp"
        assert (fields["groupId"], fields["timestamp"]) == ("17", TS)
        assert fields["receiverUserId"] == "guest"

    def test_one_for_the_streamer_names_no_receiver(self) -> None:
        assert "receiverUserId" not in told_once(FrameType.GIFT, gift())

    def test_an_id_that_is_no_number_is_0(self) -> None:
        assert told_once(FrameType.GIFT, gift(kind=""))["giftId"] == 0


class TestOtherEvents:
    def test_likes_come_with_their_sum(self) -> None:
        [(event, fields)] = told(FrameType.LIKE, Like(user(), 15, total=361_971))
        assert (event, fields["likeCount"], fields["totalLikeCount"]) == ("like", 15, 361_971)

    @pytest.mark.parametrize(
        ("type", "data", "event", "shown"),
        [
            (FrameType.FOLLOW, Follow(user()), "follow", "pm_main_follow_message_viewer_2"),
            (FrameType.SHARE, Share(user()), "share", "pm_mt_guidance_share"),
            (FrameType.SHARE, Share(user(), 5), "share", "pm_mt_guidance_viewer_5_share"),
        ],
    )
    def test_a_follow_or_a_share_is_social_first(
        self, type: FrameType, data: Struct, event: str, shown: str
    ) -> None:
        (first, social), (second, fields) = told(type, data)
        assert (first, second) == ("social", event)
        assert social == fields
        assert fields["displayType"] == shown

    def test_who_comes_in_is_a_member(self) -> None:
        [(event, fields)] = told(FrameType.JOIN, Join(user()))
        assert (event, fields["actionId"]) == ("member", 1)

    def test_a_join_without_a_name_can_be_told_from_others(self) -> None:
        nobody = user()
        nobody.username = ""
        assert "actionId" not in told_once(FrameType.JOIN, Join(nobody))

    @pytest.mark.parametrize(
        ("kind", "before"),
        [
            (SubscriptionKind.NEW, 0),
            (SubscriptionKind.RENEWED, 1),
            (SubscriptionKind.GIFTED, None),
        ],
    )
    def test_a_subscription_has_its_months(
        self, kind: SubscriptionKind, before: int | None
    ) -> None:
        [(event, fields)] = told(FrameType.SUBSCRIBE, Subscribe(user(), kind, 7))
        assert (event, fields["subMonth"]) == ("subscribe", 7)
        assert fields.get("oldSubscribeStatus") == before

    def test_a_new_subscription_without_months_is_of_one(self) -> None:
        assert (
            told_once(FrameType.SUBSCRIBE, Subscribe(user(), SubscriptionKind.NEW))["subMonth"] == 1
        )
        renewed = Subscribe(user(), SubscriptionKind.RENEWED)
        assert "subMonth" not in told_once(FrameType.SUBSCRIBE, renewed)

    @pytest.mark.parametrize(
        ("state", "event"),
        [(SuperFanState.NEW, "superFan"), (SuperFanState.JOINED, "superFanJoin")],
    )
    def test_a_super_fan_is_told(self, state: SuperFanState, event: str) -> None:
        [(name, fields)] = told(FrameType.SUPER_FAN, SuperFan(state, "", user()))
        assert (name, fields["uniqueId"]) == (event, "viewer")

    def test_a_super_fan_whom_tiktok_does_not_name_is_not(self) -> None:
        assert not told(FrameType.SUPER_FAN, SuperFan(SuperFanState.NEW, "somebody"))

    def test_viewers_are_counted_and_the_best_of_them_named(self) -> None:
        [(event, fields)] = told(
            FrameType.VIEWERS, Viewers(278, 5000, [TopViewer(user("anna"), 481)])
        )
        assert (event, fields["viewerCount"]) == ("roomUser", 278)
        [top] = fields["topViewers"]
        assert (top["coinCount"], top["user"]["uniqueId"]) == (481, "anna")
        assert top["user"]["topGifterRank"] is None

    def test_an_envelope_opens_in_seconds(self) -> None:
        chest = Envelope(
            "1",
            EnvelopeKind.TREASURE,
            EnvelopeState.NEW,
            Person("7", nickname="Seven"),
            20,
            16,
            1_701_791_856_000,
        )
        [(event, fields)] = told(FrameType.ENVELOPE, chest)
        assert (event, fields["coins"], fields["canOpen"]) == ("envelope", 20, 16)
        assert fields["timestamp"] == 1_701_791_856
        assert (fields["userId"], fields["nickname"]) == ("7", "Seven")
        chest.state = EnvelopeState.HIDDEN
        assert not told(FrameType.ENVELOPE, chest)


class TestBattles:
    TEAMS = [
        BattleTeam("1", [Person("1", "anna", "Anna")], 3, [Contribution(Person("9"), 3)]),
        BattleTeam("2", [Person("2", "bea", "Bea")], 5, []),
    ]

    def test_its_start_names_the_hosts(self) -> None:
        [(event, fields)] = told(FrameType.BATTLE, Battle("1", BattleState.STARTED, self.TEAMS))
        assert event == "linkMicBattle"
        assert [host["uniqueId"] for host in fields["battleUsers"]] == ["anna", "bea"]

    @pytest.mark.parametrize(("state", "status"), [(BattleState.SCORES, 1), (BattleState.ENDED, 2)])
    def test_its_scores_are_armies(self, state: BattleState, status: int) -> None:
        [(event, fields)] = told(FrameType.BATTLE, Battle("1", state, self.TEAMS))
        assert (event, fields["battleStatus"]) == ("linkMicArmies", status)
        anna, bea = fields["battleArmies"]
        assert (anna["hostUserId"], anna["points"]) == ("1", 3)
        assert [user["userId"] for user in anna["participants"]] == ["9"]
        assert (bea["points"], bea["participants"]) == (5, [])

    def test_a_team_without_hosts_is_known_by_its_number(self) -> None:
        battle = Battle("1", BattleState.SCORES, [BattleTeam("4", [], 0, [])])
        fields = told_once(FrameType.BATTLE, battle)
        assert fields["battleArmies"][0]["hostUserId"] == "4"

    @pytest.mark.parametrize("state", [BattleState.INVITED, BattleState.PUNISHMENT_ENDED])
    def test_other_moments_are_not_told(self, state: BattleState) -> None:
        assert not told(FrameType.BATTLE, Battle("1", state, self.TEAMS))


class TestBeginningAndEnd:
    def test_connected_tells_the_room_by_tiktok_s_names(self) -> None:
        [(event, state)] = told(
            FrameType.CONNECTED,
            Connected(
                "anna.live",
                "7309",
                "abc-1",
                False,
                NOTHING_YET,
                title="Hello",
                owner=Person("1", "anna.live", "Anna", "https://cdn.example/anna.webp"),
                started_at=1_795_000_000_000,
                counts=RoomCounts(viewers=10, likes=20, total_viewers=30),
            ),
        )
        assert event == "connected"
        assert (state["isConnected"], state["roomId"]) == (True, "7309")
        room = state["roomInfo"]
        assert (room["id_str"], room["title"], room["create_time"]) == (
            "7309",
            "Hello",
            1_795_000_000,
        )
        assert room["owner"] == {
            "display_id": "anna.live",
            "id_str": "1",
            "nickname": "Anna",
            "avatar_thumb": {"url_list": ["https://cdn.example/anna.webp"]},
        }
        assert (room["user_count"], room["like_count"]) == (10, 20)
        assert room["stats"] == {"total_user": 30}

    def test_what_is_not_known_of_the_room_is_left_out(self) -> None:
        state = told_once(
            FrameType.CONNECTED, Connected("anna.live", "7309", "abc-1", False, NOTHING_YET)
        )
        assert state["roomInfo"] == {
            "id_str": "7309",
            "status": 2,
            "owner": {"display_id": "anna.live"},
        }

    @pytest.mark.parametrize(
        ("reason", "action"), [(UNSET, 3), ("the host left", 3), ("suspended", 4)]
    )
    def test_the_end_says_by_whom(self, reason: Any, action: int) -> None:
        (first, end), (second, _none) = told(FrameType.LIVE_END, LiveChange(reason))
        assert (first, end["action"], second) == ("streamEnd", action, "disconnected")

    def test_an_error_has_the_connector_s_fields_and_the_relay_s_code(self) -> None:
        error = RelayError(ErrorCode.RATE_LIMITED, username="anna.live", retry_after=60)
        [(event, fields)] = told(FrameType.ERROR, error.explain("en"))
        assert event == "error"
        assert fields["exception"] == fields["code"] == "rate_limited"
        assert (fields["closeCode"], fields["retryAfter"]) == (1008, 60)
        assert fields["info"]


def test_frames_without_an_event_are_not_told() -> None:
    assert not told(FrameType.STATUS, Status(State.LIVE))
    for kind in (FrameType.GAP, FrameType.NOTICE, FrameType.OTHER, FrameType.PONG):
        assert kind in DATA
        assert Translator().tell(f'{{"type":"{kind}","ts":1,"data":{{}}}}') == ()


def test_every_event_of_a_live_names_the_streamer() -> None:
    """Programs call methods of it."""
    for kind in (FrameType.COMMENT, FrameType.GIFT, FrameType.LIKE, FrameType.VIEWERS):
        for _event, fields in told(kind, sample(kind)):
            assert fields["tikfinityUsername"] == "anna.live"
