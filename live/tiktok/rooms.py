"""The LIVE that an upstream is connected to, and what TikTok's room info says of it.

The info is JSON of TikTok's making: whatever is missing or of another kind than expected is left
out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from live.protocol.frames import Person, RoomCounts

__all__ = ["Room"]

_MAX_TEXT = 500
_MAX_ADDRESS = 2000
_LARGEST = 2**64  # TikTok's ids are unsigned
_FIRST_MS = 10**12  # a time below that is in seconds
_LAST_MS = 10**14  # the year 5138


@dataclass(frozen=True)
class Room:
    """Args:
    started_at: ms since the epoch.
    """

    id: str
    title: str = ""
    owner: Person | UnsetType = UNSET
    started_at: int | UnsetType = UNSET
    counts: RoomCounts | UnsetType = UNSET

    @classmethod
    def of(cls, id: str, given: Any) -> Room:
        """The room with that id.

        Args:
            given: `data` of TikTok's answer; empty when it gave none.
        """
        info = _object(given)
        return cls(
            id,
            _text(info.get("title")),
            _owner(_object(info.get("owner"))),
            _ms(info.get("create_time")),
            _counts(info),
        )


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _text(given: Any, limit: int = _MAX_TEXT) -> str:
    """TikTok's text; where it cut an emoji in half, what can be sent of it."""
    if not isinstance(given, str):
        return ""
    return given[:limit].encode("utf-8", "replace").decode()


def _number(given: Any) -> int | UnsetType:
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= 20:
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < _LARGEST:
        return given
    return UNSET


def _ms(given: Any) -> int | UnsetType:
    time = _number(given) or 0
    if time < _FIRST_MS:
        time *= 1000
    return time if 0 < time < _LAST_MS else UNSET


def _owner(owner: Mapping[str, Any]) -> Person | UnsetType:
    number = _number(owner.get("id_str")) or _number(owner.get("id"))
    if not number:
        return UNSET
    urls = _object(owner.get("avatar_thumb")).get("url_list")
    first = urls[0] if isinstance(urls, list) and urls else ""
    return Person(
        str(number),
        _text(owner.get("display_id")) or UNSET,
        _text(owner.get("nickname")) or UNSET,
        _text(first, _MAX_ADDRESS) or UNSET,
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
