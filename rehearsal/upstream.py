"""The upstream of the test endpoint: plays a generated LIVE or a recording, without a network."""

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
from live.tiktok.access import Accesses
from live.tiktok.rooms import Room
from live.tiktok.upstream import MessageListener
from rehearsal.plan import Plan, rehearsed
from standin import messages
from standin.messages import Message
from standin.scenario import Scenario, Steps

__all__ = ["RehearsalUpstream", "RehearsalUpstreams"]

# The seed of the generated LIVE. It is fixed: every LIVE has the same messages, so that a developer
# can compare what an app does with them.
_SEED = 1
# Seconds that connecting takes.
_CONNECT_TIME = 0.5
# Seconds after which the connection is lost, if the plan is `connection_lost`.
_CUT_AFTER = 3.0
# Seconds between heartbeats while no message comes.
_HEARTBEAT = 10.0
# Milliseconds in a second: recordings have times in ms.
_MS = 1000


class RehearsalUpstreams:
    """Makes the upstreams for the streams of one plan. Is an `UpstreamFactory`.

    It counts each stream's attempts to connect, since some plans fail at certain attempts only.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._attempts: WeakKeyDictionary[MessageListener, int] = WeakKeyDictionary()

    def __call__(
        self,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None = None,
        /,
    ) -> RehearsalUpstream:
        attempt = self._attempts[listener] = self._attempts.get(listener, 0) + 1
        return RehearsalUpstream(username, listener, self._plan, attempt)

    @property
    def needs_signature(self) -> bool:
        return True

    def seconds_closed(self, accesses: Accesses) -> float:
        return 0.0


class RehearsalUpstream:
    """An `Upstream` that plays messages instead of connecting to TikTok.

    Args:
        username: the streamer.
        listener: gets the messages.
        plan: what is played.
        attempt: the number of the stream's attempt to connect; 1 is the first.
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
        if self._plan.fail is not None and not self._succeeds_anyway():
            raise rehearsed(self._plan.fail, self._username)
        try:
            room, steps = self._room_and_steps()
        except (OSError, RecordingError) as failure:
            raise self._unplayable(failure) from None
        self._listener.on_open(room, "")
        self._task = asyncio.create_task(self._play(steps), name="rehearsal")

    async def closed(self) -> RelayError:
        if self._task is None:
            raise RuntimeError("not opened")
        await asyncio.wait([self._task])
        return self._task.result()

    async def close(self) -> None:
        await cancel_and_wait(self._task)
        self._files.close()

    def _succeeds_anyway(self) -> bool:
        """Whether this attempt connects although the plan is a failure.

        With `connection_lost`, the first attempt connects, and the connection is lost later. If
        the sockets wait for the streamer, the streamer is live from the second attempt on.
        """
        if self._plan.fail is ErrorCode.CONNECTION_LOST:
            return self._attempt == 1
        return self._plan.waits and self._attempt > 1

    def _room_and_steps(self) -> tuple[Room, Steps]:
        """Return the room, and the messages and pauses that are played.

        Raises:
            OSError, RecordingError: the recording can't be read.
        """
        if self._plan.recording is not None:
            file = open_recording(self._plan.recording)
            header, recorded = self._files.enter_context(file)
            return Room(header.room_id), _steps_of(recorded)
        room = Room(
            str(messages.next_msg_id()),
            title="Rehearsal",
            owner=Person(str(messages.user(self._username).id), self._username),
            started_at=SYSTEM_CLOCK.unix_ms(),
        )
        return room, iter(Scenario(random.Random(_SEED)))  # noqa: S311 -- no secret

    async def _play(self, steps: Steps) -> RelayError:
        """Play all messages, and return the error that ends the connection.

        After the last message of a recording, the listener is told that the LIVE has ended.
        """
        is_cut = self._plan.fail is ErrorCode.CONNECTION_LOST
        try:
            with messages.pictures_at(""):
                async with asyncio.timeout(_CUT_AFTER if is_cut else None):
                    await self._pass_on(steps)
            self._listener.on_messages([messages.end()])
        except TimeoutError:
            pass
        except (OSError, RecordingError) as failure:
            return self._unplayable(failure)
        return rehearsed(ErrorCode.CONNECTION_LOST, self._username)

    async def _pass_on(self, steps: Steps) -> None:
        due = asyncio.get_running_loop().time()
        for step in steps:
            if isinstance(step, float):
                due += step
                await self._wait_until(due)
            else:
                self._listener.on_messages([step])

    async def _wait_until(self, due: float) -> None:
        """Wait until a time of the event loop, and send heartbeats meanwhile, as TikTok does."""
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


def _steps_of(recorded: Iterable[Recorded]) -> Steps:
    """Yield a recording's messages, and before each the seconds since the one before it."""
    at = 0
    for message in recorded:
        yield (message.at - at) / _MS
        at = message.at
        yield Message(message.method, message.payload, int(message.id))
