"""`manage.py relay_version`: which version of the relay this is. `--version` says Django's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

__all__ = ["Command"]


class Command(BaseCommand):
    help = "Prints the version of the relay."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(settings.VERSION)
