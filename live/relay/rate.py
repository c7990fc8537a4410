"""How fast a count grows, by samples of it."""

from __future__ import annotations

from collections import deque

from live.clock import Clock

__all__ = ["SAMPLE_EVERY", "Rate"]

# Seconds between two samples.
SAMPLE_EVERY = 1.0
# The number of samples that a rate is computed from: 11 samples have 10 intervals between them.
_SAMPLES = 11


class Rate:
    """Computes how fast a count grows, from samples of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)

    def sample(self, count: float) -> None:
        """Note the count of now. To be called every `SAMPLE_EVERY` seconds."""
        self._samples.append((self._clock.monotonic(), count))

    def of(self, count: float) -> float | None:
        """Return the growth per second from the oldest sample until now.

        Args:
            count: the count now.

        Returns:
            None if there is no sample, or the oldest is less than half an interval old.
        """
        if not self._samples:
            return None
        then, before = self._samples[0]
        seconds = self._clock.monotonic() - then
        # In a shorter time, a few events that arrive together would give a very high rate.
        return (count - before) / seconds if seconds >= SAMPLE_EVERY / 2 else None
