"""The upstream of the test endpoint: a LIVE that is generated, or was recorded. No network."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from live.clock import SYSTEM_CLOCK
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import Person
from live.recordings.format import Message as Recorded
from live.recordings.format import RecordingError, open_recording
from live.tasks import cancel_and_wait
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate
from live.tiktok.upstream import MessageListener
from rehearsal.plan import Plan, rehearsed
from standin import messages
from standin.messages import Message
from standin.programme import Act, Programme

__all__ = ["RehearsalUpstream", "Stage"]

# The same comments each time: what an app makes of them can be compared.
_SEED = 1
# Seconds that a connection takes; after which one is cut that is to be lost; between heartbeats.
_CONNECT_TIME = 0.5
_CUT_AFTER = 3.0
_HEARTBEAT = 10.0
_MS = 1000


class Stage:
    """Makes the connections of one plan's streams. Is an `UpstreamFactory`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._attempts: WeakKeyDictionary[MessageListener, int] = WeakKeyDictionary()

    def __call__(
        self, username: str, gate: SignGate, listener: MessageListener
    ) -> RehearsalUpstream:
        attempt = self._attempts[listener] = self._attempts.get(listener, 0) + 1
        return RehearsalUpstream(username, listener, self._plan, attempt)


class RehearsalUpstream:
    """The `Upstream` that connects to nothing.

    Args:
        attempt: of the stream to connect; 1 is the first.
    """

    def __init__(self, username: str, listener: MessageListener, plan: Plan, attempt: int) -> None:
        self._username = username
        self._listener = listener
        self._plan = plan
        self._attempt = attempt
        self._files = contextlib.ExitStack()
        self._task: asyncio.Task[RelayError] | None = None

    async def open(self) -> None:
        await asyncio.sleep(_CONNECT_TIME)
        if self._plan.fail is not None and not self._is_spared():
            raise rehearsed(self._plan.fail, self._username)
        try:
            room, act = self._begin()
        except (OSError, RecordingError) as failure:
            raise self._unplayable(failure) from None
        self._listener.on_open(room)
        self._task = asyncio.create_task(self._play(act), name="rehearsal")

    async def closed(self) -> RelayError:
        if self._task is None:
            raise RuntimeError("not opened")
        await asyncio.wait([self._task])
        return self._task.result()

    async def close(self) -> None:
        await cancel_and_wait(self._task)
        self._files.close()

    def _is_spared(self) -> bool:
        """Whether this attempt goes well all the same: a connection must be there to be lost, and
        a streamer who is waited for comes."""
        if self._plan.fail is ErrorCode.CONNECTION_LOST:
            return self._attempt == 1
        return self._plan.waits and self._attempt > 1

    def _begin(self) -> tuple[Room, Act]:
        """The room, and what will happen in it.

        Raises:
            OSError, RecordingError: the recording can't be read.
        """
        if self._plan.recording is not None:
            file = open_recording(self._plan.recording)
            header, recorded = self._files.enter_context(file)
            return Room(header.room_id), _act_of(recorded)
        room = Room(
            str(messages.next_msg_id()),
            title="Rehearsal",
            owner=Person(str(messages.user(self._username).id), self._username),
            started_at=SYSTEM_CLOCK.unix_ms(),
        )
        return room, iter(Programme(random.Random(_SEED)))  # noqa: S311 -- no secret

    async def _play(self, act: Act) -> RelayError:
        """Returns why it is over; a recording's end is that of the LIVE."""
        is_cut = self._plan.fail is ErrorCode.CONNECTION_LOST
        try:
            with messages.pictures_at(""):
                async with asyncio.timeout(_CUT_AFTER if is_cut else None):
                    await self._pass_on(act)
            self._listener.on_messages([messages.end()])
        except TimeoutError:
            pass
        except (OSError, RecordingError) as failure:
            return self._unplayable(failure)
        return rehearsed(ErrorCode.CONNECTION_LOST, self._username)

    async def _pass_on(self, act: Act) -> None:
        due = asyncio.get_running_loop().time()
        for happening in act:
            if isinstance(happening, float):
                due += happening
                await self._wait_until(due)
            else:
                self._listener.on_messages([happening])

    async def _wait_until(self, due: float) -> None:
        """As TikTok does, show signs of life meanwhile."""
        loop = asyncio.get_running_loop()
        while (left := due - loop.time()) > _HEARTBEAT:
            await asyncio.sleep(_HEARTBEAT)
            self._listener.on_heartbeat()
        await asyncio.sleep(max(0.0, left))

    def _unplayable(self, failure: Exception) -> RelayError:
        said = failure.strerror if isinstance(failure, OSError) else str(failure)
        return RelayError(
            ErrorCode.INTERNAL_ERROR,
            username=self._username,
            said=f"the recording can't be played: {said}",
        )


def _act_of(recorded: Iterable[Recorded]) -> Act:
    at = 0
    for message in recorded:
        yield (message.at - at) / _MS
        at = message.at
        yield Message(message.method, message.payload, int(message.id))
