"""What a server does with its settings when it starts."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

__all__ = ["limit_statements", "warn_of_unknown_variables"]

logger = logging.getLogger(__name__)

# Milliseconds that one statement of a page may take.
_STATEMENT_TIMEOUT = 30_000


def warn_of_unknown_variables() -> None:
    """Log each variable that looks like a setting but is none, with the most similar setting."""
    for name, nearest in settings.UNKNOWN_VARIABLES.items():
        hint = f"; did you mean {nearest}?" if nearest else "."
        logger.warning("There is no setting %s%s", name, hint)


def limit_statements() -> None:
    """Have PostgreSQL end what takes a page too long. Not for commands: a migration may take long.

    `options` in DATABASE_URL is used in place of this limit.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor == "postgresql":
        options = connection.settings_dict["OPTIONS"]
        options.setdefault("options", f"-c statement_timeout={_STATEMENT_TIMEOUT}")
