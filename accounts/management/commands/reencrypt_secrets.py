"""`manage.py reencrypt_secrets`: after SECRET_KEY has changed."""

from collections import Counter
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.db.models import Model, Q
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
            "--batch", type=int, default=_BATCH, help="rows in one transaction; 500"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done: Counter[str] = Counter()
        for model, names in _secrets():
            _reencrypt(model, names, max(1, options["batch"]), done)
        keys, proxies = (done[f"{User._meta.label}.{name}"] for name in OWN_SECRETS)
        self.stdout.write(f"Encrypted {keys} API keys and {proxies} proxies.")
        for model, names in _secrets():
            count = sum(done[f"{model._meta.label}.{name}"] for name in names)
            if count and model is not User:
                self.stdout.write(f"Encrypted {count} secrets of {model._meta.label}.")
        if done["unreadable"]:
            self.stderr.write(
                f"{done['unreadable']} can't be read with any of the keys: left as they are."
            )


def _secrets() -> list[tuple[type[Model], list[str]]]:
    """The models that have encrypted fields, with the names of these."""
    found = []
    for model in apps.get_models():
        fields = [
            field.name
            for field in model._meta.get_fields()
            if isinstance(field, EncryptedFieldMixin)
        ]
        if fields:
            found.append((model, fields))
    return found


def _reencrypt(model: type[Model], names: list[str], batch: int, done: Counter[str]) -> None:
    """Save the encrypted fields of all rows anew.

    Args:
        done: where what is done is counted, by model and field, and what can't be read.
    """
    nothing = Q(**dict.fromkeys(names))  # whose rows need no lock
    last = 0
    while True:
        with transaction.atomic():
            rows = model._default_manager.select_for_update().filter(pk__gt=last).order_by("pk")
            some = list(rows.exclude(nothing)[:batch])
            for row in some:
                stored = {name: getattr(row, name) for name in names if getattr(row, name)}
                # Saved anew, one that can't be read would be encrypted twice.
                readable = {name: text for name, text in stored.items() if is_readable(text)}
                done["unreadable"] += len(stored) - len(readable)
                if readable:
                    # Not `save`, which would tell others of a change.
                    model._default_manager.filter(pk=row.pk).update(**readable)
                done.update(f"{model._meta.label}.{name}" for name in readable)
        if not some:
            return
        last = some[-1].pk
