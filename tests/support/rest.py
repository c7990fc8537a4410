"""A client of the REST API, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient

from live.relay.failed_tokens import FailedTokens

__all__ = ["Ask", "RestClient", "asking"]

Ask = Callable[..., Any]


class RestClient(AsyncClient):
    """Django's client, as an app uses the API.

    Args:
        token: what it signs in with, unless told otherwise.
        scope: more of the ASGI scope, such as the relay. Without one, there is one that knows
            nothing but which tokens were tried.
    """

    def __init__(self, token: str = "", **scope: Any) -> None:
        super().__init__(enforce_csrf_checks=True)
        self.token = token
        self._scope = {"relay": SimpleNamespace(failed_tokens=FailedTokens()), **scope}

    async def request(self, **scope: Any) -> Any:
        # Django's client has a text there, ASGI bytes.
        query_string = scope["query_string"].encode()
        return await super().request(**{**scope, **self._scope, "query_string": query_string})

    async def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = b"",
        *,
        authorization: str | None = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Any:
        """The response. A body that is no bytes goes out as JSON.

        Args:
            authorization: instead of the token; an empty one for none at all.
        """
        if authorization is None:
            authorization = f"Bearer {self.token}"
        signed = {"Authorization": authorization} if authorization else {}
        return await self.generic(
            method,
            path,
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            "application/json",
            headers={**(headers or {}), **signed},
            query_params=query,
        )


def asking(client: RestClient, usual_path: str) -> Ask:
    """`client.ask` for tests that do not await, with the path as an option."""

    def ask(method: str = "GET", body: Any = b"", *, path: str = usual_path, **more: Any) -> Any:
        return async_to_sync(client.ask)(path, method, body, **more)

    return ask
