"""What becomes of TikTok's messages: frames, to the letter. See test_room_events.py for the rest,
test_fidelity.py for what TikTok really sent."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from TikTokLiveProto.v3.webcast.im import (
    ControlAction,
    GiftSource,
    MessageType,
    OldSubscribeStatus,
)
from TikTokLiveProto.v3.webcast.model import Gift
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel, EmoteWithIndex
from TikTokLiveProto.v3.webcast.model.base.user import (
    User,
)
from TikTokLiveProto.v3.webcast.model.data import BadgeSceneType, UserIdentity
from TikTokLiveProto.v3.webcast.model.message import (
    Contributor,
    Extra,
    Question,
    WebcastChatMessage,
    WebcastControlMessage,
    WebcastEmoteChatMessage,
    WebcastGiftMessage,
    WebcastLikeMessage,
    WebcastMemberMessage,
    WebcastQuestionNewMessage,
    WebcastRoomUserSeqMessage,
    WebcastSocialMessage,
    WebcastSubNotifyMessage,
)
from TikTokLiveProto.v3.webcast.model.message.common import Text
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.protocol.frames import EVENT_TYPES, Frame, FrameType, encode
from live.tiktok.decoding import METHODS, decode_message
from live.tiktok.events import event_of
from tests.support.framing import (
    AT,
    HEAD,
    ID,
    MARIA,
    MARIA_JSON,
    NOBODY_JSON,
    NOW,
    PETER,
    PETER_JSON,
    data_of,
    event,
    frame,
    json_of,
    titled,
)
from tests.support.people import badge

# Which of its kinds it is, or the text that is all of it, such a message does not say.
SAY_NOTHING_WHEN_EMPTY = {
    "WebcastBarrageMessage",
    "WebcastControlMessage",
    "WebcastLinkMicBattle",
    "WebcastNoticeMessage",
    "WebcastRankTextMessage",
    "WebcastRoomMessage",
    "WebcastRoomNotifyMessage",
    "WebcastSocialMessage",
    "WebcastSystemMessage",
}


class TestEncode:
    def test_a_comment_becomes_its_json(self) -> None:
        schema = WebcastChatMessage(common=HEAD, user=MARIA, content="hello")
        assert json_of(schema) == frame(
            "comment", f'{{"user":{MARIA_JSON},"text":"hello","emotes":[],"mentions":[]}}'
        )

    def test_it_leaves_out_what_is_not_set(self) -> None:
        happened = event(WebcastLikeMessage(user=MARIA, count=1, total=2))
        assert happened is not None
        text = encode(Frame(type=happened.type, ts=5, data=happened.data))
        assert (
            text == f'{{"type":"like","ts":5,"data":{{"user":{MARIA_JSON},"count":1,"total":2}}}}'
        )

    @pytest.mark.parametrize(
        "text",
        [
            "👩‍👩‍👧‍👦 and 🏳️‍🌈",
            "مرحبا بالعالم",
            "\u202eright to left\u202c \u200f",
            "x" * 150,
            "👍" * 150,
            'line one\nline two\ttab \\ "quoted" </script>',
            "\x00\x1f\x7f\u2028\u2029\ufeff",
            "日本語のコメント",
            "",
            " ",
        ],
    )
    def test_it_keeps_every_character(self, text: str) -> None:
        encoded = json_of(WebcastChatMessage(common=HEAD, user=MARIA, content=text))
        assert json.loads(encoded)["data"]["text"] == text
        assert "\n" not in encoded

    @settings(derandomize=True, deadline=None)
    @given(st.text(max_size=150), st.text(max_size=30))
    def test_it_keeps_any_text(self, text: str, nickname: str) -> None:
        data = data_of(
            WebcastChatMessage(common=HEAD, user=User(id=1, nickname=nickname), content=text)
        )
        assert (data["text"], data["user"]["nickname"]) == (text, nickname)


class TestEvent:
    def test_an_event_has_type_id_and_time(self) -> None:
        happened = event(WebcastLikeMessage(common=HEAD, user=MARIA))
        assert happened is not None
        assert (happened.type, happened.id, happened.at) == (FrameType.LIKE, str(ID), AT)

    @pytest.mark.parametrize(
        ("msg_id", "id"),
        [
            (1, "1"),
            (2**53 + 1, "9007199254740993"),
            (2**63 - 1, "9223372036854775807"),
            (-(2**63), "9223372036854775808"),
            (-1, "18446744073709551615"),
        ],
    )
    def test_it_has_an_unsigned_id_as_text(self, msg_id: int, id: str) -> None:
        head = CommonMessageData(msg_id=msg_id, create_time=AT)
        assert json_of(WebcastLikeMessage(common=head)) == frame(
            "like", f'{{"user":{NOBODY_JSON},"count":0,"total":0}}', id=id
        )

    @pytest.mark.parametrize("head", [None, CommonMessageData(create_time=AT)])
    def test_it_takes_the_id_of_the_envelope_without_one(
        self, head: CommonMessageData | None
    ) -> None:
        schema = WebcastLikeMessage(common=head)
        for fallback_id, expected in ((ID, str(ID)), (-1, "18446744073709551615"), (0, "")):
            happened = event(schema, fallback_id=fallback_id)
            assert happened is not None
            assert happened.id == expected

    def test_it_prefers_its_own_id(self) -> None:
        happened = event(WebcastLikeMessage(common=HEAD), fallback_id=5)
        assert happened is not None
        assert happened.id == str(ID)

    @pytest.mark.parametrize(
        ("create_time", "at"),
        [
            (AT, AT),
            (AT // 1000, AT // 1000 * 1000),
            (1_000_000_000, 1_000_000_000_000),
            (1_000_000_000_000, 1_000_000_000_000),
            (99_999_999_999, 99_999_999_999_000),
            (100_000_000_000, NOW),
            (0, NOW),
        ],
    )
    def test_it_has_its_time_in_ms(self, create_time: int, at: int) -> None:
        head = CommonMessageData(msg_id=ID, create_time=create_time)
        happened = event(WebcastLikeMessage(common=head))
        assert happened is not None
        assert happened.at == at

    def test_it_happens_now_without_a_time(self) -> None:
        happened = event(WebcastLikeMessage())
        assert happened is not None
        assert happened.at == NOW

    @pytest.mark.parametrize("method", METHODS)
    def test_it_takes_an_empty_message(self, method: str) -> None:
        happened = event_of(method, decode_message(method, b""), NOW)
        if method in SAY_NOTHING_WHEN_EMPTY:
            assert happened is None
        else:
            assert happened is not None
            assert happened.type in EVENT_TYPES
            assert json.loads(encode(Frame(type=happened.type, ts=1, data=happened.data)))

    @settings(derandomize=True, deadline=None)
    @given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.text(max_size=20))
    def test_it_takes_any_numbers(self, long: int, short: int, text: str) -> None:
        who = User(
            id=long,
            badge_list=[badge(scene, text, text=text, icon=text) for scene in BadgeSceneType],
        )
        head = CommonMessageData(msg_id=long, create_time=long, display_text=Text(key=text))
        share = CommonMessageData(display_text=Text(key=f"pm_mt_guidance_viewer_{text}_share"))
        for schema in (
            WebcastGiftMessage(
                common=head,
                user=who,
                gift_id=long,
                group_id=long,
                repeat_count=short,
                repeat_end=short,
                gift=Gift(type=short, diamond_count=short),
            ),
            WebcastSocialMessage(common=share, user=who, action=long),
            WebcastSubNotifyMessage(common=head, user=who, sub_month=long),
        ):
            assert json.loads(json_of(schema))


NO_BADGES = {
    "moderator": False,
    "subscriber": False,
    "super_fan": False,
    "fan_level": None,
    "gifter_level": None,
    "top_gifter": None,
}


class TestComment:
    def test_a_comment_has_emotes_mentions_and_language(self) -> None:
        schema = WebcastChatMessage(
            common=HEAD,
            user=MARIA,
            content="hi @peter",
            content_language="en",
            emotes=[
                EmoteWithIndex(
                    index=2,
                    emote=EmoteModel(
                        emote_id="728", image=ImageModel(url_list=["https://cdn.example/e.webp"])
                    ),
                ),
                EmoteWithIndex(emote=EmoteModel(emote_id="729")),
            ],
            at_user=PETER,
        )
        assert json_of(schema) == frame(
            "comment",
            f'{{"user":{MARIA_JSON},"text":"hi @peter",'
            '"emotes":[{"id":"728","image":"https://cdn.example/e.webp","index":2},'
            '{"id":"729","image":"","index":0}],'
            f'"mentions":[{PETER_JSON}],"language":"en"}}',
        )

    @pytest.mark.parametrize("language", ["", "un"])
    def test_it_leaves_out_a_language_that_was_not_recognised(self, language: str) -> None:
        data = data_of(WebcastChatMessage(common=HEAD, content_language=language))
        assert "language" not in data

    @pytest.mark.parametrize(
        ("at_user", "mention_users", "usernames"),
        [
            (None, [], []),
            (PETER, [], ["peter"]),
            (None, [PETER, MARIA], ["peter", "maria"]),
            (PETER, [PETER], ["peter"]),
            (PETER, [MARIA, PETER], ["maria", "peter"]),
            (PETER, [MARIA], ["maria", "peter"]),
        ],
    )
    def test_it_mentions_each_person_once(
        self, at_user: User | None, mention_users: list[User], usernames: list[str]
    ) -> None:
        data = data_of(
            WebcastChatMessage(common=HEAD, at_user=at_user, mention_users=mention_users)
        )
        assert [user["username"] for user in data["mentions"]] == usernames


def gift(**values: Any) -> WebcastGiftMessage:
    kind: dict[str, Any] = {"id": 5655, "name": "Rose", "type": 1, "diamond_count": 5}
    kind |= values.pop("kind", {})
    rose = Gift(**kind)
    return WebcastGiftMessage(
        **{"common": HEAD, "user": MARIA, "gift_id": 5655, "gift": rose, **values}
    )


class TestGift:
    def test_a_gift_has_its_streak_and_receiver(self) -> None:
        schema = gift(
            repeat_count=3,
            repeat_end=1,
            group_id=1701791794436,
            to_user=PETER,
            kind={"image": ImageModel(url_list=["https://cdn.example/rose.webp"])},
        )
        assert json_of(schema) == frame(
            "gift",
            f'{{"user":{MARIA_JSON},"gift":{{"id":"5655","name":"Rose","diamonds":5,'
            '"image":"https://cdn.example/rose.webp","streakable":true},"count":3,'
            '"streak":"ended","diamonds_total":15,"group_id":"1701791794436",'
            f'"to_user":{PETER_JSON}}}',
        )

    @pytest.mark.parametrize(
        ("type", "repeat_end", "streak"),
        [(1, 0, "ongoing"), (1, 1, "ended"), (2, 0, None), (2, 1, None), (0, 1, None)],
    )
    def test_it_has_a_streak(self, type: int, repeat_end: int, streak: str | None) -> None:
        data = data_of(gift(kind={"type": type}, repeat_count=2, repeat_end=repeat_end))
        assert data["streak"] == streak
        assert data["gift"]["streakable"] is (type == 1)

    @pytest.mark.parametrize(
        ("repeat_count", "count", "total"), [(0, 1, 5), (1, 1, 5), (999, 999, 4995)]
    )
    def test_it_counts_at_least_one(self, repeat_count: int, count: int, total: int) -> None:
        data = data_of(gift(repeat_count=repeat_count))
        assert (data["count"], data["diamonds_total"]) == (count, total)

    @pytest.mark.parametrize("gift_id", [5655, 0])
    def test_it_knows_its_kind_by_either_id(self, gift_id: int) -> None:
        assert data_of(gift(gift_id=gift_id))["gift"]["id"] == "5655"

    def test_it_leaves_out_a_receiver_that_it_does_not_have(self) -> None:
        assert "to_user" not in data_of(gift())

    def test_it_knows_a_receiver_by_id_and_name_alone(self) -> None:
        data = data_of(gift(to_member_id_int=2**62, to_member_nickname="Guest"))
        expected = {"id": "4611686018427387904", "nickname": "Guest"}
        assert data["to_user"] == json.loads(NOBODY_JSON) | expected

    def test_it_shows_the_icon_without_a_picture(self) -> None:
        icon = ImageModel(url_list=["https://cdn.example/icon.webp"])
        data = data_of(gift(kind={"image": ImageModel(), "icon": icon}))
        assert data["gift"]["image"] == "https://cdn.example/icon.webp"

    def test_it_takes_a_message_without_a_kind(self) -> None:
        data = data_of(gift(gift=None))
        assert data["gift"] == {
            "id": "5655",
            "name": "",
            "diamonds": 0,
            "image": "",
            "streakable": False,
        }
        assert (data["streak"], data["diamonds_total"]) == (None, 0)


class TestLike:
    def test_likes_have_count_and_total(self) -> None:
        assert json_of(WebcastLikeMessage(common=HEAD, user=MARIA, count=15, total=2**40)) == frame(
            "like", f'{{"user":{MARIA_JSON},"count":15,"total":1099511627776}}'
        )


class TestJoin:
    def test_a_join_has_the_number_of_members(self) -> None:
        schema = WebcastMemberMessage(common=HEAD, user=MARIA, member_count=1657)
        assert json_of(schema) == frame("join", f'{{"user":{MARIA_JSON},"members":1657}}')

    def test_it_says_which_way_they_came(self) -> None:
        schema = WebcastMemberMessage(
            common=HEAD, user=MARIA, client_enter_source="homepage_hot-live_cell"
        )
        assert json_of(schema) == frame(
            "join", f'{{"user":{MARIA_JSON},"source":"homepage_hot-live_cell"}}'
        )

    def test_it_leaves_out_members_that_it_does_not_know(self) -> None:
        schema = WebcastMemberMessage(common=HEAD, user=MARIA)
        assert json_of(schema) == frame("join", f'{{"user":{MARIA_JSON}}}')


class TestSocial:
    @pytest.mark.parametrize("action", [0, 1, 3])
    def test_a_follow_is_told_by_its_action(self, action: int) -> None:
        head = titled("pm_main_follow_message_viewer_2")
        schema = WebcastSocialMessage(common=head, user=MARIA, action=action)
        assert json_of(schema) == frame("follow", f'{{"user":{MARIA_JSON}}}')

    @pytest.mark.parametrize("key", ["pm_mt_guidance_share", "pm_mt_guidance_viewer__share"])
    def test_it_is_a_share(self, key: str) -> None:
        schema = WebcastSocialMessage(common=titled(key), user=MARIA, action=3)
        assert json_of(schema) == frame("share", f'{{"user":{MARIA_JSON}}}')

    @pytest.mark.parametrize("users_joined", [0, 5, 10, 123_456])
    def test_it_says_how_many_joined_by_a_share(self, users_joined: int) -> None:
        head = titled(f"pm_mt_guidance_viewer_{users_joined}_share")
        assert json_of(WebcastSocialMessage(common=head, user=MARIA)) == frame(
            "share", f'{{"user":{MARIA_JSON},"joined_by_share":{users_joined}}}'
        )

    @pytest.mark.parametrize("many", ["many", "-5", "5.5", "9" * 5000])
    def test_it_leaves_out_a_number_that_is_none(self, many: str) -> None:
        head = titled(f"pm_mt_guidance_viewer_{many}_share")
        assert "joined_by_share" not in data_of(WebcastSocialMessage(common=head, user=MARIA))

    @pytest.mark.parametrize(("action", "type"), [(1, "follow"), (3, "share")])
    def test_it_goes_by_the_action_without_a_text(self, action: int, type: str) -> None:
        schema = WebcastSocialMessage(common=HEAD, user=MARIA, action=action)
        assert json_of(schema) == frame(type, f'{{"user":{MARIA_JSON}}}')

    @pytest.mark.parametrize(("key", "action"), [("", 2), ("", 0), ("pm_mt_something", 1)])
    def test_it_is_nothing_else(self, key: str, action: int) -> None:
        assert event(WebcastSocialMessage(common=titled(key), user=MARIA, action=action)) is None


class TestSubscribe:
    def test_a_subscription_has_its_months(self) -> None:
        schema = WebcastSubNotifyMessage(common=HEAD, user=MARIA, sub_month=7)
        assert json_of(schema) == frame(
            "subscribe", f'{{"user":{MARIA_JSON},"kind":"new","months":7}}'
        )

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ({"old_subscribe_status": OldSubscribeStatus.FIRST}, "new"),
            ({"old_subscribe_status": OldSubscribeStatus.RESUB}, "renewed"),
            ({"old_subscribe_status": OldSubscribeStatus.SUB_IN_GRACE_PERIOD}, "renewed"),
            ({"gift_source": GiftSource.PLATFORM}, "gifted"),
            (
                {
                    "gift_source": GiftSource.USER_BUY_SPECIFIC,
                    "old_subscribe_status": OldSubscribeStatus.RESUB,
                },
                "gifted",
            ),
        ],
    )
    def test_it_says_how_it_came_about(self, values: dict[str, Any], kind: str) -> None:
        assert data_of(WebcastSubNotifyMessage(common=HEAD, user=MARIA, **values))["kind"] == kind

    def test_it_leaves_out_months_that_it_does_not_know(self) -> None:
        schema = WebcastSubNotifyMessage(common=HEAD, user=MARIA)
        assert json_of(schema) == frame("subscribe", f'{{"user":{MARIA_JSON},"kind":"new"}}')

    @pytest.mark.parametrize("message_type", set(MessageType) - {MessageType.SUB_SUCCESS})
    def test_it_is_no_reminder(self, message_type: MessageType) -> None:
        schema = WebcastSubNotifyMessage(common=HEAD, user=MARIA, message_type=message_type)
        assert event(schema) is None


class TestViewers:
    def test_viewers_have_count_total_and_top(self) -> None:
        ranks = [Contributor(score=2603, rank=1, user=MARIA), Contributor(score=0, user=PETER)]
        schema = WebcastRoomUserSeqMessage(common=HEAD, total=1565, total_user=44730, ranks=ranks)
        assert json_of(schema) == frame(
            "viewers",
            f'{{"count":1565,"total":44730,"top":[{{"user":{MARIA_JSON},"coins":2603}},'
            f'{{"user":{PETER_JSON},"coins":0}}]}}',
        )

    def test_it_takes_an_empty_room(self) -> None:
        schema = WebcastRoomUserSeqMessage(common=HEAD)
        assert json_of(schema) == frame("viewers", '{"count":0,"total":0,"top":[]}')


class TestQuestion:
    def test_a_question_has_id_user_and_text(self) -> None:
        asked = Question(question_id=7286184250460651552, content="why?", user=MARIA)
        assert json_of(WebcastQuestionNewMessage(common=HEAD, data=asked)) == frame(
            "question", f'{{"id":"7286184250460651552","user":{MARIA_JSON},"text":"why?"}}'
        )


class TestEmote:
    def test_an_emote_has_its_pictures(self) -> None:
        emotes = [
            EmoteModel(emote_id="728", image=ImageModel(url_list=["https://cdn.example/e.webp"])),
            EmoteModel(emote_id="729"),
        ]
        schema = WebcastEmoteChatMessage(common=HEAD, user=MARIA, emote_list=emotes)
        assert json_of(schema) == frame(
            "emote",
            f'{{"user":{MARIA_JSON},"emotes":[{{"id":"728","image":"https://cdn.example/e.webp"}},'
            '{"id":"729","image":""}]}',
        )

    def test_it_has_the_badges_of_the_users_identity(self) -> None:
        identity = UserIdentity(is_subscriber_of_anchor=True)
        data = data_of(WebcastEmoteChatMessage(common=HEAD, user=MARIA, user_identity=identity))
        assert data["user"]["badges"]["subscriber"] is True


class TestControl:
    @pytest.mark.parametrize(
        ("action", "type"),
        [
            (ControlAction.STREAM_PAUSED, "live_pause"),
            (ControlAction.STREAM_UNPAUSED, "live_resume"),
            (ControlAction.STREAM_ENDED, "live_end"),
        ],
    )
    def test_control_actions_become_frames(self, action: ControlAction, type: str) -> None:
        assert json_of(WebcastControlMessage(common=HEAD, action=action)) == frame(type, "{}")

    @pytest.mark.parametrize("extra", [None, Extra(source="violation", reason_no=7)])
    def test_it_says_that_the_live_was_suspended(self, extra: Extra | None) -> None:
        action = ControlAction.STREAM_SUSPENDED
        schema = WebcastControlMessage(common=HEAD, action=action, tips="tips", extra=extra)
        assert json_of(schema) == frame("live_end", '{"reason":"suspended"}')

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"extra": Extra(source="app_pause")}, "app_pause"),
            ({"tips": "Back soon"}, "Back soon"),
            ({"tips": "Back soon", "extra": Extra(source="app_pause")}, "app_pause"),
            ({"tips": "Back soon", "extra": Extra()}, "Back soon"),
        ],
    )
    def test_it_says_why(self, values: dict[str, Any], reason: str) -> None:
        schema = WebcastControlMessage(common=HEAD, action=ControlAction.STREAM_PAUSED, **values)
        assert json_of(schema) == frame("live_pause", f'{{"reason":"{reason}"}}')

    @pytest.mark.parametrize("action", [0, 5, 99, -1])
    def test_it_passes_over_what_it_does_not_know(self, action: int) -> None:
        schema = WebcastControlMessage(common=HEAD, action=ControlAction(action))
        assert event(schema) is None
