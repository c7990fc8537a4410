"""What TikTok answers without a connection: is a user live, and which gifts are there to give.

Both through TikTokLive's web client, as `live.tiktok.upstream` does it, with TLS verified; neither
costs a request to the sign server. TikTok is asked once however many want to know, and answers are
kept for a while. Whatever it sends is hostile until parsed here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from django.conf import settings
from TikTokLive.client.web.routes import FetchIsLiveRoute
from TikTokLive.client.web.routes.fetch_room_id_api import FetchRoomIdAPIRoute
from TikTokLive.client.web.web_base import TikTokHTTPClient
from TikTokLive.client.web.web_settings import WebDefaults

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import GiftKind
from live.tiktok.events import STREAKABLE
from live.tiktok.upstream import TLS, code_of

__all__ = ["Lookup"]

logger = logging.getLogger(__name__)

# Seconds. Whoever asks looks at a screen: TikTok gets no longer than that, or less by the settings.
_LONGEST_WAIT = 10.0
_ROOM_KEPT = 30.0
_GIFTS_KEPT = 3600.0
_FAILURE_KEPT = 5.0
# Answers that are kept at once. A catalogue has about a thousand gifts.
_ROOMS, _CATALOGUES = 1000, 50

_OFFLINE = 4  # TikTok's status of a LIVE
_MAX_ROOM_ID = 20  # digits
_MAX_GIFT_LIST = 16 * 1024 * 1024
_MAX_GIFTS = 5000
_MAX_NAME = 200
_TOO_LARGE = 2**64  # for an id of TikTok's
_MAX_ADDRESS = 2000

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Answer(Generic[T]):
    """One question to TikTok. `expires` is known when it is answered."""

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.expires = math.inf


class _Answers(Generic[K, T]):
    """Answers by key. Each is asked for once, however many wait for it, and then kept.

    Args:
        ask: gets the answer. Raises RelayError and nothing else.
        kept: seconds that an answer is kept; a failure is kept for seconds only.
        most: how many are kept.
    """

    def __init__(
        self,
        ask: Callable[[K], Awaitable[T]],
        kept: float,
        most: int,
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._kept = kept
        self._most = most
        self._clock = clock
        self._answers: dict[K, _Answer[T]] = {}  # oldest first

    async def get(self, key: K) -> T:
        """The answer; the question goes on when its asker has gone.

        Raises:
            RelayError: what `ask` raised, or `server_shutdown` when this is closed meanwhile.
        """
        answer = self._answers.get(key)
        if answer is None or answer.expires <= self._clock():
            answer = self._start(key)
        await asyncio.wait([answer.task])
        if answer.task.cancelled():
            raise RelayError(ErrorCode.SERVER_SHUTDOWN)
        return answer.task.result()

    async def close(self) -> None:
        """End all questions that TikTok has not answered yet."""
        tasks = [answer.task for answer in self._answers.values()]
        self._answers.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, key: K) -> _Answer[T]:
        self._make_room()
        answer = _Answer(asyncio.ensure_future(self._ask(key)))
        answer.task.add_done_callback(lambda task: self._on_done(answer))
        self._answers.pop(key, None)
        self._answers[key] = answer
        return answer

    def _on_done(self, answer: _Answer[T]) -> None:
        failed = answer.task.cancelled() or answer.task.exception() is not None
        answer.expires = self._clock() + (_FAILURE_KEPT if failed else self._kept)

    def _make_room(self) -> None:
        # One that is under way is awaited by somebody, and stays.
        answered = [key for key, answer in self._answers.items() if answer.task.done()]
        for key in answered[: max(0, len(self._answers) - self._most + 1)]:
            del self._answers[key]


class Lookup:
    """What is known of TikTok without a connection. Belongs to one event loop.

    Args:
        clock: seconds, of any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._rooms = _Answers(_explained(_ask_for_room), _ROOM_KEPT, _ROOMS, clock)
        self._gifts = _Answers(_explained(_ask_for_gifts), _GIFTS_KEPT, _CATALOGUES, clock)

    async def live_room(self, username: str) -> str | None:
        """The id of the room that the user is live in; None for one who is not live.

        Raises:
            RelayError: `user_not_found`, `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """
        return await self._rooms.get((username, None))

    async def gifts(self, username: str, room_id: str | None) -> Sequence[GiftKind]:
        """The gifts that viewers of the user can give; what TikTok offers everybody without a room.

        Raises:
            RelayError: `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """
        return await self._gifts.get((username, room_id))

    async def close(self) -> None:
        await self._rooms.close()
        await self._gifts.close()


_Question = tuple[str, str | None]  # whom it is about, and in which room


def _explained(ask: Callable[[_Question], Awaitable[T]]) -> Callable[[_Question], Awaitable[T]]:
    """`ask` within its time, whose failures are all RelayErrors."""

    async def explained(question: _Question) -> T:
        limit = min(_LONGEST_WAIT, settings.RELAY_CONNECT_TIMEOUT)
        try:
            async with asyncio.timeout(limit):
                return await ask(question)
        except Exception as failure:
            code = code_of(failure, None, connecting=True)
            if code is ErrorCode.INTERNAL_ERROR:
                logger.exception("unexpected answer of TikTok")
            said = type(failure).__name__
            raise RelayError(code, username=question[0], said=said) from failure

    return explained


@asynccontextmanager
async def _web_client() -> AsyncIterator[TikTokHTTPClient]:
    WebDefaults.tiktok_app_url = settings.TIKTOK_APP_URL
    WebDefaults.tiktok_webcast_url = settings.TIKTOK_WEBCAST_URL
    # The time limit is that of `_explained`.
    client = TikTokHTTPClient(httpx_kwargs={"verify": TLS, "timeout": None})
    try:
        yield client
    finally:
        await client.close()


async def _ask_for_room(question: _Question) -> str | None:
    username, _ = question
    async with _web_client() as client:
        answer = await FetchRoomIdAPIRoute.fetch_user_room_data(client, username)
        room_id = str(FetchRoomIdAPIRoute.parse_room_id(answer) or "")
        if not room_id.strip("0") or answer["data"]["liveRoom"]["status"] == _OFFLINE:
            return None
        if not (room_id.isascii() and room_id.isdecimal() and len(room_id) <= _MAX_ROOM_ID):
            raise ValueError("no room id")
        # The user's status may be that of a LIVE which has ended; the room knows better.
        route = FetchIsLiveRoute(client)
        return room_id if (await route.fetch_is_live_room_ids(int(room_id)))[0] is True else None


async def _ask_for_gifts(question: _Question) -> Sequence[GiftKind]:
    _, room_id = question
    async with _web_client() as client:
        request = await client.build_request(
            url=f"{WebDefaults.tiktok_webcast_url}/gift/list/",
            method="GET",
            extra_params={} if room_id is None else {"room_id": room_id},
        )
        response = await client.httpx_client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_GIFT_LIST:
                    raise ValueError("the gift list is too long")
        finally:
            await response.aclose()
    # A megabyte or two: reading it would hold up the event loop.
    return await asyncio.to_thread(_read_gifts, bytes(body))


# --- TikTok's gift list --------------------------------------------------------------------------


class _TikTokGift(msgspec.Struct):
    """What is read of a gift. Pictures are parsed apart: a gift may lack one."""

    id: Annotated[int, msgspec.Meta(ge=1)]
    name: str = ""
    diamond_count: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    type: int = 0
    image: Any = None
    icon: Any = None


def _read_gifts(body: bytes) -> tuple[GiftKind, ...]:
    """The gifts in TikTok's order, without those that can't be read.

    Raises:
        ValueError, LookupError, TypeError: it is no list of gifts.
    """
    try:
        listed = json.loads(body)["data"]["gifts"]
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(listed, list):
        raise TypeError("no list of gifts")
    gifts = {gift.id: gift for gift in map(_gift, listed[:_MAX_GIFTS]) if gift is not None}
    if not gifts:
        raise ValueError("no gifts")
    return tuple(gifts.values())


def _gift(given: Any) -> GiftKind | None:
    try:
        gift = msgspec.convert(given, _TikTokGift, strict=False)
    except msgspec.ValidationError:
        return None
    if gift.id >= _TOO_LARGE:
        return None
    return GiftKind(
        id=str(gift.id),
        # Where an emoji was cut in half, what can be sent of it.
        name=gift.name[:_MAX_NAME].encode("utf-8", "replace").decode(),
        diamonds=gift.diamond_count,
        image=_picture(gift.image) or _picture(gift.icon),
        streakable=gift.type == STREAKABLE,
    )


def _picture(image: Any) -> str:
    """The address of a picture, or an empty text."""
    try:
        address = image["url_list"][0]
    except (LookupError, TypeError):
        return ""
    usable = (
        isinstance(address, str)
        and address.isascii()
        and address.startswith(("https://", "http://"))
        and len(address) <= _MAX_ADDRESS
    )
    return str(address) if usable else ""
