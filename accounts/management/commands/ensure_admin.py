"""`manage.py ensure_admin`: the administrator of the first run."""

import itertools
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import User

NAME = "admin"


class Command(BaseCommand):
    help = "Make an administrator if there is none, print the password once, and say what is next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the server")

    def handle(self, *args: Any, **options: Any) -> None:
        # Servers listen on 0.0.0.0, but nobody can go there.
        address = options["address"].rstrip("/").replace("//0.0.0.0", "//127.0.0.1")
        if User.objects.filter(is_superuser=True).exists():
            self.stdout.write(f"Console: {address}/  Staff: {address}/staff/")
            return
        password = secrets.token_urlsafe(12)
        name = _free_name()
        User.objects.create_superuser(name, password=password)
        self.stdout.write(
            f"An administrator was made. Name: {name}  Password: {password}\n"
            "The password is not shown again. What next:\n"
            f"  1. Sign in at {address}/ and set a TikTok username under Account.\n"
            "     The console then shows its LIVE, as a phone would.\n"
            "  2. Issue a token there; it comes with a QR code for the phone.\n"
            f"  3. More accounts: {address}/admin/  Why did a phone not connect? {address}/staff/"
        )


def _free_name() -> str:
    """`NAME`, or `NAME` with a number when an account that is no administrator has it."""
    names = itertools.chain([NAME], (f"{NAME}{number}" for number in itertools.count(2)))
    return next(name for name in names if not User.objects.filter(username=name).exists())
