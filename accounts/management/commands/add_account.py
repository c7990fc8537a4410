"""`manage.py add_account`: make an account and its first token."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import AccessToken, Scope, User


class Command(BaseCommand):
    help = (
        "Make an account and one token for it. Prints one JSON object with user_id, username, "
        "tiktok_username and token; the token is never shown again."
    )
    # They would load all of the server, TikTokLive's schema too: seconds, for one row.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the account's name, to sign in with")
        parser.add_argument(
            "--tiktok-username", default="", help="name, @name, or the address of the profile"
        )
        parser.add_argument("--sign-api-key", default="", help="the account's own EulerStream key")
        parser.add_argument(
            "--proxy", default="", help="the account's own way to TikTok: http://user:password@…"
        )
        parser.add_argument("--staff", action="store_true", help="may read the connection log")
        parser.add_argument(
            "--manage", action="store_true", help="the token may change the account, over REST"
        )
        parser.add_argument(
            "--watch", action="store_true", help="its LIVEs are heard though no app is connected"
        )
        parser.add_argument("--password", help="without one, the account can't sign in")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User(
            username=options["name"],
            tiktok_username=options["tiktok_username"],
            own_sign_api_key=options["sign_api_key"],
            own_proxy=options["proxy"],
            is_staff=options["staff"],
            is_watched=options["watch"],
        )
        try:
            # An empty one, as of a variable that is not set, is none.
            user.set_password(options["password"] or None)
            user.full_clean()
        except ValidationError as refused:
            raise CommandError(" ".join(refused.messages)) from None
        with transaction.atomic():
            user.save()
            scope = Scope.MANAGE if options["manage"] else Scope.LISTEN
            _, token = AccessToken.objects.issue(user, scope=scope)
        result = {
            "user_id": user.pk,
            "username": user.username,
            "tiktok_username": user.tiktok_username,
            "token": token,
        }
        self.stdout.write(json.dumps(result))
        if not user.has_usable_password():
            self.stderr.write(
                f"{user.username} has no password, so nobody can sign in to the pages as this "
                f"account. To set one: .venv/bin/python manage.py changepassword {user.username}"
            )
