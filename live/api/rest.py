"""Makes the REST API, with its description and its handling of errors.

`relay_project/api.py` adds the operations of `accounts` and `live`, and the documentation page.
"""

from __future__ import annotations

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from live.api.auth import BearerToken
from live.api.errors import EXPLAINED, explain

__all__ = ["make_api"]


def make_api(docs: DocsBase) -> NinjaAPI:
    """Make the API. It has no operations yet.

    Args:
        docs: makes its documentation page.
    """
    source = {"description": "The source of this server (AGPL-3.0)", "url": settings.SOURCE_URL}
    api = NinjaAPI(
        title="LIVE relay",
        version=settings.VERSION,
        description="What a mobile app's settings screen asks and sets. Events come over the "
        "socket.\n\nEvery error has the form of `Problem`, with the `code`s of the socket.",
        urls_namespace="api",
        auth=BearerToken(),
        docs=docs,
        openapi_extra={
            "info": {"license": {"name": "AGPL-3.0-only", "identifier": "AGPL-3.0-only"}},
            **({"externalDocs": source} if settings.SOURCE_URL else {}),
        },
    )
    for kind in EXPLAINED:
        api.add_exception_handler(kind, explain)
    return api
