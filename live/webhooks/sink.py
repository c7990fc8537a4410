"""Notes what webhooks are to be told, in the transaction in which the LIVEs are counted.

So each event is noted once, also when a process ends or another one takes over a stream.
`live.webhooks.sender` sends what is noted.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Count, F, Value
from django.db.models.functions import Coalesce

from live.clock import SYSTEM_CLOCK, Clock
from live.history.heard import Heard
from live.history.models import LiveListener
from live.webhooks.events import Happening, error_data, happenings, payload
from live.webhooks.models import TRIED_FOR, Delivery, DeliveryState, EventType, Webhook
from live.webhooks.rows import NewDelivery, add

__all__ = ["WebhookSink", "mark_due", "new_delivery"]

logger = logging.getLogger(__name__)

# How many deliveries of one webhook may wait. What is beyond that is dropped, and counted.
MOST_WAITING = 10_000
# The same error of the same LIVE is told once in this time: an app may try again every few seconds.
_ERROR_AGAIN = timedelta(minutes=30)

# A webhook, whose LIVE, and the error's code.
_Told = tuple[int, str, str]


class WebhookSink:
    """Writes deliveries for the accounts that have webhooks.

    Args:
        clock: tells the time.
        on_noted: called after the commit when there is something to send. Runs in the thread that
            writes.
        most_waiting: how many deliveries of one webhook may wait.
        on_failed: called when something could not be noted, by a fault of this program. Runs in the
            thread that writes.
    """

    def __init__(
        self,
        clock: Clock = SYSTEM_CLOCK,
        on_noted: Callable[[], None] = lambda: None,
        most_waiting: int = MOST_WAITING,
        on_failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._on_noted = on_noted
        self._on_failed = on_failed
        self._most_waiting = most_waiting
        self._has_failed = False

    def write(self, heard: Sequence[Heard]) -> None:
        """See `live.history.heard.Sink`. It raises nothing but errors of the database: what fails
        of one piece, or for one webhook, is left out and counted."""
        pieces = [(piece, _accounts_of_the_end(piece)) for piece in heard]
        hooks = _enabled_hooks({pk for piece, others in pieces for pk in piece.accounts | others})
        if not hooks:
            return
        by_account: defaultdict[int, list[Webhook]] = defaultdict(list)
        for hook in hooks:
            by_account[hook.account_id].append(hook)
        batch = _Batch(self._clock.unix_ms(), by_account)
        for piece, others in pieces:
            with self._apart():
                self._add(batch, piece, others)
        if batch.deliveries:
            self._note(batch.deliveries, datetime.fromtimestamp(batch.now / 1000, UTC))

    def _add(self, batch: _Batch, piece: Heard, others: frozenset[int]) -> None:
        """Add what this piece means for the webhooks.

        Args:
            others: the accounts that are told of the end alone.
        """
        own = batch.hooks_of(piece.accounts)
        of_the_end = batch.hooks_of(piece.accounts | others)
        # What another version has stored is nothing that this one could tell.
        wanted = frozenset(
            event for event in EventType if any(event in hook.events for hook in of_the_end)
        )
        for happening in happenings(piece, batch.now, wanted):
            body: str | None = None
            for hook in of_the_end if happening.type is EventType.LIVE_ENDED else own:
                if not _is_for(hook, happening):
                    continue
                with self._apart():
                    if happening.error is not None:
                        body = batch.error_body(hook, happening)
                    elif body is None:
                        body = payload(happening.type, happening.at, happening.data)
                    if body:
                        batch.add(hook, happening.type, body)

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """What fails here does no harm to anything else. It is counted, and logged once."""
        try:
            yield
        except DatabaseError:
            raise
        except Exception:
            self._on_failed()
            if not self._has_failed:
                self._has_failed = True
                logger.exception("a webhook is not told of something; the others are")

    def _note(self, deliveries: Iterable[NewDelivery], now: datetime) -> None:
        by_hook: defaultdict[int, list[NewDelivery]] = defaultdict(list)
        for delivery in deliveries:
            by_hook[delivery.webhook].append(delivery)
        room = self._room(by_hook)
        kept: list[NewDelivery] = []
        dropped: Counter[int] = Counter()
        for hook, those in by_hook.items():
            # A LIVE's beginning and end are always told: they are few.
            for delivery in those:
                if room[hook] > 0 or delivery.type not in _MANY:
                    room[hook] -= 1
                    kept.append(delivery)
                else:
                    dropped[hook] += 1
        # First the deliveries, then the webhooks: whoever takes a webhook for done holds its lock.
        add(kept, now)
        mark_due(by_hook, now)
        for hook, number in dropped.items():
            Webhook.objects.filter(pk=hook).update(dropped=F("dropped") + number)
        transaction.on_commit(self._on_noted)

    def _room(self, hooks: Iterable[int]) -> dict[int, int]:
        """How many deliveries may be added to each webhook."""
        waiting = (
            Delivery.objects.filter(webhook__in=list(hooks), state=DeliveryState.WAITING)
            .order_by()
            .values_list("webhook")
            .annotate(Count("pk"))
        )
        counts = dict(waiting)
        return {hook: self._most_waiting - counts.get(hook, 0) for hook in hooks}


_MANY = frozenset({EventType.GIFT, EventType.SUBSCRIBE})


def new_delivery(hook: Webhook, type: EventType, body: str, now: int) -> Delivery:
    """Make a delivery that waits; it is not saved.

    Args:
        now: ms since the epoch.
    """
    moment = datetime.fromtimestamp(now / 1000, UTC)
    return Delivery(
        webhook=hook, type=type, payload=body, created_at=moment, tried_until=moment + TRIED_FOR
    )


def mark_due(hooks: Iterable[int], now: datetime) -> None:
    """Have the sender look at webhooks that have something new, at their turn.

    To be called in the transaction that adds the deliveries, after that.
    """
    # In one order, so that two processes can't wait for each other.
    rows = Webhook.objects.select_for_update().filter(pk__in=list(hooks)).order_by("pk")
    keys = list(rows.values_list("pk", flat=True))
    # With a value of its own where there is one: after a failure, it is the time of the next
    # attempt.
    Webhook.objects.filter(pk__in=keys).update(due_at=Coalesce("due_at", Value(now)))


def _accounts_of_the_end(piece: Heard) -> frozenset[int]:
    """Who has heard a LIVE that has ended. All of them are told of its end: by then, their apps may
    have gone."""
    if not piece.has_ended or piece.live is None:
        return frozenset()
    listeners = LiveListener.objects.filter(live=piece.live)
    return frozenset(listeners.values_list("account_id", flat=True))


def _enabled_hooks(accounts: Collection[int]) -> list[Webhook]:
    if not accounts:
        return []
    hooks = Webhook.objects.filter(
        account__in=accounts, account__is_active=True, is_enabled=True
    ).select_related("account")
    return list(hooks.defer("secret", "address"))


def _is_for(hook: Webhook, happening: Happening) -> bool:
    if happening.type is EventType.GIFT and happening.diamonds < hook.least_diamonds:
        return False
    return hook.wants(happening.type)


class _Batch:
    """What one write has for webhooks.

    Args:
        now: ms since the epoch.
        hooks: by account.
    """

    def __init__(self, now: int, hooks: Mapping[int, Sequence[Webhook]]) -> None:
        self.now = now
        self.deliveries: list[NewDelivery] = []
        self._hooks = hooks
        self._told: set[_Told] | None = None

    def hooks_of(self, accounts: Iterable[int]) -> list[Webhook]:
        """The webhooks of these accounts, in one order."""
        return [hook for account in sorted(accounts) for hook in self._hooks.get(account, ())]

    def add(self, hook: Webhook, type: EventType, body: str) -> None:
        self.deliveries.append(NewDelivery(hook.pk, type, body))

    def error_body(self, hook: Webhook, happening: Happening) -> str:
        """The body of an error, in the account's language; empty if the webhook has been told of
        this error of this LIVE a moment ago, or in this very write."""
        assert happening.error is not None
        about = (hook.pk, str(happening.data["username"]), str(happening.error.code))
        if self._told is None:
            self._told = self._told_lately()
        if about in self._told:
            return ""
        data = error_data(happening, hook.account.language or settings.LANGUAGE_CODE)
        body = payload(happening.type, happening.at, data)
        self._told.add(about)
        return body

    def _told_lately(self) -> set[_Told]:
        since = datetime.fromtimestamp(self.now / 1000, UTC) - _ERROR_AGAIN
        hooks = [hook.pk for those in self._hooks.values() for hook in those]
        told = Delivery.objects.filter(
            webhook__in=hooks, type=EventType.ERROR, created_at__gte=since
        ).values_list("webhook_id", "payload")
        data = ((hook, json.loads(body)["data"]) for hook, body in told)
        return {(hook, each.get("username", ""), each.get("code", "")) for hook, each in data}
