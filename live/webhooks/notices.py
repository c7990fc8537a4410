"""Tells an account by mail that a webhook has been switched off."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils.translation import override

from live.webhooks.models import Webhook

__all__ = ["Notice"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """That a webhook has been switched off.

    Attributes:
        email: the account's; empty if it has none.
        language: of the account.
        webhook: its name, or its address without what may be secret.
        why: the sentence in that language.
        key: the webhook's primary key.
    """

    webhook: str
    why: str
    language: str
    email: str = field(repr=False)
    key: int

    @classmethod
    def of(cls, hook: Webhook) -> Notice:
        language = hook.account.language or settings.LANGUAGE_CODE
        with override(language):
            why = str(hook.get_switched_off_why_display())
        return cls(str(hook), why, language, hook.account.email, hook.pk)

    def send(self) -> bool:
        """Send it, if this server sends emails and the account has an address. Waits for the mail
        server; a failure is logged.

        Returns:
            Whether there is nothing more to do.
        """
        if not settings.SENDS_EMAIL or not self.email:
            return True
        with override(self.language):
            context = {"webhook": self.webhook, "why": self.why}
            subject = render_to_string("live/webhooks/switched_off_subject.txt", context)
            text = render_to_string("live/webhooks/switched_off_email.txt", context)
        try:
            send_mail(" ".join(subject.split()), text, None, [self.email])
        except OSError as error:  # SMTP's errors are such
            logger.warning("an account could not be told of its webhook: %s", type(error).__name__)
            return False
        return True
