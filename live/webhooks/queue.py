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
from django.db.models import QuerySet

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

__all__ = ["Finished", "claim", "count_waiting", "finish", "give_back", "prune"]

# For how long a lease counts: some times as long as one attempt may take.
LEASE = timedelta(seconds=60)
# Rows that pruning deletes in one transaction.
_BIT = 500


@dataclass(frozen=True, slots=True)
class Finished:
    """What follows from an attempt.

    Attributes:
        delivered: whether it has been delivered.
        given_up: how many deliveries have been given up.
        next_job: what to send next, under the same lease; None if nothing is due.
        notice: what the account is to be told by mail.
    """

    delivered: bool = False
    given_up: int = 0
    next_job: Job | None = None
    notice: Notice | None = None


def claim(lease: str, now: datetime, most: int, busy: Collection[int] = ()) -> list[Job]:
    """Take webhooks that are due and that nobody else sends to, each with its next delivery.

    Args:
        lease: of this process.
        most: how many.
        busy: webhooks that this process is sending to already.
    """
    jobs: list[Job] = []
    free = (
        Webhook.objects.filter(is_enabled=True, due_at__lte=now, account__is_active=True)
        .exclude(leased_until__gt=now)
        .exclude(pk__in=list(busy))
        .order_by("due_at", "pk")
    )
    if not free.exists():  # so that SQLite, which has one writer, is not locked for nothing
        return jobs
    with transaction.atomic():
        # Other processes pass over what this one has locked.
        locked = free.select_for_update(skip_locked=True, of=("self",)).select_related("account")
        for hook in locked[:most]:
            job = _next_job(hook, now)
            if job is None:
                hook.due_at = None
            else:
                hook.lease, hook.leased_until = lease, now + LEASE
                jobs.append(job)
            hook.save(update_fields=["due_at", "lease", "leased_until"])
    return jobs


def finish(
    lease: str, job: Job, answer: Answer, now: datetime, chance: float, *, go_on: bool
) -> Finished:
    """Note what came of an attempt.

    Nothing is noted if the lease has run out and another process has taken it, or the webhook is
    no more: then it is sent again, or nobody wants it.

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
        delivery = Delivery.objects.filter(pk=job.delivery).first()
        if delivery is not None:
            _note_answer(delivery, answer, now)
        before = hook.is_enabled
        given_up = 0
        if answer.failure is None:
            hook.failures, hook.failing_since, hook.due_at = 0, None, now
        elif job.type is EventType.TEST and not answer.is_gone:
            hook.due_at = now  # somebody wants to know: the others are tried now, too
            given_up = 1
        else:
            given_up = _note_failure(hook, job, answer, now, chance)
        follows = None
        is_due = hook.is_enabled and hook.due_at is not None and hook.due_at <= now
        if not _waiting(hook).exists():
            hook.due_at = None
        elif go_on and is_due:
            follows = _next_job(hook, now)
        hook.lease = lease if follows else ""
        hook.leased_until = now + LEASE if follows else None
        hook.save(update_fields=_QUEUE)
        notice = Notice.of(hook) if before and not hook.is_enabled else None
    return Finished(answer.failure is None, given_up, follows, notice)


# The fields that `finish` may change. Others may change meanwhile, by the account's pages.
_QUEUE = ["due_at", "lease", "leased_until", "failures", "failing_since"]


def give_back(lease: str) -> None:
    """Let other processes, or the next one, send what this one has not."""
    Webhook.objects.filter(lease=lease).update(lease="", leased_until=None)


def count_waiting() -> int:
    """How many deliveries wait, of webhooks that are switched on."""
    due = Webhook.objects.filter(is_enabled=True, due_at__isnull=False)
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


def _waiting(hook: Webhook) -> QuerySet[Delivery]:
    return Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING).order_by("pk")


def _next_job(hook: Webhook, now: datetime) -> Job | None:
    """The oldest delivery that waits, but tests first: somebody waits for their result."""
    delivery = _waiting(hook).filter(type=EventType.TEST).first() or _waiting(hook).first()
    return None if delivery is None else Job.of(hook, delivery, now)


def _note_answer(delivery: Delivery, answer: Answer, now: datetime) -> None:
    delivery.attempts += 1
    delivery.tried_at = now
    delivery.milliseconds = answer.milliseconds
    delivery.status, delivery.answer = answer.status, answer.text
    delivery.failure = answer.failure or ""
    if answer.failure is None:
        delivery.state = DeliveryState.DELIVERED
    elif delivery.type == EventType.TEST or answer.is_gone:
        delivery.state = DeliveryState.FAILED
    delivery.save()


def _note_failure(hook: Webhook, job: Job, answer: Answer, now: datetime, chance: float) -> int:
    """When to try again, and what not to try any more. Returns how many are given up."""
    hook.failures += 1
    hook.failing_since = hook.failing_since or now
    pause = schedule.pause(hook.failures, chance, answer.retry_after, is_limit=answer.is_limit)
    hook.due_at = now + pause
    if answer.is_gone:
        _switch_off(hook, SwitchedOff.GONE, now)
        return 1
    if now - hook.failing_since >= schedule.OFF_AFTER:
        _switch_off(hook, SwitchedOff.FAILING, now)
    # Those whose time will be over by then.
    late = _waiting(hook).filter(tried_until__lt=hook.due_at)
    return late.update(state=DeliveryState.FAILED)


def _switch_off(hook: Webhook, why: SwitchedOff, now: datetime) -> None:
    hook.is_enabled, hook.switched_off_at, hook.switched_off_why = False, now, why
    hook.save(update_fields=["is_enabled", "switched_off_at", "switched_off_why"])
