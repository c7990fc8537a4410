"""The socket of the staff's pages, `/staff/socket`: passes on what relays publish of themselves.

A page gets `{"type": "numbers", …}` each second or so, and `{"type": "connections"}` when the
connection log has changed. It says nothing itself. Only the newest numbers wait for a page that
takes them slowly, so that nothing piles up. Whoever is not staff, or is not any more, is closed
with `FORBIDDEN`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib import import_module
from typing import Any, ClassVar

import msgspec
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.conf import settings

from accounts import requests
from live.relay import control, groups
from live.sockets.wire.asgi import Parcel
from live.sockets.wire.servers import wire_for
from live.tasks import cancel_and_wait

__all__ = ["FORBIDDEN", "StaffConsumer", "staff_socket"]

logger = logging.getLogger(__name__)

FORBIDDEN = 4403
# Seconds between two checks of who it is; relays are told as often that somebody watches.
_CHECK = 30.0
# A page that takes nothing for so long has gone, or is asleep.
_SEND_TIMEOUT = 20.0


def staff_socket() -> Any:
    """The ASGI application. It takes the sockets of this site's own pages alone."""
    pages = CookieMiddleware(StaffConsumer.as_asgi())

    async def of_own_pages(scope: Any, receive: Any, send: Any) -> None:
        application = pages if requests.is_of_own_page(scope) else WebsocketDenier()
        await application(scope, receive, send)

    return of_own_pages


class StaffConsumer(AsyncWebsocketConsumer):
    """One page. What is published is kept until its task has sent it.

    Attributes:
        open_now: how many pages' sockets this process has open.
    """

    open_now: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._numbers: dict[str, dict[str, Any]] = {}  # of each process's relays, by their source
        self._log_changed = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        StaffConsumer.open_now += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            StaffConsumer.open_now -= 1
            await self._end()

    async def connect(self) -> None:
        await self.accept()
        self._wire = wire_for(self.base_send)
        self._task = asyncio.create_task(self._serve(), name="staff socket")

    async def disconnect(self, code: int) -> None:
        await self._end()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages have nothing to say."""

    # --- What relays publish ----------------------------------------------------------------

    async def staff_numbers(self, message: dict[str, Any]) -> None:
        self._numbers[message["numbers"]["source"]] = message["numbers"]
        self._news.set()

    async def staff_connections(self, message: dict[str, Any]) -> None:
        self._log_changed = True
        self._news.set()

    # --- The socket's task ---------------------------------------------------------------------

    async def _serve(self) -> None:
        """Pass news on to a member of the staff, as long as it is one and takes them."""
        try:
            while await self._is_staff():
                # Again each time: channel layers drop members that joined long ago.
                await self.channel_layer.group_add(groups.STAFF, self.channel_name)
                await control.staff_watching()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CHECK):
                        await self._pass_on()
            await self.close(code=FORBIDDEN)
        except OSError:
            self._wire.abort()
        except Exception:
            logger.exception("a socket of the staff's pages failed")
            self._wire.abort()
        finally:
            await self.channel_layer.group_discard(groups.STAFF, self.channel_name)

    async def _pass_on(self) -> None:
        """Raises OSError: the page has gone, or takes nothing."""
        while True:
            await self._news.wait()
            self._news.clear()
            for text in self._take():
                try:
                    async with asyncio.timeout(_SEND_TIMEOUT):
                        await self._wire.send(Parcel([text]))
                except TimeoutError:
                    raise ConnectionError("the page takes nothing") from None

    def _take(self) -> list[str]:
        numbers, self._numbers = self._numbers, {}
        log_changed, self._log_changed = self._log_changed, False
        texts = [_encode({"type": "numbers", **newest}) for newest in numbers.values()]
        if log_changed:
            texts.append(_encode({"type": "connections"}))
        return texts

    async def _is_staff(self) -> bool:
        """Whether the page's session is one of a member of the staff, by the database."""
        store = import_module(settings.SESSION_ENGINE).SessionStore
        key = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        user = await get_user({"session": store(key)})
        return bool(user.is_staff)

    async def _end(self) -> None:
        await cancel_and_wait(self._task)


def _encode(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
