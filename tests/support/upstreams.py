"""A scripted `Upstream`, and sockets that pull frames, for the tests of streams.

The factory of upstreams is the one seam where the relay is given something other than TikTok: end
to end, the same streams run against the stand-in.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from msgspec import UNSET, UnsetType

from live.clock import Clock
from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.sockets.delivery import Delivery
from live.streams.borders import RunEnded
from live.streams.followers import MAX_AHEAD
from live.streams.registry import Streams
from live.streams.sharing import Sharing
from live.streams.stream import LiveStream, StreamOptions
from live.tiktok.access import Access, Accesses, through
from live.tiktok.decoding import DecodeError
from live.tiktok.pacer import Priority
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGates
from live.tiktok.upstream import MessageListener
from standin.messages import Message
from tests.support.clock import VirtualClock, now, now_ms, settle
from tests.support.samples import read_frame

__all__ = ["HANGS", "FakeUpstream", "Socket", "World"]

HANGS = "hangs"
# What a look can be told. Other errors come of an attempt to connect only.
_ANSWERS_TO_LOOKS = {
    ErrorCode.USER_OFFLINE,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.TIKTOK_BLOCKED,
    ErrorCode.TIKTOK_TIMEOUT,
    ErrorCode.CONNECTION_LOST,
}


def failure(code: ErrorCode, **details: Any) -> RelayError:
    return RelayError(code, username="streamer", **details)


class World:
    """TikTok and the sign server, as far as streams see them, with a relay's streams in front.

    Attributes:
        answers: what becomes of the next attempts to connect: an error that is raised, `HANGS`,
            or None for a connection. When they run out, `then` is the answer.
        sign_answers: what the sign server answers to the next requests, (status, headers); after
            those, it signs.
        refused_keys: which status the sign server answers to requests with these API keys.
        connect_time, close_time: seconds that it takes.
        greeting: messages that come with the connection.
        room_id: of the LIVE that is on.
        started_at: when it began, as TikTok tells.
        upstreams: all that were made, oldest first.
        looks: when it was looked whether somebody is live. The next of the `answers` is told if it
            is one that a look can have; otherwise the streamer is live, and the attempt to connect
            that follows gets it.
        is_busy: whether others wait for their turn to ask TikTok.
        hastened: for whom somebody waited while it was looked.
        sign_requests: when they went out, by API key.
    """

    def __init__(
        self,
        *answers: Exception | str | None,
        seed: int = 1,
        rng: random.Random | None = None,
        clock: Clock | None = None,
        sharing: Sharing | None = None,
        **options: Any,
    ) -> None:
        self.answers = deque(answers)
        self.then: Exception | str | None = None
        self.sign_answers: deque[tuple[int, Mapping[str, str]]] = deque()
        self.refused_keys: dict[str, int] = {}
        self.connect_time = 0.5
        self.close_time = 0.25
        self.greeting: list[Message] = []
        self.room_id = "7000000000000000001"
        self.started_at: int | UnsetType = UNSET
        self.upstreams: list[FakeUpstream] = []
        self.sign_requests: list[tuple[str, float]] = []
        self.looks: list[float] = []
        self.priorities: list[Priority] = []
        self.hastened: list[str] = []
        self.is_busy = False
        self._another = asyncio.Event()
        self.gates = SignGates(clock=VirtualClock())
        self.rng = rng or random.Random(seed)
        self.options = StreamOptions(**options)
        self.streams = Streams(
            self, self.options, self.gates, self.rng, clock or VirtualClock(), self, sharing
        )

    # --- `UpstreamFactory` ---------------------------------------------------------------------

    needs_signature = True

    def seconds_closed(self, accesses: Accesses) -> float:
        return accesses.best().gate.seconds_closed

    def __call__(
        self,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None = None,
        /,
    ) -> FakeUpstream:
        made = FakeUpstream(self, username, accesses, listener, room_id)
        self.upstreams.append(made)
        self._another.set()
        return made

    # --- `Looks` -------------------------------------------------------------------------------

    async def room_of(self, username: str, priority: Priority) -> str | None:
        self.looks.append(now())
        self.priorities.append(priority)
        self._another.set()
        answer = self.answers[0] if self.answers else self.then
        if answer != HANGS and getattr(answer, "code", None) not in _ANSWERS_TO_LOOKS:
            await asyncio.sleep(self.connect_time)
            return self.room_id
        if self.answers:
            self.answers.popleft()
        await asyncio.sleep(self.connect_time)
        if isinstance(answer, Exception):
            raise answer
        await asyncio.Event().wait()
        return None

    def hasten(self, username: str) -> None:
        self.hastened.append(username)

    async def close(self) -> None:
        pass

    # -------------------------------------------------------------------------------------------

    async def looked(self, looks: int) -> None:
        """Wait until it was looked so many times."""
        while len(self.looks) < looks:
            self._another.clear()
            await self._another.wait()

    async def attempted(self, attempts: int) -> None:
        """Wait until so many connections were attempted."""
        while len(self.upstreams) < attempts:
            self._another.clear()
            await self._another.wait()

    @property
    def newest(self) -> FakeUpstream:
        return self.upstreams[-1]

    @property
    def attempts(self) -> list[float]:
        """When connections were attempted."""
        return [upstream.opened_at for upstream in self.upstreams]

    @property
    def open_upstreams(self) -> list[FakeUpstream]:
        return [upstream for upstream in self.upstreams if not upstream.closings]

    def socket(self, username: str = "streamer", **options: Any) -> Socket:
        return Socket(self, username, **options)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        """The world, whose streams are closed at the end; and nothing may be left of it."""
        try:
            yield self
        finally:
            await self.streams.close()
        self.assert_tidy()

    def assert_tidy(self) -> None:
        """Every connection was closed exactly once, and nothing is held on to."""
        assert [upstream.closings for upstream in self.upstreams] == [1] * len(self.upstreams)
        assert all(upstream.close_was_completed for upstream in self.upstreams)
        assert self.streams.is_empty


class FakeUpstream:
    """One attempt, as the `World` has it; once it is open, tests speak and cut through it."""

    def __init__(
        self,
        world: World,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None,
    ) -> None:
        self.username = username
        self.room_id = room_id
        self.opened_at = now()
        self.closings = 0
        self.was_opened = False
        self.close_was_completed = False
        self._world = world
        self._accesses = accesses
        self._listener = listener
        self._ended: asyncio.Future[RelayError] = asyncio.get_running_loop().create_future()

    # --- What streams call ---------------------------------------------------------------------

    async def open(self) -> None:
        world = self._world
        await through(self._accesses, self._connect)
        self.was_opened = True
        room = Room(world.room_id, "A title", started_at=world.started_at)
        self._listener.on_open(room, "signed")
        self._listener.on_messages(world.greeting)

    async def _connect(self, access: Access) -> None:
        world, gate = self._world, access.gate
        gate.check()
        answer = world.answers.popleft() if world.answers else world.then
        await asyncio.sleep(world.connect_time)
        if answer == HANGS:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        async with gate.request(self.username):
            world.sign_requests.append((gate.api_key, now()))
            if status := world.refused_keys.get(gate.api_key):
                gate.on_answer(status, {"ratelimit-reset": "600"})
                if status == HTTPStatus.FORBIDDEN:
                    raise RelayError(ErrorCode.SIGN_FORBIDDEN, username=self.username)
                gate.check()
            if world.sign_answers:
                status, headers = world.sign_answers.popleft()
                gate.on_answer(status, headers)
                gate.check()

    async def closed(self) -> RelayError:
        return await self._ended

    async def close(self) -> None:
        self.closings += 1
        await asyncio.sleep(self._world.close_time)
        self.close_was_completed = True

    # --- What tests call -----------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """It is open, or being closed: it may report."""
        return self.was_opened and not self.close_was_completed

    @property
    def was_cut(self) -> bool:
        return self._ended.done()

    def say(self, *messages: Message) -> None:
        self._listener.on_messages(messages)

    def beat(self) -> None:
        self._listener.on_heartbeat()

    def garble(self) -> None:
        self._listener.on_undecodable("push frame", DecodeError("broken"))

    def cut(self, reason: Exception | None = None) -> None:
        if reason is None or isinstance(reason, RelayError):
            self._ended.set_result(reason or failure(ErrorCode.CONNECTION_LOST))
        else:
            self._ended.set_exception(reason)


class Socket:
    """A phone's socket, reduced to what streams know of it. It takes frames when it is asked."""

    def __init__(
        self,
        world: World,
        username: str,
        *,
        wait: bool = False,
        since: Cursor | None = None,
        key: str = "",
        others: bool = False,
    ) -> None:
        self._world = world
        self._others = others
        self._wait = wait
        self._access = world.streams.access(key)
        self.stream: LiveStream = world.streams.join(
            username, self._access, wait=wait, since=since, others=others
        )
        self._since = since
        self._delivery = self._new_delivery()
        self._ended = False
        self.received: list[Any] = []

    def _new_delivery(self) -> Delivery:
        ahead = MAX_AHEAD if self.stream.is_following else 0
        return Delivery(self.stream.log, self._since, None, 0, now_ms, ahead)

    async def prepared(self) -> Socket:
        """Wait until the log is there, which may come from another process."""
        await self.stream.prepared()
        self._delivery = self._new_delivery()
        return self

    @property
    def resumed(self) -> bool:
        return self._delivery.resumed

    def frames(self) -> list[Any]:
        """All frames so far."""
        while not self._ended:
            parcels = self._delivery.pending()
            self.received += [read_frame(text) for parcel in parcels for text in parcel.texts]
            border = self._delivery.take_border()
            self._ended = isinstance(border, RunEnded) and border.run >= self.stream.run
            if border is None and not self._delivery.has_frames:
                break
        return self.received

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames()]

    def of_type(self, type: str) -> list[Any]:
        """The data of the frames of that type."""
        return [frame["data"] for frame in self.frames() if frame["type"] == type]

    def states(self) -> list[str]:
        return [status["state"] for status in self.of_type("status")]

    def comments(self) -> list[str]:
        return [comment["text"] for comment in self.of_type("comment")]

    def counts(self) -> Counter[str]:
        return Counter(self.types())

    @property
    def finished(self) -> bool:
        self.frames()
        return self._ended

    @property
    def cursor(self) -> Cursor:
        """The last one seen."""
        return Cursor.parse(self.frames()[-1]["cursor"])

    def refusal(self) -> RelayError | None:
        """Why a socket that does not wait would be closed now."""
        return None if self._wait else self.stream.offline

    @property
    def error(self) -> ErrorCode | None:
        return self.stream.error.code if self.stream.error else None

    def leave(self) -> None:
        self._world.streams.leave(self.stream, self._access, wait=self._wait, others=self._others)

    async def is_live(self) -> None:
        """Wait until the stream is connected."""
        while self.stream.status.state != "live":
            await self._next_frame()
        await settle()

    async def is_back(self) -> None:
        """Wait until the stream, whose connection was cut just now, is connected again."""
        while self.stream.status.state == "live":
            await self._next_frame()
        await self.is_live()

    async def is_over(self) -> None:
        """Wait until the stream has ended."""
        while not self.stream.over:
            await self._next_frame()
        await settle()

    async def _next_frame(self) -> None:
        assert not self.stream.over
        await self.stream.log.changed(self.stream.log.end)
