"""`manage.py prune_history`: forget old LIVEs. A server does so by itself, too."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from live.history.pruning import prune

MAX_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Delete the LIVEs that were heard last more than DAYS days ago, and the lines of "
        "transcripts that are older than TRANSCRIPT_DAYS days. Prints how many there were."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            default=settings.RELAY_HISTORY_DAYS,
            metavar="DAYS",
            help="days to keep LIVEs; otherwise RELAY_HISTORY_DAYS",
        )
        parser.add_argument(
            "--transcript-days",
            type=int,
            default=settings.RELAY_TRANSCRIPT_DAYS,
            metavar="TRANSCRIPT_DAYS",
            help="days to keep transcripts; otherwise RELAY_TRANSCRIPT_DAYS",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("days", "transcript_days"):
            if not 1 <= options[name] <= MAX_DAYS:
                raise CommandError(f"--{name.replace('_', '-')} takes 1 to {MAX_DAYS} days.")
        lives, lines = prune(options["days"], options["transcript_days"])
        self.stdout.write(f"Deleted {lives} LIVEs and {lines} lines of transcripts.")
