"""LIVEs that were heard, as tests of their pages and of the API need them.

`python -m tests.support.lives` writes some into the database of another process: `hear_in`.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.models import User
    from live.history.models import Gifter, Live
    from tests.support.server import Server

__all__ = ["EVENING", "RUSSIAN", "Words", "gave", "hear", "hear_fully", "hear_in"]

EVENING = datetime(2026, 5, 4, 18, tzinfo=UTC)
_LENGTH = timedelta(hours=2, minutes=5)
# Usernames and diamonds of those who give; the diamonds of one gift of each kind.
_GIFTERS = {
    "marina.k": 21_480,
    "cpt_hook": 12_150,
    "bruce": 6_420,
    "oliviaaa": 2_210,
    "mazai": 1_030,
    "jens.p": 640,
    "nameless_one": 220,
    "zoe": 99,
    "kofi": 35,
    "noor": 12,
    "pia": 5,
}
_KINDS = (29_999, 1_000, 299, 99, 20, 5, 1)


@dataclass(frozen=True)
class Words:
    """What stands in a LIVE. Each has as many nicknames as there are gifters, and so on."""

    title: str
    nicknames: tuple[str, ...]
    kinds: tuple[str, ...]
    said: tuple[str, ...]
    hosts: tuple[str, str, str]


MIXED = Words(
    title="Sunday bread, from the starter on",
    nicknames=(
        *("Марина", "Captain Hook", "Łukasz", "olivia", "Дед Мазай", "Jens", ""),
        *("Zoë", "Kofi", "Noor", "Pia"),
    ),
    kinds=("Lion", "Galaxy", "Corgi", "Hat and Mustache", "Perfume", "Finger Heart", "Rose"),
    said=(
        *("hello from Oslo!", "привет всем", "what flour is that?", "wow!", "first time here"),
        *("ПРИВЕТ, я снова тут", "how long in the oven?", "=1+1", "that crust!"),
    ),
    hosts=("Anna", "guitar.mo", "northern_lights"),
)
# For tests that look for English words.
RUSSIAN = Words(
    title="Воскресный хлеб",
    nicknames=tuple(f"Зритель {number}" for number in range(len(_GIFTERS))),
    kinds=("Лев", "Галактика", "Корги", "Шляпа", "Духи", "Сердечко", "Роза"),
    said=("привет всем", "а какая мука?"),
    hosts=("Анна", "Гитара", "Север"),
)


def hear(*accounts: User, **values: Any) -> Live:
    """A LIVE that the accounts have heard; it has ended after two hours, and has no rows but its
    own, unless told otherwise."""
    from live.history.models import EndReason, Live, LiveListener

    began_at = values.setdefault("began_at", EVENING)
    values.setdefault("heard_from", began_at)
    values.setdefault("heard_until", began_at + _LENGTH)
    values.setdefault("end_reason", EndReason.ENDED)
    values.setdefault("tiktok_username", "anna.live")
    values.setdefault("room_id", str(7_412_000_000 + Live.objects.count()))
    live = Live.objects.create(**values)
    LiveListener.objects.bulk_create(
        LiveListener(live=live, account=account, began_at=began_at) for account in accounts
    )
    return live


async def hear_in(
    server: Server, username: str, pictures: str = "", count: int = 1, words: str = "mixed"
) -> int:
    """Write LIVEs into a server's database, which the first account with the username has heard.

    Args:
        server: whose database.
        username: the streamer.
        pictures: the addresses of pictures, with {} for a name; empty for none.
        count: how many LIVEs; each second one has holes, and so has the newest.
        words: "mixed" or "russian".

    Returns:
        The primary key of the newest, which has everything that a page can show.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.lives", username, pictures, str(count), words),
        env=server.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return int(printed)


def gave(live: Live, user_id: str, diamonds: int, **values: Any) -> Gifter:
    """Somebody who has given one gift of that many diamonds, which the LIVE's sums know."""
    from live.history.models import Gifter, GiftKind, GivenGift

    gift_id = values.pop("gift_id", "5655")
    kind, _ = GiftKind.objects.get_or_create(
        live=live, gift_id=gift_id, defaults={"name": "Rose", "diamonds_each": diamonds}
    )
    kind.gifts += 1
    kind.diamonds += diamonds
    kind.save()
    GivenGift.objects.create(
        live=live, user_id=user_id, gift_id=gift_id, gifts=1, diamonds=diamonds,
        first_at=live.began_at, last_at=live.began_at,
    )  # fmt: skip
    live.gifts += 1
    live.diamonds += diamonds
    live.gifter_count += 1
    live.save()
    values.setdefault("username", f"user{user_id}")
    return Gifter.objects.create(live=live, user_id=user_id, gifts=1, diamonds=diamonds, **values)


def hear_fully(
    *accounts: User,
    pictures: str = "",
    seed: int = 1,
    holes: bool = True,
    words: Words = MIXED,
    **values: Any,
) -> Live:
    """A LIVE with everything that a page can show.

    Args:
        accounts: who has heard it.
        pictures: the addresses of pictures, with {} for a name; empty for none.
        seed: of what is random; another LIVE has another.
        holes: whether parts of it were not heard.
        words: what stands in it.
        values: of the `Live`.
    """
    rng = random.Random(seed)
    size = rng.uniform(0.6, 1.1)
    live = hear(
        *accounts,
        **{
            "title": words.title,
            "follows": int(214 * size),
            "shares": int(61 * size),
            "joins": int(5_902 * size),
            "subscriptions": 7,
            "viewers_total": int(9_871 * size),
            "likes_total": int(48_213 * size),
            **values,
        },
    )
    _minutes(live, rng, size)
    _gifts(live, rng, size, words, lambda name: pictures.format(name) if pictures else "")
    _battles(live, words)
    if holes:
        _holes(live)
    _lines(live, rng, words)
    live.save()
    return live


def _minutes(live: Live, rng: random.Random, size: float) -> None:
    from live.history.models import Minute

    first = int(live.began_at.timestamp()) // 60
    count = int((live.heard_until - live.began_at).total_seconds()) // 60
    minutes = []
    for number in range(count):
        share = number / count
        shape = math.sin(share * math.pi) ** 0.6 + 0.45 * math.exp(-(((share - 0.62) / 0.06) ** 2))
        viewers = max(1, int(size * (shape * 620 + rng.uniform(-25, 25))))
        minutes.append(
            Minute(
                live=live,
                minute=first + number,
                likes=int(size * rng.expovariate(1 / (60 + 500 * shape))),
                comments=int(size * rng.uniform(2, 8 + 30 * shape)),
                joins=rng.randrange(60),
                diamonds=int(size * rng.paretovariate(0.9) * 8) if rng.random() < 0.5 else 0,
                viewers_told=6,
                viewers_sum=viewers * 6,
                viewers_peak=viewers + rng.randrange(12),
            )
        )
    minutes[int(count * 0.62)].diamonds += 29_999
    minutes[int(count * 0.3)].diamonds += 9_000
    Minute.objects.bulk_create(minutes)
    peak = max(minutes, key=lambda minute: minute.viewers_peak)
    live.viewers_peak = peak.viewers_peak
    live.viewers_peak_at = datetime.fromtimestamp(peak.minute * 60 + 20, UTC)
    live.viewers_told = 6 * count
    live.viewers_sum = sum(minute.viewers_sum for minute in minutes)
    live.comments = sum(minute.comments for minute in minutes)
    live.likes = sum(minute.likes for minute in minutes)
    live.curve = _curve(minutes)


def _curve(minutes: list[Any]) -> list[list[int]]:
    each = max(1, len(minutes) // 60)
    parts = [minutes[start : start + each] for start in range(0, len(minutes), each)]
    return [
        [max(minute.viewers_peak for minute in part), sum(minute.diamonds for minute in part)]
        for part in parts
    ]


def _gifts(
    live: Live, rng: random.Random, size: float, words: Words, picture: Callable[[str], str]
) -> None:
    from live.history.models import Gifter, GiftKind, GivenGift

    gifters = [
        Gifter(
            live=live, user_id=str(900 + number), username=username,
            nickname=words.nicknames[number],
            avatar=picture(username), gifts=rng.randrange(1, 90), diamonds=int(diamonds * size),
        )
        for number, (username, diamonds) in enumerate(_GIFTERS.items())
    ]  # fmt: skip
    Gifter.objects.bulk_create(gifters)
    kinds = []
    for number, (name, each) in enumerate(zip(words.kinds, _KINDS, strict=True)):
        count = 1 if each > 20_000 else rng.randrange(2, 6 + 900 // each)
        kinds.append(
            GiftKind(
                live=live, gift_id=str(5_000 + number), name=name, image=picture(name),
                diamonds_each=each, gifts=count, diamonds=count * each,
            )
        )  # fmt: skip
    GiftKind.objects.bulk_create(kinds)
    GivenGift.objects.bulk_create(
        GivenGift(
            live=live, user_id=gifter.user_id, gift_id=kinds[number % len(kinds)].gift_id,
            gifts=gifter.gifts, diamonds=gifter.diamonds,
            first_at=live.began_at + timedelta(minutes=number),
            last_at=live.began_at + timedelta(minutes=60 + number),
        )
        for number, gifter in enumerate(gifters)
    )  # fmt: skip
    live.gifts = sum(kind.gifts for kind in kinds)
    live.diamonds = sum(gifter.diamonds for gifter in gifters)
    live.gifter_count = len(gifters)
    length = live.heard_until - live.began_at
    live.biggest_gifts = [
        {
            "at": round((live.began_at + length * share).timestamp() * 1000),
            "user_id": gifters[who].user_id,
            "nickname": gifters[who].nickname,
            "avatar": gifters[who].avatar,
            "gift": kinds[kind].name,
            "image": kinds[kind].image,
            "count": count,
            "diamonds": kinds[kind].diamonds_each * count,
        }
        for share, who, kind, count in ((0.62, 0, 0, 1), (0.3, 1, 1, 9), (0.81, 2, 2, 3))
    ]


def _battles(live: Live, words: Words) -> None:
    from live.history.models import Battle

    own, first, second = words.hosts
    for number, (result, other, scores) in enumerate(
        (("won", first, (12_410, 8_150)), ("lost", second, (3_020, 9_999)))
    ):
        began_at = live.began_at + timedelta(minutes=35 + 40 * number)
        lost = "lost" if result == "won" else "won"
        Battle.objects.create(
            live=live, battle_id=str(number), began_at=began_at,
            ended_at=began_at + timedelta(minutes=5), state="ended", result=result,
            teams=[
                {"id": "1", "hosts": [own], "score": scores[0], "result": result},
                {"id": "2", "hosts": [other], "score": scores[1], "result": lost},
            ],
        )  # fmt: skip


def _holes(live: Live) -> None:
    from live.history.models import Hole, HoleKind

    for kind, start, seconds in ((HoleKind.LATE, 0, 244), (HoleKind.UPSTREAM, 5_400, 67)):
        began_at = live.began_at + timedelta(seconds=start)
        Hole.objects.create(
            live=live, kind=kind, began_at=began_at, ended_at=began_at + timedelta(seconds=seconds)
        )
    live.hole_count = 2


def _lines(live: Live, rng: random.Random, words: Words) -> None:
    from live.history.models import TranscriptLine

    def line(number: int) -> TranscriptLine:
        who = rng.randrange(len(_GIFTERS))
        username = [*_GIFTERS][who]
        is_gift = number % 9 == 8
        return TranscriptLine(
            live=live, offset=number, at=live.began_at + timedelta(seconds=5 * number),
            type="gift" if is_gift else "comment", user_id=username, username=username,
            nickname=words.nicknames[who],
            text=f"{words.kinds[-1]} ×3" if is_gift else words.said[number % len(words.said)],
            diamonds=3 if is_gift else 0,
        )  # fmt: skip

    TranscriptLine.objects.bulk_create(line(number) for number in range(130))


_WORDS = {"mixed": MIXED, "russian": RUSSIAN}


def _main(username: str, pictures: str, count: int, words: Words) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    import django

    django.setup()
    from accounts.models import User

    account = User.objects.filter(tiktok_username=username)[0]
    now = datetime.now(UTC).replace(minute=10, second=0, microsecond=0)
    for number in reversed(range(count)):
        live = hear_fully(
            account, tiktok_username=username, pictures=pictures, words=words, seed=number + 1,
            holes=number % 2 == 0, room_id=str(7_412_000_000 + number),
            began_at=now - timedelta(days=2 * number, hours=3, minutes=7 * number),
        )  # fmt: skip
    print(live.pk)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), _WORDS[sys.argv[4]])
