"""People of TikTok's messages, as tests build and expect them."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

from typing import Any

from TikTokLiveProto.v3.webcast.model.base import ImageModel
from TikTokLiveProto.v3.webcast.model.base.user import (
    BadgeStruct,
    BadgeText,
    CombineBadgeStruct,
    PrivilegeLogExtra,
)
from TikTokLiveProto.v3.webcast.model.data import BadgeSceneType

__all__ = ["badge", "person"]


def badge(
    scene: BadgeSceneType, level: str = "", *, text: str = "", key: str = "", icon: str = ""
) -> BadgeStruct:
    return BadgeStruct(
        scene_type=scene,
        privilege_log_extra=PrivilegeLogExtra(level=level),
        combine=CombineBadgeStruct(
            icon=ImageModel(uri=icon), text=BadgeText(key=key, default_pattern=text)
        ),
    )


def person(who: Any) -> dict[str, Any]:
    return {
        "id": str(who.id),
        "username": who.display_id,
        "nickname": who.nickname,
        "avatar": who.avatar_thumb.url_list[0],
    }
