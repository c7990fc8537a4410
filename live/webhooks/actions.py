"""What an account does with its webhooks."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext, override

from live.clock import SYSTEM_CLOCK
from live.webhooks.events import payload
from live.webhooks.models import (
    OLD_SECRET_COUNTS,
    TRIED_FOR,
    Delivery,
    DeliveryState,
    EventType,
    Webhook,
    new_secret,
)
from live.webhooks.sink import new_delivery

__all__ = ["renew_secret", "send_again", "send_test", "switch_off", "switch_on"]


def renew_secret(hook: Webhook, now: datetime) -> str:
    """Give it a new secret, and return that. The one before counts, too, for a day."""
    hook.old_secret, hook.old_secret_until = hook.readable_secret, now + OLD_SECRET_COUNTS
    secret = new_secret()
    hook.secret = secret
    hook.save(update_fields=["secret", "old_secret", "old_secret_until"])
    return secret


@transaction.atomic
def send_test(hook: Webhook, language: str, now: datetime) -> bool:
    """Have a test sent at once. It changes nothing for what waits. Not while another one waits.

    Returns:
        Whether one was added.
    """
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    if waiting.filter(type=EventType.TEST).exists():
        return False
    with override(language):
        text = gettext("This is a test of the webhook. Nothing has happened in a LIVE.")
    body = payload(EventType.TEST, SYSTEM_CLOCK.unix_ms(), {"text": text})
    new_delivery(hook, EventType.TEST, body, SYSTEM_CLOCK.unix_ms()).save()
    _try_now(hook, EventType.TEST, now)
    return True


@transaction.atomic
def send_again(hook: Webhook, delivery: Delivery, now: datetime) -> bool:
    """Have something sent again that was delivered or given up, with the same `webhook-id`.

    Returns:
        Whether it will be: not if it waits already.
    """
    changed = (
        Delivery.objects.filter(pk=delivery.pk, webhook=hook)
        .exclude(state=DeliveryState.WAITING)
        .update(state=DeliveryState.WAITING, tried_until=now + TRIED_FOR, refusals=0)
    )
    if changed:
        _try_now(hook, delivery.type, now)
    return bool(changed)


def switch_off(hook: Webhook) -> None:
    """Send it nothing, and note nothing for it. What waits goes on to wait."""
    Webhook.objects.filter(pk=hook.pk).update(is_enabled=False)


@transaction.atomic
def switch_on(hook: Webhook, now: datetime) -> None:
    """Send to it again, as if it had never failed: first what waits, but for what was tried already
    and is older than a day."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    waiting.filter(tried_until__lt=now, attempts__gt=0).update(state=DeliveryState.FAILED)
    others = waiting.exclude(type=EventType.TEST)
    Webhook.objects.filter(pk=hook.pk).update(
        is_enabled=True,
        switched_off_at=None,
        switched_off_why="",
        failures=0,
        failing_since=None,
        failed_days=0,
        failed_day=None,
        notice_due_at=None,
        dropped=0,
        due_at=now if others.exists() else None,
    )


def _try_now(hook: Webhook, type: str, now: datetime) -> None:
    """Send what waits of this type without waiting for the next attempt's time."""
    row = Webhook.objects.filter(pk=hook.pk)
    if type == EventType.TEST:
        row.update(has_test=True)
    else:
        row.update(due_at=now)
