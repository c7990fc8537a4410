"""Accounts and sessions of a server, made in one process: Django's start takes longer than either.

Reads a JSON array a line from stdin, and prints a JSON object for each:
`["add_account", …]`, with the arguments of `manage.py add_account`: what that command prints.
`["sign_in", name]`: `session`, the session's cookie, and `is_staff`.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys

import django
from django.core.management import call_command


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "relay_project.settings"
    django.setup()
    from django.contrib.auth import base_user, hashers
    from django.db import connection

    # All people of the tests have the same password, and each hashing takes most of a second.
    base_user.make_password = functools.cache(hashers.make_password)  # type: ignore[attr-defined]
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        if command == "sign_in":
            print(json.dumps(_sign_in(*arguments)), flush=True)
        else:
            # Its note that the account has no password is of no use here.
            call_command(command, *arguments, stderr=io.StringIO())
        # As after a command: tests stop, freeze and lock the database.
        connection.close()


def _sign_in(name: str) -> dict[str, object]:
    from django.conf import settings
    from django.test import Client

    from accounts.models import User

    user = User.objects.get(username=name)
    client = Client()
    client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])  # the others only refuse
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"session": cookie.value, "is_staff": user.is_staff}


if __name__ == "__main__":
    main()
