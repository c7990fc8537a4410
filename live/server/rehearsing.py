"""The relay of invented LIVEs: made when it is first needed, since most servers never need it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from live.relay.relay import Relay

__all__ = ["RehearsalOnDemand"]


class RehearsalOnDemand:
    """Serves the previews of overlays; and the test endpoint, where there is one.

    Args:
        relays: those of the process, the relay of real LIVEs first. The new one is added, so that
            it is counted and closed with them.
        load: imports what makes the relay, and returns that. Runs in a thread of its own.
    """

    def __init__(self, relays: list[Relay], load: Callable[[], Callable[[], Relay]]) -> None:
        self._relays = relays
        self._load = load
        self._made: Relay | None = None

    def make(self) -> Relay:
        """Return the relay. For the start of the process: an import takes its time."""
        return self._make(self._load())

    async def get(self) -> Relay:
        """Return the relay."""
        return self._made or self._make(await asyncio.to_thread(self._load))

    def _make(self, make: Callable[[], Relay]) -> Relay:
        if self._made is None:  # another socket may have asked meanwhile
            self._made = make()
            # A client has its share once, whichever it asks.
            self._made.failed_tokens = self._relays[0].failed_tokens
            self._made.refusals = self._relays[0].refusals
            self._relays.append(self._made)
        return self._made
