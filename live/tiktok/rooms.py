"""Describes the LIVE that an upstream is connected to, from the room info of TikTok's web API.

The room info is JSON. Values in it that are missing or of an unexpected type are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from live.protocol.frames import Person, RoomCounts
from live.tiktok.values import ID_LIMIT, address_in, sendable, time_ms

__all__ = ["Room"]

# Characters of a title or a name that are kept.
_MAX_TEXT = 500
# Whoever comes to a LIVE within that many ms has heard it from its start: TikTok gives those who
# come the last minutes' messages, and a new LIVE is noticed only after about a minute.
_LATE = 120_000


@dataclass(frozen=True)
class Room:
    """A LIVE. Values that TikTok has not given are empty or UNSET.

    Attributes:
        id: TikTok's id of the room, which is new for each LIVE.
        owner: the streamer.
        started_at: when the LIVE began, in ms since the epoch.
        counts: viewers, likes and followers at the time of connecting.
        heard_since: since when the relay hears the LIVE, in ms since the epoch. The stream's feed
            knows, TikTok does not; UNSET until it has said so.
    """

    id: str
    title: str = ""
    owner: Person | UnsetType = UNSET
    started_at: int | UnsetType = UNSET
    counts: RoomCounts | UnsetType = UNSET
    heard_since: int | UnsetType = UNSET

    @property
    def heard_late_since(self) -> int | UnsetType:
        """`heard_since`, where the LIVE had begun a good while before; otherwise UNSET."""
        if self.heard_since is UNSET or self.started_at is UNSET:
            return UNSET
        return self.heard_since if self.heard_since > self.started_at + _LATE else UNSET

    @classmethod
    def of(cls, id: str, given: Any) -> Room:
        """Read a room from TikTok's room info.

        Args:
            id: TikTok's id of the room.
            given: the field `data` of TikTok's answer; an empty dict when there was none.
        """
        info = _object(given)
        return cls(
            id,
            _text(info.get("title")),
            _owner(_object(info.get("owner"))),
            time_ms(_number(info.get("create_time")) or 0),
            _counts(info),
        )


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _text(given: Any) -> str:
    return sendable(given, _MAX_TEXT) if isinstance(given, str) else ""


def _number(given: Any) -> int | UnsetType:
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= 20:
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < ID_LIMIT:
        return given
    return UNSET


def _owner(owner: Mapping[str, Any]) -> Person | UnsetType:
    number = _number(owner.get("id_str")) or _number(owner.get("id"))
    if not number:
        return UNSET
    return Person(
        str(number),
        _text(owner.get("display_id")) or UNSET,
        _text(owner.get("nickname")) or UNSET,
        address_in(owner.get("avatar_thumb")) or UNSET,
    )


def _counts(info: Mapping[str, Any]) -> RoomCounts | UnsetType:
    stats = _object(info.get("stats"))
    followers = _object(_object(info.get("owner")).get("follow_info")).get("follower_count")
    counts = RoomCounts(
        viewers=_number(info.get("user_count")),
        total_viewers=_number(stats.get("total_user")),
        likes=_number(info.get("like_count")),
        followers=_number(followers),
    )
    return UNSET if counts == RoomCounts() else counts
