"""Frames: what the relay says to a client, defined here and nowhere else.

Each class is the `data` of one frame type (`DATA`), or a part of it; `Frame` is the envelope, and
`encode` makes the finished JSON text. The published contract is generated from here.

TikTok's ids are strings here, since they are larger than 2**53; times are integers, milliseconds
since the Unix epoch. A field that may be absent defaults to `UNSET` and is then left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = ["DATA", "EVENT_TYPES", "Frame", "FrameType", "State", "StreakState", "encode"]


class FrameType(StrEnum):
    """`type` of a frame. The first group speaks of the socket, the second of the LIVE."""

    CONNECTED = "connected"
    STATUS = "status"
    GAP = "gap"
    BATCH = "batch"
    PONG = "pong"
    ERROR = "error"

    COMMENT = "comment"
    GIFT = "gift"
    LIKE = "like"
    FOLLOW = "follow"
    SHARE = "share"
    JOIN = "join"
    SUBSCRIBE = "subscribe"
    VIEWERS = "viewers"
    SUPER_FAN = "super_fan"
    QUESTION = "question"
    EMOTE = "emote"
    ENVELOPE = "envelope"
    BATTLE = "battle"
    GOAL = "goal"
    RANK = "rank"
    POLL = "poll"
    PIN = "pin"
    DELETE = "delete"
    CAPTION = "caption"
    NOTICE = "notice"
    LIVE_PAUSE = "live_pause"
    LIVE_RESUME = "live_resume"
    LIVE_END = "live_end"
    OTHER = "other"


# What happens on the LIVE. A client that names no types gets all of these but `other`.
EVENT_TYPES = frozenset(FrameType) - {
    FrameType.CONNECTED,
    FrameType.STATUS,
    FrameType.GAP,
    FrameType.BATCH,
    FrameType.PONG,
    FrameType.ERROR,
}


class State(StrEnum):
    """`state` of a status frame."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    RECONNECTING = "reconnecting"
    LIVE = "live"
    QUIET = "quiet"
    DEAF = "deaf"


class StreakState(StrEnum):
    ONGOING = "ongoing"
    ENDED = "ended"


class FollowStatus(StrEnum):
    """Whether a user follows the streamer; a friend is followed back."""

    NONE = "none"
    FOLLOWER = "follower"
    FRIEND = "friend"


class Badges(Struct):
    """What TikTok shows beside a user's name.

    `fan_level` and `fan_club` are of the streamer's fan club, `gifter_level` is the user's own on
    all of TikTok, `top_gifter` the place among this LIVE's gifters.
    """

    moderator: bool
    subscriber: bool
    super_fan: bool
    fan_level: int | None
    gifter_level: int | None
    top_gifter: int | None
    fan_club: str | UnsetType = UNSET


class User(Struct):
    """Someone on TikTok. `username` is unique (the @name), `nickname` is what they call themselves.

    `avatar` and `avatar_large` are addresses of the same picture in two sizes, empty where there is
    none. `follow_status` is towards the streamer, and absent where TikTok does not tell.
    """

    id: str
    username: str
    nickname: str
    avatar: str
    avatar_large: str
    verified: bool
    badges: Badges
    follow_status: FollowStatus | UnsetType = UNSET


class Person(Struct):
    """A user of whom TikTok tells little here; the id is the same as a `User` has."""

    id: str
    username: str | UnsetType = UNSET
    nickname: str | UnsetType = UNSET
    avatar: str | UnsetType = UNSET


class Emote(Struct):
    id: str
    image: str
    index: Annotated[
        int | UnsetType,
        Meta(
            description="Where in the text it stands, in TikTok's count; absent where there is no "
            "text."
        ),
    ] = UNSET


class Comment(Struct):
    """`language` is TikTok's guess, as a code like "en"."""

    user: User
    text: str
    emotes: list[Emote]
    mentions: list[User]
    language: str | UnsetType = UNSET


class GiftKind(Struct):
    """`diamonds` is what one costs, `image` an address; a streakable gift comes in streaks."""

    id: str
    name: str
    diamonds: int
    image: str
    streakable: bool


class Gift(Struct):
    """A streak is many gifts of one group: `count` grows until `streak` is "ended".

    Whoever counts only gifts whose `streak` is "ended" or null counts each exactly once.
    `to_user` is the guest who gets it, where a LIVE has several.
    """

    user: User
    gift: GiftKind
    count: int
    streak: StreakState | None
    diamonds_total: int
    group_id: str
    to_user: User | UnsetType = UNSET


class Like(Struct):
    """`merged`: so many frames in one, for a socket that lags; `user` is the last one's."""

    user: User
    count: int
    total: int
    merged: int | UnsetType = UNSET


class Follow(Struct):
    """Someone follows the streamer from now on."""

    user: User


class Share(Struct):
    """Someone shared the LIVE; `joined_by_share` people came by it."""

    user: User
    joined_by_share: int | UnsetType = UNSET


class Join(Struct):
    """Someone comes in. `members` are there now; `source` is TikTok's word for the way they came.

    `merged`: as in `Like`.
    """

    user: User
    members: int | UnsetType = UNSET
    merged: int | UnsetType = UNSET
    source: str | UnsetType = UNSET


class SubscriptionKind(StrEnum):
    NEW = "new"
    RENEWED = "renewed"
    GIFTED = "gifted"


class Subscribe(Struct):
    """Someone subscribes. `months` is for how many they have been."""

    user: User
    kind: SubscriptionKind
    months: int | UnsetType = UNSET


class SuperFanState(StrEnum):
    NEW = "new"
    JOINED = "joined"


class SuperFan(Struct):
    """Someone became a super fan, or a super fan comes in. `text` is as TikTok shows it."""

    state: SuperFanState
    text: str
    user: User | UnsetType = UNSET


class TopViewer(Struct):
    user: User
    coins: int


class Viewers(Struct):
    """`count` watch now, `total` have watched since the LIVE began."""

    count: int
    total: int
    top: list[TopViewer]


class Question(Struct):
    """Someone asks the streamer a question."""

    id: str
    user: User
    text: str


class EmoteMessage(Struct):
    """Someone sent emotes without a text."""

    user: User
    emotes: list[Emote]


class EnvelopeKind(StrEnum):
    TREASURE = "treasure"
    SUPER_FAN = "super_fan"
    PLATFORM = "platform"


class EnvelopeState(StrEnum):
    NEW = "new"
    HIDDEN = "hidden"


class Envelope(Struct):
    """A treasure chest: `people` share its `diamonds` from `opens_at` (ms) on.

    `hidden` says that the one with this id is to be taken off the screen.
    """

    id: str
    kind: EnvelopeKind
    state: EnvelopeState
    sender: Person
    diamonds: int
    people: int
    opens_at: int | UnsetType = UNSET


class BattleState(StrEnum):
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    STARTED = "started"
    SCORES = "scores"
    ENDED = "ended"
    PUNISHMENT_ENDED = "punishment_ended"


class BattleResult(StrEnum):
    WON = "won"
    LOST = "lost"
    DRAW = "draw"


class Contribution(Struct):
    """What a viewer has brought a team."""

    user: Person
    score: int


class BattleTeam(Struct):
    """One side. `id` is TikTok's number of the team; without teams, the host's user id."""

    id: str
    hosts: list[Person]
    score: int
    top: list[Contribution]
    result: BattleResult | UnsetType = UNSET


class Battle(Struct):
    """A match between hosts, or between teams of them. Each frame has what TikTok says at that
    moment: scores come with `scores` and `ended`, names of the hosts mostly with `started`."""

    id: str
    state: BattleState
    teams: list[BattleTeam]
    starts_at: int | UnsetType = UNSET
    seconds: int | UnsetType = UNSET


class GoalPart(Struct):
    """`gift` is what is to be sent; goals of other kinds have none."""

    id: str
    progress: int
    target: int
    gift: GiftKind | UnsetType = UNSET


class Goal(Struct):
    """A goal of the streamer's, as far as it has come; `contributor` has just brought it
    `contributed`."""

    id: str
    text: str
    parts: list[GoalPart]
    contributor: Person | UnsetType = UNSET
    contributed: int | UnsetType = UNSET


class Ranking(Struct):
    """`kind` is TikTok's word for the ranking, `text` what it shows."""

    kind: str
    rank: int
    text: str


class Rank(Struct):
    """The streamer's places in TikTok's rankings."""

    rankings: list[Ranking]


class PollState(StrEnum):
    STARTED = "started"
    VOTES = "votes"
    ENDED = "ended"


class PollOption(Struct):
    index: int
    text: str
    votes: int


class Poll(Struct):
    """`title`, `starts_at` and `ends_at` (ms) come with "started"."""

    id: str
    state: PollState
    options: list[PollOption]
    title: str | UnsetType = UNSET
    starts_at: int | UnsetType = UNSET
    ends_at: int | UnsetType = UNSET


class PinState(StrEnum):
    PINNED = "pinned"
    UNPINNED = "unpinned"


class Pin(Struct):
    """A message is pinned to the top, or taken from there. `message_id` is the `id` that its own
    frame had; what it says is in the field named as that frame's type."""

    state: PinState
    message_id: str
    by: User | UnsetType = UNSET
    seconds: int | UnsetType = UNSET
    comment: Comment | UnsetType = UNSET
    gift: Gift | UnsetType = UNSET
    like: Like | UnsetType = UNSET
    join: Join | UnsetType = UNSET
    follow: Follow | UnsetType = UNSET
    share: Share | UnsetType = UNSET


class Delete(Struct):
    """Take these off the screen: frames with these ids, and all that these users have written."""

    message_ids: list[str]
    user_ids: list[str]


class CaptionText(Struct):
    language: str
    text: str


class Caption(Struct):
    """What is being said, as TikTok understands it. A sentence comes again, and longer, until it
    is `final`."""

    sentence_id: str
    texts: list[CaptionText]
    final: bool
    at: int | UnsetType = UNSET
    duration: int | UnsetType = UNSET


class NoticeKind(StrEnum):
    """room: to everybody in it. system: from TikTok. warning: of a violation. notify: of an event
    elsewhere. barrage: runs across the screen. rank: of a place among the viewers."""

    ROOM = "room"
    SYSTEM = "system"
    WARNING = "warning"
    NOTIFY = "notify"
    BARRAGE = "barrage"
    RANK = "rank"


class Notice(Struct):
    """A text that TikTok shows in the room, in TikTok's words."""

    kind: NoticeKind
    text: str
    title: str | UnsetType = UNSET
    user: User | UnsetType = UNSET


class Other(Struct):
    """A message of TikTok's that has no frame of its own; only with `types=all`.

    `message` is the whole of it, by TikTok's field names: 64-bit numbers are strings, bytes are
    Base64, empty fields are left out. It is absent where TikTok's schema is not known, or the
    message can't be read or is too large. `size` is in bytes.
    """

    method: str
    size: int
    message: dict[str, Any] | UnsetType = UNSET


class LiveChange(Struct):
    """Of live_pause, live_resume and live_end. `reason` is TikTok's word."""

    reason: str | UnsetType = UNSET


class Status(Struct):
    state: State
    attempt: int | UnsetType = UNSET
    retry_in: float | UnsetType = UNSET


class Side(StrEnum):
    """`side` of a gap: where the hole is."""

    CLIENT = "client"
    UPSTREAM = "upstream"


class Gap(Struct):
    """A hole that can't be replayed. `from` and `to` are ms since the epoch."""

    side: Side
    from_: int | None = msgspec.field(name="from")
    to: int
    missed: dict[str, int] | None
    cursor: str


class Error(Struct):
    """The last frame before the close. `retry_after` is in seconds."""

    code: str
    title: str
    detail: str
    close_code: int
    hint: str | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class Nothing(Struct):
    pass


class Frame(Struct, kw_only=True):
    """The envelope of every frame. A pong carries the id that its ping had."""

    type: FrameType
    cursor: str | UnsetType = UNSET
    ts: int
    id: str | int | float | UnsetType = UNSET
    data: Struct


class TopGifter(Struct):
    user: User
    diamonds: int


class Snapshot(Struct):
    """The LIVE so far, as this server has seen it: an app that starts late is right at once.

    `gifts` are the newest frames of the streaks that have not ended, `comments` the last ones.
    `diamonds` is what all gifts until `cursor` come to whose `streak` is "ended" or null. Add
    those that follow, and it is the LIVE's; what is in `gifts` counts when it has ended.
    """

    viewers: int | None
    likes: int | None
    gifts: list[Frame]
    top: list[TopGifter]
    comments: list[Frame]
    diamonds: int | None

    def about(self, types: Collection[FrameType]) -> Snapshot:
        """What of it is about events of these types; the rest is as if nothing were known."""
        has_gifts = FrameType.GIFT in types
        return Snapshot(
            viewers=self.viewers if FrameType.VIEWERS in types else None,
            likes=self.likes if FrameType.LIKE in types else None,
            gifts=self.gifts if has_gifts else [],
            top=self.top if has_gifts else [],
            comments=self.comments if FrameType.COMMENT in types else [],
            diamonds=self.diamonds if has_gifts else None,
        )


class RoomCounts(Struct):
    """As TikTok had them when the relay connected: `viewers` then, the others since the start."""

    viewers: int | UnsetType = UNSET
    total_viewers: int | UnsetType = UNSET
    likes: int | UnsetType = UNSET
    followers: int | UnsetType = UNSET


class Connected(Struct):
    """The LIVE is there. `owner`, `started_at` (ms) and `counts` as far as TikTok tells.

    `heard_since` (ms) is there where this server has come late: what it counts of the LIVE, such
    as `snapshot.diamonds`, begins then, more than two minutes after `started_at`.

    `test` is true at the test endpoint, where nothing is real, and absent elsewhere.
    """

    username: str
    room_id: str
    cursor: str
    resumed: bool
    snapshot: Snapshot
    title: str | UnsetType = UNSET
    owner: Person | UnsetType = UNSET
    started_at: int | UnsetType = UNSET
    heard_since: int | UnsetType = UNSET
    counts: RoomCounts | UnsetType = UNSET
    test: bool | UnsetType = UNSET


class Batch(Struct):
    """Frames of the events that were gathered."""

    events: list[Frame]


# The class of `data`, by frame type.
DATA: Mapping[FrameType, type[Struct]] = {
    FrameType.CONNECTED: Connected,
    FrameType.STATUS: Status,
    FrameType.GAP: Gap,
    FrameType.BATCH: Batch,
    FrameType.PONG: Nothing,
    FrameType.ERROR: Error,
    FrameType.COMMENT: Comment,
    FrameType.GIFT: Gift,
    FrameType.LIKE: Like,
    FrameType.FOLLOW: Follow,
    FrameType.SHARE: Share,
    FrameType.JOIN: Join,
    FrameType.SUBSCRIBE: Subscribe,
    FrameType.VIEWERS: Viewers,
    FrameType.SUPER_FAN: SuperFan,
    FrameType.QUESTION: Question,
    FrameType.EMOTE: EmoteMessage,
    FrameType.ENVELOPE: Envelope,
    FrameType.BATTLE: Battle,
    FrameType.GOAL: Goal,
    FrameType.RANK: Rank,
    FrameType.POLL: Poll,
    FrameType.PIN: Pin,
    FrameType.DELETE: Delete,
    FrameType.CAPTION: Caption,
    FrameType.NOTICE: Notice,
    FrameType.LIVE_PAUSE: LiveChange,
    FrameType.LIVE_RESUME: LiveChange,
    FrameType.LIVE_END: LiveChange,
    FrameType.OTHER: Other,
}


_encode = msgspec.json.Encoder().encode


def encode(frame: Frame) -> str:
    """The frame as JSON text."""
    return _encode(frame).decode()
