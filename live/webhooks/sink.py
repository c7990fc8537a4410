"""Notes what webhooks are to be told, in the transaction in which the LIVEs are counted.

So each event is noted once, also when a process ends or another one takes over a stream.
`live.webhooks.sender` sends what is noted.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Value
from django.db.models.functions import Coalesce

from live.clock import SYSTEM_CLOCK, Clock
from live.history.heard import Heard
from live.history.models import LiveListener
from live.webhooks.events import Happening, error_data, happenings, payload
from live.webhooks.models import TRIED_FOR, Delivery, DeliveryState, EventType, Webhook

__all__ = ["WebhookSink"]

# How many deliveries of one webhook may wait. What is beyond that is dropped, and counted.
MOST_WAITING = 10_000
# The same error of the same LIVE is told once in this time: an app may try again every few seconds.
_ERROR_AGAIN = timedelta(minutes=30)
_AT_ONCE = 500


class WebhookSink:
    """Writes deliveries for the accounts that have webhooks.

    Args:
        clock: tells the time.
        on_noted: called after the commit when there is something to send. Runs in the thread that
            writes.
        most_waiting: how many deliveries of one webhook may wait.
    """

    def __init__(
        self,
        clock: Clock = SYSTEM_CLOCK,
        on_noted: Callable[[], None] = lambda: None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._clock = clock
        self._on_noted = on_noted
        self._most_waiting = most_waiting

    def write(self, heard: Sequence[Heard]) -> None:
        """See `live.history.heard.Sink`."""
        pieces = [(piece, _accounts_of_the_end(piece)) for piece in heard]
        hooks = _enabled_hooks({pk for piece, others in pieces for pk in piece.accounts | others})
        if not hooks:
            return
        now = self._clock.unix_ms()
        deliveries = [
            delivery
            for piece, others in pieces
            for delivery in self._deliveries(piece, others, now, hooks)
        ]
        if deliveries:
            self._note(deliveries, datetime.fromtimestamp(now / 1000, UTC))

    def _deliveries(
        self, piece: Heard, others: frozenset[int], now: int, hooks: list[Webhook]
    ) -> Iterator[Delivery]:
        """What this piece means for these webhooks.

        Args:
            others: the accounts that are told of the end alone.
        """
        hooks = [hook for hook in hooks if hook.account_id in piece.accounts | others]
        wanted = frozenset(EventType(event) for hook in hooks for event in hook.events)
        for happening in happenings(piece, now, wanted):
            is_end = happening.type is EventType.LIVE_ENDED
            accounts = piece.accounts | others if is_end else piece.accounts
            for hook in hooks:
                if hook.account_id not in accounts or not hook.wants(happening.type):
                    continue
                if happening.type is EventType.GIFT and happening.diamonds < hook.least_diamonds:
                    continue
                data = happening.data
                if happening.error is not None:
                    if _was_told(hook, happening, now):
                        continue
                    data = error_data(happening, _language_of(hook))
                yield new_delivery(
                    hook, happening.type, payload(happening.type, happening.at, data), now
                )

    def _note(self, deliveries: Iterable[Delivery], now: datetime) -> None:
        by_hook: defaultdict[int, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_hook[delivery.webhook_id].append(delivery)
        room = self._room(by_hook)
        kept: list[Delivery] = []
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
        Delivery.objects.bulk_create(kept, batch_size=_AT_ONCE)
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


def _language_of(hook: Webhook) -> str:
    return hook.account.language or settings.LANGUAGE_CODE


def _was_told(hook: Webhook, happening: Happening, now: int) -> bool:
    """Whether the webhook has been told of this error of this LIVE a moment ago."""
    assert happening.error is not None
    since = datetime.fromtimestamp(now / 1000, UTC) - _ERROR_AGAIN
    newest = Delivery.objects.filter(
        webhook=hook, type=EventType.ERROR, created_at__gte=since
    ).values_list("payload", flat=True)[:100]
    about: Mapping[str, object] = {**happening.data, "code": happening.error.code}
    told = [json.loads(text)["data"] for text in newest]
    return any(all(data.get(name) == about[name] for name in about) for data in told)
