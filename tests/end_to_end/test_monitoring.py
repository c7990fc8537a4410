"""The dashboard and the alert rules that are published, in a real Prometheus that has read a real
relay. A query whose figure does not exist would only show nothing, for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from standin import TikTok, messages
from tests.end_to_end.conftest import StartServer
from tests.support.node import cannot_run
from tests.support.phone import Phone
from tests.support.server import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = Path(__file__).resolve().parent
MONITORING = HERE.parents[1] / "docs/operate/monitoring"
RULES = MONITORING / "alerts.yml"
TESTS_OF_RULES = HERE / "alerts.test.yml"
WITHIN = 60.0
# What a query reads: a name, and what its labels have to be.
SELECTOR = re.compile(r"\b(?:up|(?:relay|process)_\w+)\b(?:\{[^}]*\})?")


def program(name: str) -> str:
    """The path of one of Prometheus' programs. Without it the test is skipped; in CI it fails."""
    return shutil.which(name) or cannot_run(
        f"there is no {name}: apt-get install --no-install-recommends prometheus"
    )


def promtool(*arguments: str | Path) -> str:
    """What promtool prints. Fails where it finds a fault."""
    run = subprocess.run(
        [program("promtool"), *arguments], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def alerts() -> dict[str, str]:
    """The expressions of the alert rules, by their names."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def panels() -> dict[str, str]:
    """The expressions of the dashboard, by panel and place."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    (query,) = [
        variable["query"]["query"]
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    found = {"the variable": query.removeprefix("label_values(").partition(",")[0]}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            found[f"{panel['title']} {target['refId']}"] = (
                # As Grafana does it, with all processes chosen.
                target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
            )
    return found


class Prometheus:
    """One that runs, and reads a relay every second."""

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(base_url=address, trust_env=False)

    async def query(self, expression: str) -> list[Any]:
        """The values that there are now. Fails where the expression is none."""
        answer = await self._client.get("/api/v1/query", params={"query": expression})
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            answer.raise_for_status()  # it has begun to listen, and is not ready
        said = answer.json()
        assert said["status"] == "success", f"{expression}: {said.get('error')}"
        result = said["data"]["result"]
        return result if isinstance(result, list) else [result]

    async def until(self, expression: str) -> None:
        """Wait until there is a value."""
        deadline = time.monotonic() + WITHIN
        while True:
            with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):  # it starts
                if await self.query(expression):
                    return
            assert time.monotonic() < deadline, expression
            await asyncio.sleep(0.2)

    async def unknown(self, expression: str) -> list[str]:
        """The parts of an expression that nothing has ever been read for."""
        selectors = SELECTOR.findall(expression)
        assert selectors, expression
        return [selector for selector in selectors if not await self.query(selector)]

    async def close(self) -> None:
        await self._client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def prometheus(
    start_server: StartServer, tiktok: TikTok, streamer: str, tmp_path: Path
) -> AsyncIterator[Prometheus]:
    """It has read a relay with a phone several times, before and after events."""
    binary = program("prometheus")
    server = await start_server("uvicorn", TIKTOK_ROUTES="signed,direct")
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        json.dumps(  # which is YAML, too
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(RULES)],
                "scrape_configs": [
                    {
                        "job_name": "relay",
                        "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}],
                    }
                ],
            }
        )
    )
    process = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    )
    running = Prometheus(f"http://127.0.0.1:{port}")
    try:
        room = tiktok.go_live(streamer)
        account = await server.add_account(streamer, streamer)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.until_type("connected")
            await running.until('relay_streams{state="live"} == 1')
            await room.push(messages.chat("maria", "hello"))
            await phone.until_type("comment")
            await running.until('rate(relay_events_total{type="comment"}[1m]) > 0')
            await running.until("rate(relay_event_loop_lag_seconds_count[1m]) > 0")
            yield running
    finally:
        await running.close()
        process.terminate()
        await process.wait()


async def test_every_query_of_dashboard_and_alerts_finds_its_figures(
    prometheus: Prometheus,
) -> None:
    queries = alerts() | panels()
    assert len(queries) > 40
    lacking = {name: await prometheus.unknown(query) for name, query in queries.items()}
    assert {name: unknown for name, unknown in lacking.items() if unknown} == {}
    for query in queries.values():
        await prometheus.query(query)
    # Those that can say something on such a short LIVE.
    for name in ("Phones A", "Events a second A", "Push → socket B", "Memory A"):
        assert await prometheus.query(panels()[name]), name
    rules = await prometheus.query('ALERTS{alertstate="firing"}')
    assert rules == [], "nothing is wrong with this relay"
    # And the test itself: a figure, a label or a value that does not exist is noticed.
    for wrong in ("relay_sokets", 'relay_sockets{kin="phone"}', 'relay_sockets{kind="fone"}'):
        assert await prometheus.unknown(f"sum({wrong}) + sum(relay_slow_sockets)") == [wrong]


async def test_every_figure_is_on_the_dashboard_or_in_an_alert(prometheus: Prometheus) -> None:
    used = {
        name.partition("{")[0].removesuffix("_bucket")
        for query in (alerts() | panels()).values()
        for name in SELECTOR.findall(query)
    }
    found = await prometheus.query('count by (__name__) ({__name__=~"relay_.+"})')
    names = {re.sub("_(bucket|count|sum)$", "", one["metric"]["__name__"]) for one in found}
    assert names - used == set()


async def test_the_rules_are_right_by_promtool() -> None:
    assert f"{len(alerts())} rules found" in promtool("check", "rules", RULES)


async def test_each_alert_fires_when_it_should_and_not_on_a_good_day() -> None:
    promtool("test", "rules", TESTS_OF_RULES)
    tested = {test["name"] for test in yaml.safe_load(TESTS_OF_RULES.read_text())["tests"]}
    assert {f"{name} fires" for name in alerts()} < tested
