"""What becomes of TikTok's rarer messages: frames, to the letter."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
from typing import Any

import pytest
from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction, WebcastSystemMessage
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.data import (
    BattleResultResult,
    EnvelopeBusinessType,
    ProfitRankType,
)
from TikTokLiveProto.v3.webcast.model.gift.model import (
    LiveStreamGoal,
    LiveStreamSubGoal,
    WebcastGoalUpdateMessage,
)
from TikTokLiveProto.v3.webcast.model.message import (
    BarrageTypeUserGradeParam,
    CaptionContent,
    PollBasicInfo,
    PollStartContent,
    RankUpdate,
    WebcastBarrageMessage,
    WebcastCaptionMessage,
    WebcastChatMessage,
    WebcastImDeleteMessage,
    WebcastNoticeMessage,
    WebcastPollMessage,
    WebcastRankTextMessage,
    WebcastRankUpdateMessage,
    WebcastRoomMessage,
    WebcastRoomNotifyMessage,
    WebcastRoomPinMessage,
    WebcastSocialMessage,
)
from TikTokLiveProto.v3.webcast.model.message.common import (
    PatternRef,
    Text,
    TextPiece,
    TextPieceGift,
    TextPiecePatternRef,
    TextPieceUser,
)
from TikTokLiveProto.v3.webcast.model.message.redenvelope import (
    MessageRedEnvelopInfo,
    WebcastEnvelopeMessage,
)
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.protocol.frames import Frame, encode
from live.tiktok.decoding import decode_message
from live.tiktok.events import event_of
from standin import messages as build
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
from tests.support.people import person
from tests.support.samples import read_frame

CURSOR = "k3f9abcd-1742"
ANNA, BEA, CARL, DAN = (build.user(name) for name in ("anna", "bea", "carl", "dan"))
Action, Result = LinkMicBattleBattleAction, BattleResultResult


def built(message: build.Message) -> Any:
    """The frame of a message, as clients read it."""
    happened = event_of(message.method, decode_message(message.method, message.payload), NOW)
    assert happened is not None
    frame = Frame(
        type=happened.type, cursor=CURSOR, ts=happened.at, id=happened.id, data=happened.data
    )
    return read_frame(encode(frame))


def text(pattern: str, *pieces: TextPiece, key: str = "") -> Text:
    return Text(key=key, default_pattern=pattern, pieces=list(pieces))


def string(value: str) -> TextPiece:
    return TextPiece(string_value=value)


class TestShownTexts:
    """Texts that TikTok puts together from a pattern and its values."""

    def shown(self, pattern: str, *pieces: TextPiece) -> str:
        data = data_of(WebcastRankTextMessage(common=HEAD, content=text(pattern, *pieces)))
        shown: str = data["text"]
        return shown

    @pytest.mark.parametrize(
        ("pattern", "pieces", "expected"),
        [
            ("joined", [], "joined"),
            ("Weekly No. {0:string}", [string("45")], "Weekly No. 45"),
            ("{0:string} {1:string}", [string("a"), string("b")], "a b"),
            ("{1:string} {0:string}", [string("a"), string("b")], "b a"),
            ("{0}!", [string("a")], "a!"),
            ("{0:user} joined", [TextPiece(user_value=TextPieceUser(user=MARIA))], "Maria joined"),
            (
                "sent {0:gift}",
                [TextPiece(gift_value=TextPieceGift(name_ref=PatternRef(default_pattern="Rose")))],
                "sent Rose",
            ),
            (
                "{0:string}",
                [TextPiece(pattern_ref_value=TextPiecePatternRef(default_pattern="Top 3"))],
                "Top 3",
            ),
        ],
    )
    def test_patterns_are_filled_with_their_values(
        self, pattern: str, pieces: list[TextPiece], expected: str
    ) -> None:
        assert self.shown(pattern, *pieces) == expected

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("{0:user} {1:image} joined", "joined"),
            ("joined {7:string}", "joined"),
            ("a {999:string}b", "a b"),
        ],
    )
    def test_it_leaves_out_values_that_are_no_texts(self, pattern: str, expected: str) -> None:
        assert self.shown(pattern, TextPiece(), TextPiece()) == expected

    @pytest.mark.parametrize("name", ["{1:string}", "a  b", " ", "👩‍👩‍👧 ‮x", "\u2028", '"\\'])
    def test_it_changes_nothing_in_a_value(self, name: str) -> None:
        assert self.shown("<{0:string}>", string(name), string("no")) == f"<{name}>"

    def test_it_bounds_what_a_hostile_pattern_can_grow_to(self) -> None:
        assert len(self.shown("{0}" * 10_000, string("x" * 30_000))) < 60_000


class TestSuperFan:
    def test_a_new_super_fan_is_told(self) -> None:
        schema = WebcastBarrageMessage(
            common=HEAD,
            user=MARIA,
            content=text(
                "{0:user} became a Super Fan",
                TextPiece(user_value=TextPieceUser(user=MARIA)),
                key="ttlive_superfan_new",
            ),
        )
        assert json_of(schema) == frame(
            "super_fan",
            f'{{"state":"new","text":"Maria became a Super Fan","user":{MARIA_JSON}}}',
        )

    @pytest.mark.parametrize("field", ["content", "common_barrage_content"])
    @pytest.mark.parametrize(
        ("key", "state"),
        [
            ("ttlive_superfan_commentnotif_superfanjoined", "joined"),
            ("ttlive_superFan_commentNotif_superFanJoined", "joined"),
            ("pm_ttlive_superfan_x", "new"),
            ("ttlive_superFan", "new"),
        ],
    )
    def test_it_is_known_by_either_text(self, field: str, key: str, state: str) -> None:
        fields: dict[str, Any] = {field: Text(key=key)}
        happened = event(WebcastBarrageMessage(common=HEAD, **fields))
        assert happened is not None
        assert (happened.type, happened.data.state) == ("super_fan", state)  # type: ignore[attr-defined]

    def test_it_may_come_without_a_user(self) -> None:
        schema = WebcastBarrageMessage(common=HEAD, content=Text(key="ttlive_superfan"))
        assert json_of(schema) == frame("super_fan", '{"state":"new","text":""}')

    @pytest.mark.parametrize(("joins", "state"), [(False, "new"), (True, "joined")])
    def test_it_understands_the_stand_in(self, joins: bool, state: str) -> None:
        data = built(build.super_fan("maria", joins=joins))["data"]
        assert (data["state"], data["user"]["username"]) == (state, "maria")


class TestBarrage:
    def test_another_barrage_is_a_notice(self) -> None:
        schema = WebcastBarrageMessage(common=HEAD, user=MARIA, content=text("joined"))
        assert json_of(schema) == frame(
            "notice", f'{{"kind":"barrage","text":"joined","user":{MARIA_JSON}}}'
        )

    def test_it_has_the_user_of_its_kind(self) -> None:
        schema = WebcastBarrageMessage(
            common=HEAD,
            content=text("joined"),
            user_grade_param=BarrageTypeUserGradeParam(user=MARIA),
        )
        assert data_of(schema)["user"] == json.loads(MARIA_JSON)
        assert built(build.barrage("olga", "joined"))["data"]["user"]["username"] == "olga"

    def test_it_shows_the_other_text_where_one_is_empty(self) -> None:
        schema = WebcastBarrageMessage(
            common=HEAD, content=text("{0:string}"), common_barrage_content=text("hello")
        )
        assert json_of(schema) == frame("notice", '{"kind":"barrage","text":"hello"}')

    def test_it_is_nothing_without_a_text(self) -> None:
        assert event(WebcastBarrageMessage(common=HEAD, user=MARIA)) is None


class TestEnvelope:
    def test_an_envelope_has_its_diamonds_and_sender(self) -> None:
        info = MessageRedEnvelopInfo(
            envelope_id="7309134471448496901",
            business_type=EnvelopeBusinessType.BUSINESS_TYPE_USER_DIAMOND,
            send_user_name="Maria",
            diamond_count=20,
            people_count=16,
            unpack_at=1_701_791_856,
            send_user_id="6812000000000000001",
            send_user_avatar=ImageModel(url_list=["https://cdn.example/maria.webp"]),
        )
        assert json_of(WebcastEnvelopeMessage(common=HEAD, envelope_info=info)) == frame(
            "envelope",
            '{"id":"7309134471448496901","kind":"treasure","state":"new",'
            '"sender":{"id":"6812000000000000001","nickname":"Maria",'
            '"avatar":"https://cdn.example/maria.webp"},'
            '"diamonds":20,"people":16,"opens_at":1701791856000}',
        )

    def test_it_is_taken_off_the_screen(self) -> None:
        message = build.envelope("maria", hidden=True, envelope_id="77")
        assert built(message)["data"] == {
            "id": "77",
            "kind": "treasure",
            "state": "hidden",
            "sender": {"id": ""},
            "diamonds": 0,
            "people": 0,
        }

    @pytest.mark.parametrize(
        ("business_type", "kind"),
        [
            (0, "treasure"),
            (1, "treasure"),
            (2, "platform"),
            (3, "platform"),
            (19, "super_fan"),
            (99, "platform"),
        ],
    )
    def test_it_has_a_kind(self, business_type: int, kind: str) -> None:
        info = MessageRedEnvelopInfo(business_type=EnvelopeBusinessType(business_type))
        data = data_of(WebcastEnvelopeMessage(common=HEAD, envelope_info=info))
        assert data["kind"] == kind

    @pytest.mark.parametrize("key", ["ttlive_superfanbox", "ttlive_superFanBox_new"])
    def test_it_is_a_super_fan_s_by_its_text(self, key: str) -> None:
        schema = WebcastEnvelopeMessage(common=titled(key), envelope_info=MessageRedEnvelopInfo())
        assert data_of(schema)["kind"] == "super_fan"


X, Y, Z = (build.user(name) for name in ("x", "y", "z"))
MATCH = {"id": str(build.BATTLE_ID), "starts_at": 1_795_372_811_000, "seconds": 301}


class TestGoal:
    def test_a_goal_has_its_progress_and_contributor(self) -> None:
        message = build.goal("maria", "Help me", progress=3, target=10, contributed=2)
        maria = person(build.user("maria"))
        del maria["nickname"]
        assert built(message)["data"] == {
            "id": "77",
            "text": "Help me",
            "parts": [
                {
                    "id": "5655",
                    "progress": 3,
                    "target": 10,
                    "gift": {
                        "id": "5655",
                        "name": "Rose",
                        "diamonds": 1,
                        "image": "https://cdn.example/gift-5655.webp",
                        "streakable": True,
                    },
                }
            ],
            "contributor": maria,
            "contributed": 2,
        }

    def test_it_may_change_without_a_contributor(self) -> None:
        data = built(build.goal(None, "Help me", progress=3, target=10))["data"]
        assert not {"contributor", "contributed"} & set(data)

    def test_it_may_be_of_other_things_than_gifts(self) -> None:
        parts = [LiveStreamSubGoal(id=1, progress=5, target=6)]
        goal = LiveStreamGoal(id=-1, sub_goals=parts)
        assert json_of(WebcastGoalUpdateMessage(common=HEAD, goal=goal)) == frame(
            "goal",
            '{"id":"18446744073709551615","text":"","parts":[{"id":"1","progress":5,"target":6}]}',
        )


class TestRank:
    def test_rankings_have_kind_rank_and_text(self) -> None:
        updates = [
            RankUpdate(
                rank_type=ProfitRankType.TYPE_WEEKLY_RANK,
                own_rank=45,
                default_content=text("Weekly No. {0:string}", string("45")),
            ),
            RankUpdate(rank_type=ProfitRankType.DAILY_ROOKIE, own_rank=2),
        ]
        assert json_of(WebcastRankUpdateMessage(common=HEAD, updates=updates)) == frame(
            "rank",
            '{"rankings":[{"kind":"weekly_rank","rank":45,"text":"Weekly No. 45"},'
            '{"kind":"daily_rookie","rank":2,"text":""}]}',
        )

    def test_it_names_a_ranking_of_the_future_by_its_number(self) -> None:
        updates = [RankUpdate(rank_type=ProfitRankType(987), own_rank=1)]
        data = data_of(WebcastRankUpdateMessage(common=HEAD, updates=updates))
        assert data["rankings"][0]["kind"] == "987"

    def test_it_understands_the_stand_in(self) -> None:
        assert built(build.rank(4))["data"] == {
            "rankings": [{"kind": "weekly_rank", "rank": 4, "text": "Weekly No. 4"}]
        }


class TestPoll:
    def test_a_poll_has_its_options_and_times(self) -> None:
        message = build.poll(("tea", 0), ("coffee", 0), title="Which?", starts=(AT, AT + 60_000))
        assert built(message)["data"] == {
            "id": "7286185037553699617",
            "state": "started",
            "options": [
                {"index": 0, "text": "tea", "votes": 0},
                {"index": 1, "text": "coffee", "votes": 0},
            ],
            "title": "Which?",
            "starts_at": AT,
            "ends_at": AT + 60_000,
        }

    @pytest.mark.parametrize(("ends", "state"), [(False, "votes"), (True, "ended")])
    def test_it_counts_votes(self, ends: bool, state: str) -> None:
        data = built(build.poll(("tea", 3), ("coffee", 4), ends=ends))["data"]
        assert data == {
            "id": "7286185037553699617",
            "state": state,
            "options": [
                {"index": 0, "text": "tea", "votes": 3},
                {"index": 1, "text": "coffee", "votes": 4},
            ],
        }

    @pytest.mark.parametrize(
        ("start", "basic", "title"),
        [("a", "b", "a"), ("", "b", "b"), ("a", "", "a"), ("", "", None)],
    )
    def test_it_has_its_title_from_either_place(
        self, start: str, basic: str, title: str | None
    ) -> None:
        schema = WebcastPollMessage(
            common=HEAD,
            start_content=PollStartContent(title=start),
            poll_basic_info=PollBasicInfo(title=basic),
        )
        assert data_of(schema).get("title") == title


class TestPin:
    def test_a_pin_holds_the_pinned_comment(self) -> None:
        chat = WebcastChatMessage(
            common=CommonMessageData(msg_id=5), user=MARIA, content="hello", content_language="en"
        )
        pinned = build.pin(build.Message("WebcastChatMessage", bytes(chat), 5), PETER, msg_id=9)
        assert built(pinned) | {"ts": 0} == {
            "type": "pin",
            "cursor": CURSOR,
            "ts": 0,
            "id": "9",
            "data": {
                "state": "pinned",
                "message_id": "5",
                "by": json.loads(PETER_JSON),
                "seconds": 60,
                "comment": {
                    "user": json.loads(MARIA_JSON),
                    "text": "hello",
                    "emotes": [],
                    "mentions": [],
                    "language": "en",
                },
            },
        }

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            (build.chat("maria", "hello"), "comment"),
            (build.gift("maria", combo=False), "gift"),
            (build.like("maria"), "like"),
            (build.join("maria"), "join"),
            (build.follow("maria"), "follow"),
            (build.share("maria"), "share"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_it_says_what_its_frame_said(self, message: build.Message, kind: str) -> None:
        frame = built(message)
        pin = built(build.pin(message, "moderator"))["data"]
        assert pin["message_id"] == frame["id"]
        assert pin[kind] == frame["data"]
        assert set(pin) == {"state", "message_id", "by", "seconds", kind}

    def test_it_is_taken_down_by_the_id_of_what_was_pinned(self) -> None:
        comment = build.chat("maria", "hello")
        unpin = built(build.unpin(build.pin(comment, "moderator"), PETER))["data"]
        assert unpin == {
            "state": "unpinned",
            "message_id": str(comment.msg_id),
            "by": json.loads(PETER_JSON),
        }

    def test_it_falls_back_to_the_id_of_the_pin(self) -> None:
        schema = WebcastRoomPinMessage(common=HEAD, pin_msg_id=-1)
        assert json_of(schema) == frame(
            "pin", '{"state":"pinned","message_id":"18446744073709551615"}'
        )

    def test_it_passes_over_a_pinned_message_that_says_nothing(self) -> None:
        neither = WebcastSocialMessage(common=CommonMessageData(msg_id=5), user=MARIA, action=9)
        schema = WebcastRoomPinMessage(common=HEAD, social_message=neither)
        assert json_of(schema) == frame("pin", '{"state":"pinned","message_id":"5"}')

    def test_it_may_pin_a_comment_of_nobody(self) -> None:
        schema = WebcastRoomPinMessage(
            common=HEAD, chat_message=WebcastChatMessage(content="hello")
        )
        comment = data_of(schema)["comment"]
        assert (comment["text"], comment["user"]) == ("hello", json.loads(NOBODY_JSON))


class TestDelete:
    def test_deleted_messages_and_users_are_named(self) -> None:
        schema = WebcastImDeleteMessage(
            common=HEAD, delete_msg_ids=[ID, -1], delete_user_ids=[2**62, -(2**63)]
        )
        assert json_of(schema) == frame(
            "delete",
            f'{{"message_ids":["{ID}","18446744073709551615"],'
            '"user_ids":["4611686018427387904","9223372036854775808"]}',
        )

    def test_it_names_the_frame_of_the_comment(self) -> None:
        comment = build.chat("maria", "rude")
        delete = built(build.delete(comment))["data"]
        assert delete == {"message_ids": [built(comment)["id"]], "user_ids": []}

    def test_it_names_the_user(self) -> None:
        comment = built(build.chat("maria", "rude"))["data"]
        delete = built(build.delete(users=["maria"]))["data"]
        assert delete == {"message_ids": [], "user_ids": [comment["user"]["id"]]}


class TestCaption:
    def test_a_caption_has_its_texts_and_time(self) -> None:
        schema = WebcastCaptionMessage(
            common=HEAD,
            timestamp_ms=AT,
            duration_ms=1500,
            sentence_id=2**62,
            content=[
                CaptionContent(lang="en", content="Hello"),
                CaptionContent(lang="ar", content="مرحبا"),
            ],
            definite=True,
        )
        assert json_of(schema) == frame(
            "caption",
            '{"sentence_id":"4611686018427387904","texts":[{"language":"en","text":"Hello"},'
            '{"language":"ar","text":"مرحبا"}],"final":true,'
            f'"at":{AT},"duration":1500}}',
        )

    def test_it_is_not_final_at_first(self) -> None:
        assert built(build.caption("Hel"))["data"]["final"] is False
        assert built(build.caption("Hello", final=True))["data"]["final"] is True


class TestNotice:
    @pytest.mark.parametrize(
        ("schema", "data"),
        [
            (WebcastRoomMessage(common=HEAD, content="Hi"), '{"kind":"room","text":"Hi"}'),
            (WebcastSystemMessage(common=HEAD, message="Hi"), '{"kind":"system","text":"Hi"}'),
            (
                WebcastNoticeMessage(
                    common=HEAD, notice_title=text("Mind"), notice_content=text("the rules")
                ),
                '{"kind":"warning","text":"the rules","title":"Mind"}',
            ),
            (WebcastNoticeMessage(common=HEAD, content="Hi"), '{"kind":"warning","text":"Hi"}'),
            (
                WebcastNoticeMessage(common=HEAD, title=text("Mind")),
                '{"kind":"warning","text":"","title":"Mind"}',
            ),
            (
                WebcastRoomNotifyMessage(common=HEAD, content="Hi", user=MARIA),
                f'{{"kind":"notify","text":"Hi","user":{MARIA_JSON}}}',
            ),
            (
                WebcastRankTextMessage(common=HEAD, content=text("No. {0:string}", string("3"))),
                '{"kind":"rank","text":"No. 3"}',
            ),
        ],
    )
    def test_notices_have_their_kind_and_text(self, schema: Any, data: str) -> None:
        assert json_of(schema) == frame("notice", data)

    def test_it_may_have_only_the_text_that_every_message_may_have(self) -> None:
        shown = text("{0:user} is here", TextPiece(user_value=TextPieceUser(user=MARIA)))
        head = CommonMessageData(msg_id=ID, create_time=AT, display_text=shown)
        assert json_of(WebcastRoomNotifyMessage(common=head)) == frame(
            "notice", '{"kind":"notify","text":"Maria is here"}'
        )

    def test_it_keeps_line_breaks_and_spaces(self) -> None:
        shown = "One\n  two\u3000three  "
        assert data_of(WebcastRoomMessage(common=HEAD, content=shown))["text"] == shown

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            (build.room_message("Hi"), "room"),
            (build.system_message("Hi"), "system"),
            (build.warning("Mind", "Hi"), "warning"),
            (build.notify("maria", "Hi"), "notify"),
            (build.rank_text("Hi"), "rank"),
            (build.barrage("maria", "Hi"), "barrage"),
        ],
    )
    def test_it_understands_the_stand_in(self, message: build.Message, kind: str) -> None:
        frame = built(message)
        assert (frame["type"], frame["data"]["kind"]) == ("notice", kind)
        assert frame["data"]["text"] == "Hi"
