"""What a stream has come to so far, for sockets that come late. Bounded, and kept as it happens."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any

import msgspec

from live.protocol.frames import (
    Comment,
    Delete,
    Frame,
    FrameType,
    Gift,
    Like,
    Snapshot,
    StreakState,
    TopGifter,
    User,
    Viewers,
)
from live.streams.saved import (
    RestoreError,
    SavedComment,
    SavedKeeper,
    SavedSnapshot,
    check_frame,
)

__all__ = ["SnapshotKeeper", "restore_snapshot", "save_snapshot"]

_COMMENTS = 20
_TOP = 10
# When there are more gifters than that, half of them are forgotten, the smallest first.
_MAX_GIFTERS = 10_000
# Streaks beyond that many are forgotten, the oldest first; they end within seconds.
_MAX_STREAKS = 100
# So are streaks and comments whose texts have more characters together.
_MAX_STREAKS_LENGTH = 512 * 1024
_MAX_COMMENTS_LENGTH = 128 * 1024
_ONGOING = StreakState.ONGOING


class _Comment(msgspec.Struct, frozen=True, gc=False):
    id: str
    user_id: str
    text: str


class SnapshotKeeper:
    """Follows the events of one LIVE."""

    def __init__(self) -> None:
        self._viewers: int | None = None
        self._likes: int | None = None
        # Frames are kept as the texts that have been sent.
        self._comments: deque[_Comment] = deque()
        self._comments_length = 0
        self._streaks: dict[tuple[str, str, str], str] = {}
        self._streaks_length = 0
        # Of all gifts that are settled, as history counts them.
        self._diamonds = 0
        # Diamonds by user. Sums only grow, so whoever comes to the top has just given something:
        # only of those at the top need more be known.
        self._gifters: dict[str, int] = {}
        self._top: dict[str, User] = {}

    @property
    def gifters(self) -> int:
        """How many gifters are remembered."""
        return len(self._gifters)

    @property
    def viewers(self) -> int | None:
        """How many there are, by TikTok's last word; None if it has not told."""
        return self._viewers

    def update(self, data: msgspec.Struct, text: str, id: str = "") -> None:
        """Args:
        data: of an event's frame.
        text: the whole frame.
        id: the event's.
        """
        # Not by `isinstance`, which takes five times as long for the class of a frame's data.
        if type(data) is Comment:
            self._add_comment(_Comment(id, data.user.id, text))
        elif type(data) is Like:
            self._likes = max(self._likes or 0, data.total)
        elif type(data) is Viewers:
            self._viewers = data.count
        elif type(data) is Gift:
            self._update_gift(data, text)
        elif type(data) is Delete:
            self._forget_comments(data)

    def take(self) -> Snapshot:
        top = sorted(self._top.items(), key=lambda item: self._gifters[item[0]], reverse=True)
        return Snapshot(
            viewers=self._viewers,
            likes=self._likes,
            gifts=[_raw(text) for text in self._streaks.values()],
            top=[TopGifter(user, self._gifters[user_id]) for user_id, user in top],
            comments=[_raw(comment.text) for comment in self._comments],
            diamonds=self._diamonds,
        )

    def save(self) -> SavedKeeper:
        """All that it knows, to be written down."""
        return SavedKeeper(
            viewers=self._viewers,
            likes=self._likes,
            comments=[SavedComment(c.id, c.user_id, c.text) for c in self._comments],
            streaks=[(*key, text) for key, text in self._streaks.items()],
            gifters=dict(self._gifters),
            top=list(self._top.values()),
            diamonds=self._diamonds,
        )

    @classmethod
    def restore(cls, saved: SavedKeeper) -> SnapshotKeeper:
        """The keeper that was saved.

        Raises:
            RestoreError: there is more than a keeper has, or it does not fit together.
        """
        keeper = cls()
        keeper._viewers, keeper._likes = saved.viewers, saved.likes
        for comment in saved.comments:
            check_frame(comment.text, FrameType.COMMENT)
            keeper._add_comment(_Comment(comment.id, comment.user_id, comment.text))
        for user_id, gift_id, group_id, text in saved.streaks:
            check_frame(text, FrameType.GIFT)
            if (user_id, gift_id, group_id) in keeper._streaks:
                raise RestoreError("two streaks that are the same")
            keeper._add_streak((user_id, gift_id, group_id), text)
        keeper._gifters = dict(saved.gifters)
        # (an older version has not written it; the sum is exact unless gifters were forgotten)
        keeper._diamonds = sum(saved.gifters.values()) if saved.diamonds is None else saved.diamonds
        keeper._top = {user.id: user for user in saved.top}
        if not keeper._top.keys() <= keeper._gifters.keys():
            raise RestoreError("a gifter at the top whose diamonds are not known")
        if len(keeper._top) > _TOP or len(keeper._gifters) > _MAX_GIFTERS:
            raise RestoreError("too many gifters")
        return keeper

    def _add_comment(self, comment: _Comment) -> None:
        self._comments.append(comment)
        self._comments_length += len(comment.text)
        while len(self._comments) > _COMMENTS or self._comments_length > _MAX_COMMENTS_LENGTH:
            self._comments_length -= len(self._comments.popleft().text)

    def _forget_comments(self, deleted: Delete) -> None:
        self._comments = deque(
            comment
            for comment in self._comments
            if comment.id not in deleted.message_ids and comment.user_id not in deleted.user_ids
        )
        self._comments_length = sum(len(comment.text) for comment in self._comments)

    def _update_gift(self, gift: Gift, text: str) -> None:
        key = (gift.user.id, gift.gift.id, gift.group_id)
        self._streaks_length -= len(self._streaks.get(key, ""))
        if gift.streak is _ONGOING:
            self._add_streak(key, text)
            return
        self._streaks.pop(key, None)
        self._add_diamonds(gift.user, gift.diamonds_total)

    def _add_streak(self, key: tuple[str, str, str], text: str) -> None:
        self._streaks[key] = text
        self._streaks_length += len(text)
        while len(self._streaks) > _MAX_STREAKS or self._streaks_length > _MAX_STREAKS_LENGTH:
            self._streaks_length -= len(self._streaks.pop(next(iter(self._streaks))))

    def _add_diamonds(self, user: User, diamonds: int) -> None:
        self._diamonds += diamonds
        gifters = self._gifters
        gifters[user.id] = gifters.get(user.id, 0) + diamonds
        self._top[user.id] = user
        if len(self._top) > _TOP:
            # Of equals, the last to come here goes.
            del self._top[min(reversed(self._top), key=gifters.__getitem__)]
        if len(gifters) > _MAX_GIFTERS:
            largest = heapq.nlargest(_MAX_GIFTERS // 2, gifters, key=gifters.__getitem__)
            self._gifters = {user_id: gifters[user_id] for user_id in (*self._top, *largest)}


def save_snapshot(snapshot: Snapshot) -> SavedSnapshot:
    """A snapshot that `SnapshotKeeper.take` has given, to be written down."""
    return SavedSnapshot(
        snapshot.viewers,
        snapshot.likes,
        [_text(frame) for frame in snapshot.gifts],
        snapshot.top,
        [_text(frame) for frame in snapshot.comments],
        snapshot.diamonds,
    )


def restore_snapshot(saved: SavedSnapshot) -> Snapshot:
    """The snapshot that was saved.

    Raises:
        RestoreError: the text of a frame is none.
    """
    for text in saved.gifts:
        check_frame(text, FrameType.GIFT)
    for text in saved.comments:
        check_frame(text, FrameType.COMMENT)
    return Snapshot(
        viewers=saved.viewers,
        likes=saved.likes,
        gifts=[_raw(text) for text in saved.gifts],
        top=saved.top,
        comments=[_raw(text) for text in saved.comments],
        diamonds=saved.diamonds,
    )


def _text(frame: Frame) -> str:
    """The text from which `_raw` has made a frame."""
    raw: Any = frame
    return bytes(raw).decode()


def _raw(text: str) -> Frame:
    """A frame that is encoded already; used in place of a `Frame`."""
    return msgspec.Raw(text)  # type: ignore[return-value]
