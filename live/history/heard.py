"""What is heard of LIVEs, piece by piece, for those who keep something of it.

`live.history` reads the logs of the streams that this process leads. It hands each piece of them to
its own counting, and then to all `Sink`s, in the one transaction in which it notes how far the log
is counted. So a sink that writes to the database gets each entry once, also when a process ends or
another one takes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from live.history.models import Live
from live.protocol.errors import RelayError
from live.streams.log import Entry

__all__ = ["Heard", "Sink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A piece of one stream's log. It is never of more than one LIVE.

    Attributes:
        username: the streamer's TikTok username.
        accounts: the primary keys of the accounts that hear it now; where several processes share
            streams, all that have heard the LIVE until now. What was counted before another process
            has noted that an account hears it is told later, in a piece of its own with gifts and
            subscriptions alone. Where `has_begun`, those for which it begins.
        live: the LIVE, with the sums up to the end of this piece; None where the stream has failed
            without one.
        entries: the frames, oldest first, without borders.
        has_begun: these accounts hear the LIVE for the first time, be it that it goes on already.
            Such a piece has no entries. There is one for each account and LIVE, in whichever
            process the account hears it; also after a restart.
        has_ended: TikTok said that the LIVE is over, or the streamer was found offline or in
            another LIVE; or the process that heard it has died, and for a quarter of an hour none
            has gone on. Nobody may hear it by then: it is of interest to all who have heard it.
        error: why the stream failed with this piece; None if it has not.
    """

    username: str
    accounts: frozenset[int]
    live: Live | None
    entries: Sequence[Entry]
    has_begun: bool = False
    has_ended: bool = False
    error: RelayError | None = None


class Sink(Protocol):
    """Writes something of what is heard to the database."""

    def write(self, heard: Sequence[Heard]) -> None:
        """Write it. It is called in the history's thread, within its transaction: nothing here may
        wait for anything but the database.

        Raises:
            DatabaseError: then all of the transaction is tried again later, with the same pieces.
        """
