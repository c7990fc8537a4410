"""How large frames are, and what a log of them takes in Redis: figures for sizing.

The frames are those that the relay makes of the mix (`bench.mix`). A stream's log in Redis is a
Redis Stream of RELAY_BACKLOG (4096) entries with one frame each, under the ids `<offset>-0` and in
the field `e`, capped by `XADD … MAXLEN ~ 4096`. This measures Redis alone, by a process of its own:
what the relay does with such logs is not in it. CPU is that of Redis for one `XADD`, sent two at a
time, as most pushes of TikTok have one to four events.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import redis

from bench.mix import SOURCE, encoded_frames, mixed
from bench.processes import Child, cpu_seconds
from bench.results import Options, Row
from tools.services import find_redis

__all__ = ["run"]

_BACKLOG = 4096
_FRAMES = 20_000
_A_PUSH = 2
_STARTED_WITHIN = 10.0
_KIB, _MIB = 1024, 1024 * 1024


def run(options: Options) -> list[Row]:
    texts = _texts(options.of(_FRAMES, _BACKLOG * 2))
    sizes = [len(text) + _header(len(text)) for text in texts]
    quantiles = statistics.quantiles(sizes, n=20)
    rows = [
        Row(
            what="a frame with its WebSocket header",
            relay=f"{statistics.mean(sizes):.0f} bytes",
            figures={
                "mean": statistics.mean(sizes),
                "median": quantiles[9],
                "p95": quantiles[18],
                "frames": len(sizes),
            },
            notes=(
                f"{SOURCE}; median {quantiles[9]:.0f}, p95 {quantiles[18]:.0f}; without"
                " compression, TLS and TCP",
            ),
        ),
        _from_tiktok(options.of(_FRAMES, _BACKLOG) // 2),
    ]
    program = find_redis()
    if program is None:
        return [*rows, Row("a stream's log in Redis", "not measured: redis-server is missing")]
    return [*rows, *_in_redis(texts, program)]


def _from_tiktok(events: int) -> Row:
    frames = encoded_frames(mixed(), events, _A_PUSH)
    size = sum(len(data) for data, _ids in frames) / events
    return Row(
        what=f"TikTok's bytes for an event, {_A_PUSH} a push",
        relay=f"{size:.0f} bytes",
        figures={"bytes": size},
        notes=("gzip'd, as the stand-in encodes them; without TLS and TCP",),
    )


def _texts(count: int) -> list[bytes]:
    """The texts of so many frames of the mix, as they stand in a stream's log."""
    import django

    django.setup()
    from bench.reading import reader
    from live.streams.feed import Feed

    messages, read = mixed(), reader().read
    feed = Feed(_BACKLOG)
    texts: list[bytes] = []
    while len(texts) < count:
        before = feed.log.end
        feed.take(read(itertools.islice(messages, 200)), now=0)
        texts += [entry.text.encode() for entry in feed.log.read(before, feed.log.end - before)]
    return texts[:count]


def _header(length: int) -> int:
    """Bytes of a WebSocket frame's header, from a server."""
    return 2 if length < 126 else 4 if length < 65_536 else 10


def _in_redis(texts: Sequence[bytes], program: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        arguments = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        with Child(arguments, program=program) as server:
            client = _connected(path)
            used = _used(client)
            before = cpu_seconds(server.pid)
            for at in range(0, len(texts), _A_PUSH):
                pipeline = client.pipeline(transaction=False)
                for number, text in enumerate(texts[at : at + _A_PUSH], at + 1):
                    pipeline.xadd("log", {"e": text}, f"{number}-0", _BACKLOG, approximate=True)
                pipeline.execute()
            each = (cpu_seconds(server.pid) - before) / len(texts)
            size = int(client.memory_usage("log", samples=0) or 0)
            length = int(client.xlen("log"))
            grown = _used(client) - used
            version = client.info("server")["redis_version"]
            client.close()
    yield Row(
        what=f"a log of {_BACKLOG:,} frames in Redis {version}",
        relay=f"{size / _MIB:.2f} MiB",
        figures={"bytes": size, "entries": length, "used_memory_growth": grown},
        notes=(
            f"MEMORY USAGE, {length:,} entries, {size / length:.0f} bytes each; used_memory grew by"
            f" {grown / _MIB:.2f} MiB",
        ),
    )
    yield Row(
        what=f"an XADD of one frame, {_A_PUSH} in a pipeline: CPU of Redis",
        relay=f"{each * 1e6:.1f} µs",
        figures={"us": each * 1e6},
    )


def _used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _connected(path: Path) -> redis.Redis:
    client = redis.Redis(unix_socket_path=str(path))
    deadline = time.monotonic() + _STARTED_WITHIN
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return client
