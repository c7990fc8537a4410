"""Counts what happens in a LIVE, from its frames.

Nothing here is written. A `Tally` is what is to be added to a LIVE's rows; gifts count when they
are settled, by the same rule that clients go by.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from live.history.models import TEXT_LENGTH, HoleKind
from live.history.pieces import LiveInLog
from live.protocol.frames import Battle, BattleState, FrameType, Gap, Side
from live.streams.log import Entry
from live.streams.streaks import STREAK_TIMEOUT

__all__ = [
    "MOST_BIGGEST",
    "NOT_BEGUN",
    "SUMS",
    "BattleFrame",
    "Given",
    "Line",
    "NewHole",
    "Sums",
    "Tally",
    "biggest",
    "clean",
]

# How many of the biggest single gifts are kept.
MOST_BIGGEST = 10
# What one frame may count, and cost: TikTok tells numbers of any size.
_MOST = 1_000_000_000
# Times of TikTok's before this much of the LIVE's beginning, in ms, are errors.
_EARLIEST = 600_000
# From the last sign of a streak to its end by the relay, in ms.
_STREAK_OVER = int(STREAK_TIMEOUT * 1000)

# The sums, by the names that they have in `live.history.models.Counts`.
SUMS = (
    *("likes", "comments", "shares", "follows", "joins", "subscriptions", "gifts", "diamonds"),
    *("viewers_told", "viewers_sum"),
)


class Sums:
    """What is counted of a LIVE or a minute of it: as `live.history.models.Counts`."""

    __slots__ = (*SUMS, "viewers_peak")

    def __init__(self) -> None:
        self.likes = self.comments = self.shares = self.follows = self.joins = 0
        self.subscriptions = self.gifts = self.diamonds = 0
        self.viewers_told = self.viewers_sum = self.viewers_peak = 0


@dataclass(slots=True)
class Given:
    """Gifts of one kind by one viewer. Times are ms since the epoch."""

    first_at: int
    last_at: int
    gifts: int = 0
    diamonds: int = 0


class _User(Struct, gc=False):
    id: str
    username: str
    nickname: str
    avatar: str


class _Kind(Struct, gc=False):
    id: str
    name: str
    diamonds: int
    image: str


class _Gift(Struct, gc=False):
    user: _User
    gift: _Kind
    count: int
    streak: str | None
    diamonds_total: int
    group_id: str


class _Like(Struct, gc=False):
    count: int
    total: int


class _Viewers(Struct, gc=False):
    count: int
    total: int


class _Comment(Struct, gc=False):
    user: _User
    text: str


class _Delete(Struct):
    user_ids: list[str]


class _GiftFrame(Struct, gc=False):
    data: _Gift
    id: str | UnsetType = UNSET


def _decoder(data: type) -> Any:
    return msgspec.json.Decoder(
        msgspec.defstruct(f"Heard{data.__name__.strip('_')}", [("data", data)])
    ).decode


_read_gift = msgspec.json.Decoder(_GiftFrame).decode
_read_like = _decoder(_Like)
_read_viewers = _decoder(_Viewers)
_read_comment = _decoder(_Comment)
_read_delete = _decoder(_Delete)
_read_battle = _decoder(Battle)
_read_gap = _decoder(Gap)


@dataclass(slots=True)
class BattleFrame:
    """A frame of a battle. Times are ms since the epoch."""

    at: int
    data: Battle


@dataclass(slots=True)
class NewHole:
    """A time of which something is missing, in ms since the epoch."""

    kind: HoleKind
    began_at: int
    ended_at: int


@dataclass(slots=True)
class Line:
    """A line of the transcript."""

    offset: int
    at: int
    type: str
    user: _User
    text: str
    diamonds: int = 0


@dataclass(slots=True)
class _Gifter:
    user: _User
    gifts: int = 0
    diamonds: int = 0


@dataclass(slots=True)
class _GiftSum:
    kind: _Kind
    gifts: int = 0
    diamonds: int = 0


@dataclass(slots=True)
class Tally:
    """What entries of one LIVE add to its rows. Times are ms since the epoch.

    Args:
        earliest: when the LIVE began, or was heard first.
        owner_id: the streamer's user id; empty if TikTok did not tell.

    Attributes:
        newest: the time of the newest event of TikTok's.
        is_live_over: TikTok has said that the LIVE is over.
        ended_at: when it has said so.
        viewers_total, likes_total: the highest of TikTok's own counts.
        viewers_peak_at: when `sums.viewers_peak` was told.
        forgotten: viewers all of whose lines were taken off the screen.
    """

    earliest: int
    owner_id: str = ""
    sums: Sums = field(default_factory=Sums)
    minutes: defaultdict[int, Sums] = field(default_factory=lambda: defaultdict(Sums))
    gifters: dict[str, _Gifter] = field(default_factory=dict)
    kinds: dict[str, _GiftSum] = field(default_factory=dict)
    given: dict[tuple[str, str], Given] = field(default_factory=dict)
    biggest: list[dict[str, Any]] = field(default_factory=list)
    battles: list[BattleFrame] = field(default_factory=list)
    holes: list[NewHole] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    newest: int = 0
    is_live_over: bool = False
    ended_at: int = 0
    viewers_total: int = 0
    likes_total: int = 0
    viewers_peak_at: int = 0

    def add(
        self,
        entry: Entry,
        source: LiveInLog,
        now: int,
        gap_kind: HoleKind,
        *,
        with_lines: bool,
    ) -> bool:
        """Count one entry.

        Args:
            now: when it was read: nothing has happened later.
            gap_kind: the kind of hole, if it is a gap.
            with_lines: whether comments and gifts are kept as lines.

        Returns:
            False where it does not count, since TikTok has told it again.
        """
        kind, at = entry.type, entry.at
        is_old = at <= source.skip_until
        if kind is FrameType.GIFT:
            return self._add_gift(entry, source, now, with_lines=with_lines, is_old=is_old)
        if kind is FrameType.GAP:
            self._add_gap(entry, gap_kind)
            return True
        if is_old:
            return False
        if kind is FrameType.STATUS:
            return True
        at = self._place(at, now)
        minute = self.minutes[at // 60_000] if kind in _IN_MINUTES else None
        if minute is None:
            self._add_rare(entry, at)
        elif kind is FrameType.LIKE:
            like = _read_like(entry.text).data
            count = _bounded(like.count)
            minute.likes += count
            self.sums.likes += count
            self.likes_total = max(self.likes_total, _bounded(like.total, 2**62))
        elif kind is FrameType.VIEWERS:
            self._add_viewers(entry, at, minute)
        else:
            name = _ONE_EACH[kind]
            setattr(minute, name, getattr(minute, name) + 1)
            setattr(self.sums, name, getattr(self.sums, name) + 1)
            if with_lines and kind is FrameType.COMMENT:
                comment = _read_comment(entry.text).data
                text = clean(comment.text, TEXT_LENGTH)
                self.lines.append(Line(entry.offset, at, "comment", comment.user, text))
        return True

    def _place(self, at: int, now: int) -> int:
        """When it has happened, for sure within the LIVE."""
        at = min(max(at, self.earliest - _EARLIEST), now)
        self.newest = max(self.newest, at)
        return at

    def _add_viewers(self, entry: Entry, at: int, minute: Sums) -> None:
        viewers = _read_viewers(entry.text).data
        count, sums = _bounded(viewers.count), self.sums
        for each in (minute, sums):
            each.viewers_told += 1
            each.viewers_sum += count
        minute.viewers_peak = max(minute.viewers_peak, count)
        if count > sums.viewers_peak:
            sums.viewers_peak, self.viewers_peak_at = count, at
        self.viewers_total = max(self.viewers_total, _bounded(viewers.total, 2**62))

    def _add_gift(
        self, entry: Entry, source: LiveInLog, now: int, *, with_lines: bool, is_old: bool
    ) -> bool:
        frame = _read_gift(entry.text)
        gift, is_told_by_tiktok = frame.data, bool(frame.id)
        at = min(max(entry.at, self.earliest - _EARLIEST), now)
        if is_told_by_tiktok:
            self.newest = max(self.newest, at)
        if source.skip_until and self._is_repeated(gift, entry, source, is_told_by_tiktok, is_old):
            return False
        if gift.streak == "ongoing":
            return True
        count, diamonds = _bounded(gift.count), _bounded(gift.diamonds_total)
        user, kind, minute = gift.user, gift.gift, self.minutes[at // 60_000]
        gifter = self.gifters.setdefault(user.id, _Gifter(user))
        gifter.user = user
        of_kind = self.kinds.setdefault(kind.id, _GiftSum(kind))
        of_kind.kind = kind
        given = self.given.setdefault((user.id, kind.id), Given(at, at))
        given.first_at, given.last_at = min(given.first_at, at), max(given.last_at, at)
        for each in (self.sums, minute, gifter, of_kind, given):
            each.gifts += count
            each.diamonds += diamonds
        if len(self.biggest) < MOST_BIGGEST or diamonds > self.biggest[-1]["diamonds"]:
            one = {
                "at": at,
                "user_id": user.id,
                "nickname": clean(user.nickname, TEXT_LENGTH),
                "avatar": user.avatar,
                "gift": clean(kind.name, TEXT_LENGTH),
                "image": kind.image,
                "count": count,
                "diamonds": diamonds,
            }
            self.biggest = biggest([*self.biggest, one])
        if with_lines:
            text = clean(f"{kind.name} × {count}", TEXT_LENGTH)
            self.lines.append(Line(entry.offset, at, "gift", user, text, diamonds))
        return True

    def _is_repeated(
        self, gift: _Gift, entry: Entry, source: LiveInLog, is_told_by_tiktok: bool, is_old: bool
    ) -> bool:
        """Whether the log before this one has had the gift."""
        streak = (gift.user.id, gift.gift.id, gift.group_id)
        if gift.streak == "ongoing":
            source.ongoing[streak] = entry.at
            return is_old
        told_at = source.ongoing.pop(streak, None)
        if is_told_by_tiktok:
            return is_old
        # The relay itself has ended it, since TikTok forgot to. So had the other one, if it ran
        # for long enough.
        return told_at is not None and told_at + _STREAK_OVER <= source.skip_until

    def _add_gap(self, entry: Entry, kind: HoleKind) -> None:
        gap = _read_gap(entry.text).data
        if gap.side is Side.UPSTREAM and gap.from_ is not None and gap.from_ < gap.to:
            self.holes.append(NewHole(kind, gap.from_, gap.to))

    def _add_rare(self, entry: Entry, at: int) -> None:
        if entry.type is FrameType.BATTLE:
            self.battles.append(BattleFrame(at, _read_battle(entry.text).data))
        elif entry.type is FrameType.LIVE_END:
            self.is_live_over, self.ended_at = True, at
        elif entry.type is FrameType.DELETE:
            self._forget(set(_read_delete(entry.text).data.user_ids))

    def _forget(self, user_ids: set[str]) -> None:
        self.forgotten |= user_ids
        self.lines = [
            line for line in self.lines if line.type != "comment" or line.user.id not in user_ids
        ]


# The sum to which one frame adds one, by its type.
_ONE_EACH = {
    FrameType.COMMENT: "comments",
    FrameType.SHARE: "shares",
    FrameType.FOLLOW: "follows",
    FrameType.JOIN: "joins",
    FrameType.SUBSCRIBE: "subscriptions",
}
_IN_MINUTES = frozenset({*_ONE_EACH, FrameType.LIKE, FrameType.VIEWERS})
# A battle that has not begun is none yet.
NOT_BEGUN = frozenset(
    {BattleState.INVITED, BattleState.ACCEPTED, BattleState.DECLINED, BattleState.CANCELLED}
)


def biggest(gifts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The biggest of single gifts, biggest first, as `live.history.models.Live` has them."""
    return sorted(gifts, key=lambda gift: (-gift["diamonds"], gift["at"]))[:MOST_BIGGEST]


def _bounded(number: int, most: int = _MOST) -> int:
    return min(max(number, 0), most)


def clean(text: str, limit: int) -> str:
    """A text as a column holds it: cut, and without NUL, which PostgreSQL can't store."""
    return text.replace("\x00", "")[:limit]
