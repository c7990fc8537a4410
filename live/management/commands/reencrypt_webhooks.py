"""`manage.py reencrypt_webhooks`: after SECRET_KEY has changed."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from live.webhooks.models import Webhook


class Command(BaseCommand):
    help = (
        "Encrypt the webhooks' addresses and secrets anew with SECRET_KEY, so that the keys in "
        "SECRET_KEY_FALLBACKS can be taken out. Prints how many there were. It may run again, also "
        "after it was cut off, and while the server runs."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        done = unreadable = 0
        for pk in Webhook.objects.order_by("pk").values_list("pk", flat=True):
            with transaction.atomic():
                hook = Webhook.objects.select_for_update().filter(pk=pk).first()
                if hook is None:
                    continue
                # Saved anew, one that can't be read would be encrypted twice.
                if hook.readable_address and hook.readable_secret:
                    hook.old_secret = hook.old_secret_until = None
                    hook.save(update_fields=["address", "secret", "old_secret", "old_secret_until"])
                    done += 1
                else:
                    unreadable += 1
        self.stdout.write(f"Encrypted {done} webhooks.")
        if unreadable:
            self.stderr.write(f"{unreadable} can't be read with any of the keys: left as they are.")
