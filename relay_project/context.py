"""The values that every template gets."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def standin(request: HttpRequest) -> dict[str, Any]:
    """Return whether pages say that the stand-in plays TikTok."""
    return {"IS_STANDIN": settings.RELAY_STANDIN}


def source(request: HttpRequest) -> dict[str, Any]:
    """Return the link to this server's source, which the AGPL requires, and its version."""
    return {"SOURCE_URL": settings.SOURCE_URL, "VERSION": settings.VERSION}
