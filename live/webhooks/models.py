"""Webhooks, and what was or will be sent to them.

An address and a secret are stored encrypted: whoever knows the address of some receivers, Discord
among them, may post there.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from encrypted_fields.fields import EncryptedTextField

from accounts.models import deciphered
from live.webhooks.addresses import is_discord, without_secrets

__all__ = [
    "KEPT",
    "MOST_EACH",
    "OLD_SECRET_COUNTS",
    "TRIED_FOR",
    "Delivery",
    "DeliveryState",
    "EventType",
    "Failure",
    "SwitchedOff",
    "Webhook",
    "new_secret",
]

# How many webhooks an account may have.
MOST_EACH = 10
# For how long a delivery is tried.
TRIED_FOR = timedelta(days=1)
# For how long the secret before counts, too.
OLD_SECRET_COUNTS = timedelta(days=1)
# How long deliveries are kept.
KEPT = timedelta(days=30)

NAME_LENGTH = 100
ANSWER_LENGTH = 1000
# Random bytes of a secret. Standard Webhooks asks for 24 to 64.
_SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret, as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


class EventType(models.TextChoices):
    """`type` of what is sent. A webhook gets those that its account has chosen."""

    LIVE_STARTED = "live.started", _("a LIVE starts")
    LIVE_ENDED = "live.ended", _("a LIVE ends (with its recap)")
    GIFT = "gift", _("a gift")
    SUBSCRIBE = "subscribe", _("somebody subscribes")
    ERROR = "error", _("the LIVE can't be heard")
    TEST = "test", _("a test")


class SwitchedOff(models.TextChoices):
    """Why the relay has switched a webhook off."""

    FAILING = "failing", _("It has failed on five days, and nothing has arrived in between.")
    GONE = "gone", _("It answered 410 Gone: it wants nothing more.")


class Webhook(models.Model):
    """An address that is told of what happens in an account's LIVEs."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="webhooks",
        verbose_name=_("account"),
    )
    name = models.CharField(
        _("name"), max_length=NAME_LENGTH, blank=True, help_text=_("What it is for, in your words.")
    )
    address = EncryptedTextField(_("address"))
    secret = EncryptedTextField(editable=False, default=new_secret)
    # The one before. Deliveries are signed by it, too, until then, so that receivers can change.
    old_secret = EncryptedTextField(editable=False, null=True)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    events = models.JSONField(_("events"), default=list)
    least_diamonds = models.PositiveIntegerField(_("gifts from so many diamonds"), default=1)
    is_enabled = models.BooleanField(_("switched on"), default=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    # --- Its queue. Whoever changes it holds a lock on the row. ---
    # When its oldest waiting delivery is to be tried; None while none waits. Tests don't count: one
    # is sent at once, whatever the others have to wait for.
    due_at = models.DateTimeField(_("next attempt"), null=True, editable=False)
    has_test = models.BooleanField(default=False, editable=False)
    # Who is sending its deliveries now, and until when that counts.
    lease = models.CharField(max_length=32, blank=True, default="", editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    last_tried_at = models.DateTimeField(_("last attempt"), null=True, editable=False)

    # --- How it fails. Tests don't count here, either. ---
    # Attempts that have failed in a row, for the next pause, and when the first of them was. Both
    # are forgotten when nothing waits any more.
    failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    # On how many days attempts have failed since the last success, and when the last of these days
    # began. Days without an attempt don't count.
    failed_days = models.PositiveSmallIntegerField(default=0, editable=False)
    failed_day = models.DateTimeField(null=True, editable=False)
    switched_off_at = models.DateTimeField(_("switched off"), null=True, editable=False)
    switched_off_why = models.CharField(
        max_length=10, choices=SwitchedOff.choices, blank=True, default="", editable=False
    )
    # When the account is to be told of that by mail; None if there is nothing to tell.
    notice_due_at = models.DateTimeField(null=True, editable=False)
    # Events that were not noted, because too many were waiting already.
    dropped = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("pk",)
        indexes = [
            # For the sender: what is due. There are few.
            models.Index(
                fields=["due_at"],
                name="webhook_due",
                condition=models.Q(is_enabled=True, due_at__isnull=False),
            ),
            models.Index(
                fields=["id"],
                name="webhook_test",
                condition=models.Q(is_enabled=True, has_test=True),
            ),
            models.Index(
                fields=["notice_due_at"],
                name="webhook_notice",
                condition=models.Q(notice_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_address

    @property
    def readable_address(self) -> str:
        """The address; empty if it can't be decrypted any more, because SECRET_KEY has changed."""
        return deciphered(self.address)

    @property
    def readable_secret(self) -> str:
        """The secret; empty if it can't be decrypted any more."""
        return deciphered(self.secret)

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """The secrets that deliveries are signed by: the newest first. Those that can't be
        decrypted any more are left out."""
        until = self.old_secret_until
        old = deciphered(self.old_secret) if until is not None and now < until else ""
        return tuple(filter(None, (self.readable_secret, old)))

    @property
    def shown_address(self) -> str:
        """The address without what may be secret in it."""
        return without_secrets(self.readable_address)

    @property
    def is_discord(self) -> bool:
        """Whether it gets messages as Discord shows them."""
        return is_discord(self.readable_address)

    @property
    def event_names(self) -> list[str]:
        """The events that it gets, in words."""
        return [str(event.label) for event in EventType if event in self.events]

    def wants(self, event: EventType) -> bool:
        """Whether it gets events of this type."""
        return event is EventType.TEST or event in self.events


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("waits")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")


class Failure(models.TextChoices):
    """Why an attempt has failed."""

    STATUS = "status", _("The receiver answered that it failed.")
    TIMEOUT = "timeout", _("There was no answer in time.")
    UNRESOLVED = "unresolved", _("The name of the host is not known.")
    TLS = "tls", _("The certificate is not valid, or TLS failed.")
    NO_CONNECTION = "connection", _("There was no connection, or it broke off.")
    REFUSED = "refused", _("This server does not connect to such an address.")
    REDIRECTED = (
        "redirected",
        _("There were too many redirects, or one that loses the content."),
    )
    UNREADABLE = (
        "unreadable",
        _("It can't be decrypted: enter the address again, renew the secret."),
    )


def _message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def _end_of_trying() -> datetime:
    return timezone.now() + TRIED_FOR


class Delivery(models.Model):
    """One event for one webhook. A webhook's deliveries are sent in the order of their keys."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    # The `webhook-id`, by which a receiver knows what it has had already.
    event_id = models.CharField(max_length=40, default=_message_id, unique=True)
    type = models.CharField(_("event"), max_length=20, choices=EventType.choices)
    # The body as it is signed and sent; Discord's is made of it.
    payload = models.TextField(_("payload"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # An attempt that fails is the last one if the next would be after this time. Each delivery has
    # one at least, however long it has waited behind others.
    tried_until = models.DateTimeField(default=_end_of_trying)
    state = models.CharField(
        _("state"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # How many of them the receiver has refused, by a status that says that it never takes this.
    refusals = models.PositiveIntegerField(default=0)
    # The last attempt: when it ended, how long it took, and what came of it.
    tried_at = models.DateTimeField(_("last attempt"), null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    # The status of the answer, and the beginning of its body; None if there was no answer.
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    answer = models.CharField(max_length=ANSWER_LENGTH, blank=True)
    failure = models.CharField(
        _("why it failed"), max_length=12, choices=Failure.choices, blank=True, default=""
    )

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-pk",)
        indexes = [
            # For the sender, and for a webhook's page.
            models.Index(fields=["webhook", "state", "id"], name="delivery_by_state"),
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            # For pruning.
            models.Index(fields=["created_at"], name="delivery_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.type}"
