"""A start that needs Redis: what an administrator reads when it can't be used."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from live.cluster.cluster import Cluster
from live.server.lifespan import await_redis
from relay_project import environment
from tests.support.redis_server import private_redis
from tests.support.server import free_port

SECRET = "s3cret"


def start(url: str, monkeypatch: pytest.MonkeyPatch, within: float = 0.0) -> None:
    """As a server does with this `REDIS_URL`."""
    monkeypatch.setenv("REDIS_URL", url)
    server = environment.redis("REDIS_URL")
    await_redis(lambda: Cluster(server, 4096), within)


def refusal(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(SystemExit) as ended:
        start(url, monkeypatch)
    text = str(ended.value)
    assert len(text.splitlines()) == 1
    assert SECRET not in text
    return text


def test_without_redis_nothing_is_awaited() -> None:
    await_redis(lambda: None)


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_redis_that_is_away_ends_it(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    port = free_port()
    text = refusal(f"{scheme}://relay:{SECRET}@127.0.0.1:{port}/0", monkeypatch)
    assert text.startswith("Redis (REDIS_URL) can't be used: ")
    assert f"127.0.0.1:{port}" in text
    assert text.endswith(" Nothing was started.")


def test_so_do_sentinels_that_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"redis+sentinel://:{SECRET}@127.0.0.1:{free_port()}/service/0"
    assert refusal(f"{address}?sentinel_password={SECRET}", monkeypatch) == (
        "Redis (REDIS_URL) can't be used: No master found for 'service'. Nothing was started."
    )


def test_a_wrong_password_or_database_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with private_redis(tmp_path) as redis:
        start(redis.url, monkeypatch)
        assert refusal(f"redis://relay:{SECRET}@127.0.0.1:{redis.port}/0", monkeypatch) == (
            "Redis refuses the user or the password in REDIS_URL. Nothing was started."
        )
        assert refusal(f"redis://127.0.0.1:{redis.port}/99", monkeypatch) == (
            "Redis (REDIS_URL) can't be used: DB index is out of range. Nothing was started."
        )


def test_one_that_starts_meanwhile_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with private_redis(tmp_path) as redis:
        redis.stop()
        later = threading.Timer(1.0, redis.start)
        later.start()
        try:
            start(redis.url, monkeypatch, within=30.0)
        finally:
            later.join()
    assert caplog.messages == ["No answer from Redis; waiting 30 seconds for it"]
