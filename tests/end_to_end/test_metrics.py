"""`/metrics` of real servers, and that it is documented."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from standin import messages
from tests.end_to_end.conftest import OnAir, StartServer
from tests.support.browsing import ANSWER_WITHIN
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operate/monitoring.md"
# What the format makes of a histogram, and of a counter.
PARTS = re.compile(r"_(bucket|count|sum|created)$")


async def get(server: Server, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_WITHIN) as client:
        address = f"http://127.0.0.1:{server.port}/metrics"
        return await client.get(address, headers={"Host": "localhost", **headers})


async def samples(server: Server) -> dict[str, float]:
    """By name and labels, as the text has them."""
    answer = await get(server)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_it_counts_what_a_phone_gets(server: Server, on_air: OnAir) -> None:
    before = await samples(server)
    await on_air.room.push(messages.chat("maria", "hello"), messages.like("maria", 3))
    await on_air.phone.until_type("like")
    after = await samples(server)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    for name in (
        "relay_events_total,comment",
        "relay_events_total,like",
        "relay_frames_sent_total,comment",
        "relay_frames_sent_total,like",
        "relay_upstream_latency_seconds_count",
        "relay_send_latency_seconds_count",
    ):
        assert grown[name] == 1, name
    assert grown["relay_sent_bytes_total"] > 100
    assert after["relay_sockets,phone"] >= 1
    assert after["relay_streams,live"] >= 1
    assert after["relay_streams_connected,signed"] >= 1
    assert after["relay_route_attempts_total,opened,signed"] >= 1
    assert after["relay_sign_requests_total,signed"] >= 1


async def test_what_is_counted_is_documented_and_the_other_way_round(server: Server) -> None:
    rows = re.findall(r"^\|(.*?)\|", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`((?:relay|process)_\w+)`", row)}
    names = {PARTS.sub("", name.partition(",")[0]) for name in await samples(server)}
    assert len(names) > 20
    # These depend on what the sign server has said, and on whether there is a Redis.
    sometimes = {"relay_sign_requests_remaining", "relay_redis_up", "relay_lease_changes_total"}
    assert documented - sometimes == names - sometimes


@pytest.mark.parametrize("kind", ["uvicorn"])
async def test_strangers_find_nothing_and_a_scrape_costs_no_line(
    start_server: StartServer, kind: str
) -> None:
    server = await start_server(kind)
    for _ in range(3):
        assert (await get(server)).status_code == 200
    assert (await get(server, **{"X-Forwarded-For": "127.0.0.1"})).status_code == 404
    await server.stop()
    lines = [line for line in server.log_text.splitlines() if "/metrics" in line]
    assert len(lines) == 1
    assert "404" in lines[0]
    server = await start_server(kind, METRICS_ALLOW="192.0.2.0/24", TRUSTED_PROXIES="127.0.0.1")
    assert (await get(server)).status_code == 404
    assert (await get(server, **{"X-Forwarded-For": "192.0.2.7"})).status_code == 200
    assert (await get(server, **{"X-Forwarded-For": "192.0.2.7, 198.51.100.1"})).status_code == 404
