"""The interface of an upstream: a connection to a LIVE, and who listens to it. Protocols only.

`live.tiktok.connection` has the upstream that connects to TikTok. The test endpoint and the tests
have upstreams of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from live.protocol.errors import RelayError
from live.tiktok.access import Accesses
from live.tiktok.decoding import DecodeError
from live.tiktok.rooms import Room

__all__ = ["MessageListener", "RawMessage", "Upstream", "UpstreamFactory"]


class RawMessage(Protocol):
    """A message as TikTok sends it, before it is decoded."""

    @property
    def method(self) -> str:
        """TikTok's name for this kind of message, such as "WebcastChatMessage"."""

    @property
    def payload(self) -> bytes:
        """The message itself, encoded by protobuf."""

    @property
    def msg_id(self) -> int:
        """TikTok's id of the message, as a signed number: negative from 2^63 on; 0 for none."""


class MessageListener(Protocol):
    """Gets the messages of an upstream. Called on the event loop; must neither block nor raise.

    `live.tiktok.reader.Reader` is a listener that turns messages into events;
    `live.recordings.recorder.Recorder` is one that writes them to a file.
    """

    def on_open(self, room: Room, route: str) -> None:
        """The connection is open. Called once per connection, before the first message.

        Args:
            route: the name of the route that it took; empty where there are no routes.
        """

    def on_messages(self, messages: Iterable[RawMessage]) -> None:
        """TikTok has sent these messages, in this order."""

    def on_heartbeat(self) -> None:
        """TikTok has sent something that is no message, so the connection is alive."""

    def on_undecodable(self, what: str, failure: DecodeError) -> None:
        """TikTok has sent bytes that can't be decoded; they are left out.

        Args:
            what: what the bytes should have been, such as "push frame".
            failure: why they can't be decoded.
        """


class Upstream(Protocol):
    """A connection to a LIVE. `open` is called once, then `close` once, even if `open` failed."""

    async def open(self) -> None:
        """Connect to the LIVE. The listener gets the room, and from then on the messages.

        Raises:
            RelayError: connecting failed, or took longer than the connect timeout.
        """

    async def closed(self) -> RelayError:
        """Wait until the connection is lost or the other side ends it, and return why."""

    async def close(self) -> None:
        """End the connection with its tasks and HTTP clients. Takes at most one or two seconds."""


class UpstreamFactory(Protocol):
    """Makes the upstream for each attempt to connect."""

    def __call__(
        self,
        username: str,
        accesses: Accesses,
        listener: MessageListener,
        room_id: int | str | None = None,
        /,
    ) -> Upstream:
        """Make an upstream; it is not opened yet.

        Args:
            username: whose LIVE to connect to.
            accesses: what it may connect with.
            listener: gets the messages.
            room_id: the room of the user's LIVE if it is known, as within one LIVE: then TikTok is
                not asked for it again. When that room's LIVE is over, the user's newest room is
                looked up nevertheless.
        """

    @property
    def needs_signature(self) -> bool:
        """Whether no connection can be had without the sign server."""

    def seconds_closed(self, accesses: Accesses) -> float:
        """Seconds for which every attempt with these accesses would be refused without asking
        anybody; 0 if one may be made now."""
