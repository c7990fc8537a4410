"""Builds TikTok's messages for the stand-in, with the classes of TikTokLiveProto.

Each builder returns an encoded `Message`. The argument `msg_id` is its id, which is written into
the message (`common.msg_id`) and into its envelope, as TikTok does; by default it is the next id of
`next_msg_id`. Pictures have addresses that do not exist, unless `pictures_at` sets others.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import betterproto2
from TikTokLiveProto.v3.webcast.im import (
    ControlAction,
    GiftSource,
    LinkMicBattleBattleAction,
    MemberMessageAction,
    MessageType,
    OldSubscribeStatus,
    PinMessageActionType,
    SubscribeType,
    SubscribingStatus,
    WebcastSystemMessage,
)
from TikTokLiveProto.v3.webcast.model import Gift
from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.emoji import EmoteModel, EmoteWithIndex
from TikTokLiveProto.v3.webcast.model.base.user import (
    BadgeStruct,
    FollowInfo,
    PrivilegeLogExtra,
    User,
)
from TikTokLiveProto.v3.webcast.model.data import (
    BadgeSceneType,
    BattleResultResult,
    EnvelopeBusinessType,
    EnvelopeDisplay,
    ProfitRankType,
    UserIdentity,
)
from TikTokLiveProto.v3.webcast.model.gift.model import (
    LiveStreamGoal,
    LiveStreamSubGoal,
    LiveStreamSubGoalGift,
    WebcastGoalUpdateMessage,
)
from TikTokLiveProto.v3.webcast.model.live.match import (
    BattleBaseUserInfo,
    BattleTeamResult,
    BattleTeamUser,
    BattleTeamUserArmies,
    BattleUserInfo,
)
from TikTokLiveProto.v3.webcast.model.message import (
    BarrageTypeFansLevelParam,
    CaptionContent,
    Contributor,
    Extra,
    PollBasicInfo,
    PollEndContent,
    PollOptionInfo,
    PollStartContent,
    PollUpdateVotesContent,
    Question,
    RankUpdate,
    TeamUsersInfo,
    WebcastBarrageMessage,
    WebcastCaptionMessage,
    WebcastChatMessage,
    WebcastControlMessage,
    WebcastEmoteChatMessage,
    WebcastGiftMessage,
    WebcastImDeleteMessage,
    WebcastLikeMessage,
    WebcastLinkMicArmies,
    WebcastLinkMicBattle,
    WebcastLinkMicBattlePunishFinish,
    WebcastMemberMessage,
    WebcastNoticeMessage,
    WebcastPollMessage,
    WebcastQuestionNewMessage,
    WebcastRankTextMessage,
    WebcastRankUpdateMessage,
    WebcastRoomMessage,
    WebcastRoomNotifyMessage,
    WebcastRoomPinMessage,
    WebcastRoomUserSeqMessage,
    WebcastSocialMessage,
    WebcastSubNotifyMessage,
)
from TikTokLiveProto.v3.webcast.model.message.battle import (
    BattleResult,
    BattleSetting,
    BattleUserArmies,
    BattleUserArmy,
    BattleUserInfoWrapper,
    UserArmiesWrapper,
)
from TikTokLiveProto.v3.webcast.model.message.common import Text, TextPiece, TextPieceUser
from TikTokLiveProto.v3.webcast.model.message.redenvelope import (
    MessageRedEnvelopInfo,
    WebcastEnvelopeMessage,
)
from TikTokLiveProto.v3.webcast.shared.message import CommonMessageData

from standin import wire

COMMON, COMMON_MSG_ID = 1, 2
"""Field numbers: `common` in every message, `msg_id` in `common`."""

COMBO_GIFT = 1
"""`Gift.type` of a gift that can be sent as a streak."""


def ids() -> Iterator[int]:
    """Yield increasing ids like TikTok's, with 19 digits: the upper 32 bits are the Unix time.

    So the ids of a new process differ from those of an earlier one. A relay that runs on while the
    stand-in is restarted then does not take new messages for old ones. And a room tells by its id
    when its LIVE began.
    """
    newest = 0
    while True:
        newest = max(newest, int(time.time()) << 32) + 1
        yield newest


_msg_ids = ids()


def next_msg_id() -> int:
    """Return a new message id; it is unique in this process."""
    return next(_msg_ids)


@dataclass(frozen=True, slots=True)
class Message:
    """One encoded message.

    Attributes:
        method: TikTok's name for this kind of message.
        payload: the message, encoded by protobuf.
        msg_id: the id in its envelope.
    """

    method: str
    payload: bytes
    msg_id: int

    def renumbered(self, msg_id: int | None = None) -> Message:
        """Return a copy with another id; all its other fields stay as they are.

        Args:
            msg_id: the id of the copy; a new one if None.
        """
        new = next_msg_id() if msg_id is None else msg_id
        return Message(self.method, _with_msg_id(self.payload, new), new)


def read_msg_id(payload: bytes) -> int:
    """Read the id in a payload, `common.msg_id`; 0 if it has none or can't be read."""
    try:
        for field in wire.fields(payload):
            if field.number == COMMON and isinstance(field.value, bytes):
                for inner in wire.fields(field.value):
                    if inner.number == COMMON_MSG_ID and isinstance(inner.value, int):
                        return inner.value
    except ValueError:
        pass
    return 0


def _with_msg_id(payload: bytes, msg_id: int) -> bytes:
    if read_msg_id(payload) == 0:
        return payload
    common = next(f.value for f in wire.fields(payload) if f.number == COMMON)
    assert isinstance(common, bytes)
    common = wire.replace(common, COMMON_MSG_ID, wire.varint_field(COMMON_MSG_ID, msg_id))
    return wire.replace(payload, COMMON, wire.bytes_field(COMMON, common))


# A builder must not call its result `common`: pydantic completes the schema's classes at their
# first use, and looks names such as the package `common` up in the caller's local variables.
def _common(method: str, msg_id: int | None, key: str = "") -> CommonMessageData:
    return CommonMessageData(
        method=method,
        msg_id=next_msg_id() if msg_id is None else msg_id,
        create_time=time.time_ns() // 1_000_000,
        is_show_msg=True,
        display_text=Text(key=key) if key else None,
    )


def _message(common: CommonMessageData, schema: betterproto2.Message) -> Message:
    return Message(common.method, bytes(schema), common.msg_id)


_pictures = ContextVar("_pictures", default="https://cdn.example/{}.webp")


@contextmanager
def pictures_at(address: str) -> Iterator[None]:
    """Within this context, messages are built with pictures at an address.

    Args:
        address: the address, with {} for the picture's name, such as `TikTok.pictures`; empty for
            messages without pictures.
    """
    before = _pictures.set(address)
    try:
        yield
    finally:
        _pictures.reset(before)


def picture(name: str) -> ImageModel:
    """Build the picture with a name, which has one address or none; `pictures_at` sets it."""
    address = _pictures.get()
    return ImageModel(url_list=[address.format(quote(name))] if address else [])


def user(
    name: str,
    *,
    id: int | None = None,
    nickname: str = "",
    following: bool = False,
    moderator: bool = False,
    subscriber: bool = False,
    fan_level: int | None = None,
    gifter_level: int | None = None,
) -> User:
    """Build a user. The id is computed from the name and has 19 digits, unless `id` is given.

    Args:
        name: the @name.
        nickname: the name that TikTok shows; made from `name` if empty.
        following: whether the user follows the streamer.
        moderator: whether the user has a moderator's badge.
        subscriber: whether the user has a subscriber's badge.
        fan_level: the level on the user's fan badge; None for no badge.
        gifter_level: the level on the user's gifter badge; None for no badge.
    """
    badges = {
        BadgeSceneType.ADMIN: moderator or None,
        BadgeSceneType.SUBSCRIBER: subscriber or None,
        BadgeSceneType.FANS: fan_level,
        BadgeSceneType.USER_GRADE: gifter_level,
    }
    return User(
        id=6_000_000_000_000_000_000 + zlib.crc32(name.encode()) if id is None else id,
        display_id=name,
        nickname=nickname or name.title(),
        avatar_thumb=picture(name),
        follow_info=FollowInfo(follow_status=int(following)),
        badge_list=[
            BadgeStruct(
                scene_type=scene, privilege_log_extra=PrivilegeLogExtra(level=str(int(level)))
            )
            for scene, level in badges.items()
            if level is not None
        ],
    )


def _user(who: User | str) -> User:
    return user(who) if isinstance(who, str) else who


def chat(
    who: User | str,
    text: str,
    *,
    language: str = "en",
    emotes: Mapping[int, str] | None = None,
    mentioned: Sequence[User | str] = (),
    msg_id: int | None = None,
) -> Message:
    """Build a comment.

    Args:
        emotes: the ids of emotes in the text, by their positions.
        mentioned: the users whom the comment mentions.
    """
    head = _common("WebcastChatMessage", msg_id)
    return _message(
        head,
        WebcastChatMessage(
            common=head,
            user=_user(who),
            content=text,
            content_language=language,
            emotes=[
                EmoteWithIndex(index=index, emote=_emote(emote_id))
                for index, emote_id in (emotes or {}).items()
            ],
            mention_users=[_user(person) for person in mentioned],
            user_identity=UserIdentity(is_follower_of_anchor=True),
        ),
    )


def gift(
    who: User | str,
    name: str = "Rose",
    *,
    gift_id: int = 5655,
    diamonds: int = 1,
    combo: bool = True,
    repeat_count: int = 1,
    repeat_end: bool = True,
    group_id: int | None = None,
    to: User | str | None = None,
    msg_id: int | None = None,
) -> Message:
    """Build a gift.

    Args:
        combo: whether the gift can be sent as a streak.
        repeat_count: how many were sent in the streak so far.
        repeat_end: whether this message ends the streak.
        group_id: the id that all messages of a streak share; the message's own id if None.
        to: the guest who gets the gift; None for the streamer.
    """
    head = _common("WebcastGiftMessage", msg_id, "webcast_aweme_gift_send_message")
    return _message(
        head,
        WebcastGiftMessage(
            common=head,
            user=_user(who),
            to_user=None if to is None else _user(to),
            gift_id=gift_id,
            group_count=1,
            repeat_count=repeat_count,
            combo_count=repeat_count,
            repeat_end=int(repeat_end),
            group_id=head.msg_id if group_id is None else group_id,
            gift=Gift(
                id=gift_id,
                name=name,
                type=COMBO_GIFT if combo else 2,
                combo=combo,
                diamond_count=diamonds,
                image=picture(f"gift-{gift_id}"),
            ),
        ),
    )


def streak(
    who: User | str, name: str = "Rose", *, count: int, gift_id: int = 5655, diamonds: int = 1
) -> list[Message]:
    """Build a streak of `count` gifts: one message for each gift, then one that ends the streak."""
    group = next_msg_id()
    return [
        gift(
            who,
            name,
            gift_id=gift_id,
            diamonds=diamonds,
            repeat_count=repeat_count,
            repeat_end=repeat_end,
            group_id=group,
        )
        for repeat_count, repeat_end in [*((n, False) for n in range(1, count + 1)), (count, True)]
    ]


def like(
    who: User | str, count: int = 1, *, total: int | None = None, msg_id: int | None = None
) -> Message:
    """Build `count` likes by one person; `total` is the number of all likes of the LIVE."""
    head = _common("WebcastLikeMessage", msg_id, "pm_mt_msg_viewer")
    total = count if total is None else total
    return _message(
        head, WebcastLikeMessage(common=head, user=_user(who), count=count, total=total)
    )


def follow(who: User | str, *, followers: int = 1, msg_id: int | None = None) -> Message:
    """Build a follow: a social message that TikTokLive recognises by its display text's key."""
    head = _common("WebcastSocialMessage", msg_id, "pm_main_follow_message_viewer_2")
    return _message(
        head,
        WebcastSocialMessage(common=head, user=_user(who), action=1, follow_count=followers),
    )


def share(
    who: User | str, *, users_joined: int | None = None, msg_id: int | None = None
) -> Message:
    """Build a share; with `users_joined`, the message that says how many people joined by it."""
    key = f"viewer_{users_joined}_share" if users_joined is not None else "share"
    head = _common("WebcastSocialMessage", msg_id, f"pm_mt_guidance_{key}")
    return _message(
        head, WebcastSocialMessage(common=head, user=_user(who), action=3, share_count=1)
    )


def join(who: User | str, *, member_count: int = 1, msg_id: int | None = None) -> Message:
    """Build the message that somebody has joined the room."""
    head = _common("WebcastMemberMessage", msg_id, "live_room_enter_toast")
    return _message(
        head,
        WebcastMemberMessage(
            common=head,
            user=_user(who),
            member_count=member_count,
            action=MemberMessageAction.JOINED,
        ),
    )


def subscribe(
    who: User | str,
    *,
    months: int = 1,
    status: OldSubscribeStatus = OldSubscribeStatus.FIRST,
    gift_source: GiftSource = GiftSource.GIFT_SOURCE_UNKNOWN,
    message_type: MessageType = MessageType.SUB_SUCCESS,
    msg_id: int | None = None,
) -> Message:
    """Build a subscription.

    Args:
        months: for how many months the user has been a subscriber.
        status: whether it is the user's first subscription.
        gift_source: set for a subscription that somebody has given to the user.
        message_type: `SUB_SUCCESS` for a subscription; messages of other types are none.
    """
    head = _common("WebcastSubNotifyMessage", msg_id)
    return _message(
        head,
        WebcastSubNotifyMessage(
            common=head,
            user=_user(who),
            sub_month=months,
            old_subscribe_status=status,
            gift_source=gift_source,
            message_type=message_type,
            subscribe_type=SubscribeType.AUTO,
            subscribing_status=SubscribingStatus.SUBSCRIBING_STATUS_ONCE,
        ),
    )


def viewers(
    count: int,
    *,
    total: int | None = None,
    top: Sequence[User | str] = (),
    coins: Sequence[int] = (),
    msg_id: int | None = None,
) -> Message:
    """Build the number of viewers.

    Args:
        count: how many watch now.
        total: how many have watched since the LIVE began.
        top: the viewers who have given most, in this order.
        coins: how much each of them has given; 99, 98 and so on by default.
    """
    head = _common("WebcastRoomUserSeqMessage", msg_id)
    scores = coins or range(99, 99 - len(top), -1)
    ranks = [
        Contributor(score=score, rank=n, user=_user(who))
        for n, (who, score) in enumerate(zip(top, scores, strict=True), start=1)
    ]
    return _message(
        head,
        WebcastRoomUserSeqMessage(
            common=head,
            ranks=ranks,
            total=count,
            total_user=count if total is None else total,
        ),
    )


def question(who: User | str, text: str, *, msg_id: int | None = None) -> Message:
    """Build a question for the host."""
    head = _common("WebcastQuestionNewMessage", msg_id)
    data = Question(
        question_id=head.msg_id,
        content=text,
        create_time=head.create_time // 1000,
        user=_user(who),
    )
    return _message(head, WebcastQuestionNewMessage(common=head, data=data))


def _emote(emote_id: str) -> EmoteModel:
    return EmoteModel(emote_id=emote_id, image=picture(f"emote-{emote_id}"))


def emote(who: User | str, *emote_ids: str, msg_id: int | None = None) -> Message:
    """Build a comment that consists of emotes."""
    head = _common("WebcastEmoteChatMessage", msg_id)
    emotes = [_emote(emote_id) for emote_id in emote_ids or ("7281238501054696197",)]
    return _message(head, WebcastEmoteChatMessage(common=head, user=_user(who), emote_list=emotes))


def control(
    action: ControlAction, *, tips: str = "", reason: str = "", msg_id: int | None = None
) -> Message:
    """Build a control message, which says that the LIVE is paused, resumed or over.

    Args:
        tips: a text for viewers.
        reason: why TikTok has suspended the LIVE; empty if it has not.
    """
    head = _common("WebcastControlMessage", msg_id)
    extra = Extra(reason_no=1, violation_reason=Text(key=reason)) if reason else None
    return _message(head, WebcastControlMessage(common=head, action=action, tips=tips, extra=extra))


def pause(*, msg_id: int | None = None) -> Message:
    """Build the message that the host has paused the LIVE."""
    return control(ControlAction.STREAM_PAUSED, msg_id=msg_id)


def resume(*, msg_id: int | None = None) -> Message:
    """Build the message that the host has resumed the LIVE."""
    return control(ControlAction.STREAM_UNPAUSED, msg_id=msg_id)


def end(*, suspended: bool = False, reason: str = "", msg_id: int | None = None) -> Message:
    """Build the message that the LIVE has ended.

    Args:
        suspended: whether TikTok has ended it, and not the host.
        reason: why TikTok has ended it.
    """
    action = ControlAction.STREAM_SUSPENDED if suspended else ControlAction.STREAM_ENDED
    return control(action, reason=reason, msg_id=msg_id)


def _text(pattern: str, *values: User | str, key: str = "") -> Text:
    """Build a text with placeholders: `{0:string}` for a text, or `{1:user}` for a person."""
    pieces = [
        TextPiece(string_value=value)
        if isinstance(value, str)
        else TextPiece(user_value=TextPieceUser(user=value))
        for value in values
    ]
    return Text(key=key, default_pattern=pattern, pieces=pieces)


def barrage(
    who: User | str, pattern: str, *values: User | str, key: str = "", msg_id: int | None = None
) -> Message:
    """Build a text that runs across the screen, mostly because somebody has joined the LIVE."""
    head = _common("WebcastBarrageMessage", msg_id)
    return _message(
        head,
        WebcastBarrageMessage(
            common=head,
            content=_text(pattern, *values, key=key),
            fans_level_param=BarrageTypeFansLevelParam(user=_user(who)),
        ),
    )


def super_fan(who: User | str, *, joins: bool = False, msg_id: int | None = None) -> Message:
    """Build the message that somebody is a new super fan; with `joins`, joins as a super fan."""
    key = "ttlive_superFan_commentNotif_superFanJoined" if joins else "ttlive_superFan_new"
    text = "{0:user} joined" if joins else "{0:user} became a Super Fan"
    return barrage(who, text, _user(who), key=key, msg_id=msg_id)


def envelope(
    who: User | str,
    *,
    diamonds: int = 100,
    people: int = 10,
    opens_at: int = 1_795_372_900,
    kind: EnvelopeBusinessType = EnvelopeBusinessType.BUSINESS_TYPE_USER_DIAMOND,
    hidden: bool = False,
    envelope_id: str = "7309134471448496901",
    msg_id: int | None = None,
) -> Message:
    """Build the message that a treasure chest appears.

    Args:
        people: how many people can take coins from it.
        opens_at: the Unix time when it opens.
        hidden: build the message that the chest goes away instead.
    """
    head = _common("WebcastEnvelopeMessage", msg_id)
    sender = _user(who)
    info = MessageRedEnvelopInfo(
        envelope_id=envelope_id,
        business_type=kind,
        send_user_name=sender.nickname,
        diamond_count=diamonds,
        people_count=people,
        unpack_at=opens_at,
        send_user_id=str(sender.id),
        send_user_avatar=sender.avatar_thumb,
    )
    return _message(
        head,
        WebcastEnvelopeMessage(
            common=head,
            envelope_info=MessageRedEnvelopInfo(envelope_id=envelope_id) if hidden else info,
            display=EnvelopeDisplay.HIDE if hidden else EnvelopeDisplay.NEW,
        ),
    )


BATTLE_ID = 7_286_185_120_444_009_249
# When battles start by default, in ms since the epoch, and how many seconds they last.
_BATTLE_STARTS_AT = 1_795_372_811_000
_BATTLE_SECONDS = 301


def _battle_setting(battle_id: int, starts_at: int) -> BattleSetting:
    return BattleSetting(battle_id=battle_id, start_time_ms=starts_at, duration=_BATTLE_SECONDS)


def _armies(scores: Mapping[str, int]) -> BattleUserArmies:
    """Build the scores of a battle's host: how much each viewer has added."""
    armies = [
        BattleUserArmy(
            user_id=user(name).id,
            score=score,
            nickname=user(name).nickname,
            avatar_thumb=user(name).avatar_thumb,
        )
        for name, score in scores.items()
    ]
    return BattleUserArmies(user_armies=armies, hostscore=sum(scores.values()))


def _team_armies(teams: Sequence[Mapping[str, Mapping[str, int]]]) -> list[BattleTeamUserArmies]:
    found = []
    for number, team in enumerate(teams, start=1):
        viewers: dict[str, int] = {}
        for scores in team.values():
            viewers |= scores
        hosts = [
            BattleTeamUser(user_id=user(host).id, score=sum(scores.values()))
            for host, scores in team.items()
        ]
        found.append(
            BattleTeamUserArmies(
                team_id=number,
                team_user=hosts,
                team_total_score=sum(viewers.values()),
                user_armies=_armies(viewers),
            )
        )
    return found


def battle(
    action: LinkMicBattleBattleAction,
    *teams: Mapping[str, Mapping[str, int]],
    results: Sequence[BattleResultResult] = (),
    battle_id: int = BATTLE_ID,
    starts_at: int = _BATTLE_STARTS_AT,
    msg_id: int | None = None,
) -> Message:
    """Build a message about the state of a battle between hosts, or between teams of hosts.

    Args:
        action: the new state.
        teams: for each team, the scores by host, and within these by viewer.
        results: for each team, whether it has won; the message then also has the scores.
        starts_at: when the battle starts, in ms since the epoch.
    """
    head = _common("WebcastLinkMicBattle", msg_id)
    hosts = {host: scores for team in teams for host, scores in team.items()}
    schema = WebcastLinkMicBattle(
        common=head,
        battle_id=battle_id,
        battle_settings=_battle_setting(battle_id, starts_at),
        action=action,
        anchors_info=[
            BattleUserInfoWrapper(key=user(host).id, value=BattleUserInfo(user=_battle_user(host)))
            for host in hosts
        ],
    )
    if results:
        schema.armies = [
            UserArmiesWrapper(key=user(host).id, value=_armies(scores))
            for host, scores in hosts.items()
        ]
    if any(len(team) > 1 for team in teams):
        schema.team_member = [
            TeamUsersInfo(team_id=number, user_id=[user(host).id for host in team])
            for number, team in enumerate(teams, start=1)
        ]
        schema.team_armies = _team_armies(teams) if results else []
        schema.team_battle_result = [
            BattleTeamResult(team_id=number, result=result)
            for number, result in enumerate(results, start=1)
        ]
    else:
        schema.battle_result = {
            user(host).id: BattleResult(
                user_id=user(host).id, result=result, score=sum(scores.values())
            )
            for team, result in zip(teams, results, strict=False)
            for host, scores in team.items()
        }
    return _message(head, schema)


def _battle_user(host: str) -> BattleBaseUserInfo:
    who = user(host)
    return BattleBaseUserInfo(
        user_id=who.id,
        nick_name=who.nickname,
        display_id=who.display_id,
        avatar_thumb=who.avatar_thumb,
    )


def battle_scores(
    *teams: Mapping[str, Mapping[str, int]],
    battle_id: int = BATTLE_ID,
    starts_at: int = _BATTLE_STARTS_AT,
    msg_id: int | None = None,
) -> Message:
    """Build the present scores of a battle. The arguments are those of `battle`."""
    head = _common("WebcastLinkMicArmies", msg_id)
    in_teams = any(len(team) > 1 for team in teams)
    return _message(
        head,
        WebcastLinkMicArmies(
            common=head,
            battle_id=battle_id,
            battle_settings=_battle_setting(battle_id, starts_at),
            armies={
                user(host).id: _armies(scores) for team in teams for host, scores in team.items()
            },
            team_armies=_team_armies(teams) if in_teams else [],
        ),
    )


def punishment_end(
    *,
    battle_id: int = BATTLE_ID,
    starts_at: int = _BATTLE_STARTS_AT,
    msg_id: int | None = None,
) -> Message:
    """Build the message that the punishment of a battle's losers has ended."""
    head = _common("WebcastLinkMicBattlePunishFinish", msg_id)
    return _message(
        head,
        WebcastLinkMicBattlePunishFinish(
            common=head,
            battle_id=battle_id,
            battle_settings=_battle_setting(battle_id, starts_at),
        ),
    )


def goal(
    who: User | str | None,
    text: str,
    *,
    progress: int,
    target: int,
    contributed: int = 1,
    msg_id: int | None = None,
) -> Message:
    """Build the progress of a goal of roses; `who` has just given some of them."""
    head = _common("WebcastGoalUpdateMessage", msg_id)
    giver = None if who is None else _user(who)
    rose = LiveStreamSubGoalGift(
        name="Rose",
        icon=picture("gift-5655"),
        diamond_count=1,
        type=COMBO_GIFT,
    )
    part = LiveStreamSubGoal(id=5655, id_str="5655", progress=progress, target=target, gift=rose)
    schema = WebcastGoalUpdateMessage(
        common=head,
        goal=LiveStreamGoal(id=77, id_str="77", description=text, sub_goals=[part]),
    )
    if giver is not None:
        schema.contributor_id = giver.id
        schema.contributor_id_str = str(giver.id)
        schema.contributor_display_id = giver.display_id
        schema.contributor_avatar = giver.avatar_thumb
        schema.contribute_count = contributed
    return _message(head, schema)


def rank(
    place: int,
    *,
    kind: ProfitRankType = ProfitRankType.TYPE_WEEKLY_RANK,
    msg_id: int | None = None,
) -> Message:
    """Build the streamer's place in a ranking."""
    head = _common("WebcastRankUpdateMessage", msg_id)
    update = RankUpdate(
        rank_type=kind,
        own_rank=place,
        default_content=_text("Weekly No. {0:string}", str(place), key="pm_mt_rank"),
    )
    return _message(head, WebcastRankUpdateMessage(common=head, updates=[update]))


def poll(
    *options: tuple[str, int],
    title: str = "",
    starts: tuple[int, int] | None = None,
    ends: bool = False,
    poll_id: int = 7_286_185_037_553_699_617,
    msg_id: int | None = None,
) -> Message:
    """Build the present votes of a poll, or its start or its end.

    Args:
        options: the text and the number of votes of each option.
        starts: for the start of a poll, when voting begins and ends, in ms since the epoch.
        ends: whether this is the end of the poll.
    """
    head = _common("WebcastPollMessage", msg_id)
    listed = [
        PollOptionInfo(option_idx=index, display_content=text, votes=votes)
        for index, (text, votes) in enumerate(options)
    ]
    schema = WebcastPollMessage(
        common=head, poll_id=poll_id, poll_basic_info=PollBasicInfo(title=title)
    )
    if starts:
        schema.start_content = PollStartContent(
            start_time=starts[0], end_time=starts[1], option_list=listed, title=title
        )
    elif ends:
        schema.end_content = PollEndContent(option_list=listed)
    else:
        schema.update_votes_content = PollUpdateVotesContent(option_list=listed)
    return _message(head, schema)


_PINNABLE: Mapping[str, tuple[str, Any]] = {
    "WebcastChatMessage": ("chat_message", WebcastChatMessage),
    "WebcastGiftMessage": ("gift_message", WebcastGiftMessage),
    "WebcastLikeMessage": ("like_message", WebcastLikeMessage),
    "WebcastMemberMessage": ("member_message", WebcastMemberMessage),
    "WebcastSocialMessage": ("social_message", WebcastSocialMessage),
}


def pin(
    pinned: Message, by: User | str, *, seconds: int = 60, msg_id: int | None = None
) -> Message:
    """Build the message that a moderator has pinned a message to the top of the chat."""
    head = _common("WebcastRoomPinMessage", msg_id)
    field, cls = _PINNABLE[pinned.method]
    schema = WebcastRoomPinMessage(
        common=head,
        method=pinned.method,
        operator=_user(by),
        action=PinMessageActionType.PIN,
        display_duration=seconds,
        pin_msg_id=head.msg_id,
    )
    setattr(schema, field, cls.parse(pinned.payload))
    return _message(head, schema)


def unpin(pinning: Message, by: User | str, *, msg_id: int | None = None) -> Message:
    """Build the message that a pinned message is taken down. It has only that message's id."""
    head = _common("WebcastRoomPinMessage", msg_id)
    pinned = WebcastRoomPinMessage.parse(pinning.payload)
    field, cls = _PINNABLE[pinned.method]
    schema = WebcastRoomPinMessage(
        common=head,
        method=pinned.method,
        operator=_user(by),
        action=PinMessageActionType.PIN_CANCEL,
        pin_msg_id=pinning.msg_id,
    )
    pinned_id = getattr(pinned, field).common.msg_id
    setattr(schema, field, cls(common=CommonMessageData(msg_id=pinned_id)))
    return _message(head, schema)


def delete(
    *deleted: Message, users: Sequence[User | str] = (), msg_id: int | None = None
) -> Message:
    """Build the message that a moderator has deleted messages, or all messages of some users."""
    head = _common("WebcastImDeleteMessage", msg_id)
    return _message(
        head,
        WebcastImDeleteMessage(
            common=head,
            delete_msg_ids=[message.msg_id for message in deleted],
            delete_user_ids=[_user(who).id for who in users],
        ),
    )


def caption(
    text: str,
    *,
    language: str = "en",
    final: bool = False,
    sentence_id: int = 7,
    msg_id: int | None = None,
) -> Message:
    """Build a caption: a sentence, or with `final=False` the part of it that is spoken so far."""
    head = _common("WebcastCaptionMessage", msg_id)
    return _message(
        head,
        WebcastCaptionMessage(
            common=head,
            timestamp_ms=head.create_time,
            duration_ms=1500,
            sentence_id=sentence_id,
            content=[CaptionContent(lang=language, content=text)],
            definite=final,
        ),
    )


def room_message(text: str, *, msg_id: int | None = None) -> Message:
    """Build a notice to everybody in the room."""
    head = _common("WebcastRoomMessage", msg_id)
    return _message(head, WebcastRoomMessage(common=head, content=text))


def system_message(text: str, *, msg_id: int | None = None) -> Message:
    """Build a system message, which TikTok shows to viewers."""
    head = _common("WebcastSystemMessage", msg_id)
    return _message(head, WebcastSystemMessage(common=head, message=text))


def warning(title: str, text: str, *, msg_id: int | None = None) -> Message:
    """Build the notice of a violation."""
    head = _common("WebcastNoticeMessage", msg_id)
    return _message(
        head,
        WebcastNoticeMessage(common=head, notice_title=_text(title), notice_content=_text(text)),
    )


def notify(who: User | str, text: str, *, msg_id: int | None = None) -> Message:
    """Build a notice of something that happens elsewhere on TikTok."""
    head = _common("WebcastRoomNotifyMessage", msg_id)
    return _message(head, WebcastRoomNotifyMessage(common=head, content=text, user=_user(who)))


def rank_text(pattern: str, *values: User | str, msg_id: int | None = None) -> Message:
    """Build the notice of somebody's rank among the viewers."""
    head = _common("WebcastRankTextMessage", msg_id)
    return _message(head, WebcastRankTextMessage(common=head, content=_text(pattern, *values)))


def unknown(
    method: str = "WebcastNobodyKnowsMessage",
    payload: bytes | None = None,
    *,
    msg_id: int | None = None,
) -> Message:
    """Build a message of a method that TikTokLive has no class for.

    Args:
        payload: sent unchanged, so that only the envelope has the message's id; if None, a payload
            with the id only is built.
    """
    head = _common(method, msg_id)
    return Message(
        method,
        wire.bytes_field(COMMON, bytes(head)) if payload is None else payload,
        head.msg_id,
    )
