"""Who may read the figures, and what they say of a relay. With a real Prometheus, see
tests/end_to_end/test_monitoring.py."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from live.cluster.cluster import Cluster, LeaseChange
from live.protocol.errors import ErrorCode
from live.relay.access import Account
from live.server import assembly
from live.server.assembly import make_relay, make_webhooks
from live.server.metrics import METRICS, Metrics
from live.tiktok.signgate import SignAnswer
from live.webhooks.sink import WebhookSink
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay
from tests.support.upstreams import failure

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1")]
Samples = dict[tuple[str, frozenset[str]], float]


class Site:
    """The figures of some relays, in front of an application that answers 404."""

    def __init__(self, *relays: Any, allow: Any = LOOPBACK) -> None:
        self._metrics = Metrics(self._nothing, relays or [make_relay()], allow)

    async def _nothing(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def get(
        self,
        client: str | None = "127.0.0.1",
        path: str = METRICS,
        method: str = "GET",
        **headers: str,
    ) -> tuple[int, str]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "client": None if client is None else (client, 1234),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        await self._metrics(scope, receive, send)
        start, body = sent
        return start["status"], body["body"].decode()

    async def samples(self) -> Samples:
        """Each sample by its name and the values of its labels."""
        status, text = await self.get()
        assert status == 200
        return {
            (sample.name, frozenset(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


def value(samples: Samples, name: str, *labels: str) -> float:
    return samples[name, frozenset(labels)]


async def test_what_could_not_be_noted_for_webhooks_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sinks: list[WebhookSink] = []

    class FailingSink(WebhookSink):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            sinks.append(self)

    monkeypatch.setattr(assembly, "WebhookSink", FailingSink)
    webhooks = make_webhooks()
    site = Site(make_relay(keeps_history=True, webhooks=webhooks))
    assert value(await site.samples(), "relay_webhook_note_failures_total") == 0
    [sink] = sinks
    with sink._apart():
        dict[str, int]()["what is not there"]
    assert value(await site.samples(), "relay_webhook_note_failures_total") == 1
    await webhooks.close()


class TestWhoMayRead:
    async def test_loopback_may(self) -> None:
        site = Site()
        for address in ("127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1"):
            assert (await site.get(address))[0] == 200

    @pytest.mark.parametrize("client", ["192.0.2.1", "2001:db8::1", "", None, "testclient"])
    async def test_others_find_nothing(self, client: str | None) -> None:
        assert (await Site().get(client))[0] == 404

    async def test_networks_that_are_named_may_and_only_these(self) -> None:
        site = Site(allow=[ipaddress.ip_network("10.1.0.0/16")])
        assert (await site.get("10.1.2.3"))[0] == 200
        assert (await site.get("10.2.2.3"))[0] == 404
        assert (await site.get("127.0.0.1"))[0] == 404

    async def test_a_stranger_does_not_choose_its_address(self) -> None:
        site = Site()
        assert (await site.get("192.0.2.1", x_forwarded_for="127.0.0.1"))[0] == 404

    async def test_behind_a_trusted_proxy_the_client_counts(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1")]
        site = Site(allow=[*LOOPBACK, ipaddress.ip_network("10.1.0.0/16")])
        assert (await site.get("127.0.0.1", x_forwarded_for="192.0.2.1"))[0] == 404
        assert (await site.get("127.0.0.1", x_forwarded_for="10.1.0.7"))[0] == 200
        assert (await site.get("127.0.0.1", x_forwarded_for="10.1.0.7, 192.0.2.1"))[0] == 404
        assert (await site.get("127.0.0.1"))[0] == 200

    @pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
    async def test_who_comes_through_a_proxy_that_nobody_named_may_not(self, header: str) -> None:
        assert (await Site().get("127.0.0.1", **{header: "192.0.2.1"}))[0] == 404

    @pytest.mark.parametrize(("path", "method"), [("/metrics/", "GET"), (METRICS, "POST")])
    async def test_nothing_else_is_answered(self, path: str, method: str) -> None:
        assert (await Site().get(path=path, method=method))[0] == 404


class TestFigures:
    @virtual_time
    async def test_they_follow_what_happens_to_phones_and_streams(self) -> None:
        async with open_relay() as (world, relay):
            site = Site(relay)
            # A writer with a thread; nothing is written here.
            relay.connection_log = make_relay().connection_log
            phone = FakePhone(relay, Account(1, "anna", "secret-key"))
            await phone.until("connected")
            world.newest.say(messages.chat("a", "one"), messages.like("b"))
            await phone.until("like")
            await settle()
            samples = await site.samples()
            assert value(samples, "relay_sockets", "phone") == 1
            assert value(samples, "relay_sockets", "staff") == 0
            assert value(samples, "relay_streams", "live") == 1
            assert value(samples, "relay_streams", "reconnecting") == 0
            assert value(samples, "relay_events_total", "comment") == 1
            assert value(samples, "relay_frames_sent_total", "comment") == 1
            assert value(samples, "relay_frames_sent_total", "connected") == 1
            assert value(samples, "relay_sent_bytes_total") == relay.traffic.bytes > 0
            assert value(samples, "relay_send_latency_seconds_count") == 1
            assert value(samples, "relay_send_latency_seconds_bucket", "+Inf") == 1
            world.newest.cut(failure(ErrorCode.CONNECTION_LOST))
            await asyncio.sleep(2 * world.close_time)
            samples = await site.samples()
            assert value(samples, "relay_reconnects_total", "connection_lost") == 1
            assert value(samples, "relay_streams", "reconnecting") == 1
            await phone.session.end(1000)
            samples = await site.samples()
            assert value(samples, "relay_sockets_closed_total", "none") == 1
            assert value(samples, "relay_sockets", "phone") == 0

    async def test_every_value_of_a_label_is_there_from_the_start(self) -> None:
        samples = await Site().samples()
        for code in ErrorCode:
            assert value(samples, "relay_sockets_closed_total", code) == 0
        for result in ("opened", "tiktok_blocked"):
            assert value(samples, "relay_route_attempts_total", "signed", result) == 0
        assert value(samples, "relay_undecodable_messages_total", "WebcastChatMessage") == 0
        assert value(samples, "relay_undecodable_messages_total", "other") == 0

    async def test_leases_are_counted_where_processes_share_streams(self) -> None:
        relay = make_relay()
        assert "relay_redis_up" not in (await Site(relay).get())[1]
        relay.cluster = Cluster({"address": "redis://127.0.0.1:1/0", "db": 0}, 10)
        relay.cluster.changes[LeaseChange.LOST] += 2
        samples = await Site(relay).samples()
        assert value(samples, "relay_redis_up") == 1
        assert value(samples, "relay_streams_followed") == 0
        assert value(samples, "relay_lease_changes_total", LeaseChange.LOST) == 2
        assert value(samples, "relay_lease_changes_total", LeaseChange.TAKEN) == 0

    async def test_gates_and_sign_requests_are_there_without_keys(self) -> None:
        relay = make_relay()
        gates = relay.streams.sign_gates
        gates.of("").on_answer(200, {"ratelimit-remaining": "7"})
        closed = gates.of("secret-key")
        closed.on_answer(429, {"retry-after": "60"})
        site = Site(relay)
        samples = await site.samples()
        assert value(samples, "relay_sign_requests_total", SignAnswer.SIGNED) == 1
        assert value(samples, "relay_sign_requests_total", SignAnswer.RATE_LIMITED) == 1
        assert value(samples, "relay_sign_gates_closed") == 1
        assert value(samples, "relay_sign_requests_remaining") == 7
        assert value(samples, "relay_tiktok_gate_closed", "pages") == 0
        assert "secret-key" not in (await site.get())[1]

    async def test_the_process_has_figures(self) -> None:
        samples = await Site().samples()
        assert value(samples, "process_resident_memory_bytes") > 10_000_000
        assert value(samples, "process_open_fds") > 0
