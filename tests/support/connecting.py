"""Connections to TikTok in the process of the test: who listens to them, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from live.protocol.errors import RelayError
from live.tiktok.connection import TikTokUpstream
from live.tiktok.decoding import DecodeError
from live.tiktok.pacer import Pacer
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate

__all__ = ["Make", "Recorder", "end_of"]


class Make(Protocol):
    """Makes an upstream to the stand-in, which the fixture `recorder` listens to."""

    def __call__(
        self,
        username: str,
        gate: SignGate,
        room_id: int | str | None = None,
        *,
        proxy: str = "",
        pacer: Pacer | None = None,
        routes: Sequence[str] = ("signed",),
    ) -> TikTokUpstream: ...


class Recorder:
    """A `MessageListener` that keeps what it hears."""

    def __init__(self) -> None:
        self.room: Room | None = None
        self.routes: list[str] = []
        self.methods: list[str] = []
        self.heartbeats = 0
        self.rejected: list[str] = []
        self.heard = asyncio.Event()

    def on_open(self, room: Room, route: str) -> None:
        self.room = room
        self.routes.append(route)

    def on_messages(self, messages: Iterable[Any]) -> None:
        self.methods += [message.method for message in messages]
        if self.methods:
            self.heard.set()

    def on_heartbeat(self) -> None:
        self.heartbeats += 1
        self.heard.set()

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        self.rejected.append(what)
        self.heard.set()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self.heard.wait()
        self.heard.clear()


async def end_of(upstream: TikTokUpstream) -> RelayError | None:
    """Why it could not be opened; None if it could. It is closed afterwards."""
    try:
        await upstream.open()
    except RelayError as refused:
        return refused.with_traceback(None)
    finally:
        await upstream.close()
    return None
