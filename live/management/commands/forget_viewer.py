"""`manage.py forget_viewer`: take one viewer out of all that is kept."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from live.history import forgetting as lives
from live.webhooks import forgetting as events


class Command(BaseCommand):
    help = (
        "Delete what a viewer has said in all kept LIVEs, and take the viewer's id and names out "
        "of them and out of what webhooks were told. The sums stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("viewer", help="the TikTok user id, or the @username")

    def handle(self, *args: Any, **options: Any) -> None:
        viewer = options["viewer"].strip()
        if not viewer.strip("@"):
            raise CommandError("Give a TikTok user id, or an @username.")
        user_ids, names = lives.ids_of(viewer), set[str]()
        if viewer.startswith("@"):
            names = {viewer.removeprefix("@")}
            user_ids |= events.ids_of(viewer.removeprefix("@"))
        names |= lives.names_of(user_ids)
        told = events.forget_viewer(user_ids)
        in_lives, lines = lives.forget_viewer(user_ids, names)
        self.stdout.write(
            f"Deleted {lines} lines of transcripts, and the viewer's names in {in_lives} LIVEs and "
            f"{told} events of webhooks."
        )
