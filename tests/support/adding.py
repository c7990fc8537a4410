"""`manage.py add_account` many times in one process: Django's start takes longer than the command.

Reads the arguments from stdin, a JSON array a line, and prints for each what the command prints.
"""

from __future__ import annotations

import io
import json
import os
import sys

import django
from django.core.management import call_command


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "relay_project.settings"
    django.setup()
    from django.db import connection

    for line in sys.stdin:
        # Its note that the account has no password is of no use here.
        call_command("add_account", *json.loads(line), stderr=io.StringIO())
        # As after a command: tests stop, freeze and lock the database.
        connection.close()


if __name__ == "__main__":
    main()
