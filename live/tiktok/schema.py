"""Builds the protobuf classes that decode TikTok's messages, from the classes of TikTokLiveProto.

Field numbers and types are read from TikTokLiveProto, whose classes know them; none is written
here by hand. `FIELDS` lists the fields that frames need; protobuf skips all others.

Decoded messages have the attribute names of the TikTokLiveProto classes. Enums are integers. A
sub-message that TikTok did not send reads as an empty message; `HasField` tells whether it was
sent.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Container, Iterable, Mapping
from typing import Any, TypeAlias, get_args, get_type_hints

import betterproto2
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from TikTokLive.proto import (
    ProtoMessageFetchResult,
    ProtoMessageFetchResultBaseProtoMessage,
    WebcastPushFrame,
)
from TikTokLiveProto.v3.webcast import im, model
from TikTokLiveProto.v3.webcast.model import message as events
from TikTokLiveProto.v3.webcast.model.base import ImageModel, user
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel, EmoteWithIndex
from TikTokLiveProto.v3.webcast.model.data import UserIdentity
from TikTokLiveProto.v3.webcast.model.gift import model as gift_model
from TikTokLiveProto.v3.webcast.model.live import match
from TikTokLiveProto.v3.webcast.model.message import battle, common, redenvelope
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

__all__ = ["AS_BYTES", "FIELDS", "Message", "all_fields", "build_schema", "described_class"]

Message: TypeAlias = message.Message

# The fields that frames need, by class, separated by spaces. The classes of sub-messages must be
# listed too.
FIELDS: Mapping[type, str] = {
    WebcastPushFrame: "log_id headers payload_encoding payload_type payload",
    im.PushHeader: "key value",
    ProtoMessageFetchResult: "messages cursor internal_ext need_ack is_first",
    ProtoMessageFetchResultBaseProtoMessage: "method payload msg_id",
    CommonMessageData: "msg_id create_time display_text",
    common.Text: "key default_pattern pieces",
    common.TextPiece: "string_value user_value gift_value pattern_ref_value",
    common.TextPieceUser: "user",
    common.TextPieceGift: "name_ref",
    common.PatternRef: "default_pattern",
    common.TextPiecePatternRef: "default_pattern",
    ImageModel: "url_list uri",
    user.User: (
        "id id_str nickname display_id avatar_thumb avatar_medium avatar_large verified badge_list "
        "follow_info fans_club fans_club_info"
    ),
    user.FollowInfo: "follow_status",
    model.FansClubMember: "data",
    model.FansClubData: "club_name level",
    user.FansClubInfo: "fans_club_name fans_level",
    user.BadgeStruct: "scene_type privilege_log_extra image combine",
    user.PrivilegeLogExtra: "level",
    user.ImageBadge: "image",
    user.CombineBadgeStruct: "icon text",
    user.BadgeText: "key default_pattern",
    UserIdentity: (
        "is_subscriber_of_anchor is_mutual_following_with_anchor is_follower_of_anchor "
        "is_moderator_of_anchor"
    ),
    model.Gift: "id name type diamond_count image icon",
    EmoteModel: "emote_id image",
    EmoteWithIndex: "index emote",
    events.WebcastChatMessage: (
        "common user content emotes content_language at_user mention_users user_identity"
    ),
    events.WebcastGiftMessage: (
        "common user to_user gift_id gift repeat_count repeat_end group_id user_identity "
        "to_member_id_int to_member_nickname"
    ),
    events.WebcastLikeMessage: "common user count total",
    events.WebcastMemberMessage: "common user member_count client_enter_source",
    events.WebcastSocialMessage: "common user action",
    events.WebcastSubNotifyMessage: (
        "common user sub_month old_subscribe_status message_type gift_source"
    ),
    events.WebcastRoomUserSeqMessage: "common ranks total total_user",
    events.Contributor: "score user",
    events.WebcastQuestionNewMessage: "common data",
    events.Question: "question_id content user",
    events.WebcastEmoteChatMessage: "common user emote_list user_identity",
    events.WebcastControlMessage: "common action tips extra",
    events.Extra: "source reason_no",
    events.WebcastBarrageMessage: (
        "common content common_barrage_content user user_grade_param fans_level_param"
    ),
    events.BarrageTypeUserGradeParam: "user",
    events.BarrageTypeFansLevelParam: "user",
    redenvelope.WebcastEnvelopeMessage: "common envelope_info display",
    redenvelope.MessageRedEnvelopInfo: (
        "envelope_id business_type send_user_name diamond_count people_count unpack_at "
        "send_user_id send_user_avatar"
    ),
    events.WebcastLinkMicBattle: (
        "common battle_id battle_settings action battle_result armies anchors_info team_member "
        "team_battle_result team_armies"
    ),
    events.WebcastLinkMicArmies: "common battle_id armies team_armies battle_settings",
    events.WebcastLinkMicBattlePunishFinish: "common battle_id battle_settings",
    battle.BattleSetting: "battle_id start_time_ms duration",
    battle.BattleResult: "user_id result score",
    battle.UserArmiesWrapper: "key value",
    battle.BattleUserArmies: "user_armies hostscore anchor_id_str",
    battle.BattleUserArmy: "user_id score nickname avatar_thumb user_id_str",
    battle.BattleUserInfoWrapper: "key value",
    match.BattleUserInfo: "user",
    match.BattleBaseUserInfo: "user_id nick_name avatar_thumb display_id",
    events.TeamUsersInfo: "team_id user_id",
    match.BattleTeamUser: "user_id score user_id_str",
    match.BattleTeamResult: "team_id team_user result total_score",
    match.BattleTeamUserArmies: "team_id team_user team_total_score user_armies",
    gift_model.WebcastGoalUpdateMessage: (
        "common goal contributor_id contributor_avatar contributor_display_id contribute_count "
        "contributor_id_str"
    ),
    gift_model.LiveStreamGoal: "id sub_goals description id_str",
    gift_model.LiveStreamSubGoal: "id progress target gift id_str",
    gift_model.LiveStreamSubGoalGift: "name icon diamond_count type",
    events.WebcastRankUpdateMessage: "common updates",
    events.RankUpdate: "rank_type own_rank default_content",
    events.WebcastRankTextMessage: "common content",
    events.WebcastPollMessage: (
        "common poll_id start_content end_content update_votes_content poll_basic_info"
    ),
    events.PollStartContent: "start_time end_time option_list title",
    events.PollEndContent: "option_list",
    events.PollUpdateVotesContent: "option_list",
    events.PollOptionInfo: "votes display_content option_idx",
    events.PollBasicInfo: "title",
    events.WebcastRoomPinMessage: (
        "common chat_message social_message gift_message member_message like_message operator "
        "action display_duration pin_msg_id"
    ),
    events.WebcastImDeleteMessage: "common delete_msg_ids delete_user_ids",
    events.WebcastCaptionMessage: "common timestamp_ms duration_ms content sentence_id definite",
    events.CaptionContent: "lang content",
    events.WebcastRoomMessage: "common content",
    events.WebcastNoticeMessage: "common content title display_text notice_title notice_content",
    events.WebcastRoomNotifyMessage: "common content user",
    im.WebcastSystemMessage: "common message",
}

# Fields whose sub-messages are left as bytes, for `decode_user` and `decode_badge`. TikTok sends
# the same few again and again in them, so that what they say can be remembered by their bytes.
AS_BYTES = frozenset({(events.Contributor, "user"), (user.User, "badge_list")})

# The protobuf package of the classes that are built.
_PACKAGE = "tiktok"
# Protobuf's number of each scalar type, by its name. Enums are decoded as integers.
_SCALARS = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        *("bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "float", "double"),
        *("fixed32", "sfixed32", "fixed64", "sfixed64", "string", "bytes"),
    )
} | {"enum": descriptor_pb2.FieldDescriptorProto.TYPE_INT32}


def described_class(cls: type) -> type[betterproto2.Message]:
    """Return the class of TikTokLiveProto that a class of TikTokLive derives from.

    TikTokLive has several subclasses of some of them; the schema has each message once.

    Raises:
        TypeError: the class does not derive from one of TikTokLiveProto.
    """
    for base in cls.__mro__:
        if base.__module__.startswith("TikTokLiveProto."):
            return base
    raise TypeError(f"{cls.__qualname__} does not derive from a TikTokLiveProto class")


def _type_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}".replace(".", "_")


def build_schema(
    fields: Mapping[type, str], as_bytes: Container[tuple[type, str]] = ()
) -> dict[type, type[Message]]:
    """Build protobuf (upb) classes with some fields of TikTokLiveProto's classes.

    Args:
        fields: the fields to decode, in the form of `FIELDS`.
        as_bytes: fields whose sub-messages are left as bytes, as class and field name.

    Raises:
        LookupError: a class or field is missing in TikTokLiveProto, or has a type that is not known
            here. This happens when another release of TikTokLive is installed.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="tiktok.proto", package=_PACKAGE, syntax="proto3"
    )
    for cls, names in fields.items():
        described = file.message_type.add(name=_type_name(cls))
        metadata, referred = _metadata(cls), _referred(cls)
        for name in names.split():
            meta = metadata[name]
            field = described.field.add(name=name, number=meta.number, json_name=name)
            field.label = field.LABEL_REPEATED if meta.repeated else field.LABEL_OPTIONAL
            if (cls, name) in as_bytes:
                field.type = field.TYPE_BYTES
            elif meta.proto_type == "map":
                _describe_map(described, field, meta, referred[name], fields)
            else:
                _describe_type(field, meta, referred[name], fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        cls: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{_type_name(cls)}")
        )
        for cls in fields
    }


def _metadata(cls: type) -> dict[str, betterproto2.FieldMetadata]:
    """Betterproto2's description of each field, by name.

    Not from an object of the class: for its first object, pydantic builds what validates one.
    """
    return {field.name: betterproto2.FieldMetadata.get(field) for field in dataclasses.fields(cls)}


def _referred(cls: type) -> dict[str, type]:
    """The class of each field's values, by name; for a map, that of the values in it.

    As betterproto2 finds them, which evaluates the annotations of all fields once for each field.
    """
    hints = get_type_hints(cls, vars(sys.modules[cls.__module__]), {})
    metadata = _metadata(cls)
    referred: dict[str, type] = {}
    for name, meta in metadata.items():
        parts = get_args(hints[name]) or (hints[name],)
        referred[name] = parts[1 if meta.proto_type == "map" else 0]
    return referred


def _describe_type(field: Any, meta: Any, referred: type, known: Container[type]) -> None:
    if meta.proto_type != "message":
        field.type = _SCALARS[meta.proto_type]
        return
    cls = described_class(referred)
    if cls not in known:
        raise LookupError(f"{field.name}: {cls} is not in FIELDS")
    field.type = field.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{_type_name(cls)}"


def _describe_map(
    described: Any, field: Any, meta: Any, referred: type, known: Container[type]
) -> None:
    """Describe a map field: in protobuf, it is a repeated message of a key and a value."""
    entry = described.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    for part, part_meta in zip(("key", "value"), meta.map_meta, strict=True):
        of_entry = entry.field.add(name=part, number=part_meta.number, json_name=part)
        of_entry.label = of_entry.LABEL_OPTIONAL
        _describe_type(of_entry, part_meta, referred, known)
    field.label = field.LABEL_REPEATED
    field.type = field.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{described.name}.{entry.name}"


def all_fields(classes: Iterable[type]) -> dict[type, str]:
    """List all fields of some classes and of their sub-messages' classes, in the form of `FIELDS`.

    Args:
        classes: classes of TikTokLiveProto.
    """
    fields: dict[type, str] = {}
    waiting = list(classes)
    while waiting:
        cls = waiting.pop()
        if cls in fields:
            continue
        fields[cls] = " ".join(_metadata(cls))
        waiting += [
            described_class(referred)
            for referred in _referred(cls).values()
            if issubclass(referred, betterproto2.Message)
        ]
    return fields
