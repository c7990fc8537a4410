"""Fills a database with LIVEs, in the database itself: rows of rows that are there already."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["fill"]

_ACCOUNTS = 300
_DAYS = 90
_MINUTES = 120
_KINDS = 20
_SAID = 100  # lines of each LIVE
_COUNTS = (
    *("likes", "comments", "shares", "follows", "joins", "subscriptions", "gifts", "diamonds"),
    *("viewers_told", "viewers_sum", "viewers_peak"),
)


def fill(connection: Any, lives: int, givers: int, longest_transcript: int) -> int:
    """Write LIVEs of two hours with all their rows, and refresh what the database knows of them.

    Args:
        connection: to a database without LIVEs.
        lives: how many.
        givers: how many people gave in each; each of them gave one kind of gift.
        longest_transcript: how many lines the newest LIVE has.

    Returns:
        How many gifters there are.
    """
    with _without_indexes(connection), connection.cursor() as cursor:
        _write_lives(lives, givers)
        cursor.execute("CREATE TEMPORARY TABLE numbers (n integer PRIMARY KEY)")
        numbers = max(givers, _MINUTES, _KINDS, _SAID, longest_transcript)
        cursor.executemany("INSERT INTO numbers VALUES (%s)", [(n,) for n in range(numbers)])
        for table, columns, values, count in _rows(connection.vendor, givers):
            cursor.execute(
                f"INSERT INTO history_{table} (live_id, {', '.join(columns)}) "
                f"SELECT live.id, {', '.join(values)} FROM history_live live CROSS JOIN numbers "
                f"WHERE numbers.n < {count} ORDER BY live.id, numbers.n"
            )
        table, columns, values, _count = next(
            rows for rows in _rows(connection.vendor, givers) if rows[0] == "transcriptline"
        )
        cursor.execute(
            f"INSERT INTO history_{table} (live_id, {', '.join(columns)}) "
            f"SELECT live.id, {', '.join(values)} FROM history_live live CROSS JOIN numbers "
            f"WHERE n >= {_SAID} AND n < {longest_transcript} "
            "AND live.id = (SELECT id FROM history_live ORDER BY began_at DESC LIMIT 1)"
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return lives * givers


def _write_lives(lives: int, givers: int) -> None:
    """A few accounts have heard most; each LIVE was heard by one or two."""
    from accounts.models import User
    from live.history.models import Live, LiveListener

    User.objects.bulk_create(
        User(
            username=f"account{n}", tiktok_username=f"streamer{n}", password="!",
            keeps_transcripts=n == 0,
        )
        for n in range(_ACCOUNTS)
    )  # fmt: skip
    ids = list(User.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random(5)
    weights = [1 / (n + 1) for n in range(_ACCOUNTS)]
    owners = rng.choices(range(_ACCOUNTS), weights, k=lives)
    owners[-1] = 0
    now = datetime.now(UTC)
    big = [
        {
            "at": int(now.timestamp() * 1000), "user_id": str(n), "nickname": f"Giver {n}",
            "avatar": f"https://p16-sign.tiktokcdn.com/avatar/{n}.webp", "gift": "Lion",
            "image": "https://p16-webcast.tiktokcdn.com/gift/lion.png", "count": 1, "diamonds": 9,
        }
        for n in range(10)
    ]  # fmt: skip
    made = Live.objects.bulk_create(
        (
            Live(
                tiktok_username=f"streamer{owner}", room_id=str(n), title=f"The {n}th LIVE",
                began_at=(began_at := now - timedelta(days=_DAYS) * ((lives - n) / lives)),
                heard_from=began_at, heard_until=began_at + timedelta(minutes=_MINUTES),
                end_reason="ended", viewers_peak=rng.randrange(900), viewers_told=9,
                viewers_sum=900, viewers_peak_at=began_at, likes=n, diamonds=17 * n, comments=n,
                gifter_count=givers, hole_count=n % 3, biggest_gifts=big,
                curve=[[rng.randrange(900), 7]] * 60,
            )
            for n, owner in enumerate(owners)
        ),
        batch_size=500,
    )  # fmt: skip
    listeners = [
        LiveListener(live=live, account_id=account, began_at=live.began_at)
        for live, owner in zip(made, owners, strict=True)
        for account in {ids[owner], ids[(owner * 7 + 1) % _ACCOUNTS]}
    ]
    LiveListener.objects.bulk_create(listeners, batch_size=1000)


def _rows(vendor: str, givers: int) -> Iterator[tuple[str, list[str], list[str], int]]:
    """Each table's name, columns, the expressions of their values, and how many rows of a LIVE."""
    if vendor == "sqlite":
        minute = "CAST(strftime('%s', live.began_at) AS integer) / 60"
        at = "strftime('%Y-%m-%d %H:%M:%f', live.began_at, n || ' seconds')"
        later = "strftime('%Y-%m-%d %H:%M:%f', live.began_at, (n + 60) || ' seconds')"
    else:
        minute = "CAST(extract(epoch FROM live.began_at) AS integer) / 60"
        at = "live.began_at + n * interval '1 second'"
        later = "live.began_at + (n + 60) * interval '1 second'"
    counts = dict.fromkeys(_COUNTS, "n % 7")
    text = "CAST(n AS text)"
    avatar = f"'https://p16-sign.tiktokcdn.com/tos-alisg-avt-0068/' || {text} || '~100x100.webp'"
    teams = json.dumps([{"id": "1", "hosts": ["Anna"], "score": 9, "result": "won"}])
    tables: list[tuple[str, dict[str, str], int]] = [
        ("minute", {"minute": f"{minute} + n", **counts}, _MINUTES),
        (
            "gifter",
            {
                "user_id": f"'70000000000000' || {text}", "username": f"'giver' || {text}",
                "nickname": f"'Giver ' || {text}", "avatar": avatar, "gifts": "n % 9 + 1",
                "diamonds": "(n * 7919) % 10007",
            },
            givers,
        ),
        (
            "givengift",
            {
                "user_id": f"'70000000000000' || {text}", "gift_id": f"CAST(n % {_KINDS} AS text)",
                "gifts": "n % 9 + 1", "diamonds": "(n * 7919) % 10007", "first_at": at,
                "last_at": later,
            },
            givers,
        ),
        (
            "giftkind",
            {
                "gift_id": text, "name": f"'Gift ' || {text}", "image": avatar,
                "diamonds_each": "n", "gifts": "n", "diamonds": "n * n",
            },
            _KINDS,
        ),
        ("hole", {"kind": "'upstream'", "began_at": at, "ended_at": later}, 2),
        (
            "battle",
            {
                "battle_id": text, "began_at": at, "ended_at": later, "state": "'ended'",
                "result": "'won'", "teams": f"'{teams}'",
            },
            2,
        ),
        (
            "transcriptline",
            {
                "\"offset\"": "n", "at": at, "type": "'comment'",
                "user_id": f"'70000000000000' || {text}", "username": f"'giver' || {text}",
                "nickname": f"'Giver ' || {text}", "diamonds": "0",
                "text": f"'line ' || {text} || ' of what is said'",
            },
            _SAID,
        ),
    ]  # fmt: skip
    for table, values, count in tables:
        yield table, list(values), list(values.values()), count


@contextmanager
def _without_indexes(connection: Any) -> Iterator[None]:
    """Indexes are made at the end, which costs less than to keep them up to date."""
    from live.history import models

    tables = [
        (model, [*model._meta.indexes], [*model._meta.constraints])
        for model in (models.Gifter, models.GivenGift, models.Minute, models.TranscriptLine)
    ]
    with connection.schema_editor() as schema:
        for model, indexes, constraints in tables:
            for index in indexes:
                schema.remove_index(model, index)
            if connection.vendor == "postgresql":  # SQLite would write the table anew
                for constraint in constraints:
                    schema.remove_constraint(model, constraint)
    yield
    with connection.schema_editor() as schema:
        for model, indexes, constraints in tables:
            for index in indexes:
                schema.add_index(model, index)
            if connection.vendor == "postgresql":
                for constraint in constraints:
                    schema.add_constraint(model, constraint)
