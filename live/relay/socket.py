"""What the relay and the staff's pages know of an open socket, and what they may ask of it."""

from __future__ import annotations

from typing import Protocol

from accounts.models import AccessToken
from live.connections.record import Connection
from live.protocol.errors import RelayError
from live.streams.stream import LiveStream

__all__ = ["Socket"]


class Socket(Protocol):
    """An open socket, for those who want to know of it, or to end it."""

    connection: Connection
    # What it listens to; None before and after.
    stream: LiveStream | None

    @property
    def lag(self) -> int:
        """How many frames of the stream's log are still to be sent to it."""

    @property
    def stalled_for(self) -> float:
        """Seconds since the client last took something of what is being sent; 0 if it takes it."""

    def recheck(self, token: AccessToken | None) -> None:
        """Go on as the token and its account are now: end, or move to another stream.

        Args:
            token: None for one that was revoked or deleted.
        """

    def interrupt(self, error: RelayError) -> None:
        """Explain the error to the client, and close."""

    def check_progress(self) -> None:
        """Called every second or so: is the client taking what it is sent? Else it is ended."""
