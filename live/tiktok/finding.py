"""Finds the room of a user's LIVE on TikTok's pages and web API. It is the same on every route.

TikTokLive's routes ask and read most of it. Three of them have errors and are not used whole: its
`fetch_is_live` swallows cancellation, and its `fetch_room_info` reads any short answer as an age
restriction.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import httpx
from TikTokLive.client.errors import UserOfflineError
from TikTokLive.client.web.routes import FetchIsLiveRoute
from TikTokLive.client.web.routes.fetch_room_id_api import FetchRoomIdAPIRoute
from TikTokLive.client.web.routes.fetch_room_id_live_html import FetchRoomIdLiveHTMLRoute

from live.tiktok.web import WebClient, webcast_address

__all__ = ["RoomInfo", "find_room", "room_id_of", "room_info"]

# Room ids are signed 64-bit numbers in TikTok's messages.
_MAX_ROOM_ID = 2**63 - 1


class RoomInfo(NamedTuple):
    """TikTok's information on a room.

    Attributes:
        data: title, owner and counts, in TikTok's JSON; empty when TikTok gives none.
        prompts: why TikTok shows the LIVE to signed-in adults only; empty if it does not say so.
            (A viewer who is not signed in may get the LIVE all the same.)
    """

    data: dict[str, Any]
    prompts: str = ""


async def find_room(web: WebClient, username: str, known_room: int | None = None) -> int:
    """Find the room that a user is live in.

    Args:
        known_room: the room of the user's LIVE, if it is known. TikTok is only asked whether that
            is still on. If it is not, the newest room is looked up, since the user may have begun
            another LIVE.

    Raises:
        UserOfflineError: the user is not live.
        Exception: another one of TikTokLive or httpx, or the answer can't be read. See
            `failures.code_of`.
    """
    if known_room is not None:
        with contextlib.suppress(UserOfflineError):
            return await _check_live(web, known_room, may_be_forgotten=True)
    return await _check_live(web, await _newest_room(web, username))


def room_id_of(given: Any) -> int:
    """Read a room's id.

    Raises:
        UserOfflineError: there is none.
        ValueError: it is no id.
    """
    text = str(given or "")
    if not text.strip("0"):
        raise UserOfflineError
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_ROOM_ID):
        raise ValueError("no room id")
    return int(text)


async def room_info(web: WebClient, room_id: int) -> RoomInfo:
    """Ask TikTok for the room's information."""
    try:
        response = await web.get(
            url=webcast_address("/room/info/"), extra_params={"room_id": str(room_id)}
        )
        data = response.json()["data"]
    except (httpx.HTTPError, LookupError, TypeError, ValueError, RecursionError):
        return RoomInfo({})
    if not isinstance(data, dict):
        return RoomInfo({})
    return RoomInfo(data, str(data.get("prompts") or ""))


async def _newest_room(web: WebClient, username: str) -> int:
    page = f"https://www.tiktok.com/@{username}/live"
    web.params |= {"referer": page, "root_referer": page}
    try:
        return room_id_of(await FetchRoomIdLiveHTMLRoute(web)(username))
    except UserOfflineError:
        raise
    except Exception:
        # Also if the page says that there is no such user: it may be a captcha.
        answer = await FetchRoomIdAPIRoute.fetch_user_room_data(web, username)
        return room_id_of(FetchRoomIdAPIRoute.parse_room_id(answer))


async def _check_live(web: WebClient, room_id: int, *, may_be_forgotten: bool = False) -> int:
    """Return the room's id if its LIVE is on.

    Raises:
        UserOfflineError: it is not.
    """
    answers = await FetchIsLiveRoute(web).fetch_is_live_room_ids(room_id)
    if (not answers and may_be_forgotten) or not answers[0]:
        raise UserOfflineError
    return room_id
