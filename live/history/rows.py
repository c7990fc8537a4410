"""Adds what was counted to the rows of LIVEs, in the transaction of whoever calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Model
from msgspec import UNSET

from live.clock import from_ms
from live.history.models import (
    ADDRESS_LENGTH,
    ID_LENGTH,
    NAME_LENGTH,
    Battle,
    Gifter,
    GiftKind,
    GivenGift,
    Hole,
    Live,
    Minute,
    TranscriptLine,
)
from live.history.tally import NOT_BEGUN, SUMS, BattleFrame, Sums, Tally, biggest, clean
from live.history.turns import give_way, in_turns
from live.protocol.frames import BattleState
from live.protocol.frames import BattleTeam as HeardTeam

__all__ = ["add_all", "save_lives"]

M = TypeVar("M", bound=Model)
K = TypeVar("K")
T = TypeVar("T")

# How many rows one query looks for: databases limit its parameters, and it holds up other threads.
_AT_ONCE = 200
# How many rows one statement writes: Django takes about a millisecond to make that, in which no
# other thread goes on.
_ROWS = 50
# How many rows are changed in memory until other threads get their turn.
_TURN = 100
_LIVES_AT_ONCE = 50
# The largest numbers that columns hold.
_MOST = 2**31 - 1
_MOST_BIG = 2**63 - 1
_BIG = frozenset({"likes", "diamonds", "viewers_sum"})


def add_all(tallies: Sequence[tuple[Live, Tally]]) -> list[Live]:
    """Add to the rows that belong to LIVEs, and to the sums of the LIVEs themselves, which the
    caller saves. The caller holds the rows of the LIVEs.

    Returns:
        The LIVEs of which another minute has begun.
    """
    for live, tally in tallies:
        _add_sums(live, tally.sums)
        _add_own(live, tally)
    longer = _add_minutes(tallies)
    _add_gifters(tallies)
    _add_kinds(tallies)
    _add_given(tallies)
    _add_battles(tallies)
    _add_lines(tallies)
    Hole.objects.bulk_create(
        [
            Hole(
                live=live,
                kind=hole.kind,
                began_at=from_ms(hole.began_at),
                ended_at=from_ms(hole.ended_at),
            )
            for live, tally in tallies
            for hole in tally.holes
        ]
    )
    return longer


def _add_own(live: Live, tally: Tally) -> None:
    live.hole_count += len(tally.holes)
    live.biggest_gifts = biggest([*live.biggest_gifts, *tally.biggest])
    if tally.viewers_total:
        live.viewers_total = max(live.viewers_total or 0, tally.viewers_total)
    if tally.likes_total:
        live.likes_total = max(live.likes_total or 0, tally.likes_total)


def _add_sums(row: Any, sums: Sums) -> None:
    for name in SUMS:
        total = getattr(row, name) + getattr(sums, name)
        setattr(row, name, min(total, _MOST_BIG if name in _BIG else _MOST))
    row.viewers_peak = max(row.viewers_peak, sums.viewers_peak)


def _add_gifts(row: Any, sums: Any) -> None:
    row.gifts = min(row.gifts + sums.gifts, _MOST)
    row.diamonds = min(row.diamonds + sums.diamonds, _MOST_BIG)


def _add_minutes(tallies: Sequence[tuple[Live, Tally]]) -> list[Live]:
    wanted = [(live, minute) for live, tally in tallies for minute in tally.minutes]
    found = _found(Minute, "minute", wanted, lambda row: row.minute)
    longer = {}
    for live, tally in tallies:
        for minute, sums in tally.minutes.items():
            row = found.get((live.pk, minute))
            if row is None:
                row = found[live.pk, minute] = Minute(live=live, minute=minute)
                longer[live.pk] = live
            _add_sums(row, sums)
    _put(Minute, found.values(), ("live", "minute"), (*SUMS, "viewers_peak"))
    return list(longer.values())


def _add_gifters(tallies: Sequence[tuple[Live, Tally]]) -> None:
    wanted = [(live, user_id) for live, tally in tallies for user_id in tally.gifters]
    found = _found(Gifter, "user_id", wanted, lambda row: row.user_id)
    for live, tally in tallies:
        for user_id, gifter in in_turns(tally.gifters.items(), _TURN):
            row = found.get((live.pk, user_id))
            if row is None:
                row = found[live.pk, user_id] = Gifter(live=live, user_id=user_id[:ID_LENGTH])
                live.gifter_count += 1
            row.username = clean(gifter.user.username, NAME_LENGTH)
            row.nickname = clean(gifter.user.nickname, NAME_LENGTH)
            row.avatar = _address(gifter.user.avatar)
            _add_gifts(row, gifter)
    fields = ("username", "nickname", "avatar", "gifts", "diamonds")
    _put(Gifter, found.values(), ("live", "user_id"), fields)


def _add_kinds(tallies: Sequence[tuple[Live, Tally]]) -> None:
    wanted = [(live, gift_id) for live, tally in tallies for gift_id in tally.kinds]
    found = _found(GiftKind, "gift_id", wanted, lambda row: row.gift_id)
    for live, tally in tallies:
        for gift_id, heard in tally.kinds.items():
            row = found.setdefault(
                (live.pk, gift_id), GiftKind(live=live, gift_id=gift_id[:ID_LENGTH])
            )
            row.name = clean(heard.kind.name, NAME_LENGTH)
            row.image = _address(heard.kind.image)
            row.diamonds_each = min(max(heard.kind.diamonds, 0), _MOST)
            _add_gifts(row, heard)
    fields = ("name", "image", "diamonds_each", "gifts", "diamonds")
    _put(GiftKind, found.values(), ("live", "gift_id"), fields)


def _add_given(tallies: Sequence[tuple[Live, Tally]]) -> None:
    wanted = [(live, user_id) for live, tally in tallies for user_id, _gift_id in tally.given]
    found = _found(GivenGift, "user_id", wanted, lambda row: (row.user_id, row.gift_id))
    changed = {}
    for live, tally in tallies:
        for (user_id, gift_id), given in in_turns(tally.given.items(), _TURN):
            first, last = from_ms(given.first_at), from_ms(given.last_at)
            row = found.get((live.pk, (user_id, gift_id)))
            if row is None:
                row = GivenGift(live=live, user_id=user_id[:ID_LENGTH], gift_id=gift_id[:ID_LENGTH])
                row.first_at, row.last_at = first, last
                found[live.pk, (user_id, gift_id)] = row
            row.first_at, row.last_at = min(row.first_at, first), max(row.last_at, last)
            _add_gifts(row, given)
            changed[live.pk, user_id, gift_id] = row
    fields = ("gifts", "diamonds", "first_at", "last_at")
    _put(GivenGift, changed.values(), ("live", "user_id", "gift_id"), fields)


def _add_battles(tallies: Sequence[tuple[Live, Tally]]) -> None:
    wanted = [(live, each.data.id) for live, tally in tallies for each in tally.battles]
    found = _found(Battle, "battle_id", wanted, lambda row: row.battle_id)
    for live, tally in tallies:
        for each in tally.battles:
            row = found.get((live.pk, each.data.id))
            if row is None:
                if each.data.state in NOT_BEGUN:
                    continue
                row = Battle(
                    live=live, battle_id=each.data.id[:ID_LENGTH], began_at=from_ms(each.at)
                )
                found[live.pk, each.data.id] = row
            _change_battle(row, each, live.tiktok_username, tally.owner_id)
    fields = ("began_at", "ended_at", "state", "result", "teams")
    _put(Battle, found.values(), ("live", "battle_id"), fields)


def _change_battle(row: Battle, heard: BattleFrame, streamer: str, owner_id: str) -> None:
    """What a frame leaves out stays as the frames before told it."""
    battle = heard.data
    if battle.starts_at:
        row.began_at = from_ms(battle.starts_at)
    is_late = row.ended_at is not None and battle.state is BattleState.SCORES
    if not is_late:
        row.state = battle.state
    if battle.state is BattleState.ENDED and row.ended_at is None:
        row.ended_at = from_ms(heard.at)
    teams: dict[str, dict[str, Any]] = {team["id"]: team for team in row.teams}
    for team in battle.teams:
        known = teams.setdefault(team.id, {"id": team.id, "hosts": [], "score": 0, "result": ""})
        names = _host_names(team)
        known["hosts"] = names or known["hosts"]
        known["score"] = max(known["score"], team.score)
        if team.result is not UNSET:
            known["result"] = str(team.result)
        hosts = {team.id, *(host.id for host in team.hosts)}
        if owner_id in hosts or any(host.username == streamer for host in team.hosts):
            known["is_own"] = True
    row.teams = list(teams.values())
    own = next((team for team in row.teams if team.get("is_own")), None)
    row.result = own["result"] if own is not None else ""


def _host_names(team: HeardTeam) -> list[str]:
    names = [host.nickname or host.username for host in team.hosts]
    return [clean(name, NAME_LENGTH) for name in names if name]


def _add_lines(tallies: Sequence[tuple[Live, Tally]]) -> None:
    for live, tally in tallies:
        if tally.forgotten:
            of_them = TranscriptLine.objects.filter(live=live, user_id__in=tally.forgotten)
            of_them.filter(type="comment").delete()
    lines = (
        TranscriptLine(
            live=live,
            offset=line.offset,
            at=from_ms(line.at),
            type=line.type,
            user_id=line.user.id[:ID_LENGTH],
            username=clean(line.user.username, NAME_LENGTH),
            nickname=clean(line.user.nickname, NAME_LENGTH),
            text=line.text,
            diamonds=line.diamonds,
        )
        for live, tally in tallies
        for line in tally.lines
    )
    for some in _some_of(lines):
        TranscriptLine.objects.bulk_create(some)


def _found(
    model: type[M],
    name: str,
    wanted: Iterable[tuple[Live, Any]],
    key: Callable[[M], K],
) -> dict[tuple[int, K], M]:
    """The rows that there are, by LIVE and what else names them; and perhaps some more."""
    by_live: dict[int, set[Any]] = {}
    for live, value in wanted:
        by_live.setdefault(live.pk, set()).add(value)
    found = {}
    for live_ids, values in _in_batches(by_live):
        rows = model._default_manager.filter(**{"live__in": live_ids, f"{name}__in": values})
        found.update({(row.live_id, key(row)): row for row in rows})  # type: ignore[attr-defined]
        give_way()
    return found


def _in_batches(by_live: Mapping[int, Collection[Any]]) -> Iterator[tuple[list[int], list[Any]]]:
    """LIVEs and values for queries of the rows that have one of each. One query for many LIVEs is
    much cheaper than one for each; but the database looks for each value in each LIVE."""
    live_ids: list[int] = []
    together: set[Any] = set()
    for live_id, values in by_live.items():
        if live_ids and (len(live_ids) >= _LIVES_AT_ONCE or len(together) + len(values) > _AT_ONCE):
            yield live_ids, list(together)
            live_ids, together = [], set()
        some = list(values)
        for start in range(0, len(some) - _AT_ONCE, _AT_ONCE):
            yield [live_id], some[start : start + _AT_ONCE]
        live_ids.append(live_id)
        together.update(some[-_AT_ONCE:] if len(some) > _AT_ONCE else some)
    if live_ids:
        yield live_ids, list(together)


def _put(
    model: type[M], rows: Iterable[M], unique: Collection[str], fields: Collection[str]
) -> None:
    """Insert or update rows, many at a time."""
    for some in _some_of(rows):
        model._default_manager.bulk_create(
            [_without_key(row) for row in some],
            update_conflicts=True,
            unique_fields=unique,
            update_fields=fields,
        )


def _some_of(rows: Iterable[T]) -> Iterator[list[T]]:
    """A few at a time; other threads go on in between."""
    left = iter(rows)
    while some := list(islice(left, _ROWS)):
        yield some
        give_way()


def save_lives(lives: Collection[Live], fields: Collection[str]) -> None:
    """Update these columns of rows that there are."""
    keys = {live: live.pk for live in lives}
    _put(Live, keys, ("tiktok_username", "room_id"), fields)
    for live, key in keys.items():
        live.pk = key
        live._state.adding = False


def _without_key(row: M) -> M:
    """An upsert finds a row by what is unique in it."""
    row.pk = None
    row._state.adding = True
    return row


def _address(address: str) -> str:
    """One that is cut leads nowhere."""
    clean = address.replace("\x00", "")
    return clean if len(clean) <= ADDRESS_LENGTH else ""
