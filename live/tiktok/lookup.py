"""Asks TikTok, without connecting to a LIVE, whether a user is live and which gifts there are.

Requests go through TikTokLive's web client, with TLS verified. None of them needs the sign server.
When several callers ask for the same at once, TikTok is asked once; its answers are kept for a
while. Every answer is checked here before it is used.

Since June 2026, TikTok gives its list of gifts to signed requests only, and answers others with
status 403. Then the gifts that were seen on LIVEs are used instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Hashable, Sequence
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings
from TikTokLive.client.errors import UserOfflineError
from TikTokLive.client.web.routes import FetchIsLiveRoute
from TikTokLive.client.web.routes.fetch_room_id_api import FetchRoomIdAPIRoute

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import GiftKind
from live.tasks import cancel_and_wait
from live.tiktok.failures import explain
from live.tiktok.finding import room_id_of
from live.tiktok.gifts import SeenGifts, read_gift_list
from live.tiktok.network import Network
from live.tiktok.pacer import Pacer, Priority
from live.tiktok.web import WebClient, webcast_address

__all__ = [
    "LONGEST_WAIT",
    "MAX_GIFT_LIST",
    "GiftList",
    "GiftSource",
    "Lookup",
    "ask_for_room",
]

# Seconds that TikTok may take to answer, since somebody waits in front of a screen. A shorter
# RELAY_CONNECT_TIMEOUT counts instead.
LONGEST_WAIT = 10.0
# Seconds for which an answer is kept: whether a user is live, a list of gifts, and a failure.
_ROOM_KEPT = 30.0
_GIFTS_KEPT = 3600.0
_FAILURE_KEPT = 5.0
# How many answers are kept: whether a user is live, and lists of about a thousand gifts each.
_ROOMS, _CATALOGUES = 1000, 50

# TikTok's status of a LIVE that is not on.
_OFFLINE = 4
# Bytes that TikTok's list of gifts may have.
MAX_GIFT_LIST = 16 * 1024 * 1024

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class GiftSource(StrEnum):
    """Where a list of gifts comes from: TikTok's own list, or the gifts that were seen on LIVEs."""

    TIKTOK = "tiktok"
    SEEN = "seen"


class GiftList(NamedTuple):
    """Gifts that viewers can give, and where the list comes from.

    A list of the source `SEEN` has only gifts that somebody has given.
    """

    source: GiftSource
    gifts: Sequence[GiftKind]


class _Answer(Generic[T]):
    """One question to TikTok, and its answer once the task is done.

    Attributes:
        expires: until when the answer is kept, on the monotonic clock; infinite until it comes.
    """

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.expires = math.inf


class _Answers(Generic[K, T]):
    """A cache of TikTok's answers, by key.

    Callers that ask for the same key at the same time share one question.

    Args:
        ask: asks TikTok for the answer of a key. May raise RelayError only.
        kept: seconds for which an answer is kept. A failure is kept for `_FAILURE_KEPT`.
        most: how many answers are kept. When there are more, the oldest is removed.
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
        """Return the answer for a key, and wait for it if needed.

        If the caller is cancelled, the question goes on, since others may wait for its answer.

        Raises:
            RelayError: what `ask` raised, or `server_shutdown` if `close` was called meanwhile.
        """
        answer = self._answers.get(key)
        if answer is None or answer.expires <= self._clock.monotonic():
            answer = self._start(key)
        await asyncio.wait([answer.task])
        if answer.task.cancelled():
            raise RelayError(ErrorCode.SERVER_SHUTDOWN)
        return answer.task.result()

    def has(self, key: K) -> bool:
        """Whether `get` would ask nothing: the answer is there, or on its way."""
        answer = self._answers.get(key)
        return answer is not None and answer.expires > self._clock.monotonic()

    async def close(self) -> None:
        """Cancel all questions that TikTok has not answered yet, and forget all answers."""
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
        # Questions without an answer yet are never removed: somebody waits for them.
        answered = [key for key, answer in self._answers.items() if answer.task.done()]
        for key in answered[: max(0, len(self._answers) - self._most + 1)]:
            del self._answers[key]


class Lookup:
    """Asks TikTok for users' LIVEs and gifts, and keeps the answers. Belongs to one event loop.

    Args:
        seen: the gifts that were seen on LIVEs, used when TikTok gives no list of gifts.
        network: the way out to TikTok.
        most_rooms: for how many users the answer whether they are live is kept.
        pacer: bounds the requests of this process to TikTok; None for no bound.
    """

    def __init__(
        self,
        seen: SeenGifts,
        network: Network,
        clock: Clock = SYSTEM_CLOCK,
        most_rooms: int = _ROOMS,
        pacer: Pacer | None = None,
    ) -> None:
        self._seen = seen
        ask_for_room = _Asker(_ask_for_room, network, pacer, shows_block=True)
        self._rooms = _Answers(ask_for_room, _ROOM_KEPT, most_rooms, clock)
        ask_for_gifts = _Asker(_ask_for_gifts, network, pacer, shows_block=False)
        self._gifts = _Answers(ask_for_gifts, _GIFTS_KEPT, _CATALOGUES, clock)

    def knows_live_room(self, username: str) -> bool:
        """Whether `live_room` would ask TikTok nothing."""
        return self._rooms.has((username, None))

    def knows_gifts(self, username: str, room_id: str | None) -> bool:
        """Whether `gifts` would ask TikTok nothing."""
        return self._gifts.has((username, room_id))

    async def live_room(self, username: str) -> str | None:
        """Return the id of the room that the user is live in; None if the user is not live.

        Raises:
            RelayError: `user_not_found`, `tiktok_blocked`, `tiktok_timeout`, `connection_lost`.
        """
        return await self._rooms.get((username, None))

    async def gifts(self, username: str, room_id: str | None) -> GiftList:
        """Return the gifts that viewers can give in a room.

        If TikTok gives no list, the gifts that were seen on any LIVE are returned, if there are
        any.

        Args:
            room_id: the room; None for the gifts that TikTok offers in general.

        Raises:
            RelayError: `tiktok_blocked`, `tiktok_timeout`, `connection_lost`: TikTok gives no list,
                and no gift was seen; or `server_shutdown`.
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
        """Cancel all questions that TikTok has not answered yet."""
        await self._rooms.close()
        await self._gifts.close()


# The username of the user that TikTok is asked about, and the room's id, if one is given.
_Question = tuple[str, str | None]


class _Asker(Generic[T]):
    """Asks TikTok one kind of question: when its turn has come, unless TikTok blocks this server,
    and within a time limit. Every failure is raised as a RelayError.

    Args:
        ask: asks; may raise any exception of TikTokLive and httpx.
        network: the way out to TikTok.
        pacer: bounds the requests of this process to TikTok; None for no bound.
        shows_block: whether an answer tells if TikTok blocks this server's address. (TikTok refuses
            its list of gifts to others as well.)
    """

    def __init__(
        self,
        ask: Callable[[WebClient, _Question], Awaitable[T]],
        network: Network,
        pacer: Pacer | None,
        *,
        shows_block: bool,
    ) -> None:
        self._ask = ask
        self._network = network
        self._pacer = pacer
        self._shows_block = shows_block

    async def __call__(self, question: _Question) -> T:
        username, _room_id = question
        gate = self._network.web_gate
        gate.check(username)
        with gate.attempt(username) if self._shows_block else contextlib.nullcontext():
            try:
                async with asyncio.timeout(min(LONGEST_WAIT, settings.RELAY_CONNECT_TIMEOUT)):
                    if self._pacer is not None:
                        await self._pacer.turn(Priority.CONNECT)
                    return await self._ask(self._network.web(), question)
            except Exception as failure:
                if self._shows_block:
                    raise self._network.explain(failure, username) from failure
                raise explain(failure, username, asks_tiktok=True) from failure


async def _ask_for_room(web: WebClient, question: _Question) -> str | None:
    username, _ = question
    return await ask_for_room(web, username)


async def ask_for_room(web: WebClient, username: str) -> str | None:
    """Ask TikTok for the id of the room that the user is live in: one request, and another one if
    the user seems to be live. It has no time limit.

    Returns:
        The id; None if the user is not live.

    Raises:
        Exception: of TikTokLive or httpx; or the answer can't be read. See `failures.code_of`.
    """
    answer = await FetchRoomIdAPIRoute.fetch_user_room_data(web, username)
    try:
        room_id = room_id_of(FetchRoomIdAPIRoute.parse_room_id(answer))
    except UserOfflineError:
        return None
    if answer["data"]["liveRoom"]["status"] == _OFFLINE:
        return None
    # The status that TikTok has for the user may be of a LIVE that has ended. The room's own
    # status is up to date.
    answers = await FetchIsLiveRoute(web).fetch_is_live_room_ids(room_id)
    return str(room_id) if answers[0] is True else None


async def _ask_for_gifts(web: WebClient, question: _Question) -> Sequence[GiftKind]:
    _, room_id = question
    request = await web.build_request(
        url=webcast_address("/gift/list/"),
        method="GET",
        extra_params={} if room_id is None else {"room_id": room_id},
    )
    response = await web.httpx_client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_GIFT_LIST:
                raise ValueError("the gift list is too long")
    finally:
        await response.aclose()
    # The list has one or two megabytes. It is read in a thread, since that would block the event
    # loop.
    return await asyncio.to_thread(read_gift_list, bytes(body))
