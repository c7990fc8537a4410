"""`manage.py prune_connections`: forget old connections, for a daily timer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from live.models import ConnectionLog, LastOutcome

MAX_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Delete the connections that were opened more than DAYS days ago and are closed. "
        "Prints how many there were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, required=True, metavar="DAYS", help="days to keep, at least 1"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days takes 1 to {MAX_DAYS} days.")
        deleted = ConnectionLog.objects.prune(options["days"])
        LastOutcome.objects.prune(options["days"])
        self.stdout.write(f"Deleted {deleted} connections.")
