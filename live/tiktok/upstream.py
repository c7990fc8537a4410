"""What a connection to a LIVE looks like to those who use it. Protocols only.

`live.tiktok.connection` connects to TikTok; the test endpoint and tests have upstreams of their
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

from live.protocol.errors import RelayError
from live.tiktok.decoding import DecodeError
from live.tiktok.rooms import Room
from live.tiktok.signgate import SignGate

__all__ = ["MessageListener", "RawMessage", "Upstream", "UpstreamFactory"]


class RawMessage(Protocol):
    """A message as TikTok sends it, undecoded."""

    @property
    def method(self) -> str:
        """The name of its kind, such as "WebcastChatMessage"."""

    @property
    def payload(self) -> bytes:
        """The message itself, encoded by protobuf."""

    @property
    def msg_id(self) -> int:
        """TikTok's id; 0 where it gave none, negative for one above 2^63."""


class MessageListener(Protocol):
    """Whom an upstream reports to. Called on the event loop; must neither block nor raise.

    `live.tiktok.reader.Reader` is the one that makes events of messages; a recorder is another.
    """

    def on_open(self, room: Room) -> None:
        """The connection is open. Called once per connection, before any message."""

    def on_messages(self, messages: Iterable[RawMessage]) -> None:
        """TikTok sent messages, in this order."""

    def on_heartbeat(self) -> None:
        """TikTok sent something that is no message: the connection is alive."""

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        """Bytes that could not be read were left out."""


class Upstream(Protocol):
    """One attempt at one connection. Opened once; closed once, whatever became of it."""

    async def open(self) -> None:
        """Connect; the listener hears of the room, and from then on of messages.

        Raises:
            RelayError: it can't be done, or took longer than the connect timeout.
        """

    async def closed(self) -> RelayError:
        """Wait until the connection has ended by itself, and say why."""

    async def close(self) -> None:
        """End everything: tasks, socket, HTTP clients. Takes a second or two at most."""


UpstreamFactory: TypeAlias = Callable[[str, SignGate, MessageListener], Upstream]
