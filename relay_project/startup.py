"""What a server says about its settings when it starts."""

from __future__ import annotations

import logging

from django.conf import settings

__all__ = ["warn_of_unknown_variables"]

logger = logging.getLogger(__name__)


def warn_of_unknown_variables() -> None:
    """Log each variable that looks like a setting and is none, and the setting most like it."""
    for name, nearest in settings.UNKNOWN_VARIABLES.items():
        hint = f"; did you mean {nearest}?" if nearest else "."
        logger.warning("There is no setting %s%s", name, hint)
