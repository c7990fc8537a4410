#!/usr/bin/env python
"""Django's command line, for this project."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as failure:
        # As for a bad setting: what an operator can mend is said in one line, without a traceback.
        reason = "; ".join(line.strip() for line in str(failure).splitlines())
        raise SystemExit(f"The database that DATABASE_URL names can't be used: {reason}") from None
