"""What is sent for a delivery: where, and what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from live.webhooks.discord import discord_message
from live.webhooks.models import Delivery, Webhook

__all__ = ["Job", "body_of"]


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to be sent.

    Attributes:
        webhook, delivery: their primary keys.
        type: an `EventType`, or what another version of the relay has stored.
        address: empty if it can't be decrypted any more.
        secrets: none if they can't be.
        is_signed: Discord looks at no signature.
    """

    webhook: int
    delivery: int
    event_id: str
    type: str
    body: str
    address: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    is_signed: bool = True

    @classmethod
    def of(cls, hook: Webhook, delivery: Delivery, now: datetime) -> Job:
        return cls(
            webhook=hook.pk,
            delivery=delivery.pk,
            event_id=delivery.event_id,
            type=delivery.type,
            body=body_of(hook, delivery),
            address=hook.readable_address,
            secrets=hook.secrets_at(now),
            is_signed=not hook.is_discord,
        )


def body_of(hook: Webhook, delivery: Delivery) -> str:
    """The body as it goes to this webhook."""
    if not hook.is_discord:
        return delivery.payload
    language = hook.account.language or settings.LANGUAGE_CODE
    message = discord_message(json.loads(delivery.payload), language)
    return json.dumps(message, ensure_ascii=False)
