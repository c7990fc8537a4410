"""What becomes of each frame: TikFinity's events, with the fields of `tiktok-live-connector` 1.x.

Pure: a frame in, its events out. Most frames are one event; who follows or shares makes two, as in
the connector (`social`, and `follow` or `share`), and some frames have no event there. Names and
meanings of the fields are the connector's; docs/tikfinity.md says of each where it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import UNSET

from live.protocol.frames import (
    Battle,
    BattleState,
    BattleTeam,
    Comment,
    Connected,
    EmoteMessage,
    Envelope,
    EnvelopeState,
    Error,
    Follow,
    Frame,
    FrameType,
    Gift,
    Join,
    Like,
    LiveChange,
    Question,
    Share,
    StreakState,
    Subscribe,
    SubscriptionKind,
    SuperFan,
    SuperFanState,
    User,
    Viewers,
)
from live.tikfinity.people import Fields, person_fields, top_viewer_fields, user_fields

__all__ = ["TELLS", "TOLD_TYPES", "Events", "events_of"]

# The events that a frame becomes, by name.
Events: TypeAlias = list[tuple[str, Fields]]

# `giftType` of gifts that come in streaks, and of all others, which frames don't tell apart.
_STREAKABLE, _NOT_STREAKABLE = 1, 2
# TikTok's own words for what an event is, and the English text that it shows. They are the same for
# each event of a kind, so that frames don't have them; programs look for some of them.
_JOINED = ("live_room_enter_toast", "{0:user} joined")
_LIKED = ("pm_mt_msg_viewer", "{0:user} liked the LIVE")
_FOLLOWED = ("pm_main_follow_message_viewer_2", "{0:user} followed the LIVE creator")
_SHARED = ("pm_mt_guidance_share", "{0:user} shared the LIVE")
_GAVE = ("webcast_aweme_gift_send_message", "{0:user} sent {1:gift} {2:string}")
_SUBSCRIBED = ("pm_mt_subinfo_user", "{0:user} just subscribed to the host")
# Values of the connector's `action` of `streamEnd`: by the streamer, or by TikTok's moderators.
_BY_STREAMER, _BY_MODERATOR = 3, 4
_SUSPENDED = "suspended"
# Values of `battleStatus`.
_RUNNING, _OVER = 1, 2


def events_of(frame: Frame, streamer: str) -> Events:
    """The events, by name, that a frame becomes; none if there is none for it.

    Args:
        frame: one whose type is among `TELLS`, with the data of that type.
        streamer: the TikTok username whose LIVE it is of.
    """
    events = TELLS[frame.type](frame, frame.data)
    if frame.type in TOLD_TYPES:
        for _event, fields in events:
            # Of TikFinity's own; an account there is none here, and programs ask for a number.
            fields["tikfinityUserId"] = 0
            fields["tikfinityUsername"] = streamer
    return events


def _of_user(frame: Frame, user: User, shown: tuple[str, str] | None = None) -> Fields:
    fields = user_fields(user)
    _place(frame, fields, shown)
    return fields


def _place(frame: Frame, fields: Fields, shown: tuple[str, str] | None = None) -> None:
    """Add which message it was, and when.

    Programs take a message id that comes twice for a repetition. What the relay says of itself,
    such as the end of a streak that TikTok forgot, has no id of TikTok's, but a cursor.
    """
    fields["msgId"] = str(frame.cursor if frame.id is UNSET else frame.id)
    fields["createTime"] = str(frame.ts)
    if shown is not None:
        fields["displayType"], fields["label"] = shown


def _chat(frame: Frame, comment: Comment) -> Events:
    fields = _of_user(frame, comment.user)
    fields["comment"] = comment.text
    fields["emotes"] = [
        {
            "emoteId": emote.id,
            "emoteImageUrl": emote.image,
            "placeInComment": 0 if emote.index is UNSET else emote.index,
        }
        for emote in comment.emotes
    ]
    return [("chat", fields)]


def _gift(frame: Frame, gift: Gift) -> Events:
    kind = gift.gift
    gift_id = int(kind.id) if kind.id.isdecimal() else 0
    gift_type = _STREAKABLE if kind.streakable else _NOT_STREAKABLE
    has_ended = gift.streak is StreakState.ENDED
    fields = _of_user(frame, gift.user, _GAVE)
    fields |= {
        "giftId": gift_id,
        "giftName": kind.name,
        "originalName": kind.name,
        "describe": f"Sent {kind.name}",
        "giftPictureUrl": kind.image,
        "giftType": gift_type,
        "diamondCount": kind.diamonds,
        "repeatCount": gift.count,
        "repeatEnd": has_ended,
        "groupId": gift.group_id,
        "timestamp": frame.ts,
        # The connector's older layout, which it keeps beside the other.
        "gift": {
            "gift_id": gift_id,
            "repeat_count": gift.count,
            "repeat_end": int(has_ended),
            "gift_type": gift_type,
        },
    }
    if gift.to_user is not UNSET:
        fields["receiverUserId"] = gift.to_user.id
    return [("gift", fields)]


def _like(frame: Frame, like: Like) -> Events:
    fields = _of_user(frame, like.user, _LIKED)
    fields["likeCount"] = like.count
    fields["totalLikeCount"] = like.total
    return [("like", fields)]


def _member(frame: Frame, join: Join) -> Events:
    fields = _of_user(frame, join.user, _JOINED)
    if join.user.username:  # programs ignore others, by this
        fields["actionId"] = 1
    return [("member", fields)]


def _follow(frame: Frame, follow: Follow) -> Events:
    return _social("follow", _of_user(frame, follow.user, _FOLLOWED))


def _share(frame: Frame, share: Share) -> Events:
    kind, label = _SHARED
    if share.joined_by_share is not UNSET:
        joined = share.joined_by_share
        kind = f"pm_mt_guidance_viewer_{joined}_share"
        label += f" with more than {joined} friends"
    return _social("share", _of_user(frame, share.user, (kind, label)))


def _social(event: str, fields: Fields) -> Events:
    return [("social", fields), (event, fields)]


def _subscribe(frame: Frame, subscribe: Subscribe) -> Events:
    fields = _of_user(frame, subscribe.user, _SUBSCRIBED)
    if subscribe.months is not UNSET:
        fields["subMonth"] = subscribe.months
    elif subscribe.kind is SubscriptionKind.NEW:
        fields["subMonth"] = 1  # programs show the number
    if subscribe.kind is not SubscriptionKind.GIFTED:
        # 0: never before. TikTok has several numbers for those who have.
        fields["oldSubscribeStatus"] = int(subscribe.kind is SubscriptionKind.RENEWED)
    fields["subscribingStatus"] = 1
    return [("subscribe", fields)]


def _super_fan(frame: Frame, fan: SuperFan) -> Events:
    if fan.user is UNSET:
        return []
    event = "superFan" if fan.state is SuperFanState.NEW else "superFanJoin"
    return [(event, _of_user(frame, fan.user))]


def _room_user(_frame: Frame, viewers: Viewers) -> Events:
    top = [
        {"user": top_viewer_fields(viewer.user), "coinCount": viewer.coins}
        for viewer in viewers.top
    ]
    return [("roomUser", {"topViewers": top, "viewerCount": viewers.count})]


def _question(frame: Frame, question: Question) -> Events:
    fields = _of_user(frame, question.user)
    fields["questionText"] = question.text
    return [("questionNew", fields)]


def _emote(frame: Frame, message: EmoteMessage) -> Events:
    """An event for each emote: the connector's has room for one."""
    return [
        (
            "emote",
            {
                **_of_user(frame, message.user),
                "emoteId": emote.id,
                "emoteImageUrl": emote.image,
            },
        )
        for emote in message.emotes
    ]


def _envelope(frame: Frame, envelope: Envelope) -> Events:
    if envelope.state is not EnvelopeState.NEW:  # the connector's event can't say that it goes
        return []
    fields = person_fields(envelope.sender)
    _place(frame, fields)
    fields["coins"], fields["canOpen"] = envelope.diamonds, envelope.people
    if envelope.opens_at is not UNSET:
        fields["timestamp"] = envelope.opens_at // 1000
    return [("envelope", fields)]


def _battle(_frame: Frame, battle: Battle) -> Events:
    if battle.state is BattleState.STARTED:
        hosts = [person_fields(host) for team in battle.teams for host in team.hosts]
        return [("linkMicBattle", {"battleUsers": hosts})]
    if battle.state in {BattleState.SCORES, BattleState.ENDED}:
        status = _RUNNING if battle.state is BattleState.SCORES else _OVER
        armies = [_army(team) for team in battle.teams]
        return [("linkMicArmies", {"battleStatus": status, "battleArmies": armies})]
    return []


def _army(team: BattleTeam) -> Fields:
    return {
        "hostUserId": team.hosts[0].id if team.hosts else team.id,
        "points": team.score,
        "participants": [person_fields(contribution.user) for contribution in team.top],
    }


def _stream_end(_frame: Frame, end: LiveChange) -> Events:
    action = _BY_MODERATOR if end.reason == _SUSPENDED else _BY_STREAMER
    return [("streamEnd", {"action": action}), ("disconnected", {})]


def _connected(_frame: Frame, connected: Connected) -> Events:
    """What the connector tells of the room that TikTok tells, by TikTok's names, as far as frames
    have it."""
    room: Fields = {"id_str": connected.room_id, "status": 2}  # 2: is live
    if connected.title is not UNSET:
        room["title"] = connected.title
    if connected.started_at is not UNSET:
        room["create_time"] = connected.started_at // 1000
    owner: Fields = {"display_id": connected.username}
    if connected.owner is not UNSET:
        owner["id_str"] = connected.owner.id
        if connected.owner.nickname is not UNSET:
            owner["nickname"] = connected.owner.nickname
        if connected.owner.avatar is not UNSET:
            owner["avatar_thumb"] = {"url_list": [connected.owner.avatar]}
    room["owner"] = owner
    counts = connected.counts
    if counts is not UNSET:
        room |= _known({"user_count": counts.viewers, "like_count": counts.likes})
        room["stats"] = _known(
            {"total_user": counts.total_viewers, "follower_count": counts.followers}
        )
    state = {
        "isConnected": True,
        "upgradedToWebsocket": True,
        "roomId": connected.room_id,
        "roomInfo": room,
        "availableGifts": [],
    }
    return [("connected", state)]


def _known(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not UNSET}


def _error(_frame: Frame, error: Error) -> Events:
    """The connector's two fields, and what the relay has to say beyond them."""
    fields: Fields = {
        "info": f"{error.title}: {error.detail}" if error.detail else error.title,
        "exception": error.code,
        "code": error.code,
        "closeCode": error.close_code,
    }
    fields |= _known({"hint": error.hint, "retryAfter": error.retry_after})
    return [("error", fields)]


# How a frame is told, by its type. Other frames have no event.
TELLS: Mapping[FrameType, Callable[[Frame, Any], Events]] = {
    FrameType.CONNECTED: _connected,
    FrameType.ERROR: _error,
    FrameType.COMMENT: _chat,
    FrameType.GIFT: _gift,
    FrameType.LIKE: _like,
    FrameType.FOLLOW: _follow,
    FrameType.SHARE: _share,
    FrameType.JOIN: _member,
    FrameType.SUBSCRIBE: _subscribe,
    FrameType.VIEWERS: _room_user,
    FrameType.SUPER_FAN: _super_fan,
    FrameType.QUESTION: _question,
    FrameType.EMOTE: _emote,
    FrameType.ENVELOPE: _envelope,
    FrameType.BATTLE: _battle,
    FrameType.LIVE_END: _stream_end,
}
# Those of them that are events of the LIVE.
TOLD_TYPES = frozenset(TELLS) - {FrameType.CONNECTED, FrameType.ERROR}
