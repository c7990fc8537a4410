"""Builds the answers of TikTok's web pages and APIs, with the fields that TikTokLive reads."""

from __future__ import annotations

import json
from typing import Any

from standin.messages import COMBO_GIFT, user
from standin.room import Room

LIVE, OFFLINE = 2, 4
"""TikTok's status of a user's room."""

LIKES, TOTAL_VIEWERS, FOLLOWERS = 3000, 420, 987
"""The counts that the room info gives for every room."""

AGE_RESTRICTED = 4003110
"""TikTok's status code of a LIVE that is shown to adults only."""

CAPTCHA_PAGE = """<!DOCTYPE html><html><head><title>Security Check</title></head>
<body><div id="captcha_container">Drag the slider to fit the puzzle</div></body></html>"""

PAGE = "<!DOCTYPE html><html><head><title>TikTok</title></head><body></body></html>"
"""A page of which clients read only the headers: the home page, or someone's profile."""

LIVE_PAGE = """<!DOCTYPE html><html><head><title>TikTok LIVE</title></head><body>
<script id="SIGI_STATE" type="application/json">{state}</script></body></html>"""


def _user(room: Room) -> dict[str, Any]:
    return {
        "id": str(user(room.name).id),
        "uniqueId": room.name,
        "nickname": room.name.title(),
        "roomId": str(room.room_id),
        "status": LIVE if room.is_live else OFFLINE,
    }


def _live_room(room: Room) -> dict[str, Any]:
    return {"title": room.title, "status": LIVE if room.is_live else OFFLINE}


def live_page(room: Room | None) -> str:
    """Render the page `/@name/live`; without a room, as for a user who cannot go live."""
    state: dict[str, Any] = {"AppContext": {}}
    if room is not None:
        state["LiveRoom"] = {
            "liveRoomUserInfo": {"user": _user(room), "liveRoom": _live_room(room)}
        }
    return LIVE_PAGE.format(state=json.dumps(state).replace("<", "\\u003c"))


def room_api(room: Room | None) -> dict[str, Any]:
    """Answer `/api-live/user/room/`."""
    if room is None:
        return {"statusCode": 19881007, "message": "user_not_found", "data": {}}
    return {
        "statusCode": 0,
        "message": "",
        "data": {"user": _user(room), "liveRoom": _live_room(room)},
    }


def check_alive(room: Room | None, room_id: str, *, alive: bool) -> dict[str, Any]:
    """Answer `/room/check_alive/`.

    Args:
        room_id: the id that is asked for. Only the newest id of a room can be alive.
        alive: whether the room is live.
    """
    is_newest = room is not None and str(room.room_id) == room_id
    entry = {"alive": alive and is_newest, "room_id_str": room_id}
    return {"data": [entry], "status_code": 0}


def started_at(room: Room) -> int:
    """Return the Unix time of a LIVE's start, which is in the upper 32 bits of the room's id."""
    return room.room_id >> 32


def room_info(room: Room | None) -> dict[str, Any]:
    """Answer `/room/info/`."""
    if room is None:
        return {"data": {"message": "room not found"}, "status_code": 10011}
    owner = room.creator
    assert owner.avatar_thumb is not None
    return {
        "data": {
            "id": room.room_id,
            "id_str": str(room.room_id),
            "title": room.title,
            "status": LIVE if room.is_live else OFFLINE,
            "user_count": len(room.sockets),
            "like_count": LIKES,
            "stats": {"total_user": TOTAL_VIEWERS},
            "create_time": started_at(room),
            "owner": {
                "id": owner.id,
                "id_str": str(owner.id),
                "display_id": owner.display_id,
                "nickname": owner.nickname,
                "avatar_thumb": {"url_list": owner.avatar_thumb.url_list},
                "follow_info": {"follower_count": FOLLOWERS},
            },
        },
        "status_code": 0,
    }


def age_restricted() -> dict[str, Any]:
    """Answer `/room/info/` of a LIVE for adults, for a viewer who is not signed in."""
    return {
        "data": {"message": "restricted", "prompts": "This LIVE is for adults"},
        "status_code": AGE_RESTRICTED,
    }


def gift(
    gift_id: int, name: str, diamonds: int, *, combo: bool = True, **more: Any
) -> dict[str, Any]:
    """Build one gift of the gift list, with all fields that TikTok's own answers have.

    Args:
        combo: whether the gift can be sent as a streak.
        more: fields that are added or replaced.
    """
    address = f"https://p16-webcast.tiktokcdn.com/img/alisg/webcast-sg/resource/{gift_id}.png"
    return {
        "action_type": 0,
        "app_id": 0,
        "combo": combo,
        "describe": f"sent {name}",
        "diamond_count": diamonds,
        "duration": 1000,
        "for_linkmic": True,
        "icon": {"avg_color": "#7A6A53", "uri": f"{gift_id}.png", "url_list": [address]},
        "id": gift_id,
        "image": {"avg_color": "#7A6A53", "uri": f"{gift_id}.png", "url_list": [address]},
        "is_displayed_on_panel": True,
        "name": name,
        "primary_effect_id": 0,
        "type": COMBO_GIFT if combo else 2,
        **more,
    }


GIFTS = [
    gift(5655, "Rose", 1),
    gift(5827, "Ice Cream Cone", 1),
    gift(5487, "Finger Heart", 5),
    gift(5879, "Doughnut", 30),
    gift(11046, "Galaxy", 1000, combo=False),
    gift(6369, "Lion", 29999, combo=False),
]


def gift_list(gifts: Any) -> dict[str, Any]:
    """Answer `/gift/list/`."""
    return {"data": {"gifts": gifts}, "status_code": 0}
