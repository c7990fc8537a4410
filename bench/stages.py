"""Where the pipeline's time goes: its stages alone, in this process, CPU per event.

The same push frames as in `pipeline`, each stage run over all of them: unzip and parse the two
envelopes, decode the payloads, make the events, and the whole of `Feed.take` (its own part is the
rest: repeats, streaks, encoding, log, snapshot). What `pipeline` costs beyond their sum is the
socket, TikTokLive's client and the acknowledgements.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.mix import encoded_frames, mixed
from bench.results import Options, Row

__all__ = ["run"]

_PER_FRAME = 10
_BACKLOG = 4096
_ROUNDS = 5


def run(options: Options) -> list[Row]:
    import django

    django.setup()
    events = options.of(10_000, 2_000)
    frames = [data for data, _ids in encoded_frames(mixed(), events, _PER_FRAME)]
    stages = {name: cost / events for name, cost in _stages(frames).items()}
    whole = stages["frames"] + stages["take"]
    rest = stages["take"] - stages["decode"] - stages["events"]
    parts = {
        "unzip and envelopes": stages["frames"],
        "decode": stages["decode"],
        "make events": stages["events"],
        "encode, log, the rest of Reader and Feed": rest,
    }
    return [
        Row(
            what="of that, in live/ alone",
            relay=f"{whole * 1e6:.1f} µs",
            figures={name: cost * 1e6 for name, cost in parts.items()},
            notes=("; ".join(f"{name} {cost * 1e6:.1f} µs" for name, cost in parts.items()),),
        )
    ]


def _stages(frames: list[bytes]) -> dict[str, float]:
    from bench.reading import reader
    from live.streams.feed import Feed
    from live.tiktok.decoding import decode_message, decode_push_frame, decode_response
    from live.tiktok.events import event_of

    responses, in_frames = _timed(lambda: [decode_response(decode_push_frame(f)) for f in frames])
    envelopes = [envelope for response in responses for envelope in response.messages]
    decoded, in_decode = _timed(lambda: [decode_message(e.method, e.payload) for e in envelopes])
    pairs = list(zip(envelopes, decoded, strict=True))
    _, in_events = _timed(lambda: [event_of(e.method, message, 0) for e, message in pairs])

    def take() -> None:
        feed = Feed(_BACKLOG)
        read = reader().read
        for response in responses:
            feed.take(read(response.messages), now=0)

    _, in_take = _timed(take)
    return {"frames": in_frames, "decode": in_decode, "events": in_events, "take": in_take}


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and the CPU seconds of its fastest round."""
    costs = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        result = work()
        costs.append(time.process_time() - before)
    return result, min(costs)
