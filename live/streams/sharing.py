"""How streams are shared among several processes. Protocols only.

One process *leads* a stream: it is connected to TikTok, and appends to the log. The others *follow*
it: they copy its log. `live.cluster` does that through Redis. Without it, each process leads its
own streams.
"""

from __future__ import annotations

from typing import Protocol

from live.streams.feed import Feed
from live.streams.followers import Seen
from live.streams.saved import SavedFeed
from live.streams.stream import LiveStream

__all__ = ["Feeds", "Sharing"]


class Feeds(Protocol):
    """Makes feeds for usernames. `live.streams.registry.Streams` does."""

    def new_feed(self, username: str) -> Feed:
        """A feed that knows nothing yet."""

    def restored_feed(self, username: str, saved: SavedFeed) -> Feed:
        """A feed that goes on with what was saved.

        Raises:
            RestoreError: it can't have been saved.
        """


class Sharing(Protocol):
    """Decides who leads each stream."""

    async def take_part(self, stream: LiveStream, feeds: Feeds) -> None:
        """Lead the stream or follow it, and change between the two, until it is over. Cancelled
        after the stream was stopped, when nobody listens in this process any more.

        Args:
            feeds: makes the feed that the stream goes on with.
        """

    async def look(self, username: str) -> Seen | None:
        """What is known of the stream of `username` in all processes; None if none has one, or it
        can't be told."""

    async def hand_over(self) -> None:
        """This process stops: have other processes lead what it leads. What is appended here from
        now on, they don't get."""

    async def close(self) -> None:
        """Hand over, and end the connections."""
