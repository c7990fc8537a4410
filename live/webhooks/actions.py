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
    """Have a test sent, before all that waits. Not while another one waits.

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
    _try_now(hook, now)
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
        .update(state=DeliveryState.WAITING, tried_until=now + TRIED_FOR)
    )
    if changed:
        _try_now(hook, now)
    return bool(changed)


def switch_off(hook: Webhook) -> None:
    """Send it nothing, and note nothing for it. What waits goes on to wait, for a day."""
    Webhook.objects.filter(pk=hook.pk).update(is_enabled=False)


@transaction.atomic
def switch_on(hook: Webhook, now: datetime) -> None:
    """Send to it again, as if it had never failed: first what has waited for less than a day."""
    waiting = Delivery.objects.filter(webhook=hook, state=DeliveryState.WAITING)
    waiting.filter(tried_until__lt=now).update(state=DeliveryState.FAILED)
    Webhook.objects.filter(pk=hook.pk).update(
        is_enabled=True,
        switched_off_at=None,
        switched_off_why="",
        failures=0,
        failing_since=None,
        dropped=0,
        due_at=now if waiting.exists() else None,
    )


def _try_now(hook: Webhook, now: datetime) -> None:
    """Do not wait for the next attempt's time."""
    Webhook.objects.filter(pk=hook.pk).update(due_at=now)
