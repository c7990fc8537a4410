"""`manage.py reencrypt_api_keys`: after SECRET_KEY has changed."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import User


class Command(BaseCommand):
    help = (
        "Encrypt the accounts' EulerStream API keys anew with SECRET_KEY, so that the keys in "
        "SECRET_KEY_FALLBACKS can be taken out. Prints how many there were."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        done = unreadable = 0
        with transaction.atomic():
            accounts = User.objects.select_for_update().exclude(own_sign_api_key=None)
            for account in accounts:
                if account.own_sign_api_key and not account.sign_api_key():
                    unreadable += 1  # saved anew, it would be encrypted twice
                    continue
                account.save(update_fields=["own_sign_api_key"])
                done += 1
        self.stdout.write(f"Encrypted {done} API keys.")
        if unreadable:
            self.stderr.write(f"{unreadable} can't be read with any of the keys: left as they are.")
