"""`manage.py reencrypt_api_keys`: after SECRET_KEY has changed."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import OWN_SECRETS, User


class Command(BaseCommand):
    help = (
        "Encrypt the accounts' EulerStream API keys and proxies anew with SECRET_KEY, so that the "
        "keys in SECRET_KEY_FALLBACKS can be taken out. Prints how many there were."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        done = dict.fromkeys(OWN_SECRETS, 0)
        unreadable = 0
        with transaction.atomic():
            accounts = User.objects.select_for_update().exclude(
                own_sign_api_key=None, own_proxy=None
            )
            for account in accounts:
                secrets = {"own_sign_api_key": account.sign_api_key(), "own_proxy": account.proxy()}
                readable = [name for name, secret in secrets.items() if secret]
                stored = [name for name in secrets if getattr(account, name)]
                # Saved anew, one that can't be read would be encrypted twice.
                unreadable += len(stored) - len(readable)
                account.save(update_fields=readable)
                for name in readable:
                    done[name] += 1
        self.stdout.write(
            f"Encrypted {done['own_sign_api_key']} API keys and {done['own_proxy']} proxies."
        )
        if unreadable:
            self.stderr.write(f"{unreadable} can't be read with any of the keys: left as they are.")
