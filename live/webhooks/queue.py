"""What waits to be sent, in the database: who sends it, and what comes of it.

A webhook's row is its queue. Whoever sends its deliveries has a lease on it: so they go out one
after the other, whichever process does it. A lease that nobody gave back runs out, and another
process goes on. Then something may be sent twice, with the same `webhook-id`; nothing is lost.

All functions here wait for the database, and are called in a thread of the sender.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from live.webhooks import schedule
from live.webhooks.jobs import Job
from live.webhooks.models import (
    KEPT,
    Delivery,
    DeliveryState,
    EventType,
    SwitchedOff,
    Webhook,
)
from live.webhooks.notices import Notice
from live.webhooks.posting import Answer

__all__ = [
    "Finished",
    "claim",
    "claim_notices",
    "count_waiting",
    "finish",
    "give_back",
    "notice_is_done",
    "prune",
]

# For how long a lease counts: some times as long as one attempt may take.
LEASE = timedelta(seconds=60)
# When a mail is tried again that was not sent, or whose process ended meanwhile; and for how long.
_NOTICE_AGAIN = timedelta(minutes=10)
_NOTICE_FOR = timedelta(days=1)
_NOTICES_AT_ONCE = 20
_DAY = timedelta(days=1)
# Rows that pruning deletes in one transaction.
_BIT = 500


@dataclass(frozen=True, slots=True)
class Finished:
    """What follows from an attempt.

    Attributes:
        delivered: whether it has been delivered.
        given_up: how many deliveries have been given up.
        next_job: what to send next, under the same lease; None if nothing is due.
    """

    delivered: bool = False
    given_up: int = 0
    next_job: Job | None = None


def claim(lease: str, now: datetime, most: int, busy: Collection[int] = ()) -> list[Job]:
    """Take webhooks that are due and that nobody else sends to, each with its next delivery.

    Args:
        lease: of this process.
        most: how many.
        busy: webhooks that this process is sending to already.
    """
    jobs: list[Job] = []
    free = (
        Webhook.objects.filter(
            Q(has_test=True) | Q(due_at__lte=now), is_enabled=True, account__is_active=True
        )
        .exclude(leased_until__gt=now)
        .exclude(pk__in=list(busy))
        .order_by("-has_test", "due_at", "pk")
    )
    if not free.exists():  # so that SQLite, which has one writer, is not locked for nothing
        return jobs
    with transaction.atomic():
        # Other processes pass over what this one has locked.
        locked = free.select_for_update(skip_locked=True, of=("self",)).select_related("account")
        for hook in locked[:most]:
            job = _next_job(hook, now)
            if job is None:
                _look_again(hook)
            else:
                hook.lease, hook.leased_until = lease, now + LEASE
                jobs.append(job)
            hook.save(update_fields=_QUEUE)
    return jobs


def finish(
    lease: str, job: Job, answer: Answer, now: datetime, chance: float, *, go_on: bool
) -> Finished:
    """Note what came of an attempt.

    Nothing is noted if the lease has run out and another process has taken it, or the webhook is
    no more: then it is sent again, or nobody wants it.

    What came of a test says nothing about the others: they wait as long as before. Only 410 Gone
    counts, from whatever it comes.

    Args:
        chance: a random number from 0 to 1, for the next pause.
        go_on: keep the lease and return the next job, if there is one.
    """
    with transaction.atomic():
        hook = (
            Webhook.objects.select_for_update(of=("self",))
            .select_related("account")
            .filter(pk=job.webhook, lease=lease)
            .first()
        )
        if hook is None:
            return Finished()
        hook.last_tried_at = now
        delivery = Delivery.objects.filter(pk=job.delivery).first()
        if delivery is not None:
            _note_answer(delivery, answer, now)
        if answer.is_gone:
            _switch_off(hook, SwitchedOff.GONE, now)
        elif job.type == EventType.TEST:
            pass
        elif answer.failure is None:
            hook.failures, hook.failing_since = 0, None
            hook.failed_days, hook.failed_day = 0, None
            hook.due_at = now
        else:
            _note_failure(hook, delivery, answer, now, chance)
        if delivery is not None:
            delivery.save()
        _look_again(hook)
        follows = _next_job(hook, now) if go_on and hook.is_enabled else None
        hook.lease = lease if follows else ""
        hook.leased_until = now + LEASE if follows else None
        hook.save(update_fields=_QUEUE)
    is_given_up = delivery is not None and delivery.state == DeliveryState.FAILED
    return Finished(answer.failure is None, int(is_given_up), follows)


# The fields that sending changes. Others may change meanwhile, by the account's pages.
_QUEUE = [
    *("due_at", "has_test", "lease", "leased_until", "last_tried_at"),
    *("failures", "failing_since", "failed_days", "failed_day"),
]


def give_back(lease: str) -> None:
    """Let other processes, or the next one, send what this one has not."""
    Webhook.objects.filter(lease=lease).update(lease="", leased_until=None)


def claim_notices(now: datetime) -> list[Notice]:
    """Take the mails that are to be sent. Those that are not said to be done are due again in some
    minutes, for a day: so none is lost with a process, and one may be sent twice."""
    due = Webhook.objects.filter(notice_due_at__lte=now).order_by("notice_due_at", "pk")
    if not due.exists():
        return []
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("account")
        hooks = list(locked[:_NOTICES_AT_ONCE])
        for hook in hooks:
            again = now + _NOTICE_AGAIN
            is_last = hook.switched_off_at is None or again > hook.switched_off_at + _NOTICE_FOR
            hook.notice_due_at = None if is_last else again
            hook.save(update_fields=["notice_due_at"])
    return [Notice.of(hook) for hook in hooks]


def notice_is_done(webhook: int) -> None:
    """Its account has been told, or can't be."""
    Webhook.objects.filter(pk=webhook).update(notice_due_at=None)


def count_waiting() -> int:
    """How many deliveries wait, of webhooks that are switched on."""
    due = Webhook.objects.filter(Q(has_test=True) | Q(due_at__isnull=False), is_enabled=True)
    return Delivery.objects.filter(
        webhook__in=list(due.values_list("pk", flat=True)), state=DeliveryState.WAITING
    ).count()


def prune(now: datetime) -> int:
    """Delete some deliveries that are old. To be called again while it returns some.

    Returns:
        How many were deleted.
    """
    old = Delivery.objects.filter(created_at__lt=now - KEPT).order_by("created_at")
    return Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BIT])).delete()[0]


def _tests(hook: Webhook) -> QuerySet[Delivery]:
    return _waiting(hook).filter(type=EventType.TEST)


def _others(hook: Webhook) -> QuerySet[Delivery]:
    return _waiting(hook).exclude(type=EventType.TEST)


def _waiting(hook: Webhook) -> QuerySet[Delivery]:
    return Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING).order_by("pk")


def _next_job(hook: Webhook, now: datetime) -> Job | None:
    """The oldest delivery that waits and is due, but tests first: somebody waits for them."""
    delivery = _tests(hook).first() if hook.has_test else None
    if delivery is None and hook.due_at is not None and hook.due_at <= now:
        delivery = _others(hook).first()
    return None if delivery is None else Job.of(hook, delivery, now)


def _look_again(hook: Webhook) -> None:
    """Note whether something waits. What has failed is forgotten when nothing does: else the first
    failure of next week would count as the last one of a bad evening."""
    hook.has_test = hook.has_test and _tests(hook).exists()
    if not _others(hook).exists():
        hook.due_at = None
        hook.failures, hook.failing_since = 0, None


def _note_answer(delivery: Delivery, answer: Answer, now: datetime) -> None:
    delivery.attempts += 1
    delivery.refusals += answer.is_refusal
    delivery.tried_at = now
    delivery.milliseconds = answer.milliseconds
    delivery.status, delivery.answer = answer.status, answer.text
    delivery.failure = answer.failure or ""
    if answer.failure is None:
        delivery.state = DeliveryState.DELIVERED
    elif delivery.type == EventType.TEST or answer.is_gone:
        delivery.state = DeliveryState.FAILED


def _note_failure(
    hook: Webhook, delivery: Delivery | None, answer: Answer, now: datetime, chance: float
) -> None:
    """When to try again, and whether this delivery is not tried any more."""
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    hook.due_at = now + schedule.pause(
        hook.failures, chance, answer.retry_after, is_limit=answer.is_limit
    )
    if hook.failed_day is None or now - hook.failed_day >= _DAY:
        hook.failed_days, hook.failed_day = hook.failed_days + 1, now
        if hook.failed_days > schedule.FAILED_DAYS:
            _switch_off(hook, SwitchedOff.FAILING, now)
    if delivery is None:
        return
    if delivery.refusals >= schedule.REFUSALS:
        delivery.state = DeliveryState.FAILED
        # It may be at fault, and not the receiver, which has answered: the next one is tried now.
        hook.failures, hook.due_at = 0, now
    elif delivery.tried_until < hook.due_at:
        delivery.state = DeliveryState.FAILED


def _switch_off(hook: Webhook, why: SwitchedOff, now: datetime) -> None:
    if not hook.is_enabled:  # the account has done it meanwhile
        return
    hook.is_enabled, hook.switched_off_at, hook.switched_off_why = False, now, why
    hook.notice_due_at = now
    hook.save(update_fields=["is_enabled", "switched_off_at", "switched_off_why", "notice_due_at"])
