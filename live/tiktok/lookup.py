"""What TikTok answers without a connection: is a user live, and which gifts are there to give.

Both through TikTokLive's web client, with TLS verified; neither costs a request to the sign server.
TikTok is asked once however many want to know, and answers are kept for a while. Whatever it sends
is checked here before it is used.

Since June 2026 TikTok gives its list of gifts to signed requests only, and answers others with 403.
Then the gifts stand in for it that were seen on LIVEs.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Hashable, Sequence
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings
from TikTokLive.client.web.routes import FetchIsLiveRoute
from TikTokLive.client.web.routes.fetch_room_id_api import FetchRoomIdAPIRoute

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import GiftKind
from live.tasks import cancel_and_wait
from live.tiktok.failures import code_of
from live.tiktok.gifts import SeenGifts, read_gift_list
from live.tiktok.web import web_client, webcast_address

__all__ = ["MAX_GIFT_LIST", "GiftList", "GiftSource", "Lookup"]

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
MAX_GIFT_LIST = 16 * 1024 * 1024  # bytes

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class GiftSource(StrEnum):
    """Where a list of gifts comes from."""

    TIKTOK = "tiktok"
    SEEN = "seen"


class GiftList(NamedTuple):
    """The gifts that there are to give; of the source `SEEN`, only those that somebody gave."""

    source: GiftSource
    gifts: Sequence[GiftKind]


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
        clock: Clock,
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
        if answer is None or answer.expires <= self._clock.monotonic():
            answer = self._start(key)
        await asyncio.wait([answer.task])
        if answer.task.cancelled():
            raise RelayError(ErrorCode.SERVER_SHUTDOWN)
        return answer.task.result()

    async def close(self) -> None:
        """End all questions that TikTok has not answered yet."""
        tasks = [answer.task for answer in self._answers.values()]
        self._answers.clear()
        await cancel_and_wait(*tasks)

    def _start(self, key: K) -> _Answer[T]:
        self._make_room()
        answer = _Answer(asyncio.ensure_future(self._ask(key)))
        answer.task.add_done_callback(lambda task: self._on_done(answer))
        self._answers.pop(key, None)
        self._answers[key] = answer
        return answer

    def _on_done(self, answer: _Answer[T]) -> None:
        failed = answer.task.cancelled() or answer.task.exception() is not None
        answer.expires = self._clock.monotonic() + (_FAILURE_KEPT if failed else self._kept)

    def _make_room(self) -> None:
        # One that is under way is awaited by somebody, and stays.
        answered = [key for key, answer in self._answers.items() if answer.task.done()]
        for key in answered[: max(0, len(self._answers) - self._most + 1)]:
            del self._answers[key]


class Lookup:
    """What is known of TikTok without a connection. Belongs to one event loop.

    Args:
        seen: stands in for TikTok's list of gifts, when that is not to be had.
        most_rooms: of how many users it is remembered whether they are live.
    """

    def __init__(
        self, seen: SeenGifts, clock: Clock = SYSTEM_CLOCK, most_rooms: int = _ROOMS
    ) -> None:
        self._seen = seen
        self._rooms = _Answers(_explained(_ask_for_room), _ROOM_KEPT, most_rooms, clock)
        self._gifts = _Answers(_explained(_ask_for_gifts), _GIFTS_KEPT, _CATALOGUES, clock)

    async def live_room(self, username: str) -> str | None:
        """The id of the room that the user is live in; None for one who is not live.

        Raises:
            RelayError: `user_not_found`, `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """
        return await self._rooms.get((username, None))

    async def gifts(self, username: str, room_id: str | None) -> GiftList:
        """The gifts that viewers of the user can give; what TikTok offers everybody without a room.

        Where TikTok gives no list: the gifts that were seen on any LIVE, if there are any.

        Raises:
            RelayError: `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """
        try:
            listed = await self._gifts.get((username, room_id))
        except RelayError as failure:
            seen = self._seen.cheapest_first()
            if not seen or failure.code is ErrorCode.SERVER_SHUTDOWN:
                raise
            return GiftList(GiftSource.SEEN, seen)
        return GiftList(GiftSource.TIKTOK, listed)

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


async def _ask_for_room(question: _Question) -> str | None:
    username, _ = question
    async with web_client() as client:
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
    async with web_client() as client:
        request = await client.build_request(
            url=webcast_address("/gift/list/"),
            method="GET",
            extra_params={} if room_id is None else {"room_id": room_id},
        )
        response = await client.httpx_client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_GIFT_LIST:
                    raise ValueError("the gift list is too long")
        finally:
            await response.aclose()
    # A megabyte or two: reading it would hold up the event loop.
    return await asyncio.to_thread(read_gift_list, bytes(body))
