"""The connection log, as tests of its pages fill it, and browsers that look at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient

from accounts.models import User
from live.models import ConnectionLog
from live.protocol.errors import CloseCode

__all__ = ["CSV", "LIST", "NOON", "ServedByAsgi", "connect"]

LIST = "/staff/connections/"
CSV = "/staff/connections.csv"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def connect(**values: Any) -> ConnectionLog:
    """A row of the log; closed a minute after it opened unless told otherwise."""
    opened_at = values.setdefault("opened_at", NOON)
    values.setdefault("closed_at", opened_at + timedelta(minutes=1))
    values.setdefault("close_code", CloseCode.NORMAL)
    return ConnectionLog.objects.create(**values)


class ServedByAsgi(AsyncClient):
    """A browser of somebody of the staff, and a server that has these relays."""

    def __init__(self, *relays: Any) -> None:
        super().__init__()
        self._relays = relays
        self.force_login(User.objects.create_user("asgi", is_staff=True))

    async def request(self, **scope: Any) -> Any:
        # Django's client has a text there, ASGI bytes.
        query_string = scope["query_string"].encode()
        scope |= {"query_string": query_string, "relays": self._relays}
        return await super().request(**scope)

    def text_of(self, address: str, headers: dict[str, str] | None = None) -> str:
        """The page's whole text, of one that comes in pieces too."""

        async def read() -> str:
            response: Any = await self.get(address, headers=headers)
            assert response.status_code == 200
            if not response.streaming:
                return str(response.text)
            return b"".join([piece async for piece in response]).decode()

        return async_to_sync(read)()
