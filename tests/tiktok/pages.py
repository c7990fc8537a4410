"""What TikTok's web pages and APIs answer about a room, as far as the library reads it."""

from __future__ import annotations

import json
from typing import Any

from tests.tiktok.messages import user
from tests.tiktok.room import Room

LIVE, OFFLINE = 2, 4
"""TikTok's status of a user's room."""

AGE_RESTRICTED = 4003110

CAPTCHA_PAGE = """<!DOCTYPE html><html><head><title>Security Check</title></head>
<body><div id="captcha_container">Drag the slider to fit the puzzle</div></body></html>"""

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
    """Render `/@name/live`; that of a user who cannot go live if there is no room."""
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
    """Answer `/room/check_alive/`; only a room's newest id can be alive."""
    is_newest = room is not None and str(room.room_id) == room_id
    entry = {"alive": alive and is_newest, "room_id_str": room_id}
    return {"data": [entry], "status_code": 0}


def room_info(room: Room | None) -> dict[str, Any]:
    """Answer `/room/info/`."""
    if room is None:
        return {"data": {"message": "room not found"}, "status_code": 10011}
    owner = user(room.name)
    return {
        "data": {
            "id": room.room_id,
            "id_str": str(room.room_id),
            "title": room.title,
            "status": LIVE if room.is_live else OFFLINE,
            "user_count": len(room.sockets),
            "owner": {
                "id": owner.id,
                "id_str": str(owner.id),
                "display_id": owner.display_id,
                "nickname": owner.nickname,
            },
        },
        "status_code": 0,
    }


def age_restricted() -> dict[str, Any]:
    """Answer `/room/info/` of a stream for adults to someone who is not logged in."""
    return {
        "data": {"message": "restricted", "prompts": "This LIVE is for adults"},
        "status_code": AGE_RESTRICTED,
    }


def gift_list() -> dict[str, Any]:
    """Answer `/gift/list/`."""
    gifts = [{"id": 5655, "name": "Rose", "type": 1, "combo": True, "diamond_count": 1}]
    return {"data": {"gifts": gifts}, "status_code": 0}
