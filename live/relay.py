"""The relay: what all sockets of this process share, made once and passed to their consumers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from live.connectionlog import ConnectionLogWriter
from live.errors import ErrorCode, RelayError
from live.streams import StreamOptions, Streams, UpstreamFactory
from live.upstream import TikTokUpstream

__all__ = ["Relay"]


class Relay:
    """Streams, the connection log, and the count of sockets. Belongs to one event loop.

    Args:
        make_upstream: makes connections; TikTok's, except in tests.
    """

    def __init__(
        self,
        make_upstream: UpstreamFactory = TikTokUpstream,
        rng: random.Random | None = None,
    ) -> None:
        options = StreamOptions(
            backlog=settings.RELAY_BACKLOG,
            linger=settings.RELAY_LINGER,
            idle_timeout=settings.RELAY_IDLE_TIMEOUT,
            reconnect_attempts=settings.RELAY_RECONNECT_ATTEMPTS,
            wait_interval=settings.RELAY_WAIT_INTERVAL,
        )
        self.streams = Streams(make_upstream, options, rng=rng)
        self.connection_log = ConnectionLogWriter()
        self._sockets: Counter[int] = Counter()

    @contextmanager
    def socket_of(self, account_id: int) -> Iterator[None]:
        """Counts one socket of the account.

        Raises:
            RelayError: `too_many_connections`, it has as many as it may.
        """
        if self._sockets[account_id] >= settings.RELAY_MAX_SOCKETS:
            raise RelayError(ErrorCode.TOO_MANY_CONNECTIONS)
        self._sockets[account_id] += 1
        try:
            yield
        finally:
            self._sockets[account_id] -= 1
            if not self._sockets[account_id]:
                del self._sockets[account_id]

    async def close(self) -> None:
        """End all streams, and finish writing the connection log."""
        await self.streams.close()
        await self.connection_log.flush()
