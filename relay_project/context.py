"""What every template gets to see."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def source(request: HttpRequest) -> dict[str, Any]:
    """The link to this server's source, which the AGPL has every page offer, and its version."""
    return {"SOURCE_URL": settings.SOURCE_URL, "VERSION": settings.VERSION}
