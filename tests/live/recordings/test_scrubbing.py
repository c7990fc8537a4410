"""People in recordings: none of them is left, and everything else is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from TikTokLive.events.proto_events import EVENT_MAPPINGS
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.user import FollowInfo, User
from TikTokLiveProto.v3.webcast.model.data import UserIdentity
from TikTokLiveProto.v3.webcast.model.live.match import BattleBaseUserInfo, BattleUserInfo
from TikTokLiveProto.v3.webcast.model.message import (
    WebcastChatMessage,
    WebcastGiftMessage,
    WebcastImDeleteMessage,
    WebcastLinkMicBattle,
)
from TikTokLiveProto.v3.webcast.model.message.battle import (
    BattleUserArmies,
    BattleUserArmy,
    BattleUserInfoWrapper,
    UserArmiesWrapper,
)
from TikTokLiveProto.v3.webcast.model.message.common import Text, TextPiece
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from live.recordings.scrubbing import Kind, Scrubber, kind_of
from live.tiktok.decoding import METHODS, decode_message, decode_whole_message, parse_whole_message
from live.tiktok.events import event_of
from standin import Message, captures, wire
from standin import messages as build

KEY = b"of the tests"
NOW = 1_700_000_000_000

ANNA = build.user("anna.the.streamer", id=6_812_345_678_901_234_567, nickname="Анна 🌹 Смирнова")
BOB = build.user("bob_from_berlin", id=6_812_000_000_000_000_001, nickname="Bob of Berlin")


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(KEY)


def scrubbed(scrubber: Scrubber, message: Message) -> bytes:
    return scrubber.message(message.method, message.payload, message.msg_id)


def built() -> list[Message]:
    """One message of each kind, with people whose names are not met by chance."""
    return [
        build.chat(BOB, "Hallo @Bob of Berlin, wie geht es dir heute?"),
        *build.streak(BOB, "Rose", count=2),
        build.like(ANNA, 15),
        build.follow(BOB),
        build.share(BOB, users_joined=3),
        build.join(ANNA, member_count=7),
        build.subscribe(BOB, months=3),
        build.viewers(12, total=90, top=[ANNA, BOB]),
        build.question(BOB, "when do you finally sing something?"),
        build.emote(BOB),
        build.pause(),
        build.end(suspended=True, reason="violation"),
        battle(),
    ]


@pytest.fixture(
    params=[
        "built",
        pytest.param(
            "captured",
            marks=pytest.mark.skipif(
                not captures.captures_available(), reason=captures.captures_reason()
            ),
        ),
    ]
)
def sent(request: pytest.FixtureRequest) -> list[Message]:
    return built() if request.param == "built" else captures.load_captures()


def battle() -> Message:
    common = CommonMessageData(method="WebcastLinkMicBattle", msg_id=build.next_msg_id())
    army = BattleUserArmy(user_id=BOB.id, user_id_str=str(BOB.id), nickname=BOB.nickname, score=7)
    host = BattleBaseUserInfo(user_id=ANNA.id, nick_name=ANNA.nickname)
    armies = BattleUserArmies(user_armies=[army], anchor_id_str=str(ANNA.id))
    payload = WebcastLinkMicBattle(
        common=common,
        battle_id=7_300_000_000_000_000_003,
        armies=[UserArmiesWrapper(key=ANNA.id, value=armies)],
        anchors_info=[BattleUserInfoWrapper(key=ANNA.id, value=BattleUserInfo(user=host))],
    )
    return Message(common.method, bytes(payload), common.msg_id)


def read(method: str, payload: bytes) -> Any:
    return parse_whole_message(method, payload)


def frames_of(method: str, payload: bytes, msg_id: int) -> list[Any]:
    """What the relay makes of a message: its own frame, and the one with everything."""
    event = None
    if method in METHODS:
        event = event_of(method, decode_message(method, payload), NOW, msg_id)
    return [
        event and (event.type, event.id, event.at, msgspec.to_builtins(event.data)),
        decode_whole_message(method, payload),
    ]


def shape(value: Any) -> Any:
    """All but what texts say; ids are texts. What TikTok sends as a map has no order."""
    if isinstance(value, dict):
        if any(key.isdecimal() for key in value):
            return sorted(map(repr, map(shape, value.values())))
        return {
            key: sorted(map(repr, shape(part))) if key == "teams" else shape(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [shape(part) for part in value]
    if isinstance(value, str):
        return "text" if value else ""
    return value


class TestWhatThereIsOfPeople:
    def test_none_of_it_is_left_in_any_message(
        self, scrubber: Scrubber, sent: list[Message]
    ) -> None:
        after = b"\0".join(scrubbed(scrubber, message) for message in sent)
        numbers, texts = people_in(sent)
        assert len(numbers) >= 2
        assert len(texts) > 5
        left = [number for number in numbers if wire.write_varint(number) in after]
        left += [number for number in numbers if str(number).encode() in after]
        assert not left
        assert not [text for text in texts if text.encode() in after]

    def test_each_field_that_names_someone_is_another(
        self, scrubber: Scrubber, sent: list[Message]
    ) -> None:
        for message in sent:
            before = read(message.method, message.payload)
            after = read(message.method, scrubbed(scrubber, message))
            if before is None:
                continue
            for (path, was), (_path, is_now) in zip(leaves(before), leaves(after), strict=True):
                if PERSONAL.search(path) and not TIKTOKS_OWN.fullmatch(str(was)):
                    assert is_now != was, f"{message.method}.{path}"

    def test_no_32_bit_number_is_someone_s(self) -> None:
        seen: set[str] = set()

        def visit(described: Any) -> None:
            if described.full_name in seen:
                return
            seen.add(described.full_name)
            for field in described.fields:
                if field.message_type is not None:
                    visit(field.message_type)
                elif field.type in (field.TYPE_INT32, field.TYPE_UINT32):
                    cls = described.name.rpartition("_")[2]
                    assert kind_of(cls, field.name) is not Kind.PERSON, (cls, field.name)

        Scrubber(KEY)
        for method in EVENT_MAPPINGS:
            visit(read(method, b"").DESCRIPTOR)
        assert len(seen) > 500

    def test_fields_that_no_schema_knows_are_left_out(self, scrubber: Scrubber) -> None:
        chat = build.chat(BOB, "hello")
        secret = wire.bytes_field(9999, b"a person") + wire.varint_field(9998, BOB.id)
        payload = chat.payload + secret
        assert b"a person" not in scrubber.message(chat.method, payload, chat.msg_id)
        assert scrubber.message(chat.method, payload, chat.msg_id) == scrubbed(scrubber, chat)

    def test_of_a_method_that_nobody_maps_only_the_id_is_kept(self, scrubber: Scrubber) -> None:
        unknown = build.unknown("WebcastNobodyKnowsMessage", b"a person")
        kept = scrubbed(scrubber, unknown)
        assert build.read_msg_id(kept) == unknown.msg_id
        assert b"a person" not in kept


PERSONAL = re.compile(
    r"(^|\.)(user|to_user|from_user|at_user)\.(id|id_str|sec_uid|display_id|nickname|bio_description)$"
    r"|user_id(_str)?$|nick_?name$|contributor_(id|display_id)$|delete_user_ids|avatar\w*\.ur[il]"
    r"|WebcastChatMessage\.content$|\.sec_uid$"
)
# A picture that stands for nobody; emoji alone.
TIKTOKS_OWN = re.compile(r"webcast-sg/envelope_comment_avatar\.png|\W*")


def leaves(message: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for field, value in message.ListFields():
        name = f"{path}.{field.name}" if path else f"{message.DESCRIPTOR.name}.{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.type == field.TYPE_BYTES:
            continue
        for part in value if field.is_repeated else [value]:
            if field.message_type is not None:
                yield from leaves(part, name)
            else:
                yield name, part


def people_in(messages: list[Message]) -> tuple[set[int], set[str]]:
    """Ids, and texts that are long enough not to come about by chance, by TikTokLive's own reading
    of the messages."""
    numbers: set[int] = set()
    texts: set[str] = set()
    message_ids: set[int] = {message.msg_id for message in messages}

    def look(part: Any) -> None:
        cls = type(part).__name__
        for name in part._betterproto.meta_by_field_name:
            value = getattr(part, name)
            inner = value.values() if isinstance(value, dict) else value
            for one in inner if isinstance(value, dict | list) else [value]:
                if hasattr(one, "_betterproto"):
                    look(one)
                elif isinstance(one, int) and one > 10**16 and "msg_id" in name:
                    message_ids.add(one)
                elif isinstance(one, int) and one > 10**16 and "time" not in name:
                    numbers.add(one)
                elif isinstance(one, str) and is_personal(cls, name) and len(one) >= 8:
                    texts.add(one)

    for message in messages:
        if message.method in EVENT_MAPPINGS:
            try:
                look(EVENT_MAPPINGS[message.method]().parse(message.payload))
            except (ValueError, TypeError, AttributeError):
                continue  # TikTokLive can't read it; a few WebcastLinkLayerMessages are like that
    return numbers - message_ids, {text for text in texts if any(map(str.isalnum, text))}


def is_personal(cls: str, field: str) -> bool:
    names = r"nick_?name|display_id|sec_uid|id_str|describe$|url_list|send_user|contributor_"
    return bool(re.search(names, field)) or (cls, field) in {
        ("WebcastChatMessage", "content"),
        ("CommentEvent", "content"),
        ("Question", "content"),
        ("PollStartContent", "title"),
        ("LiveStreamGoal", "description"),
    }


class TestWhatIsLeft:
    def test_frames_have_the_same_shape(self, scrubber: Scrubber, sent: list[Message]) -> None:
        for message in sent:
            before = frames_of(message.method, message.payload, message.msg_id)
            after = frames_of(message.method, scrubbed(scrubber, message), message.msg_id)
            assert shape(after) == shape(before), message.method

    def test_tiktoklive_still_reads_it(self, scrubber: Scrubber, sent: list[Message]) -> None:
        for message in sent:
            if message.method in EVENT_MAPPINGS:
                EVENT_MAPPINGS[message.method]().parse(scrubbed(scrubber, message))

    def test_a_comment_keeps_its_length_its_emoji_and_its_script(self, scrubber: Scrubber) -> None:
        text = "Привет 👩‍👩‍👧 Hello, שלום 123!"
        payload = scrubbed(scrubber, build.chat(BOB, text))
        other = decode_message("WebcastChatMessage", payload).content
        assert other != text
        assert len(other.encode()) == len(text.encode())
        for was, now in zip(text, other, strict=True):
            if was.isalnum():
                assert now != was
                assert unicodedata.category(now) == unicodedata.category(was)
                assert unicodedata.name(now).split()[0] == unicodedata.name(was).split()[0]
            else:
                assert now == was

    def test_gifts_and_languages_are_tiktok_s(self, scrubber: Scrubber) -> None:
        gift = decode_message(
            "WebcastGiftMessage", scrubbed(scrubber, build.gift(BOB, "Rose", diamonds=5))
        )
        assert (gift.gift.name, gift.gift.diamond_count, gift.gift_id) == ("Rose", 5, 5655)
        chat = decode_message("WebcastChatMessage", scrubbed(scrubber, build.chat(BOB, "x")))
        assert chat.content_language == "en"

    def test_ids_of_messages_and_times_stay(self, scrubber: Scrubber) -> None:
        chat = build.chat(BOB, "hello")
        common = decode_message("WebcastChatMessage", scrubbed(scrubber, chat)).common
        assert common.msg_id == chat.msg_id
        assert common.create_time == decode_message(chat.method, chat.payload).common.create_time

    def test_badges_that_tiktok_made_stay(self, scrubber: Scrubber) -> None:
        assert scrubber.picture("webcast-va/subs_badge_Lv1.png") == "webcast-va/subs_badge_Lv1.png"
        uploaded = "webcast-va/eba3a9bb85c33e017f3648eaf88d7189.png"
        assert scrubber.picture(uploaded) != uploaded


class TestTheSamePerson:
    def test_is_the_same_everywhere(self, scrubber: Scrubber) -> None:
        common = CommonMessageData(msg_id=1)
        of_chat = WebcastChatMessage(
            common=common, user=BOB, content=f"@{ANNA.nickname} hello", mention_users=[ANNA]
        )
        of_gift = WebcastGiftMessage(
            common=common,
            user=BOB,
            to_user=ANNA,
            to_member_id_int=ANNA.id,
            user_identity=UserIdentity(),
        )
        of_removal = WebcastImDeleteMessage(common=common, delete_user_ids=[BOB.id, ANNA.id])
        chat, gift, removed = (
            read(
                type(message).__name__, scrubber.message(type(message).__name__, bytes(message), 1)
            )
            for message in (of_chat, of_gift, of_removal)
        )
        fight = read("WebcastLinkMicBattle", scrubbed(scrubber, battle()))
        bob, anna = chat.user.id, chat.mention_users[0].id
        assert len({bob, anna, BOB.id, ANNA.id}) == 4
        assert all(len(str(number)) == 19 for number in (bob, anna))
        assert (gift.user.id, gift.to_user.id, gift.to_member_id_int) == (bob, anna, anna)
        assert list(removed.delete_user_ids) == [bob, anna]
        assert fight.anchors_info[0].key == fight.armies[0].key == anna
        assert fight.armies[0].value.anchor_id_str == str(anna)
        assert fight.armies[0].value.user_armies[0].user_id_str == str(bob)
        nickname = chat.mention_users[0].nickname
        assert chat.content.startswith(f"@{nickname} ")
        assert fight.anchors_info[0].value.user.nick_name == nickname
        assert chat.user.display_id == gift.user.display_id == scrubber.name(BOB.display_id)

    def test_is_known_by_a_small_number_too(self, scrubber: Scrubber) -> None:
        fight = WebcastLinkMicBattle(
            common=CommonMessageData(msg_id=1),
            action_by_user_id=6812,
            armies=[UserArmiesWrapper(key=6812, value=BattleUserArmies(anchor_id_str="6812"))],
        )
        after = read(
            "WebcastLinkMicBattle", scrubber.message("WebcastLinkMicBattle", bytes(fight), 1)
        )
        other = scrubber.id(6812)
        assert (after.action_by_user_id, after.armies[0].key) == (other, other)
        assert after.armies[0].value.anchor_id_str == str(other)

    def test_is_another_in_another_recording(self) -> None:
        assert Scrubber().id(BOB.id) != Scrubber().id(BOB.id)
        assert Scrubber().name("bob_from_berlin") != Scrubber().name("bob_from_berlin")

    def test_has_the_same_picture_however_it_is_signed(self, scrubber: Scrubber) -> None:
        address = "https://p16.tiktokcdn.com/tos/abc.webp"
        assert scrubber.picture(f"{address}?x=1") == scrubber.picture(f"{address}?x=2")
        assert scrubber.picture(address) != scrubber.picture(address.replace("abc", "abd"))

    @pytest.mark.parametrize("number", [1, 6812, 127605724259524608, 2**63 - 1, 2**63, 2**64 - 1])
    def test_has_a_number_and_its_text_alike(self, scrubber: Scrubber, number: int) -> None:
        other = scrubber.id(number)
        assert len(str(other)) in (19, 20)
        assert (other >= 2**63) == (number >= 2**63)
        assert scrubber.written_id(str(number)) == str(other)
        if number >= 2**63:
            assert scrubber.id(number - 2**64) == other - 2**64

    def test_nobody_stays_nobody(self, scrubber: Scrubber) -> None:
        assert scrubber.id(0) == 0
        assert scrubber.written_id("0") == "0"
        assert scrubber.name("") == ""


class TestTexts:
    @given(st.text(max_size=40))
    def test_a_name_is_another_of_the_same_length(self, name: str) -> None:
        other = Scrubber(KEY).name(name)
        assert len(other) == len(name)
        assert other != name or not name

    @given(st.text(max_size=200))
    def test_no_letter_or_digit_stays(self, text: str) -> None:
        tokens_of_texts = re.search(r"\{[0-9]{1,3}(?::\w*)?\}|[0-9]{10,}", text)
        if tokens_of_texts is None:
            other = Scrubber(KEY).text(text)
            assert len(other) == len(text)
            for was, now in zip(text, other, strict=True):
                if was.isascii() and was.isalnum():
                    assert now != was

    def test_placeholders_stay_and_names_in_templates_go(self, scrubber: Scrubber) -> None:
        text = Text(
            key="pm_mt_x",
            default_pattern="{0:user} meets Bob of Berlin",
            pieces=[TextPiece(string_value=BOB.nickname)],
        )
        common = CommonMessageData(msg_id=1, display_text=text)
        payload = bytes(WebcastChatMessage(common=common, user=BOB, content="x"))
        shown = read(
            "WebcastChatMessage", scrubber.message("WebcastChatMessage", payload, 1)
        ).common.display_text
        name = scrubber.name(BOB.nickname)
        assert shown.key == "pm_mt_x"
        assert shown.default_pattern == f"{{0:user}} meets {name}"
        assert shown.pieces[0].string_value == name

    def test_numbers_that_tell_people_apart_are_rounded(self, scrubber: Scrubber) -> None:
        who = User(id=5, follow_info=FollowInfo(follower_count=1_234_567))
        payload = bytes(WebcastChatMessage(common=CommonMessageData(msg_id=1), user=who))
        chat = read("WebcastChatMessage", scrubber.message("WebcastChatMessage", payload, 1))
        assert chat.user.follow_info.follower_count == 1_000_000

    def test_avatars_are_replaced(self, scrubber: Scrubber) -> None:
        who = User(id=5, avatar_large=ImageModel(url_list=["https://p16.tiktokcdn.com/face.webp"]))
        payload = bytes(WebcastChatMessage(common=CommonMessageData(msg_id=1), user=who))
        assert b"face" not in scrubber.message("WebcastChatMessage", payload, 1)
