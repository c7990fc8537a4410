"""Watches conditions, and says when one has begun to hold, and when it is over: each once.

A condition has to hold for some time before it is an alert, and not to hold for that time before
the alert is over, so that a blip tells nobody anything.

With Redis, all processes together have one alert for each condition (`shared`). While Redis can't
be reached, each process tells by itself; and that Redis can't be reached, each always tells by
itself. When Redis is back, what was told is not told again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from live.alerts.alert import Alert, Condition
from live.alerts.conditions import ORDER, Check
from live.alerts.messages import Kind, Message
from live.alerts.shared import Agreed, Change, Vote
from live.clock import SYSTEM_CLOCK, Clock
from live.tasks import cancel_and_wait

__all__ = ["Alerts"]

logger = logging.getLogger(__name__)

# Seconds between two looks.
_EVERY = 2.0


class _Shared(Protocol):
    """As `live.alerts.shared.SharedAlerts`."""

    async def agree(
        self, votes: Mapping[Condition, tuple[Vote, Alert]]
    ) -> dict[Condition, Agreed] | None: ...

    async def close(self) -> None: ...


class _Teller(Protocol):
    """As `live.alerts.telling.Teller`."""

    def tell(self, message: Message) -> None: ...

    async def close(self) -> Sequence[Message]: ...


class _Watched:
    """What this process knows of one condition. Times are monotonic seconds.

    Attributes:
        alert: the one that there is; None if there is none.
        told_alone: while Redis could not be reached, this process has told of it by itself.
        cleared_alone: so it has told that it is over.
    """

    def __init__(self, condition: Condition) -> None:
        self.alert: Alert | None = None
        self.told_alone = self.cleared_alone = False
        self._condition = condition
        self._details: str | None = None
        self._holds = False
        self._since: float | None = None  # None until it was looked at
        self._since_ms = 0

    def note(self, details: str | None, clock: Clock) -> None:
        holds = details is not None
        if self._since is None or holds is not self._holds:
            self._holds, self._since, self._since_ms = holds, clock.monotonic(), clock.unix_ms()
        if holds:
            self._details = details

    def vote(self, now: float, after: float) -> Vote:
        if self._since is None:
            return Vote.UNSURE
        # What has been told once need not hold for long again.
        is_sure = now - self._since >= after or (self._holds and self.alert is not None)
        if not is_sure:
            return Vote.UNSURE
        return Vote.HOLDS if self._holds else Vote.OVER

    def would_be(self, process: str) -> Alert:
        return Alert(self._condition, self._since_ms, self._details or "", process)

    @property
    def over_since(self) -> int:
        """When it has ceased to hold, in ms since the epoch, as far as this process has seen."""
        return self._since_ms


class Alerts:
    """Belongs to one event loop, from `start` until `close`.

    Args:
        checks: say whether conditions hold.
        teller: tells people; None to tell nobody. The server's log tells in any case.
        clock: tells the time.
        after: seconds for which a condition has to hold, and not to hold.
        process: names this process.
        shared: agrees with other processes; None where there are none.
    """

    def __init__(
        self,
        checks: Mapping[Condition, Check],
        teller: _Teller | None = None,
        clock: Clock = SYSTEM_CLOCK,
        after: float = 60,
        process: str = "",
        shared: _Shared | None = None,
    ) -> None:
        self._checks = checks
        self._teller = teller
        self._clock = clock
        self._after = after
        self._process = process
        self._shared = shared
        self._watched = {each: _Watched(each) for each in ORDER if each in checks}
        self._broken: set[Condition] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def current(self) -> list[Alert]:
        """The alerts that there are, of all processes, the worst first."""
        return [each.alert for each in self._watched.values() if each.alert is not None]

    def start(self) -> None:
        """Begin to watch. Does nothing if it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="alerts")

    async def close(self) -> None:
        """Watch no longer. What was told and has reached nobody counts as not told: with `save`,
        the next process tells it."""
        await cancel_and_wait(self._task)
        if self._teller is not None:
            for message in reversed(await self._teller.close()):
                self._take_back(message)
        if self._shared is not None:
            await self._shared.close()

    def save(self) -> list[Alert]:
        """What was told, for the next process: it is not told again."""
        return self.current

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Go on with what an earlier process has told."""
        for alert in alerts:
            if alert.condition in self._watched:
                self._watched[alert.condition].alert = alert

    async def look(self) -> None:
        """Look at each condition once, and tell what has changed."""
        self._note_all()
        now = self._clock.monotonic()
        votes = {
            condition: each.vote(now, self._after) for condition, each in self._watched.items()
        }
        agreed: Mapping[Condition, Agreed] = {}
        if self._shared is not None:
            agreed = (
                await self._shared.agree(
                    {
                        condition: (vote, self._watched[condition].would_be(self._process))
                        for condition, vote in votes.items()
                        if condition is not Condition.REDIS
                    }
                )
                or {}
            )
        for condition, vote in votes.items():
            watched = self._watched[condition]
            if condition in agreed:
                self._settle_with_others(watched, vote, agreed[condition])
            else:
                self._settle_alone(watched, vote, is_shared=self._shared is not None)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # of ours: the next look may be luckier
                logger.exception("alerts can't be looked for")
            await asyncio.sleep(_EVERY)

    def _note_all(self) -> None:
        for condition, watched in self._watched.items():
            try:
                details = self._checks[condition]()
            except Exception:
                if condition not in self._broken:
                    self._broken.add(condition)
                    logger.exception("the condition %s can't be looked at", condition)
            else:
                watched.note(details, self._clock)

    def _settle_alone(self, watched: _Watched, vote: Vote, *, is_shared: bool) -> None:
        if vote is Vote.HOLDS and watched.alert is None:
            watched.alert = watched.would_be(self._process)
            watched.told_alone, watched.cleared_alone = is_shared, False
            self._tell_raised(watched.alert)
        elif vote is Vote.OVER and watched.alert is not None:
            alert, watched.alert = watched.alert, None
            watched.cleared_alone = is_shared and not watched.told_alone
            watched.told_alone = False
            self._tell_cleared(alert, watched)

    def _settle_with_others(self, watched: _Watched, vote: Vote, agreed: Agreed) -> None:
        was_told = watched.told_alone or watched.cleared_alone
        if was_told and vote is Vote.UNSURE:
            return  # what this process has told while Redis was away stays so until it is sure
        if agreed.change is Change.CLEARED:
            watched.alert = None
            if agreed.alert is not None and not watched.cleared_alone:
                self._tell_cleared(agreed.alert, watched)
        elif agreed.alert is None and watched.told_alone:
            # Only this process has told of it, and it is over.
            alert, watched.alert = watched.alert, None
            if alert is not None:
                self._tell_cleared(alert, watched)
        else:
            watched.alert = agreed.alert
            if agreed.change is Change.RAISED and agreed.alert is not None and not was_told:
                self._tell_raised(agreed.alert)
        watched.told_alone = watched.cleared_alone = False

    def _tell_raised(self, alert: Alert) -> None:
        logger.warning("Alert: %s%s", alert.condition, f" ({alert.details})" * bool(alert.details))
        self._tell(Message(Kind.RAISED, self._clock.unix_ms(), alert))

    def _tell_cleared(self, alert: Alert, watched: _Watched) -> None:
        logger.warning("Alert is over: %s", alert.condition)
        ended_at = max(watched.over_since, alert.since)
        self._tell(Message(Kind.CLEARED, self._clock.unix_ms(), alert, ended_at))

    def _take_back(self, message: Message) -> None:
        if message.alert is not None:
            was_raised = message.kind is Kind.RAISED
            self._watched[message.alert.condition].alert = None if was_raised else message.alert

    def _tell(self, message: Message) -> None:
        if self._teller is not None:
            self._teller.tell(message)
