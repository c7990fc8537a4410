"""Logs what is wrong with the settings when a server starts."""

from __future__ import annotations

import logging

from django.conf import settings

__all__ = ["warn_of_unknown_variables"]

logger = logging.getLogger(__name__)


def warn_of_unknown_variables() -> None:
    """Log each variable that looks like a setting but is none, with the most similar setting."""
    for name, nearest in settings.UNKNOWN_VARIABLES.items():
        hint = f"; did you mean {nearest}?" if nearest else "."
        logger.warning("There is no setting %s%s", name, hint)
