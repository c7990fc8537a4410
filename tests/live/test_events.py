"""What becomes of TikTok's messages: frames, to the letter."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import betterproto2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from TikTokLive.events.custom_events import ShareEvent
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLive.proto.custom_proto import ExtendedGift
from TikTokLiveProto.v3.webcast.im import ControlAction
from TikTokLiveProto.v3.webcast.model import Gift
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel, EmoteWithIndex
from TikTokLiveProto.v3.webcast.model.base.user import BadgeStruct, PrivilegeLogExtra, User
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

from live.decoding import METHODS, decode_message
from live.events import Event, event_of
from live.frames import EVENT_TYPES, Frame, FrameType, encode
from tests.tiktok import captures
from tests.tiktok import messages as build

needs_captures = pytest.mark.skipif(
    not captures.captures_available(), reason=captures.captures_reason()
)

ID = 7412000000000000017
AT = 1_795_372_811_123
NOW = 1_795_372_999_999
MARIA_ID = 6812000000000000001
HEAD = CommonMessageData(msg_id=ID, create_time=AT)
MARIA = User(
    id=MARIA_ID,
    display_id="maria",
    nickname="Maria",
    avatar_thumb=ImageModel(url_list=["https://cdn.example/maria.webp", "https://two.example/"]),
)
PETER = User(id=7, display_id="peter", nickname="Peter")

MARIA_JSON = (
    '{"id":"6812000000000000001","username":"maria","nickname":"Maria",'
    '"avatar":"https://cdn.example/maria.webp",'
    '"badges":{"moderator":false,"subscriber":false,"fan_level":null}}'
)
PETER_JSON = (
    '{"id":"7","username":"peter","nickname":"Peter","avatar":"",'
    '"badges":{"moderator":false,"subscriber":false,"fan_level":null}}'
)
NOBODY_JSON = (
    '{"id":"","username":"","nickname":"","avatar":"",'
    '"badges":{"moderator":false,"subscriber":false,"fan_level":null}}'
)


def titled(key: str) -> CommonMessageData:
    return CommonMessageData(msg_id=ID, create_time=AT, display_text=Text(key=key))


def event(schema: betterproto2.Message, *, fallback_id: int = 0) -> Event | None:
    method = type(schema).__name__
    return event_of(method, decode_message(method, bytes(schema)), NOW, fallback_id)


def json_of(schema: betterproto2.Message, *, fallback_id: int = 0) -> str:
    """The frame as clients get it."""
    happened = event(schema, fallback_id=fallback_id)
    assert happened is not None
    return encode(
        Frame(
            type=happened.type,
            cursor="k3f9abcd-1742",
            ts=happened.at,
            id=happened.id,
            data=happened.data,
        )
    )


def data_of(schema: betterproto2.Message) -> Any:
    return json.loads(json_of(schema))["data"]


def frame(type: str, data: str, *, id: str = str(ID), ts: int = AT) -> str:
    return f'{{"type":"{type}","cursor":"k3f9abcd-1742","ts":{ts},"id":"{id}","data":{data}}}'


class TestEncode:
    def test_it_works(self) -> None:
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
    def test_it_works(self) -> None:
        happened = event(WebcastLikeMessage(common=HEAD, user=MARIA))
        assert happened is not None
        assert happened[:3] == (FrameType.LIKE, str(ID), AT)

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
            (999_999_999_999, 999_999_999_999_000),
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
        if method in {"WebcastSocialMessage", "WebcastControlMessage"}:
            # Which of its types it is, such a message does not say.
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
            badge_list=[
                BadgeStruct(scene_type=BadgeSceneType.FANS, privilege_log_extra=leveled(text))
            ],
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


def leveled(level: str) -> PrivilegeLogExtra:
    return PrivilegeLogExtra(level=level)


class TestUser:
    def user(self, who: User | None, identity: UserIdentity | None = None) -> Any:
        return data_of(WebcastChatMessage(common=HEAD, user=who, user_identity=identity))["user"]

    def test_it_works(self) -> None:
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

    @pytest.mark.parametrize(
        ("badges", "expected"),
        [
            ([], (False, False, None)),
            ([(BadgeSceneType.ADMIN, "")], (True, False, None)),
            ([(BadgeSceneType.SUBSCRIBER, "")], (False, True, None)),
            ([(BadgeSceneType.NEW_SUBSCRIBER, "2")], (False, True, None)),
            ([(BadgeSceneType.FANS, "28")], (False, False, 28)),
            ([(BadgeSceneType.FANS, "0")], (False, False, 0)),
            ([(BadgeSceneType.FANS, "")], (False, False, None)),
            ([(BadgeSceneType.FANS, "gold")], (False, False, None)),
            ([(BadgeSceneType.FANS, "9" * 5000)], (False, False, None)),
            ([(BadgeSceneType.FANS, "12"), (BadgeSceneType.FANS, "")], (False, False, 12)),
            ([(BadgeSceneType.USER_GRADE, "30")], (False, False, None)),
            (
                [
                    (BadgeSceneType.FANS, "7"),
                    (BadgeSceneType.ADMIN, "0"),
                    (BadgeSceneType.SUBSCRIBER, "1"),
                ],
                (True, True, 7),
            ),
        ],
    )
    def test_it_has_badges(
        self, badges: Sequence[tuple[BadgeSceneType, str]], expected: tuple[object, ...]
    ) -> None:
        badge_list = [
            BadgeStruct(scene_type=scene, privilege_log_extra=leveled(level))
            for scene, level in badges
        ]
        found = self.user(User(id=7, badge_list=badge_list))["badges"]
        assert tuple(found.values()) == expected
        assert tuple(found) == ("moderator", "subscriber", "fan_level")

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
        assert (badges["moderator"], badges["subscriber"]) == (moderator, subscriber)


class TestComment:
    def test_it_works(self) -> None:
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
    def test_it_works(self) -> None:
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
    def test_it_works(self) -> None:
        assert json_of(WebcastLikeMessage(common=HEAD, user=MARIA, count=15, total=2**40)) == frame(
            "like", f'{{"user":{MARIA_JSON},"count":15,"total":1099511627776}}'
        )


class TestJoin:
    def test_it_works(self) -> None:
        schema = WebcastMemberMessage(common=HEAD, user=MARIA, member_count=1657)
        assert json_of(schema) == frame("join", f'{{"user":{MARIA_JSON},"members":1657}}')

    def test_it_leaves_out_members_that_it_does_not_know(self) -> None:
        schema = WebcastMemberMessage(common=HEAD, user=MARIA)
        assert json_of(schema) == frame("join", f'{{"user":{MARIA_JSON}}}')


class TestSocial:
    @pytest.mark.parametrize("action", [0, 1, 3])
    def test_it_works(self, action: int) -> None:
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
    def test_it_works(self) -> None:
        schema = WebcastSubNotifyMessage(common=HEAD, user=MARIA, sub_month=7)
        assert json_of(schema) == frame("subscribe", f'{{"user":{MARIA_JSON},"months":7}}')

    def test_it_leaves_out_months_that_it_does_not_know(self) -> None:
        schema = WebcastSubNotifyMessage(common=HEAD, user=MARIA)
        assert json_of(schema) == frame("subscribe", f'{{"user":{MARIA_JSON}}}')


class TestViewers:
    def test_it_works(self) -> None:
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
    def test_it_works(self) -> None:
        asked = Question(question_id=7286184250460651552, content="why?", user=MARIA)
        assert json_of(WebcastQuestionNewMessage(common=HEAD, data=asked)) == frame(
            "question", f'{{"id":"7286184250460651552","user":{MARIA_JSON},"text":"why?"}}'
        )


class TestEmote:
    def test_it_works(self) -> None:
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
    def test_it_works(self, action: ControlAction, type: str) -> None:
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


def theirs(user: Any) -> tuple[str, str, str, str]:
    """A person as TikTokLive gives them."""
    if user is None:
        return "", "", "", ""
    urls = user.avatar_thumb.url_list if user.avatar_thumb else []
    return str(user.id), user.display_id, user.nickname, urls[0] if urls else ""


def ours(user: dict[str, Any]) -> tuple[str, str, str, str]:
    return user["id"], user["username"], user["nickname"], user["avatar"]


class TestCaptured:
    """What TikTok sent: the frames say what TikTokLive's events say."""

    pytestmark = needs_captures

    def events(self, method: str) -> list[tuple[str, Any, dict[str, Any], build.Message]]:
        """Type, TikTokLive's event and our data of each captured message."""
        found: list[tuple[str, Any, dict[str, Any], build.Message]] = []
        for message in captures.load_captures():
            if message.method == method:
                happened = event_of(method, decode_message(method, message.payload), NOW)
                assert happened is not None
                upstream: Any = EVENT_MAPPINGS[method]().parse(message.payload)
                assert happened.id == str(upstream.common.msg_id)
                assert happened.at == upstream.common.create_time
                encoded = encode(Frame(type=happened.type, ts=happened.at, data=happened.data))
                found.append((happened.type, upstream, json.loads(encoded)["data"], message))
        assert found
        return found

    def test_it_works(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastChatMessage"):
            assert kind == "comment"
            assert data["text"] == upstream.comment
            assert ours(data["user"]) == theirs(upstream.user)
            assert [emote["id"] for emote in data["emotes"]] == [
                placed.emote.emote_id for placed in upstream.emotes
            ]
            if upstream.at_user is not None:
                assert theirs(upstream.at_user) in [ours(user) for user in data["mentions"]]

    def test_it_has_gifts(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastGiftMessage"):
            assert kind == "gift"
            assert ours(data["user"]) == theirs(upstream.user)
            assert data["gift"]["id"] == str(upstream.gift.id) == str(upstream.gift_id)
            assert data["gift"]["name"] == upstream.gift.name
            assert data["gift"]["diamonds"] == upstream.gift.diamond_count
            assert data["gift"]["image"] == upstream.gift.image.url_list[0]
            assert data["gift"]["streakable"] == ExtendedGift(upstream.gift).streakable
            assert (data["streak"] == "ongoing") == upstream.streaking
            assert data["count"] == upstream.repeat_count
            assert data["group_id"] == str(upstream.group_id)
            assert ("to_user" in data) == (upstream.to_user is not None)

    def test_it_has_likes(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastLikeMessage"):
            assert kind == "like"
            assert ours(data["user"]) == theirs(upstream.user)
            assert (data["count"], data["total"]) == (upstream.count, upstream.total)

    def test_it_has_joins(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastMemberMessage"):
            assert kind == "join"
            assert ours(data["user"]) == theirs(upstream.user)
            assert data.get("members", 0) == upstream.member_count

    def test_it_has_follows_and_shares(self) -> None:
        kinds = set()
        for kind, upstream, data, message in self.events("WebcastSocialMessage"):
            kinds.add(kind)
            assert kind in upstream.common.display_text.key
            assert ours(data["user"]) == theirs(upstream.user)
            if kind == "share":
                share = ShareEvent().parse(message.payload)
                assert data.get("joined_by_share") == share.users_joined
        assert kinds == {"follow", "share"}

    def test_it_has_viewers(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastRoomUserSeqMessage"):
            assert kind == "viewers"
            assert (data["count"], data["total"]) == (upstream.total, upstream.total_user)
            assert [(ours(top["user"]), top["coins"]) for top in data["top"]] == [
                (theirs(rank.user), rank.score) for rank in upstream.ranks
            ]

    def test_it_has_questions(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastQuestionNewMessage"):
            assert kind == "question"
            assert data["id"] == str(upstream.data.question_id)
            assert data["text"] == upstream.data.content
            assert ours(data["user"]) == theirs(upstream.data.user)

    def test_it_has_emotes(self) -> None:
        for kind, upstream, data, _ in self.events("WebcastEmoteChatMessage"):
            assert kind == "emote"
            assert ours(data["user"]) == theirs(upstream.user)
            assert data["emotes"] == [
                {"id": emote.emote_id, "image": emote.image.url_list[0]}
                for emote in upstream.emote_list
            ]

    def test_it_has_pauses_and_ends(self) -> None:
        types = {
            ControlAction.STREAM_PAUSED: "live_pause",
            ControlAction.STREAM_UNPAUSED: "live_resume",
            ControlAction.STREAM_ENDED: "live_end",
            ControlAction.STREAM_SUSPENDED: "live_end",
        }
        for kind, upstream, _data, _message in self.events("WebcastControlMessage"):
            assert kind == types[upstream.action]

    def test_it_has_badges(self) -> None:
        # TikTokLive's own helpers look for badges under names that the schema no longer has.
        levels = set()
        for method in ("WebcastChatMessage", "WebcastLikeMessage", "WebcastGiftMessage"):
            for _type, upstream, data, _ in self.events(method):
                scenes = {badge.scene_type: badge for badge in upstream.user.badge_list}
                fans = scenes.get(BadgeSceneType.FANS)
                level = int(fans.privilege_log_extra.level) if fans else None
                assert data["user"]["badges"]["fan_level"] == level
                levels.add(level)
                if BadgeSceneType.ADMIN in scenes:
                    assert data["user"]["badges"]["moderator"]
        assert len(levels) > 3
