"""From TikTok's decoded messages to events of the LIVE, whose data is that of a frame.

What TikTok leaves out, repeats in several places or writes as text is settled here; see
`live.tiktok.decoding` for the names of its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from live.protocol.frames import (
    Badges,
    Battle,
    BattleResult,
    BattleState,
    BattleTeam,
    Caption,
    CaptionText,
    Comment,
    Contribution,
    Delete,
    Emote,
    EmoteMessage,
    Envelope,
    EnvelopeKind,
    EnvelopeState,
    Follow,
    FollowStatus,
    FrameType,
    Gift,
    GiftKind,
    Goal,
    GoalPart,
    Join,
    Like,
    LiveChange,
    Notice,
    NoticeKind,
    Person,
    Pin,
    PinState,
    Poll,
    PollOption,
    PollState,
    Question,
    Rank,
    Ranking,
    Share,
    StreakState,
    Subscribe,
    SubscriptionKind,
    SuperFan,
    SuperFanState,
    TopViewer,
    User,
    Viewers,
)
from live.tiktok.decoding import decode_user, ranking_name

__all__ = ["STREAKABLE", "Event", "event_of"]


class Event(NamedTuple):
    """Something that happened on the LIVE. `id` is TikTok's, empty where it gave none."""

    type: FrameType
    id: str
    at: int
    data: Struct


_Built: TypeAlias = tuple[FrameType, Struct]

# TikTok's numbers, by the enumerations of its schema.
# BadgeSceneType
_ADMIN, _SUBSCRIBER, _RANK_LIST, _NEW_SUBSCRIBER, _USER_GRADE, _FANS = 1, 4, 6, 7, 8, 10
STREAKABLE = 1  # Gift.type
_FOLLOWED, _SHARED = 1, 3  # WebcastSocialMessage.action
_CONTROL = {  # ControlAction
    1: (FrameType.LIVE_PAUSE, ""),
    2: (FrameType.LIVE_RESUME, ""),
    3: (FrameType.LIVE_END, ""),
    4: (FrameType.LIVE_END, "suspended"),
}
_FRIEND = 2  # FollowInfo.follow_status
_SUBSCRIBED = 0  # MessageType: of the others, none is a subscription
_FIRST_TIME = 0  # OldSubscribeStatus
_SUPER_FAN_BOX = 19  # EnvelopeBusinessType
_USERS_ENVELOPES = frozenset({0, 1})
_HIDE = 2  # EnvelopeDisplay
_PIN_CANCEL = 2  # PinMessageActionType
_BATTLE_STATES = {  # LinkMicBattleBattleAction; the rest is about leaving, and no news
    1: BattleState.INVITED,
    2: BattleState.DECLINED,
    3: BattleState.CANCELLED,
    4: BattleState.STARTED,
    5: BattleState.ENDED,
    6: BattleState.ENDED,
    7: BattleState.ACCEPTED,
}
_BATTLE_RESULTS = {0: BattleResult.WON, 1: BattleResult.LOST, 2: BattleResult.DRAW}
# The marks by which TikTokLive knows super fans, too.
_SUPER_FAN = "ttlive_superfan"
_SUPER_FAN_JOINED = "ttlive_superfan_commentnotif_superfanjoined"
_SUPER_FAN_BADGE = re.compile("super_?fan", re.IGNORECASE)
# With the space behind it, which goes where there is no value.
_PLACEHOLDER = re.compile(r"\{(\d{1,3})(?::\w*)?\}( ?)")
# Real texts have two or three, of a few words.
_MAX_PLACEHOLDERS = 20
_MAX_PIECE = 1000
# TikTok's word for "language not recognised".
_UNKNOWN_LANGUAGE = "un"
_FIRST_MS = 10**12  # a time below that is in seconds
_LAST_MS = 10**14  # the year 5138; a time beyond that is none


def event_of(method: str, message: Any, now: int, fallback_id: int = 0) -> Event | None:
    """The event that a decoded message of `METHODS` stands for; None if it stands for none.

    Args:
        now: ms since the epoch, for messages without a time of their own.
        fallback_id: the id in the envelope, for messages without an id of their own.
    """
    built = _BUILDERS[method](message)
    if built is None:
        return None
    common = message.common
    at = _ms(common.create_time)
    number = common.msg_id or fallback_id
    return Event(built[0], _id(number) if number else "", now if at is UNSET else at, built[1])


def _id(number: int) -> str:
    # TikTok's ids are unsigned; the schema reads them as signed.
    return str(number if number >= 0 else number + 2**64)


def _image(image: Any) -> str:
    urls = image.url_list
    return urls[0] if urls else ""


def _user(user: Any, identity: Any = None) -> User:
    avatar = _image(user.avatar_thumb)
    return User(
        _id(user.id) if user.id else user.id_str,
        user.display_id,
        user.nickname,
        avatar,
        _large_avatar(user) or avatar,
        user.verified,
        _badges(user, identity),
        _follow_status(user, identity),
    )


def _large_avatar(user: Any) -> str:
    # Asking first is cheaper than looking into what is not there, and mostly neither is.
    if user.HasField("avatar_large") and (address := _image(user.avatar_large)):
        return address
    return _image(user.avatar_medium) if user.HasField("avatar_medium") else ""


def _follow_status(user: Any, identity: Any) -> FollowStatus | UnsetType:
    if identity is not None:
        if identity.is_mutual_following_with_anchor:
            return FollowStatus.FRIEND
        if identity.is_follower_of_anchor:
            return FollowStatus.FOLLOWER
    elif not user.HasField("follow_info"):
        return UNSET
    status = user.follow_info.follow_status
    if status == _FRIEND:
        return FollowStatus.FRIEND
    return FollowStatus.FOLLOWER if status else FollowStatus.NONE


def _badges(user: Any, identity: Any) -> Badges:
    moderator = identity is not None and identity.is_moderator_of_anchor
    subscriber = identity is not None and identity.is_subscriber_of_anchor
    # As TikTokLive has it: what was a subscription is TikTok's super fan today.
    super_fan = subscriber
    fan_level = gifter_level = top_gifter = None
    for badge in user.badge_list:
        scene = badge.scene_type
        if scene == _USER_GRADE:
            gifter_level = _whole_number(badge.privilege_log_extra.level) or gifter_level
        elif scene == _FANS:
            level = _whole_number(badge.privilege_log_extra.level)
            fan_level = fan_level if level is None else level
        elif scene == _ADMIN:
            moderator = True
        elif scene in {_SUBSCRIBER, _NEW_SUBSCRIBER}:
            subscriber = True
            super_fan = super_fan or _is_super_fan_s(badge)
        elif scene == _RANK_LIST:
            top_gifter = _trailing_number(badge.combine.text.default_pattern) or top_gifter
    club, club_level = _fan_club(user)
    if fan_level is None:
        fan_level = club_level
    return Badges(moderator, subscriber, super_fan, fan_level, gifter_level, top_gifter, club)


def _is_super_fan_s(badge: Any) -> bool:
    combined = badge.combine
    marks = (combined.text.key, combined.icon.uri, badge.image.image.uri)
    return any(map(_SUPER_FAN_BADGE.search, marks))


def _fan_club(user: Any) -> tuple[str | UnsetType, int | None]:
    """The name of the club that the user is in, and the level there."""
    if user.HasField("fans_club"):
        club = user.fans_club.data
        return club.club_name or UNSET, club.level or None
    if user.HasField("fans_club_info"):
        club = user.fans_club_info
        return club.fans_club_name or UNSET, club.fans_level or None
    return UNSET, None


def _person(id: Any, username: str = "", nickname: str = "", image: Any = None) -> Person:
    """Args:
    id: a number, or a text of digits.
    """
    return Person(
        id if isinstance(id, str) else _id(id),
        username or UNSET,
        nickname or UNSET,
        (_image(image) if image is not None else "") or UNSET,
    )


def _text(text: Any) -> str:
    """What TikTok shows for a text with placeholders, as far as their values are texts."""
    pieces = text.pieces

    def value(match: re.Match[str]) -> str:
        number = int(match[1])
        shown = _piece(pieces[number]) if number < len(pieces) else ""
        return shown and shown + match[2]

    return _PLACEHOLDER.sub(value, text.default_pattern, count=_MAX_PLACEHOLDERS).strip(" ")


def _piece(piece: Any) -> str:
    return str(
        piece.string_value
        or piece.user_value.user.nickname
        or piece.gift_value.name_ref.default_pattern
        or piece.pattern_ref_value.default_pattern
    )[:_MAX_PIECE]


def _ms(time: int) -> int | UnsetType:
    """A time of TikTok's, which is in seconds or in ms."""
    if not 0 < time <= _LAST_MS:
        return UNSET
    return time if time >= _FIRST_MS else time * 1000


def _trailing_number(text: str) -> int | None:
    digits = re.search(r"(?<!\d)(\d{1,9})\D*$", text)
    return int(digits[1]) if digits else None


def _whole_number(text: str) -> int | None:
    # No number that TikTok writes as text is longer; int() refuses some that are.
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def _number(value: int) -> int | UnsetType:
    return value or UNSET


def _comment(message: Any) -> _Built:
    mentions = [_user(user) for user in message.mention_users]
    if message.HasField("at_user") and (mentioned := _user(message.at_user)) not in mentions:
        mentions.append(mentioned)
    language = message.content_language
    return FrameType.COMMENT, Comment(
        _user(message.user, message.user_identity if message.HasField("user_identity") else None),
        message.content,
        [
            Emote(placed.emote.emote_id, _image(placed.emote.image), placed.index)
            for placed in message.emotes
        ],
        mentions,
        language if language and language != _UNKNOWN_LANGUAGE else UNSET,
    )


def _gift(message: Any) -> _Built:
    gift = message.gift
    count = max(message.repeat_count, 1)
    # Without the gift itself, a group at least says that there is a streak to be counted once.
    known = message.HasField("gift")
    streakable = gift.type == STREAKABLE if known else bool(message.group_id)
    streak = None
    if streakable:
        streak = StreakState.ENDED if message.repeat_end else StreakState.ONGOING
    return FrameType.GIFT, Gift(
        _user(message.user, message.user_identity if message.HasField("user_identity") else None),
        GiftKind(
            _id(message.gift_id or gift.id),
            gift.name,
            gift.diamond_count,
            _image(gift.image) or _image(gift.icon),
            streakable,
        ),
        count,
        streak,
        gift.diamond_count * count,
        _id(message.group_id),
        _receiver(message),
    )


def _receiver(message: Any) -> User | UnsetType:
    if message.HasField("to_user"):
        return _user(message.to_user)
    if not message.to_member_id_int:
        return UNSET
    nobody = decode_user(b"")
    nobody.id, nobody.nickname = message.to_member_id_int, message.to_member_nickname
    return _user(nobody)


def _like(message: Any) -> _Built:
    return FrameType.LIKE, Like(_user(message.user), message.count, message.total)


def _join(message: Any) -> _Built:
    return FrameType.JOIN, Join(
        _user(message.user),
        _number(message.member_count),
        source=message.client_enter_source or UNSET,
    )


def _social(message: Any) -> _Built | None:
    """A follow or a share, told apart by the key of TikTok's own text, as TikTokLive does."""
    key = message.common.display_text.key
    if "follow" in key or (not key and message.action == _FOLLOWED):
        return FrameType.FOLLOW, Follow(_user(message.user))
    if "share" in key or (not key and message.action == _SHARED):
        # pm_mt_guidance_viewer_5_share: five people came by it.
        _, _, rest = key.partition("pm_mt_guidance_viewer_")
        joined = _whole_number(rest.partition("_share")[0])
        return FrameType.SHARE, Share(_user(message.user), UNSET if joined is None else joined)
    return None


def _subscribe(message: Any) -> _Built | None:
    if message.message_type != _SUBSCRIBED:
        return None
    if message.gift_source:
        kind = SubscriptionKind.GIFTED
    elif message.old_subscribe_status == _FIRST_TIME:
        kind = SubscriptionKind.NEW
    else:
        kind = SubscriptionKind.RENEWED
    months = _number(message.sub_month)
    return FrameType.SUBSCRIBE, Subscribe(_user(message.user), kind, months)


@lru_cache(maxsize=256)
def _top_user(data: bytes) -> User:
    # The same few people again, every second or two.
    return _user(decode_user(data))


def _viewers(message: Any) -> _Built:
    return FrameType.VIEWERS, Viewers(
        message.total,
        message.total_user,
        [TopViewer(_top_user(rank.user), rank.score) for rank in message.ranks],
    )


def _question(message: Any) -> _Built:
    question = message.data
    return FrameType.QUESTION, Question(
        _id(question.question_id), _user(question.user), question.content
    )


def _emotes(emotes: Iterable[Any]) -> list[Emote]:
    return [Emote(emote.emote_id, _image(emote.image)) for emote in emotes]


def _emote(message: Any) -> _Built:
    identity = message.user_identity if message.HasField("user_identity") else None
    user = _user(message.user, identity)
    return FrameType.EMOTE, EmoteMessage(user, _emotes(message.emote_list))


def _control(message: Any) -> _Built | None:
    if message.action not in _CONTROL:
        return None
    frame_type, reason = _CONTROL[message.action]
    return frame_type, LiveChange(reason or message.extra.source or message.tips or UNSET)


def _barrage(message: Any) -> _Built | None:
    """A super fan's, known as TikTokLive knows them; else a notice that runs across the screen."""
    contents = (message.content, message.common_barrage_content)
    texts = [text for text in map(_text, contents) if text]
    text = texts[0] if texts else ""
    senders = (
        message.user if message.HasField("user") else None,
        message.fans_level_param.user if message.fans_level_param.HasField("user") else None,
        message.user_grade_param.user if message.user_grade_param.HasField("user") else None,
    )
    user = next((_user(sender) for sender in senders if sender is not None), UNSET)
    keys = [content.key.lower() for content in contents]
    if any(_SUPER_FAN_JOINED in key for key in keys):
        return FrameType.SUPER_FAN, SuperFan(SuperFanState.JOINED, text, user)
    if any(_SUPER_FAN in key for key in keys):
        return FrameType.SUPER_FAN, SuperFan(SuperFanState.NEW, text, user)
    return _notice(NoticeKind.BARRAGE, text, user=user)


def _notice(
    kind: NoticeKind, text: str, title: str = "", user: User | UnsetType = UNSET
) -> _Built | None:
    if not text and not title:
        return None
    return FrameType.NOTICE, Notice(kind, text, title or UNSET, user)


def _room(message: Any) -> _Built | None:
    return _notice(NoticeKind.ROOM, message.content)


def _system(message: Any) -> _Built | None:
    return _notice(NoticeKind.SYSTEM, message.message)


def _warning(message: Any) -> _Built | None:
    shown = (_text(message.notice_content), _text(message.display_text), message.content)
    titles = (_text(message.notice_title), _text(message.title))
    return _notice(
        NoticeKind.WARNING, next(filter(None, shown), ""), next(filter(None, titles), "")
    )


def _notify(message: Any) -> _Built | None:
    text = message.content or _text(message.common.display_text)
    user = _user(message.user) if message.HasField("user") else UNSET
    return _notice(NoticeKind.NOTIFY, text, user=user)


def _rank_text(message: Any) -> _Built | None:
    return _notice(NoticeKind.RANK, _text(message.content))


def _envelope(message: Any) -> _Built:
    info = message.envelope_info
    if (
        info.business_type == _SUPER_FAN_BOX
        or f"{_SUPER_FAN}box" in message.common.display_text.key.lower()
    ):
        kind = EnvelopeKind.SUPER_FAN
    elif info.business_type in _USERS_ENVELOPES:
        kind = EnvelopeKind.TREASURE
    else:
        kind = EnvelopeKind.PLATFORM
    return FrameType.ENVELOPE, Envelope(
        info.envelope_id,
        kind,
        EnvelopeState.HIDDEN if message.display == _HIDE else EnvelopeState.NEW,
        _person(info.send_user_id, nickname=info.send_user_name, image=info.send_user_avatar),
        info.diamond_count,
        info.people_count,
        _ms(info.unpack_at),
    )


def _battle(message: Any) -> _Built | None:
    state = _BATTLE_STATES.get(message.action)
    if state is None:
        return None
    hosts = {each.key: each.value.user for each in message.anchors_info}
    if message.team_armies or message.team_battle_result or message.team_member:
        teams = _teams(message.team_armies, message.team_member, message.team_battle_result, hosts)
    else:
        armies = {each.key: each.value for each in message.armies}
        teams = [
            _host_s_team(host, hosts.get(host), armies.get(host), message.battle_result.get(host))
            for host in dict.fromkeys([*hosts, *armies, *message.battle_result])
        ]
    if state is not BattleState.ENDED:
        # A result that is not known yet reads as a victory: it is TikTok's zero.
        for team in teams:
            team.result = UNSET
    return FrameType.BATTLE, _battle_of(message, state, teams)


def _armies(message: Any) -> _Built:
    if message.team_armies:
        teams = _teams(message.team_armies, (), (), {})
    else:
        teams = [
            _host_s_team(host, None, army, None) for host, army in sorted(message.armies.items())
        ]
    return FrameType.BATTLE, _battle_of(message, BattleState.SCORES, teams)


def _punishment(message: Any) -> _Built:
    return FrameType.BATTLE, _battle_of(message, BattleState.PUNISHMENT_ENDED, [])


def _battle_of(message: Any, state: BattleState, teams: list[BattleTeam]) -> Battle:
    settings = message.battle_settings
    return Battle(
        _id(message.battle_id or settings.battle_id),
        state,
        teams,
        _ms(settings.start_time_ms),
        _number(settings.duration),
    )


def _host(id: int, host: Any) -> Person:
    if host is None:
        return _person(id)
    return _person(host.user_id or id, host.display_id, host.nick_name, host.avatar_thumb)


def _host_s_team(id: int, host: Any, army: Any, result: Any) -> BattleTeam:
    score = army.hostscore if army is not None else 0
    return BattleTeam(
        _id(id),
        [_host(id, host)],
        score or (result.score if result is not None else 0),
        _contributions(army.user_armies) if army is not None else [],
        UNSET if result is None else _BATTLE_RESULTS.get(result.result, UNSET),
    )


def _teams(
    armies: Iterable[Any], members: Iterable[Any], results: Iterable[Any], hosts: Mapping[int, Any]
) -> list[BattleTeam]:
    of_team: dict[int, BattleTeam] = {}

    def team(id: int, users: Iterable[int]) -> BattleTeam:
        found = of_team.setdefault(id, BattleTeam(_id(id), [], 0, []))
        found.hosts = found.hosts or [_host(user, hosts.get(user)) for user in users]
        return found

    for each in armies:
        known = team(each.team_id, [user.user_id for user in each.team_user])
        known.score = each.team_total_score
        known.top = _contributions(each.user_armies.user_armies)
    for each in members:
        team(each.team_id, each.user_id)
    for each in results:
        known = team(each.team_id, [user.user_id for user in each.team_user])
        known.score = known.score or each.total_score
        known.result = _BATTLE_RESULTS.get(each.result, UNSET)
    return list(of_team.values())


def _contributions(armies: Iterable[Any]) -> list[Contribution]:
    return [
        Contribution(
            _person(army.user_id or army.user_id_str, "", army.nickname, army.avatar_thumb),
            army.score,
        )
        for army in armies
    ]


def _goal(message: Any) -> _Built:
    goal = message.goal
    contributor = message.contributor_id_str or message.contributor_id
    return FrameType.GOAL, Goal(
        goal.id_str or _id(goal.id),
        goal.description,
        [_goal_part(part) for part in goal.sub_goals],
        _person(contributor, message.contributor_display_id, "", image=message.contributor_avatar)
        if contributor
        else UNSET,
        _number(message.contribute_count),
    )


def _goal_part(part: Any) -> GoalPart:
    number = part.id_str or _id(part.id)
    if not part.HasField("gift"):
        return GoalPart(number, part.progress, part.target)
    gift = part.gift
    kind = GiftKind(
        number, gift.name, gift.diamond_count, _image(gift.icon), gift.type == STREAKABLE
    )
    return GoalPart(number, part.progress, part.target, kind)


def _rank(message: Any) -> _Built:
    return FrameType.RANK, Rank(
        [
            Ranking(ranking_name(rank.rank_type), rank.own_rank, _text(rank.default_content))
            for rank in message.updates
        ]
    )


def _poll(message: Any) -> _Built:
    title: str | UnsetType = message.poll_basic_info.title or UNSET
    if message.HasField("start_content"):
        content = message.start_content
        title = content.title or title
        state, times = PollState.STARTED, (_ms(content.start_time), _ms(content.end_time))
    elif message.HasField("end_content"):
        content = message.end_content
        state, times = PollState.ENDED, (UNSET, UNSET)
    else:
        content = message.update_votes_content
        state, times = PollState.VOTES, (UNSET, UNSET)
    options = [
        PollOption(option.option_idx, option.display_content, option.votes)
        for option in content.option_list
    ]
    return FrameType.POLL, Poll(_id(message.poll_id), state, options, title, *times)


def _pin(message: Any) -> _Built:
    pin = Pin(
        PinState.UNPINNED if message.action == _PIN_CANCEL else PinState.PINNED,
        _id(message.pin_msg_id),
        _user(message.operator) if message.HasField("operator") else UNSET,
        _number(message.display_duration),
    )
    for field, build in _PINNABLE.items():
        if not message.HasField(field):
            continue
        pinned = getattr(message, field)
        # `pin_msg_id` is that of the message that pinned it.
        if pinned.common.msg_id:
            pin.message_id = _id(pinned.common.msg_id)
        # Of what is taken down, TikTok gives the id only.
        is_told = pin.state is PinState.PINNED or pinned.HasField("user")
        if is_told and (built := build(pinned)) is not None:
            setattr(pin, str(built[0]), built[1])
    return FrameType.PIN, pin


def _delete(message: Any) -> _Built:
    return FrameType.DELETE, Delete(
        [_id(number) for number in message.delete_msg_ids],
        [_id(number) for number in message.delete_user_ids],
    )


def _caption(message: Any) -> _Built:
    return FrameType.CAPTION, Caption(
        _id(message.sentence_id),
        [CaptionText(content.lang, content.content) for content in message.content],
        message.definite,
        _ms(message.timestamp_ms),
        _number(message.duration_ms),
    )


_PINNABLE: Mapping[str, Callable[[Any], _Built | None]] = {
    "chat_message": _comment,
    "gift_message": _gift,
    "like_message": _like,
    "member_message": _join,
    "social_message": _social,
}

_BUILDERS: Mapping[str, Callable[[Any], _Built | None]] = {
    "WebcastChatMessage": _comment,
    "WebcastGiftMessage": _gift,
    "WebcastLikeMessage": _like,
    "WebcastMemberMessage": _join,
    "WebcastSocialMessage": _social,
    "WebcastSubNotifyMessage": _subscribe,
    "WebcastRoomUserSeqMessage": _viewers,
    "WebcastQuestionNewMessage": _question,
    "WebcastEmoteChatMessage": _emote,
    "WebcastControlMessage": _control,
    "WebcastBarrageMessage": _barrage,
    "WebcastRoomMessage": _room,
    "WebcastSystemMessage": _system,
    "WebcastNoticeMessage": _warning,
    "WebcastRoomNotifyMessage": _notify,
    "WebcastRankTextMessage": _rank_text,
    "WebcastEnvelopeMessage": _envelope,
    "WebcastLinkMicBattle": _battle,
    "WebcastLinkMicArmies": _armies,
    "WebcastLinkMicBattlePunishFinish": _punishment,
    "WebcastGoalUpdateMessage": _goal,
    "WebcastRankUpdateMessage": _rank,
    "WebcastPollMessage": _poll,
    "WebcastRoomPinMessage": _pin,
    "WebcastImDeleteMessage": _delete,
    "WebcastCaptionMessage": _caption,
}
