"""`manage.py forget_viewer`: take one viewer out of all kept LIVEs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from live.history.forgetting import forget_viewer, ids_of


class Command(BaseCommand):
    help = (
        "Delete what a viewer has said in all kept LIVEs, and take the viewer's id and names out "
        "of them. The sums stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("viewer", help="the TikTok user id, or the @username")

    def handle(self, *args: Any, **options: Any) -> None:
        viewer = options["viewer"].strip()
        if not viewer.strip("@"):
            raise CommandError("Give a TikTok user id, or an @username.")
        lives = lines = 0
        for user_id in sorted(ids_of(viewer)):
            in_lives, deleted = forget_viewer(user_id)
            lives, lines = lives + in_lives, lines + deleted
        self.stdout.write(
            f"Deleted {lines} lines of transcripts, and the names of gifts in {lives} LIVEs."
        )
