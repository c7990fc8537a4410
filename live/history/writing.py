"""Writes pieces of streams' logs into the database, in one transaction, in the history's thread.

How far a log is counted stands in the LIVE's row: the log's epoch, and the offset there. It is
read, compared and written while that row is held. So whoever writes the same piece again, in this
process or in another one, writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone
from msgspec import UNSET

from accounts.models import User
from live.clock import from_ms, to_ms
from live.history.curve import curve_of
from live.history.heard import Heard, Sink
from live.history.models import TITLE_LENGTH, EndReason, HoleKind, Live, LiveListener
from live.history.pieces import End, LiveInLog, Newcomers, Piece
from live.history.rows import add_all, save_lives
from live.history.tally import NewHole, Tally, clean
from live.history.turns import give_way, in_turns
from live.protocol.errors import RelayError
from live.protocol.frames import FrameType
from live.streams.log import Entry

__all__ = ["Writer"]

logger = logging.getLogger(__name__)

# A LIVE that is heard so much later than it began has a hole before that. In ms.
_LATE = 60_000
# A beginning that is older is an error of TikTok's, in ms.
_OLDEST = 30 * 86_400_000
# After so many entries other threads get their turn: they take about a millisecond.
_TURN = 128
# A LIVE of which nothing was written for so long is not heard any more: the process that heard it
# has died. And how many of them one transaction ends.
_FORGOTTEN = timedelta(minutes=15)
_FORGOTTEN_AT_ONCE = 20
# What viewers do in a LIVE that goes on.
_OF_VIEWERS = frozenset(
    {
        *(FrameType.COMMENT, FrameType.GIFT, FrameType.LIKE, FrameType.FOLLOW, FrameType.SHARE),
        *(FrameType.JOIN, FrameType.SUBSCRIBE),
    }
)
# The columns of a LIVE that change.
_CHANGING = (
    *("title", "began_at", "heard_from", "heard_until", "end_reason", "likes", "comments"),
    *("shares", "follows", "joins", "subscriptions", "gifts", "diamonds", "viewers_told"),
    *("viewers_sum", "viewers_peak", "viewers_peak_at", "viewers_total", "likes_total"),
    *("gifter_count", "hole_count", "biggest_gifts", "curve", "epoch", "offset", "counted_until"),
)


@dataclass(slots=True)
class _Part:
    """What one transaction counts of one LIVE in one log."""

    source: LiveInLog
    live: Live | None
    has_ended: bool = False
    error: RelayError | None = None
    accounts: set[int] = field(default_factory=set)
    listeners: set[int] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    tally: Tally | None = None

    @property
    def unlisted(self) -> set[int]:
        """The listeners that are not known to have their rows."""
        return self.listeners - self.source.listed


class _Arrived(NamedTuple):
    """Newcomers that get their rows. `counted` is how far their log was counted before."""

    newcomers: Newcomers
    live: Live
    counted: int


class Writer:
    """Belongs to the history's thread.

    Args:
        sinks: get what was heard, in the same transaction.
    """

    def __init__(self, sinks: Collection[Sink] = ()) -> None:
        self._sinks = sinks
        self._broken: set[Sink] = set()  # of those the log knows

    def write(
        self, pieces: Sequence[Piece], newcomers: Collection[Newcomers] = ()
    ) -> list[Newcomers]:
        """Count the pieces, and note who listens. All of it, or nothing.

        From the transaction in which an account gets its row, whoever counts the LIVE tells sinks
        of it. What was counted before, and since the account came, they are told here.

        Args:
            pieces: in their order, for each log.
            newcomers: of LIVEs that other processes may count.

        Returns:
            Those that have their rows now. The LIVEs of the others are not there yet, or more of
            them is counted than this process has.

        Raises:
            DatabaseError: nothing is written, for all that is known. It may be tried again.
        """
        with transaction.atomic(durable=True):
            lives = self._lives(pieces, newcomers)
            arrived = [
                _Arrived(each, live, live.offset if live.epoch == each.source.epoch else 0)
                for each in newcomers
                if (live := lives.get(each.key)) is not None
            ]
            arrived = [each for each in arrived if each.counted <= each.newcomers.until]
            parts = self._count(pieces, lives)
            passed = _end_passed(pieces, lives)
            tallies = [
                (part.live, part.tally)
                for part in parts
                if part.live is not None and part.tally is not None
            ]
            longer = add_all(tallies)
            ended = [part.live for part in parts if part.live is not None and part.has_ended]
            for live in {*longer, *ended, *passed}:
                live.curve = curve_of(live)
                give_way()
            save_lives({*(live for live, _tally in tallies), *passed}, _CHANGING)
            new = _list_listeners(
                {(part.live, account) for part in parts if part.live for account in part.unlisted}
                | {(each.live, account) for each in arrived for account in each.newcomers.accounts}
            )
            self._tell_sinks(
                [
                    *_beginnings(new, ended),
                    *_counted_before(arrived, new),
                    *map(_heard, parts),
                    *map(_over, passed),
                ]
            )
        for part in parts:
            part.source.is_begun = part.source.is_begun or part.live is not None
            part.source.listed |= part.listeners
        return [each.newcomers for each in arrived]

    def end_forgotten(self) -> int:
        """Note that LIVEs are not heard any more whose process has died. Returns how many.

        Raises:
            DatabaseError: as `write`.
        """
        since = timezone.now() - _FORGOTTEN
        with transaction.atomic(durable=True):
            rows = Live.objects.filter(end_reason="", heard_until__lt=since).order_by("pk")
            lives = list(rows.select_for_update()[:_FORGOTTEN_AT_ONCE])
            for live in lives:
                live.end_reason = EndReason.UNHEARD
                live.curve = curve_of(live)
            save_lives(lives, _CHANGING)
            self._tell_sinks([_over(live) for live in lives])
        return len(lives)

    # --- The LIVEs -----------------------------------------------------------------------------

    def _lives(
        self, pieces: Iterable[Piece], newcomers: Iterable[Newcomers]
    ) -> dict[tuple[str, str], Live]:
        """The rows of the pieces' and the newcomers' LIVEs, and of those that the pieces may end,
        held until the end of the transaction."""
        keys = {piece.source.key for piece in pieces if piece.source.room is not None}
        found = _held(keys | {each.key for each in newcomers}, set(_whereabouts(pieces)))
        wanted: dict[tuple[str, str], Piece] = {}
        for piece in pieces:
            if piece.source.key not in found and _may_begin(piece):
                wanted.setdefault(piece.source.key, piece)
        new = [_new_live(piece) for piece in wanted.values() if _is_wanted(piece)]
        if new:
            Live.objects.bulk_create(new, ignore_conflicts=True)
            found |= _held({(live.tiktok_username, live.room_id) for live in new})
        return found

    def _count(self, pieces: Sequence[Piece], lives: dict[tuple[str, str], Live]) -> list[_Part]:
        by_source: dict[LiveInLog, list[Piece]] = {}
        for piece in pieces:
            by_source.setdefault(piece.source, []).append(piece)
        keepers = _keepers(pieces, lives.values())
        elsewhere = _heard_elsewhere(pieces, lives)
        parts = []
        for source, own in by_source.items():
            live = lives.get(source.key)
            part = _Part(source, live)
            part.accounts = {account for piece in own for account in piece.accounts}
            if live is None:
                part.error = next((p.end.error for p in own if p.end is not None), None)
                parts.append(part)
            elif _goes_on_with(part, live, own[0]):
                part.accounts |= elsewhere.get(live.pk, set())
                self._count_part(part, live, own, keepers.get(live.pk, set()))
                parts.append(part)
        return parts

    def _count_part(
        self, part: _Part, live: Live, pieces: Sequence[Piece], keepers: set[int]
    ) -> None:
        tally = part.tally
        assert tally is not None
        for piece in pieces:
            before = live.offset
            if piece.until < before:
                continue
            is_new = piece.until > before
            if piece.is_in_room and (is_new or piece.heard_at):
                part.listeners |= piece.accounts
            if piece.lost_until > before:
                since = tally.newest or live.counted_until or to_ms(live.heard_from)
                until = piece.entries[0].at if piece.entries else piece.read_at
                # However short: something is missing.
                _add_hole(tally, HoleKind.OVERRUN, since, max(until, since + 1))
            if piece.begins_at and is_new:
                _begin(live, piece)
            counted = len(part.entries)
            self._count_entries(part, piece, before, keepers)
            live.offset = piece.until
            if live.end_reason == EndReason.ENDED:
                _reopen(tally, live, part.entries[counted:])
            if live.end_reason != EndReason.ENDED:
                heard = [to_ms(live.heard_until), piece.heard_at, tally.newest]
                if piece.end is not None and piece.end.reason and piece.end.error is None:
                    heard.append(piece.end.at)
                live.heard_until = from_ms(max(heard))
            if tally.is_live_over:
                _end(part, live, End(EndReason.ENDED, tally.ended_at))
                tally.is_live_over = False
            elif piece.heard_at and live.end_reason == EndReason.UNHEARD:
                live.end_reason = ""  # it was heard all the time, in another process
            if piece.end is not None and (is_new or piece.end.error is None):
                _end(part, live, piece.end)
        live.counted_until = max(live.counted_until, tally.newest)
        if tally.viewers_peak_at and tally.sums.viewers_peak > live.viewers_peak:
            live.viewers_peak_at = from_ms(tally.viewers_peak_at)

    def _count_entries(
        self, part: _Part, piece: Piece, behind: int, keepers: Collection[int]
    ) -> None:
        tally = part.tally
        assert tally is not None
        assert part.live is not None
        # Accounts of other processes may be those that want lines.
        with_lines = bool(keepers) and (
            piece.is_heard_elsewhere or not piece.accounts.isdisjoint(keepers)
        )
        for entry in in_turns(piece.entries, _TURN):
            if entry.offset <= behind:
                continue
            if entry.type is FrameType.GAP and part.live.end_reason == EndReason.ENDED:
                continue  # nothing of a LIVE that is over is missing
            kind = HoleKind.UPSTREAM
            if entry.offset == piece.gap_at:
                kind = piece.gap_kind
            if entry.offset == part.source.unheard_gap_at and kind is HoleKind.UPSTREAM:
                kind = HoleKind.UNHEARD
            if tally.add(entry, part.source, piece.read_at, kind, with_lines=with_lines):
                part.entries.append(entry)

    # --- Sinks ---------------------------------------------------------------------------------

    def _tell_sinks(self, heard: Iterable[Heard]) -> None:
        heard = [
            each
            for each in heard
            if each.entries or each.has_begun or each.has_ended or each.error is not None
        ]
        for sink in self._sinks if heard else ():
            try:
                with transaction.atomic():
                    sink.write(heard)
            except DatabaseError:
                raise
            except Exception:
                if sink not in self._broken:
                    self._broken.add(sink)
                    logger.exception("%s has failed; LIVEs are kept all the same", sink)


def _may_begin(piece: Piece) -> bool:
    """Whether it tells of a LIVE, so that there has to be a row."""
    if piece.source.room is None:
        return False
    says_something = any(entry.type is not FrameType.STATUS for entry in piece.entries)
    return bool(piece.begins_at or says_something)


def _is_wanted(piece: Piece) -> bool:
    """Whether a LIVE without a row gets one. One that was deleted while it was heard gets none,
    unless an account is left that hears it."""
    return not piece.source.is_begun or User.objects.filter(pk__in=piece.accounts).exists()


def _new_live(piece: Piece) -> Live:
    room = piece.source.room
    assert room is not None
    heard_from = piece.begins_at or piece.entries[0].at
    began_at = heard_from
    if room.started_at is not UNSET and heard_from - _OLDEST < room.started_at < heard_from:
        began_at = room.started_at
    return Live(
        tiktok_username=piece.source.username,
        room_id=room.id,
        began_at=from_ms(began_at),
        heard_from=from_ms(heard_from),
        heard_until=from_ms(heard_from),
    )


def _held(
    keys: Collection[tuple[str, str]], usernames: Collection[str] = ()
) -> dict[tuple[str, str], Live]:
    """These LIVEs, and those of the usernames that have not ended."""
    if not keys and not usernames:
        return {}
    wanted = reduce(
        or_,
        (Q(tiktok_username=name, room_id=room) for name, room in keys),
        Q(tiktok_username__in=usernames, end_reason=""),
    )
    # In one order, so that two processes don't wait for each other.
    rows = Live.objects.filter(wanted).order_by("pk").select_for_update()
    return {(live.tiktok_username, live.room_id): live for live in rows}


def _goes_on_with(part: _Part, live: Live, piece: Piece) -> bool:
    """Take the LIVE over from the log before, if that has not been done. Returns whether what this
    log has counts."""
    source = part.source
    part.tally = tally = Tally(min(to_ms(live.began_at), to_ms(live.heard_from)), _owner_id(source))
    if live.epoch == source.epoch:
        return True
    if source.is_begun and live.epoch:
        if not source.is_stale:
            source.is_stale = True
            logger.warning("@%s: another process goes on with its LIVE", source.username)
        return False
    began = piece.begins_at or piece.read_at
    if live.epoch:
        source.skip_until = live.counted_until
        kind = HoleKind.UNHEARD if live.end_reason else HoleKind.STOPPED
        if live.end_reason != EndReason.ENDED:
            _add_hole(tally, kind, to_ms(live.heard_until), began)
    else:
        began_at, heard_from = to_ms(live.began_at), to_ms(live.heard_from)
        if heard_from - began_at >= _LATE:
            _add_hole(tally, HoleKind.LATE, began_at, heard_from)
    live.epoch, live.offset = source.epoch, 0
    return True


def _owner_id(source: LiveInLog) -> str:
    owner = source.room.owner if source.room is not None else UNSET
    return "" if owner is UNSET else owner.id


def _begin(live: Live, piece: Piece) -> None:
    """It is heard from here on, perhaps again."""
    room = piece.source.room
    assert room is not None
    if live.end_reason == EndReason.ENDED:
        return  # apps come back to a LIVE that is over, and find nothing (see `_reopen`)
    if live.end_reason == EndReason.UNHEARD:
        piece.source.unheard_gap_at = piece.gap_at
    live.end_reason = ""
    live.title = clean(room.title, TITLE_LENGTH) or live.title
    live.heard_until = max(live.heard_until, from_ms(piece.begins_at))
    if room.counts is not UNSET:
        if room.counts.total_viewers is not UNSET:
            live.viewers_total = max(live.viewers_total or 0, min(room.counts.total_viewers, 2**62))
        if room.counts.likes is not UNSET:
            live.likes_total = max(live.likes_total or 0, min(room.counts.likes, 2**62))


def _reopen(tally: Tally, live: Live, entries: Sequence[Entry]) -> None:
    """A LIVE that was taken for ended goes on, if viewers do something in it."""
    first = next((entry for entry in entries if entry.type in _OF_VIEWERS), None)
    if first is not None:
        live.end_reason = ""
        _add_hole(tally, HoleKind.UNHEARD, to_ms(live.heard_until), first.at)


def _whereabouts(pieces: Iterable[Piece]) -> dict[str, tuple[int, str]]:
    """Where streamers were found last, by username: when (ms since the epoch), and in which room;
    the empty one is none."""
    found: dict[str, tuple[int, str]] = {}
    for piece in pieces:
        if piece.begins_at:
            found[piece.source.username] = piece.begins_at, piece.source.key[1]
        elif piece.end is not None and piece.end.is_offline:
            found[piece.source.username] = piece.end.at, ""
    return found


def _end_passed(pieces: Iterable[Piece], lives: Mapping[tuple[str, str], Live]) -> list[Live]:
    """End the LIVEs that nobody counts any more, since their process has died, and whose streamer
    was found elsewhere after that."""
    found = _whereabouts(pieces)
    passed = []
    for live in lives.values():
        at, room_id = found.get(live.tiktok_username, (0, ""))
        if live.room_id != room_id and not live.end_reason and to_ms(live.heard_until) <= at:
            live.end_reason = EndReason.ENDED
            passed.append(live)
    return passed


def _end(part: _Part, live: Live, end: End) -> None:
    part.error = part.error or end.error
    if not end.reason or live.end_reason == EndReason.ENDED:
        return
    live.end_reason = end.reason
    if end.reason == EndReason.ENDED:
        part.has_ended = True


def _add_hole(tally: Tally, kind: HoleKind, began_at: int, ended_at: int) -> None:
    if began_at < ended_at:
        tally.holes.append(NewHole(kind, began_at, ended_at))


# --- Who hears it ------------------------------------------------------------------------------


def _keepers(pieces: Iterable[Piece], lives: Iterable[Live]) -> dict[int, set[int]]:
    """The accounts that want transcripts, by LIVE: of those that hear it, and have heard it."""
    accounts: dict[tuple[str, str], set[int]] = {}
    for piece in pieces:
        accounts.setdefault(piece.source.key, set()).update(piece.accounts)
    everybody = set().union(*accounts.values())
    wanting = set(
        User.objects.filter(pk__in=everybody, keeps_transcripts=True).values_list("pk", flat=True)
    )
    by_live = {
        live.pk: wanting & accounts.get((live.tiktok_username, live.room_id), set())
        for live in lives
    }
    known = LiveListener.objects.filter(live__in=by_live, account__keeps_transcripts=True)
    for live_id, account in known.values_list("live_id", "account_id"):
        by_live[live_id].add(account)
    return by_live


def _heard_elsewhere(
    pieces: Iterable[Piece], lives: Mapping[tuple[str, str], Live]
) -> dict[int, set[int]]:
    """The accounts that have heard the LIVEs which other processes may hear, too: those list their
    own. Whether they hear them just now may not be known here in time."""
    keys = {p.source.key for p in pieces if p.is_heard_elsewhere or p.is_shared}
    live_ids = [lives[key].pk for key in keys if key in lives]
    accounts: dict[int, set[int]] = {}
    if live_ids:
        known = LiveListener.objects.filter(live__in=live_ids)
        for live_id, account in known.values_list("live_id", "account_id"):
            accounts.setdefault(live_id, set()).add(account)
    return accounts


def _list_listeners(wanted: Collection[tuple[Live, int]]) -> dict[Live, set[int]]:
    """Note which accounts hear the LIVEs, whose rows the caller holds. Returns those that had not
    heard them before. An account may have been deleted meanwhile."""
    if not wanted:
        return {}
    accounts = {account for _live, account in wanted}
    existing = set(User.objects.filter(pk__in=accounts).values_list("pk", flat=True))
    rows = LiveListener.objects.filter(
        live__in={live.pk for live, _account in wanted}, account__in=accounts
    )
    listed = set(rows.values_list("live_id", "account_id"))
    new: dict[Live, set[int]] = {}
    for live, account in wanted:
        if account in existing and (live.pk, account) not in listed:
            new.setdefault(live, set()).add(account)
    LiveListener.objects.bulk_create(
        [
            LiveListener(live=live, account_id=account, began_at=live.began_at)
            for live, those in new.items()
            for account in those
        ]
    )
    return new


# --- What sinks are told ------------------------------------------------------------------------


def _beginnings(new: Mapping[Live, set[int]], ended: Collection[Live]) -> Iterator[Heard]:
    """That accounts hear a LIVE for the first time; unless it was over before."""
    for live, accounts in new.items():
        if not live.end_reason or live in ended:
            yield Heard(
                username=live.tiktok_username,
                accounts=frozenset(accounts),
                live=live,
                entries=(),
                has_begun=True,
            )


def _counted_before(
    arrived: Iterable[_Arrived], new: Mapping[Live, Collection[int]]
) -> Iterator[Heard]:
    """What was counted of a LIVE after accounts came, and before they got their rows."""
    told: set[tuple[Live, int]] = set()
    for newcomers, live, counted in arrived:
        by_offset: dict[int, set[int]] = {}
        for account, since in newcomers.accounts.items():
            if account in new.get(live, ()) and (live, account) not in told:
                told.add((live, account))
                by_offset.setdefault(since, set()).add(account)
        for since, accounts in by_offset.items():
            entries = [each for each in newcomers.entries if since < each.offset <= counted]
            yield Heard(
                username=live.tiktok_username,
                accounts=frozenset(accounts),
                live=live,
                entries=entries,
            )


def _heard(part: _Part) -> Heard:
    return Heard(
        username=part.source.username,
        accounts=frozenset(part.accounts),
        live=part.live,
        entries=part.entries,
        has_ended=part.has_ended,
        error=part.error,
    )


def _over(live: Live) -> Heard:
    """That a LIVE is over which nobody hears now."""
    return Heard(
        username=live.tiktok_username, accounts=frozenset(), live=live, entries=(), has_ended=True
    )
