"""Pieces of streams' logs, as they are handed from the event loop to the history's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from live.history.models import HoleKind
from live.protocol.errors import RelayError
from live.streams.log import Entry
from live.tiktok.rooms import Room

__all__ = ["End", "LiveInLog", "Newcomers", "Piece"]

_Streak = tuple[str, str, str]


@dataclass(eq=False, slots=True)
class LiveInLog:
    """One LIVE in one log, and what the history's thread remembers of it while it is counted.

    Attributes:
        epoch: of the log.
        room: None for what comes before the first LIVE of the log.
        is_begun: something of it has been written to the database.
        skip_until: TikTok tells what came before this time (ms since the epoch) again, and another
            log has had it. 0 for a log that had all of the LIVE.
        ongoing: while something is skipped, when the streaks that have not ended were told of last.
        unheard_gap_at: the offset of a `gap` that tells of a time in which nobody listened.
        listed: the accounts that are known to have heard it.
        is_stale: another log goes on with the LIVE; what this one has does not count.
    """

    username: str
    epoch: str
    room: Room | None
    is_begun: bool = False
    skip_until: int = 0
    ongoing: dict[_Streak, int] = field(default_factory=dict)
    unheard_gap_at: int = 0
    listed: set[int] = field(default_factory=set)
    is_stale: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Which row it has."""
        return self.username, self.room.id if self.room is not None else ""


@dataclass(frozen=True, slots=True)
class End:
    """How a LIVE, or the stream, ended.

    Attributes:
        reason: as `live.history.models.Live.end_reason`; empty where there was no LIVE.
        at: in ms since the epoch.
        error: why the stream has failed; None if it has not.
        is_offline: the streamer is not live any more, or was not when somebody began to listen.
    """

    reason: str
    at: int
    error: RelayError | None = None
    is_offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a log, which is of one LIVE, or of none. Times are ms since the epoch.

    Attributes:
        source: of which LIVE in which log.
        entries: its frames.
        until: the offset of its last entry or border.
        read_at: when it was read.
        heard_at: when TikTok could last be heard, for all that is known; 0 if that is not known.
        accounts: who listens to the stream now, by primary key.
        is_in_room: it is of a LIVE that is heard, and not of the time behind it.
        is_heard_elsewhere: sockets of other processes hear it, too.
        is_shared: other processes may have listeners of which this one does not know yet.
        begins_at: when the log tells that the LIVE is heard from here on; 0 if it goes on.
        gap_at: the offset at which a `gap` tells of the time before the LIVE was heard again.
        gap_kind: what kind of hole that is.
        lost_until: something is missing before this offset; 0 if nothing is.
        end: how the piece ends the LIVE or the stream; None if it does not.
    """

    source: LiveInLog
    entries: Sequence[Entry]
    until: int
    read_at: int
    heard_at: int = 0
    accounts: frozenset[int] = frozenset()
    is_in_room: bool = False
    is_heard_elsewhere: bool = False
    is_shared: bool = False
    begins_at: int = 0
    gap_at: int = 0
    gap_kind: HoleKind = HoleKind.UPSTREAM
    lost_until: int = 0
    end: End | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Newcomers:
    """Accounts that hear a LIVE, be it counted by another process, and may have no rows yet.

    Attributes:
        accounts: by primary key, each with the offset behind which it hears the LIVE.
        entries: what sinks are to be told of since the first of them came.
        until: the offset up to which the log was read for that.
    """

    source: LiveInLog
    accounts: Mapping[int, int]
    entries: Sequence[Entry]
    until: int

    @property
    def key(self) -> tuple[str, str]:
        return self.source.key
