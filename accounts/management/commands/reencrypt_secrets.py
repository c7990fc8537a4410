"""`manage.py reencrypt_secrets`: after SECRET_KEY has changed."""

from collections import Counter
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.db.models import Model
from encrypted_fields.fields import EncryptedFieldMixin

from accounts.models import OWN_SECRETS, User, is_readable

_BATCH = 500


class Command(BaseCommand):
    help = (
        "Encrypt the accounts' EulerStream API keys and proxies, and other secrets, anew with "
        "SECRET_KEY, so that the keys in SECRET_KEY_FALLBACKS can be taken out. Prints how many "
        "there were. It may run again, also after it was cut off, and while the server runs."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch", type=int, default=_BATCH, help="accounts in one transaction; 500"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done: Counter[str] = Counter()
        last = 0
        while True:
            with transaction.atomic():
                accounts = list(_accounts_after(last)[: max(1, options["batch"])])
                for account in accounts:
                    done += _reencrypt(account)
            if not accounts:
                break
            last = accounts[-1].pk
        keys, proxies = (done[name] for name in OWN_SECRETS)
        self.stdout.write(f"Encrypted {keys} API keys and {proxies} proxies.")
        for model, names in _other_secrets():
            count = _reencrypt_all(model, names, max(1, options["batch"]), done)
            if count:
                self.stdout.write(f"Encrypted {count} secrets of {model._meta.label}.")
        if done["unreadable"]:
            self.stderr.write(
                f"{done['unreadable']} can't be read with any of the keys: left as they are."
            )


def _other_secrets() -> list[tuple[type[Model], list[str]]]:
    """The other models that have encrypted fields, with the names of these."""
    found = []
    for model in apps.get_models():
        fields = [
            field.name
            for field in model._meta.get_fields()
            if isinstance(field, EncryptedFieldMixin)
        ]
        if fields and model is not User:
            found.append((model, fields))
    return found


def _reencrypt_all(model: type[Model], names: list[str], batch: int, done: Counter[str]) -> int:
    """Save the encrypted fields of all rows anew.

    Args:
        done: where those that can't be read are counted.

    Returns:
        How many secrets were encrypted.
    """
    count, last = 0, 0
    while True:
        with transaction.atomic():
            rows = model._default_manager.select_for_update().filter(pk__gt=last).order_by("pk")
            some = list(rows[:batch])
            for row in some:
                stored = {name: getattr(row, name) for name in names if getattr(row, name)}
                readable = {name: text for name, text in stored.items() if is_readable(text)}
                done["unreadable"] += len(stored) - len(readable)
                if readable:
                    # Not `save`, which would tell others of a change.
                    model._default_manager.filter(pk=row.pk).update(**readable)
                count += len(readable)
        if not some:
            return count
        last = some[-1].pk


def _accounts_after(last: int) -> Any:
    """Locks accounts that have secrets, in the order of their primary keys."""
    accounts = User.objects.select_for_update().filter(pk__gt=last).order_by("pk")
    return accounts.exclude(own_sign_api_key=None, own_proxy=None)


def _reencrypt(account: User) -> Counter[str]:
    """Save the account's secrets anew; returns how many of each field, and how many can't be
    read."""
    secrets = {"own_sign_api_key": account.sign_api_key(), "own_proxy": account.proxy()}
    readable = [name for name, secret in secrets.items() if secret]
    stored = [name for name in secrets if getattr(account, name)]
    # Saved anew, one that can't be read would be encrypted twice.
    account.save(update_fields=readable)
    return Counter({**dict.fromkeys(readable, 1), "unreadable": len(stored) - len(readable)})
