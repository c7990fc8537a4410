"""What all streams of a relay count together, since the process started, for `/metrics`.

Streams come and go; these counts stay. Those on the event path are plain numbers.
"""

from __future__ import annotations

from collections import Counter

from live.histogram import Histogram
from live.protocol.errors import ErrorCode
from live.protocol.frames import EVENT_TYPES, FrameType

__all__ = ["StreamCounts"]

# Seconds. A LIVE is some seconds behind; a repeated history, some minutes.
_UPSTREAM_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300)


class StreamCounts:
    """Belongs to one event loop.

    Attributes:
        events: the events of TikTok's that were new, by type.
        undecodable: the messages that could not be decoded, by TikTok's method: one that becomes
            frames, "push frame", or "other".
        reconnects: the attempts to come back to TikTok, by why the connection was lost.
        upstream_latency: seconds from TikTok's time of an event until it arrived, one value for
            each push: that of its newest event.
    """

    def __init__(self) -> None:
        self.events: dict[FrameType, int] = dict.fromkeys(sorted(EVENT_TYPES), 0)
        self.undecodable: Counter[str] = Counter()
        self.reconnects: Counter[ErrorCode] = Counter()
        self.upstream_latency = Histogram(_UPSTREAM_LATENCY)
