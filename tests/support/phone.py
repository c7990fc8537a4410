"""A phone: a WebSocket client that keeps every frame it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.contract import check_frame

Frame = dict[str, Any]

WITHIN = 10.0


class OpenSocket:
    """A socket to the relay, which is open within `async with`."""

    def __init__(self, address: str, **options: Any) -> None:
        self._connecting = connect(address, max_size=None, **options)
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await self._connecting
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.socket.close()


class Phone(OpenSocket):
    """One socket to the relay. `async with Phone(address) as phone`.

    Attributes:
        frames: all that came so far.
    """

    def __init__(self, address: str, **options: Any) -> None:
        super().__init__(address, **options)
        self.frames: list[Frame] = []

    async def next(self) -> Frame:
        """The next frame. Raises AssertionError when it breaks the contract."""
        async with asyncio.timeout(WITHIN):
            frame: Frame = json.loads(await self.socket.recv())
        check_frame(frame)
        self.frames.append(frame)
        return frame

    async def until(self, condition: Callable[[Frame], object]) -> Frame:
        """Read on to the first frame that fits, and return it."""
        while not condition(frame := await self.next()):
            pass
        return frame

    async def until_type(self, *types: str) -> Frame:
        return await self.until(lambda frame: frame["type"] in types)

    async def events(self, count: int) -> list[Frame]:
        """The next `count` frames that are events of the LIVE."""
        events: list[Frame] = []
        while len(events) < count:
            frame = await self.next()
            if "id" in frame and frame["type"] != "pong":
                events.append(frame)
        return events

    async def until_closed(self) -> int:
        """Read to the end; returns the close code."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    async def explanation(self) -> tuple[Frame, int]:
        """The data of the error frame, which must be the last frame, and the close code."""
        code = await self.until_closed()
        assert self.frames, f"closed with {code} without a word"
        assert self.frames[-1]["type"] == "error", self.frames[-1]
        return self.frames[-1]["data"], code
