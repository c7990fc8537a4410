"""Records one LIVE to a file. It connects to TikTok as the relay does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.conf import settings

from live.clock import SYSTEM_CLOCK, Clock
from live.protocol.errors import ErrorCode, RelayError
from live.recordings.format import Header, Message, RecordingWriter, ends_live
from live.recordings.scrubbing import Scrubber
from live.tasks import cancel_and_wait
from live.tiktok.access import Access, OneAccess
from live.tiktok.decoding import DecodeError
from live.tiktok.failures import NOTHING_HEARD
from live.tiktok.rooms import Room
from live.tiktok.upstream import RawMessage, Upstream, UpstreamFactory
from live.tiktok.values import unsigned

__all__ = ["Recorder", "Result"]

_MS = 1000


class Result(NamedTuple):
    """The result of a recording.

    Attributes:
        started: whether the LIVE was reached, so that a file was created.
        messages: how many messages were recorded.
        seconds: how long was recorded.
        dropped: how many messages and push frames could not be decoded; the recording lacks them.
        error: what ended the recording too early; None if the LIVE ended, the time was up, or
            `stop` was called.
    """

    started: bool
    messages: int
    seconds: float
    dropped: int
    error: RelayError | OSError | None


class Recorder:
    """Records a LIVE until it ends, the time is up, `stop` is called, or something goes wrong.

    It is the `MessageListener` of its upstream.

    Args:
        username: whose LIVE to record.
        make_writer: creates the file. It is called when the connection is open, so that a failed
            attempt leaves no file. May raise OSError.
        scrubber: replaces personal data; None leaves messages as they are.
    """

    def __init__(
        self,
        username: str,
        make_writer: Callable[[Header], RecordingWriter],
        scrubber: Scrubber | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._username = username
        self._make_writer = make_writer
        self._scrubber = scrubber
        self._clock = clock
        self._writer: RecordingWriter | None = None
        self._began = 0.0  # when the recording began, on the monotonic clock
        self._heard = 0.0  # when TikTok last sent something, on the monotonic clock
        self._dropped = 0
        self._failure: OSError | None = None
        self._over = asyncio.Event()

    @property
    def messages(self) -> int | None:
        """How many messages are recorded so far; None before the LIVE is reached."""
        return None if self._writer is None else self._writer.messages

    def stop(self) -> None:
        """End the recording. What is recorded so far stays in the file."""
        self._over.set()

    async def record(
        self, make_upstream: UpstreamFactory, access: Access, seconds: float
    ) -> Result:
        """Connect to the LIVE and record it. May be called once.

        Args:
            make_upstream: makes the connection.
            access: what to connect with.
            seconds: how long to record at most, from the moment of connecting.

        Returns:
            The result. A failure of the connection or of the file is its `error`, and not raised.
        """
        upstream = make_upstream(self._username, OneAccess(access), self)
        error: RelayError | OSError | None = None
        opening = asyncio.ensure_future(self._watch(upstream, seconds))
        stopping = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait([opening, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not self._over.is_set():
                error = opening.result()
        finally:
            await cancel_and_wait(opening, stopping)
            ended = self._clock.monotonic()
            await upstream.close()
            self._close()
        return Result(
            started=self._writer is not None,
            messages=self._writer.messages if self._writer else 0,
            seconds=round(ended - self._began, 3) if self._writer else 0.0,
            dropped=self._dropped,
            error=self._failure or error,
        )

    async def _watch(self, upstream: Upstream, seconds: float) -> RelayError | None:
        """Connect, wait until the recording has to end, and return why; None if time is up."""
        try:
            await upstream.open()
            async with asyncio.timeout_at(self._began + seconds):
                return await self._connection_lost(upstream)
        except RelayError as refused:
            return refused
        except TimeoutError:
            return None

    async def _connection_lost(self, upstream: Upstream) -> RelayError:
        lost = asyncio.ensure_future(upstream.closed())
        try:
            while not lost.done():
                silent_in = self._heard + settings.RELAY_IDLE_TIMEOUT - self._clock.monotonic()
                if silent_in <= 0:
                    return RelayError(
                        ErrorCode.CONNECTION_LOST,
                        username=self._username,
                        reason=NOTHING_HEARD,
                    )
                await asyncio.wait([lost], timeout=silent_in)
            return lost.result()
        finally:
            await cancel_and_wait(lost)

    # --- MessageListener: called by the upstream ----------------------------------------------

    def on_open(self, room: Room, route: str) -> None:
        self._began = self._heard = self._clock.monotonic()
        scrubber = self._scrubber
        try:
            self._writer = self._make_writer(
                Header(
                    format="tiktok-live-recording",
                    version=1,
                    username=scrubber.name(self._username) if scrubber else self._username,
                    room_id=scrubber.written_id(room.id) if scrubber else room.id,
                    started_at=self._clock.unix_ms(),
                )
            )
        except OSError as refused:
            self._fail(refused)

    def on_messages(self, messages: Iterable[RawMessage]) -> None:
        self._heard = self._clock.monotonic()
        at = int((self._heard - self._began) * _MS)
        for message in messages:
            if self._over.is_set():
                return
            self._record(at, message)

    def on_heartbeat(self) -> None:
        self._heard = self._clock.monotonic()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self._heard = self._clock.monotonic()
        self._dropped += 1

    def _record(self, at: int, message: RawMessage) -> None:
        if self._writer is None:
            return
        method, payload, msg_id = message.method, message.payload, message.msg_id
        try:
            if self._scrubber is not None:
                payload = self._scrubber.message(method, payload, msg_id)
            self._writer.write(Message(at, method, str(unsigned(msg_id)), payload))
        except DecodeError:
            self._dropped += 1
        except OSError as refused:
            self._fail(refused)
        if ends_live(method, message.payload):
            self._over.set()

    def _close(self) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        except OSError as refused:
            self._fail(refused)

    def _fail(self, failure: OSError) -> None:
        self._failure = self._failure or failure
        self._over.set()
