"""Generates the messages of an invented LIVE: somebody bakes bread, and twelve people watch.

The LIVE does not end. The same random numbers give the same LIVE. Every event type occurs within a
few minutes. Most messages are comments, likes and gifts; the rarer ones come in turns.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from TikTokLiveProto.v3.webcast.im import LinkMicBattleBattleAction as BattleAction
from TikTokLiveProto.v3.webcast.model.base.user import User
from TikTokLiveProto.v3.webcast.model.data import BattleResultResult as BattleResult

from standin import messages
from standin.messages import Message, next_msg_id

__all__ = ["Scenario", "Steps"]

Steps: TypeAlias = Iterator[Message | float]
"""Messages in their order, and between them pauses in seconds, as floats."""


class _Viewer(NamedTuple):
    name: str
    nickname: str
    language: str
    fan_level: int | None = None
    gifter_level: int | None = None
    subscriber: bool = False
    moderator: bool = False

    def user(self) -> User:
        return messages.user(
            self.name,
            nickname=self.nickname,
            following=self.fan_level is not None,
            moderator=self.moderator,
            subscriber=self.subscriber,
            fan_level=self.fan_level,
            gifter_level=self.gifter_level,
        )


_VIEWERS = (
    _Viewer("lena_kv", "Лена", "ru", fan_level=12, subscriber=True),
    _Viewer("oskar.w", "Oskar", "en", fan_level=28, moderator=True),
    _Viewer("noodle_cat", "Noodle 😺", "en"),
    _Viewer("sasha_bakes", "Саша печёт", "ru", fan_level=5),
    _Viewer("mr.pip", "Mr Pip", "en", fan_level=9, gifter_level=31),
    _Viewer("tanya1984", "Татьяна", "ru"),
    _Viewer("juno_jumps", "Juno", "en", fan_level=20, gifter_level=17, subscriber=True),
    _Viewer("bread.fred", "Bread Fred", "en", fan_level=3),
    _Viewer("kolya_msk", "Коля", "ru", gifter_level=8),
    _Viewer("amina.r", "Amina", "en"),
    _Viewer("zero_gravity", "zero gravity", "en", gifter_level=12),
    _Viewer("dima_na_dache", "Дима на даче", "ru", fan_level=7),
)

_COMMENTS = {
    "en": (
        "hello from Lisbon 😊",
        "that crust looks amazing",
        "how long does it rise?",
        "I can almost smell it",
        "first time here, love it",
        "is that rye flour?",
        "my sourdough never looks like that 😅",
        "what temperature is the oven?",
        "the scoring is so satisfying to watch",
        "more steam!",
        "brb, getting a snack",
        "wow wow wow 😍",
        "can you show the starter again?",
        "good morning everyone",
    ),
    "ru": (
        "всем привет из Казани 😊",
        "какая красивая корочка!",
        "сколько минут в духовке?",
        "а закваска своя?",
        "уже хочу есть 😋",
        "сохраню рецепт",
        "у меня тесто не поднимается, что делать?",
        "вот это руки у человека",
        "запах прямо через экран",
        "это пшеничная мука или ржаная?",
        "лайк поставила ❤️",
        "а покажите разрез",
        "только зашёл, что печём?",
        "спасибо за эфир!",
    ),
}
_EMOTES = ("7281238501054696197", "7281238501054696198", "7281238501054696199")
_QUESTIONS = ("Can I use a pan without a lid?", "Сколько соли на килограмм муки?")
_SENTENCES = (
    "now we fold the dough",
    "and it goes into the oven",
    "twenty minutes with the lid on",
)
_POLL = "What shall we bake next?"
_OPTIONS = ("Cinnamon rolls", "Пирожки", "Focaccia")
_GOAL, _GOAL_TARGET = "Roses for a new oven", 500


class _Gift(NamedTuple):
    id: int
    name: str
    diamonds: int


_SMALL_GIFTS = (
    _Gift(5655, "Rose", 1),
    _Gift(5655, "Rose", 1),
    _Gift(5827, "Ice Cream Cone", 1),
    _Gift(5487, "Finger Heart", 5),
    _Gift(5879, "Doughnut", 30),
)
_BIG_GIFTS = (_Gift(11046, "Galaxy", 1000), _Gift(6267, "Corgi", 299), _Gift(5660, "Swan", 699))


class Scenario:
    """One generated LIVE.

    Iterating gives its messages and pauses, without end. Each message is built when the iterator
    reaches it.

    Args:
        rng: decides who does what, and when.
        clock: returns the Unix time, for messages that contain times.
    """

    def __init__(self, rng: random.Random, clock: Callable[[], float] = time.time) -> None:
        self._rng = rng
        self._clock = clock
        self._watching = 180
        self._total = 640
        self._likes = 3000
        self._roses = 0
        self._coins: Counter[_Viewer] = Counter()
        self._newest_comment: Message

    def __iter__(self) -> Steps:
        return _together(
            self._comments(),
            self._emotes(),
            self._joins(),
            self._likes_of_viewers(),
            self._viewers(),
            self._streaks(),
            self._friends(),
            self._rare_events(),
            self._big_gifts(),
        )

    def _someone(self) -> _Viewer:
        return self._rng.choice(_VIEWERS)

    def _between(self, shortest: float, longest: float) -> float:
        return self._rng.uniform(shortest, longest)

    # --- Again and again -----------------------------------------------------------------------

    def _comments(self) -> Steps:
        while True:
            self._newest_comment = self._comment()
            yield self._newest_comment
            yield self._between(0.3, 1.8)

    def _comment(self) -> Message:
        viewer, kind = self._someone(), self._rng.random()
        text = self._rng.choice(_COMMENTS[viewer.language])
        if kind < 0.1:
            emotes = {len(text): self._rng.choice(_EMOTES)}
            return messages.chat(viewer.user(), text, language=viewer.language, emotes=emotes)
        if kind < 0.2:
            other = self._someone()
            return messages.chat(
                viewer.user(),
                f"@{other.nickname} {text}",
                language=viewer.language,
                mentioned=[other.user()],
            )
        return messages.chat(viewer.user(), text, language=viewer.language)

    def _emotes(self) -> Steps:
        while True:
            yield self._between(6, 20)
            yield messages.emote(self._someone().user(), self._rng.choice(_EMOTES))

    def _joins(self) -> Steps:
        while True:
            self._watching = max(20, self._watching + self._rng.randint(-4, 5))
            self._total += 1
            yield messages.join(self._someone().user(), member_count=self._watching)
            yield self._between(1, 3)

    def _likes_of_viewers(self) -> Steps:
        """Someone sends likes for a few seconds."""
        while True:
            yield self._between(1, 4)
            viewer = self._someone()
            for _ in range(self._rng.randint(2, 5)):
                count = self._rng.randint(1, 15)
                self._likes += count
                yield messages.like(viewer.user(), count, total=self._likes)
                yield 0.6

    def _viewers(self) -> Steps:
        while True:
            top = self._coins.most_common(3)
            yield messages.viewers(
                self._watching,
                total=self._total,
                top=[viewer.user() for viewer, _ in top],
                coins=[coins for _, coins in top],
            )
            yield self._between(4, 6)

    def _streaks(self) -> Steps:
        while True:
            yield self._between(2, 8)
            viewer, gift, group = self._someone(), self._rng.choice(_SMALL_GIFTS), next_msg_id()
            count = self._rng.randint(1, 5)
            for n in range(1, count + 1):
                yield self._streak_step(viewer, gift, n, group)
                yield self._between(0.4, 0.9)
            self._coins[viewer] += count * gift.diamonds
            self._roses += count * (gift.name == "Rose")
            yield self._streak_step(viewer, gift, count, group, ends=True)

    @staticmethod
    def _streak_step(
        viewer: _Viewer, gift: _Gift, count: int, group: int, *, ends: bool = False
    ) -> Message:
        return messages.gift(
            viewer.user(),
            gift.name,
            gift_id=gift.id,
            diamonds=gift.diamonds,
            repeat_count=count,
            repeat_end=ends,
            group_id=group,
        )

    def _big_gifts(self) -> Steps:
        while True:
            yield self._between(15, 30)
            viewer, gift = self._someone(), self._rng.choice(_BIG_GIFTS)
            self._coins[viewer] += gift.diamonds
            yield messages.gift(
                viewer.user(), gift.name, gift_id=gift.id, diamonds=gift.diamonds, combo=False
            )

    def _friends(self) -> Steps:
        while True:
            yield self._between(3, 8)
            yield messages.follow(self._someone().user())
            yield self._between(3, 8)
            joined = self._rng.choice((None, 1, 2, 5))
            yield messages.share(self._someone().user(), users_joined=joined)

    # --- In turns ------------------------------------------------------------------------------

    def _rare_events(self) -> Steps:
        kinds = (
            self._question,
            self._pin,
            self._goal,
            self._poll,
            self._subscription,
            self._caption,
            self._envelope,
            self._deletion,
            self._battle,
            self._rank,
            self._break,
            self._notice,
        )
        for kind in itertools.cycle(kinds):
            yield self._between(3, 6)
            yield from kind()

    def _question(self) -> Steps:
        yield messages.question(self._someone().user(), self._rng.choice(_QUESTIONS))

    def _pin(self) -> Steps:
        moderator = next(viewer for viewer in _VIEWERS if viewer.moderator).user()
        pinning = messages.pin(self._newest_comment, moderator, seconds=10)
        yield pinning
        yield 10.0
        yield messages.unpin(pinning, moderator)

    def _goal(self) -> Steps:
        progress = min(_GOAL_TARGET, self._roses)
        giver = self._someone().user()
        yield messages.goal(giver, _GOAL, progress=progress, target=_GOAL_TARGET)

    def _poll(self) -> Steps:
        poll_id, now = next_msg_id(), int(self._clock() * 1000)
        votes = dict.fromkeys(_OPTIONS, 0)
        yield messages.poll(
            *votes.items(), title=_POLL, starts=(now, now + 15_000), poll_id=poll_id
        )
        for _ in range(4):
            yield 3.0
            votes[self._rng.choice(_OPTIONS)] += self._rng.randint(1, 9)
            yield messages.poll(*votes.items(), poll_id=poll_id)
        yield 3.0
        yield messages.poll(*votes.items(), ends=True, poll_id=poll_id)

    def _subscription(self) -> Steps:
        viewer = self._someone()
        yield messages.subscribe(viewer.user(), months=self._rng.randint(1, 12))
        yield 1.0
        yield messages.super_fan(viewer.user())

    def _caption(self) -> Steps:
        for sentence in _SENTENCES:
            sentence_id = next_msg_id()
            words = sentence.split()
            for n in range(2, len(words) + 1, 2):
                yield messages.caption(" ".join(words[:n]), sentence_id=sentence_id)
                yield 0.7
            yield messages.caption(sentence, sentence_id=sentence_id, final=True)
            yield 1.0

    def _envelope(self) -> Steps:
        envelope_id = str(next_msg_id())
        viewer = self._someone().user()
        opens_at = int(self._clock()) + 10
        yield messages.envelope(viewer, opens_at=opens_at, envelope_id=envelope_id)
        yield 15.0
        yield messages.envelope(viewer, hidden=True, envelope_id=envelope_id)

    def _deletion(self) -> Steps:
        yield messages.delete(self._newest_comment)

    def _battle(self) -> Steps:
        battle_id, now = next_msg_id(), int(self._clock() * 1000)
        fans, rivals = dict.fromkeys(("mr.pip", "juno_jumps"), 0), dict.fromkeys(("zoya.k",), 0)
        teams = {"the.baker": fans}, {"the.rival": rivals}
        yield messages.battle(BattleAction.OPEN, *teams, battle_id=battle_id, starts_at=now)
        for _ in range(4):
            yield 3.0
            side = self._rng.choice((fans, rivals))
            side[self._rng.choice(list(side))] += self._rng.randint(10, 200)
            yield messages.battle_scores(*teams, battle_id=battle_id, starts_at=now)
        yield 3.0
        ours, theirs = sum(fans.values()), sum(rivals.values())
        results = [BattleResult.WIN, BattleResult.LOSE]
        if ours == theirs:
            results = [BattleResult.DRAW, BattleResult.DRAW]
        elif ours < theirs:
            results.reverse()
        yield messages.battle(
            BattleAction.FINISH, *teams, results=results, battle_id=battle_id, starts_at=now
        )
        yield 5.0
        yield messages.punishment_end(battle_id=battle_id, starts_at=now)

    def _rank(self) -> Steps:
        yield messages.rank(self._rng.randint(1, 99))

    def _break(self) -> Steps:
        yield messages.pause()
        yield 4.0
        yield messages.resume()

    def _notice(self) -> Steps:
        yield messages.system_message("Be kind to each other, and have fun.")
        yield messages.unknown("WebcastMsgDetectMessage")


def _together(*sources: Steps) -> Steps:
    """Merge sources that run at the same time: yield their messages in the order of their times."""
    waiting = [(0.0, n, source) for n, source in enumerate(sources)]
    now = 0.0
    while waiting:
        due, n, source = heapq.heappop(waiting)
        if due > now:
            yield due - now
            now = due
        for step in source:
            if isinstance(step, float):
                heapq.heappush(waiting, (due + step, n, source))
                break
            yield step
