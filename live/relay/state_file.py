"""What a relay knows, in one file while no process runs: written at a stop, read at the next start.

It has the streams' logs, with the ids, streaks and snapshots that belong to them, the closed sign
gates, and the alerts that were told. So phones that come back with `since=` go on under the same
epoch, a sign server that has refused a key is not asked again before its time, and nobody is told
twice of what is still wrong. API keys are not in it, only keyed hashes of them.

A file is read once. Whatever is wrong with it, the server starts without it and says so in one
line of its log.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from live.alerts.alert import Alert
from live.alerts.watch import Alerts
from live.clock import Clock
from live.streams.registry import Streams
from live.streams.saved import (
    Age,
    Ms,
    RestoreError,
    SavedStream,
    decode_feed,
    decode_versioned,
    encode_feed,
    encode_versioned,
)
from live.tiktok.signgate import SavedGate

__all__ = ["StateFile"]

logger = logging.getLogger(__name__)

# Raised when the form of the file changes. Feeds in it have a version of their own.
_VERSION = 1
# Seconds that the clock may have been set back between the two processes.
_CLOCK_SET_BACK = 60


class _Stream(msgspec.Struct, array_like=True):
    """A `SavedStream`, whose feed is bytes already."""

    username: str
    feed: bytes
    keep_for: Age


class _State(msgspec.Struct, array_like=True):
    at: Ms
    streams: list[_Stream]
    gates: list[SavedGate]
    alerts: list[Alert] = []


class StateFile:
    """The state file of one relay. Belongs to one event loop.

    Args:
        path: of the file. Beside it there is one with `.new` at the end while it is written, and
            one with `.read` while it is read.
        longest: seconds after which a file is too old.

    Attributes:
        alerts: what is told of the server; None if nothing is.
    """

    def __init__(self, path: Path, streams: Streams, clock: Clock, longest: float) -> None:
        self.alerts: Alerts | None = None
        self._path = path
        self._streams = streams
        self._clock = clock
        self._longest = longest
        self._is_restored = False
        self._is_saved = False

    def restore(self) -> None:
        """Take over what the last process has left, when that has not been done yet. To be called
        before the first socket is served: it reads the file and waits for the disk."""
        if self._is_restored:
            return
        self._is_restored = True
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            logger.warning(
                "RELAY_STATE_FILE: nothing can be written in %s, so a restart will lose what phones"
                " have not got yet",
                self._path.parent,
            )
        try:
            given = self._taken()
            if given is not None:
                self._restore(given)
        except OSError as failure:
            self._ignored(failure.strerror or "it can't be read")
        except RestoreError as failure:
            self._ignored(str(failure))

    def save(self) -> Callable[[], None] | None:
        """Take what there is. To be called when the streams have stopped, once: a second call does
        nothing. Without a `restore` before, no socket was served, and nothing is kept.

        Returns:
            What writes the file, to be called in a thread: it waits for the disk, and raises
            nothing. None if there is nothing to write.
        """
        if self._is_saved or not self._is_restored:
            return None
        self._is_saved = True
        streams, gates = self._streams.save(), self._streams.sign_gates.save()
        alerts = self.alerts.save() if self.alerts is not None else []
        if not (streams or gates or alerts):
            return None
        return partial(self._write, self._clock.unix_ms(), streams, gates, alerts)

    def _taken(self) -> bytes | None:
        """What the file has; it is gone then, so that no other process reads it again."""
        taken = self._path.with_name(f"{self._path.name}.read")
        try:
            self._path.rename(taken)
        except FileNotFoundError:
            return None
        try:
            return taken.read_bytes()
        finally:
            taken.unlink()

    def _restore(self, given: bytes) -> None:
        state = decode_versioned(given, _VERSION, _State)
        age = (self._clock.unix_ms() - state.at) / 1000
        if not -_CLOCK_SET_BACK <= age <= self._longest:
            raise RestoreError(f"it is {age:.0f} s old, and {self._longest:.0f} s is the most")
        self._streams.restore(
            SavedStream(stream.username, decode_feed(stream.feed), stream.keep_for)
            for stream in state.streams
        )
        self._streams.sign_gates.restore(state.gates)
        if self.alerts is not None:
            self.alerts.restore(state.alerts)
        logger.info("%d streams of before the restart can go on", len(state.streams))

    def _ignored(self, why: str) -> None:
        reason = " ".join(why.split())[:200]
        logger.warning("The state file %s is ignored: %s", self._path, reason)

    def _write(
        self,
        at: int,
        streams: Sequence[SavedStream],
        gates: list[SavedGate],
        alerts: list[Alert],
    ) -> None:
        """Write the file under another name first, so that it is there as a whole or not at all."""
        new = self._path.with_name(f"{self._path.name}.new")
        encoded = [each for stream in streams if (each := _encoded(stream))]
        try:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
            with open(new, "xb", opener=_private) as file:
                file.write(encode_versioned(_VERSION, _State(at, encoded, gates, alerts)))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except (OSError, RestoreError) as failure:
            logger.error("The state file %s could not be written: %s", self._path, failure)
        else:
            logger.info("%d streams are kept for the next start", len(encoded))


def _encoded(stream: SavedStream) -> _Stream | None:
    """None, with a line in the log, for a stream that has a number that can't be written."""
    try:
        return _Stream(stream.username, encode_feed(stream.feed), stream.keep_for)
    except RestoreError as failure:
        logger.error("The stream @%s can't be kept: %s", stream.username, failure)
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
