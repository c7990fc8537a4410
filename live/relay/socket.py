"""The interface of an open socket, as the relay and the staff's pages use it."""

from __future__ import annotations

from typing import Protocol

from accounts.models import AccessToken
from live.connections.record import Connection
from live.overlays.models import Overlay
from live.protocol.errors import RelayError
from live.streams.stream import LiveStream

__all__ = ["Socket"]


class Socket(Protocol):
    """An open socket. `live.sockets` implements it.

    Attributes:
        connection: what the connection log keeps of the socket.
        stream: the stream that it has joined; None before it joins and after it leaves.
    """

    connection: Connection
    stream: LiveStream | None

    @property
    def lag(self) -> int:
        """How many frames of the stream's log have not been sent to the socket yet."""

    @property
    def stalled_for(self) -> float:
        """Seconds since the client last took something while it is being sent to; else 0."""

    def recheck(self, token: AccessToken | Overlay | None) -> None:
        """Compare the socket with the current state of its token, or overlay, and account.

        The socket ends if they may no longer be used, and moves to another stream if the account
        has another TikTok username.

        Args:
            token: the token as it is now; None if it is revoked, expired or deleted.
        """

    def tell(self, text: str) -> None:
        """Send a message that is of no LIVE, beside the frames of the stream. Whoever takes nothing
        gets no more than a few of them.

        Args:
            text: as JSON, like a frame.
        """

    def interrupt(self, error: RelayError) -> None:
        """Send the error to the client, and close the socket."""

    def check_progress(self) -> None:
        """End the socket if its client takes nothing any more. Called about once a second."""
