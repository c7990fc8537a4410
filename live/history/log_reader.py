"""Reads one stream's log, piece by piece, in the event loop. Decodes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from live.history.models import EndReason, HoleKind
from live.history.pieces import End, LiveInLog, Piece
from live.protocol.errors import ErrorCode
from live.protocol.frames import FrameType
from live.streams.borders import Border, RoomBegan, RunEnded, StreamerOffline
from live.streams.log import Entry, EventLog

__all__ = ["LogReader", "StreamNow"]

# What is missed when it is gone.
_COUNTED = frozenset(
    {
        *(FrameType.COMMENT, FrameType.GIFT, FrameType.LIKE, FrameType.FOLLOW, FrameType.SHARE),
        *(FrameType.JOIN, FrameType.SUBSCRIBE, FrameType.VIEWERS, FrameType.BATTLE, FrameType.GAP),
        FrameType.LIVE_END,
    }
)


class StreamNow(NamedTuple):
    """What is known of a stream at the moment at which its log is read.

    Attributes:
        now: ms since the epoch.
        accounts: who hears it, by primary key.
        elsewhere: sockets of other processes hear it, too.
        is_connected: TikTok can be heard.
        is_shared: as `Piece.is_shared`.
    """

    now: int
    accounts: frozenset[int]
    elsewhere: bool
    is_connected: bool
    is_shared: bool = False


class LogReader:
    """A cursor on a stream's log. It outlives the stream, as the log does.

    Args:
        first_run: the number of the first run of the log that is this process's (see
            `live.streams.borders`).

    Attributes:
        position: the offset up to which the log was read.
        is_in_room: a LIVE is heard there, as far as the log tells.
    """

    def __init__(self, username: str, epoch: str, first_run: int) -> None:
        self.position = 0
        self.is_in_room = False
        self._username = username
        self._epoch = epoch
        self._first_run = first_run
        self._source = LiveInLog(username, epoch, None)
        self._gap_at = 0
        self._gap_kind = HoleKind.UPSTREAM
        self._last_end: Border | None = None

    def read(self, log: EventLog, end: int, most: int, state: StreamNow) -> Iterator[Piece]:
        """The pieces that follow, up to the offset `end`, with about `most` entries together."""
        while self.position < end and most > 0:
            placed = log.border_after(self.position)
            stop = end if placed is None else min(end, placed[0] - 1)
            if self.position < stop:
                piece = self._read_frames(log, stop, most, state)
                most -= len(piece.entries)
                yield piece
            elif placed is not None:
                offset, border = placed
                yield from self._pass(border, offset, _time_of(log, offset, state.now), state)

    def touch(self, state: StreamNow) -> Piece:
        """That nothing has happened in the LIVE, though it is heard."""
        return self._piece([], state)

    def leave(self, state: StreamNow) -> Piece:
        """That nobody listens any more, which the log does not tell."""
        self.is_in_room = False
        return self._piece([], state, end=End(EndReason.UNHEARD, state.now), is_in_room=True)

    def _read_frames(self, log: EventLog, stop: int, most: int, state: StreamNow) -> Piece:
        """Those of one LIVE, or between two."""
        entries: list[Entry] = []
        lost_until = 0
        if self.position < log.first - 1:
            gone = min(stop, log.first - 1)
            entries = log.lasting(self.position, gone)
            if log.missed(self.position, _COUNTED, gone) != {}:
                lost_until = gone
            self.position = gone
        newer = log.read(self.position, most, stop, others=False)
        self.position = stop if len(newer) < most else newer[-1].offset
        entries += newer
        return self._piece([each for each in entries if each.text], state, lost_until=lost_until)

    def _pass(self, border: Border, offset: int, at: int, state: StreamNow) -> Iterator[Piece]:
        self.position = offset
        if isinstance(border, RoomBegan):
            known = self._source.room
            if known is None or known.id != border.room.id:
                self._source = LiveInLog(self._username, self._epoch, border.room)
            else:
                self._source.room = border.room
            self.is_in_room = True
            self._gap_at, self._gap_kind = offset + 1, self._kind_of_gap()
            yield self._piece([], state, begins_at=at)
        else:
            was_in_room, self.is_in_room = self.is_in_room, False
            self._last_end = border
            error = border.error if isinstance(border, RunEnded) else None
            reason = ""
            is_offline = isinstance(border, StreamerOffline) or (
                error is not None and error.code is ErrorCode.USER_OFFLINE
            )
            if was_in_room and is_offline:
                reason = EndReason.ENDED
            elif was_in_room:
                reason = EndReason.UNHEARD if error is None else error.code
            if reason or error is not None or is_offline:
                end = End(reason, at, error, is_offline=is_offline)
                yield self._piece([], state, end=end, is_in_room=was_in_room)

    def _kind_of_gap(self) -> HoleKind:
        """Why the LIVE was not heard before this run of the log."""
        last = self._last_end
        if not isinstance(last, RunEnded) or last.error is not None:
            return HoleKind.UPSTREAM
        return HoleKind.UNHEARD if last.run >= self._first_run else HoleKind.STOPPED

    def _piece(
        self,
        entries: list[Entry],
        state: StreamNow,
        *,
        begins_at: int = 0,
        lost_until: int = 0,
        end: End | None = None,
        is_in_room: bool = False,
    ) -> Piece:
        return Piece(
            source=self._source,
            entries=entries,
            until=self.position,
            read_at=state.now,
            heard_at=state.now if state.is_connected and self.is_in_room else 0,
            accounts=state.accounts,
            is_in_room=is_in_room or self.is_in_room,
            is_heard_elsewhere=state.elsewhere,
            is_shared=state.is_shared,
            begins_at=begins_at,
            gap_at=self._gap_at,
            gap_kind=self._gap_kind,
            lost_until=lost_until,
            end=end,
        )


def _time_of(log: EventLog, offset: int, now: int) -> int:
    """When a border was appended; now, if that is forgotten."""
    for entry in log.read(offset - 1, 1, offset, others=False):
        return entry.at
    return now
