"""The states of a stream, and which state may follow which.

Life cycle of a stream:

    NEW
     │ its task starts
     ▼            TikTok is connected              only heartbeats
    CONNECTING ──────────────────────► LIVE ◄──────────────────────► QUIET
     │                               ▲  ▲ │         a message          │
     │ the streamer is offline,      │  │ │                            │
     │ and a socket waits            │  │ ├── nothing is heard ◄───────┤
     ▼         connected             │  │ │         ▼                  │
    WAITING ─────────────────────────┘  │ │        DEAF                │
     ▲ │                      connected │ │ cut     │ closed           │ cut
     │ │ another failure                │ ▼         ▼                  │
     │ └───────────────────────────► RECONNECTING ◄────────────────────┘
     └─────────────────────────────────┘
           the streamer is offline, and a socket waits

    Every state may be followed by one of the two last ones:
    ENDED   the LIVE is over, or nobody listens any more
    FAILED  there is no connection, and the stream does not try again

`RULES` is the same as a table. Rare transitions that the picture leaves out are in it as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple

from msgspec import UNSET, UnsetType

from live.protocol.frames import State, Status

__all__ = ["RULES", "Rule", "StateMachine", "StreamState", "TransitionError"]

logger = logging.getLogger(__name__)


class StreamState(StrEnum):
    """What a stream is doing."""

    NEW = "new"
    CONNECTING = "connecting"
    WAITING = "waiting"
    LIVE = "live"
    QUIET = "quiet"
    DEAF = "deaf"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_connected(self) -> bool:
        """TikTok is connected and can be heard."""
        return self in {StreamState.LIVE, StreamState.QUIET}

    @property
    def is_last(self) -> bool:
        """The stream is over: no other state follows."""
        return not RULES[self].next


class Rule(NamedTuple):
    """What belongs to one state.

    Attributes:
        told_as: `state` of the status frame that tells clients; None where no frame does.
        next: the states that may follow.
    """

    told_as: State | None
    next: frozenset[StreamState]


def _rule(told_as: State | None, *following: StreamState) -> Rule:
    return Rule(told_as, frozenset(following))


_S = StreamState

RULES: Mapping[StreamState, Rule] = {
    # From NEW to FAILED: other processes have its log, and it can't be had.
    _S.NEW: _rule(None, _S.CONNECTING, _S.ENDED, _S.FAILED),
    _S.CONNECTING: _rule(State.CONNECTING, _S.LIVE, _S.WAITING, _S.ENDED, _S.FAILED),
    # A poll that fails for another reason than "offline" is tried again as after a cut.
    _S.WAITING: _rule(State.WAITING, _S.LIVE, _S.RECONNECTING, _S.ENDED, _S.FAILED),
    # From LIVE and QUIET to WAITING: the connection ended because the streamer went offline.
    _S.LIVE: _rule(State.LIVE, _S.QUIET, _S.DEAF, _S.RECONNECTING, _S.WAITING, _S.ENDED, _S.FAILED),
    _S.QUIET: _rule(
        State.QUIET, _S.LIVE, _S.DEAF, _S.RECONNECTING, _S.WAITING, _S.ENDED, _S.FAILED
    ),
    # From DEAF to LIVE: a message came after all, while the connection was being closed.
    _S.DEAF: _rule(State.DEAF, _S.LIVE, _S.RECONNECTING, _S.ENDED, _S.FAILED),
    # RECONNECTING follows itself: each attempt is announced.
    _S.RECONNECTING: _rule(
        State.RECONNECTING, _S.RECONNECTING, _S.LIVE, _S.WAITING, _S.ENDED, _S.FAILED
    ),
    _S.ENDED: _rule(None),
    _S.FAILED: _rule(None),
}


_BY_STATUS = {rule.told_as: state for state, rule in RULES.items() if rule.told_as is not None}


class TransitionError(RuntimeError):
    """A stream was to enter a state that may not follow the one it is in."""


class StateMachine:
    """Holds a stream's state, and makes the status frames that tell of it.

    Args:
        username: the streamer's, for the log of the server.
        tell: is given the status of each new state that clients are told of.

    Attributes:
        strict: whether a transition that is not in the table raises `TransitionError`. Otherwise it
            is logged as an error; it takes place all the same, unless the stream is over. Tests
            set it (`tests/conftest.py`).
        state: the one it is in.
        status: the newest status. Before the first one, that the stream connects: it is about to.
    """

    strict: ClassVar[bool] = False

    def __init__(self, username: str, tell: Callable[[Status], None]) -> None:
        self.state = StreamState.NEW
        self.status = Status(State.CONNECTING)
        self._username = username
        self._tell = tell

    def enter(
        self,
        state: StreamState,
        *,
        attempt: int | UnsetType = UNSET,
        retry_in: float | UnsetType = UNSET,
    ) -> None:
        """Go over to `state`.

        Args:
            attempt, retry_in: of RECONNECTING: which attempt comes next, and in how many seconds.

        Raises:
            TransitionError: `state` may not follow, and the machine is strict.
        """
        if state not in RULES[self.state].next:
            self._refuse(state)
            if self.state.is_last:
                return
        self.state = state
        logger.debug("stream @%s: %s", self._username, state)
        told_as = RULES[state].told_as
        if told_as is not None:
            self.status = Status(told_as, attempt=attempt, retry_in=retry_in)
            self._tell(self.status)

    def copy(self, status: Status) -> None:
        """Take over the state that another process has told of. Nobody is told."""
        self.status = status
        self.state = _BY_STATUS[status.state]

    def _refuse(self, state: StreamState) -> None:
        text = f"stream @{self._username}: {state} may not follow {self.state}"
        if self.strict:
            raise TransitionError(text)
        logger.error(text, extra={"stream": self._username})
