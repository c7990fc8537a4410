"""Counts what a relay's sockets are sent, and how they end, since the process started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from live.histogram import Histogram
from live.protocol.errors import ErrorCode

__all__ = ["Traffic"]

# Seconds. Where the event loop keeps up, it is less than a millisecond.
_SEND_LATENCY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


class Traffic:
    """Belongs to one event loop.

    Attributes:
        frames: frames that were sent, by type.
        bytes: what they took, as WebSocket messages without compression.
        send_latency: seconds from when a push of TikTok's arrived until its frames were handed to
            a socket, one value for each socket and push. Sockets that gather frames (`batch=`), and
            what is sent again to one that resumes, do not count.
        closed: sockets that have closed, by the code of the error that they were told; None for
            those that were told none.
    """

    __slots__ = ("bytes", "closed", "frames", "send_latency")

    def __init__(self) -> None:
        self.frames: Counter[str] = Counter()
        self.bytes = 0
        self.send_latency = Histogram(_SEND_LATENCY)
        self.closed: Counter[ErrorCode | None] = Counter()

    def sent(self, types: Mapping[str, int], size: int) -> None:
        """Count frames that a socket has taken.

        Args:
            types: how many frames of each type they were.
            size: their bytes.
        """
        self.bytes += size
        for name, count in types.items():
            self.frames[name] += count
