"""`manage.py add_token`: one more token for an account."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import LABEL_LENGTH, MAX_DAYS, AccessToken, Scope, User


class Command(BaseCommand):
    help = "Make a token for an account. Prints one JSON object; the token is never shown again."
    # They would load all of the server, TikTokLive's schema too: seconds, for one row.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the account's name")
        parser.add_argument("--label", default="", help="what the token is for")
        parser.add_argument("--expires", type=int, metavar="DAYS", help="days until it expires")
        parser.add_argument(
            "--manage", action="store_true", help="the token may change the account, over REST"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['name']}.")
        days = options["expires"]
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--expires takes 1 to {MAX_DAYS} days.")
        if len(options["label"]) > LABEL_LENGTH:
            raise CommandError(f"--label takes {LABEL_LENGTH} characters at most.")
        token, text = AccessToken.objects.issue(
            user,
            label=options["label"],
            expires_in=timedelta(days=days) if days else None,
            scope=Scope.MANAGE if options["manage"] else Scope.LISTEN,
        )
        result = {
            "user_id": user.pk,
            "username": user.username,
            "label": token.label,
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
            "token": text,
        }
        self.stdout.write(json.dumps(result))
