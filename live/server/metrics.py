"""`/metrics`: what this process counts, for Prometheus. `docs/operate/monitoring.md` lists it.

The counts are plain numbers of the objects that count; they are read when somebody asks. So an
event costs nothing more here. No label holds a username, a token, a key or an address, and each
has a known number of values, which are all there from the start: a rate can be computed of the
first event already.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry, ProcessCollector, make_asgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from accounts import requests
from live.cluster.cluster import Cluster, LeaseChange
from live.histogram import Histogram
from live.history.keeper import HistoryKeeper
from live.protocol.errors import UPSTREAM_CODES, ErrorCode
from live.protocol.frames import EVENT_TYPES, FrameType
from live.relay.numbers import is_slow
from live.relay.relay import Relay
from live.relay.watch import WatchState
from live.sockets.staff import StaffConsumer
from live.streams.state import StreamState
from live.tikfinity.translator import Translator
from live.tiktok.decoding import METHODS
from live.tiktok.signgate import SignAnswer
from live.webhooks.sender import RESULTS, Sender

__all__ = ["METRICS", "Metrics", "RelayCollector"]

METRICS = "/metrics"
# A socket that was told no error: the client closed it, or the LIVE has ended.
_NO_ERROR = "none"
# What a proxy adds to a request that it passes on.
_BY_PROXY = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Metrics:
    """Answers `/metrics` for those who may read it, and passes all other requests on: to others, it
    is an address that does not exist. It wraps an ASGI application for HTTP.

    Args:
        application: the application to wrap.
        relays: the relay of real LIVEs, whose figures these are; and that of the test endpoint if
            there is one, of which only the sockets are counted.
        allow: the networks that may read it.
    """

    def __init__(
        self, application: Any, relays: Sequence[Relay], allow: Sequence[_Network]
    ) -> None:
        self._application = application
        self._allow = allow
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(RelayCollector(relays))
        # Not compressed: that would hold up the event loop for longer than all the rest.
        self._exposition = make_asgi_app(registry, disable_compression=True)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_answered = path == METRICS and scope["method"] == "GET" and self._may_read(scope)
        application = self._exposition if is_answered else self._application
        await application(scope, receive, send)

    def _may_read(self, scope: Any) -> bool:
        peer = (scope.get("client") or [""])[0]
        if not requests.is_trusted_proxy(peer) and any(
            name in _BY_PROXY for name, _value in scope["headers"]
        ):
            # It came through a proxy that nobody has told us of: the address is the proxy's, which
            # is often 127.0.0.1.
            return False
        address = requests.address(scope)
        if address is None:
            return False
        client = ipaddress.ip_address(address)
        return any(client in network for network in self._allow)


class RelayCollector(Collector):
    """Reads what the relays have counted, when Prometheus asks.

    Args:
        relays: as for `Metrics`.
    """

    def __init__(self, relays: Sequence[Relay]) -> None:
        self._relays = relays
        self._relay = relays[0]

    def describe(self) -> Iterable[Metric]:
        """Nothing: else everything would be read when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield _gauge("relay_build_info", "The version.", ["version"], {(settings.VERSION,): 1})
        yield from self._sockets()
        yield from self._streams()
        yield from self._watched()
        yield from self._ways_to_tiktok()
        yield from self._log()
        if self._relay.history is not None:
            yield from _history(self._relay.history)
        if self._relay.webhooks is not None:
            yield from _webhooks(self._relay.webhooks)
        if self._relay.cluster is not None:
            yield from _cluster(self._relay.cluster)

    def _sockets(self) -> Iterator[Metric]:
        relay, traffic = self._relay, self._relay.traffic
        overlays = sum(socket.connection.overlay_id is not None for socket in relay.sockets)
        kinds = {
            "phone": len(relay.sockets) - overlays,
            "overlay": overlays,
            # That of the previews is made later.
            "test": sum(len(test.sockets) for test in self._relays[1:]),
            "staff": StaffConsumer.open_now,
        }
        yield _gauge("relay_sockets", "Open sockets.", ["kind"], _by(kinds))
        yield _gauge(
            "relay_slow_sockets",
            "Phones' sockets whose client takes less than it is to be sent.",
            [],
            {
                (): sum(
                    is_slow(socket)
                    for socket in relay.sockets
                    if socket.connection.overlay_id is None
                )
            },
        )
        yield _counter(
            "relay_sockets_closed",
            "Phones' sockets that have closed, by the error that they were told.",
            ["error"],
            {(code or _NO_ERROR,): traffic.closed[code] for code in (None, *ErrorCode)},
        )
        yield _counter(
            "relay_frames_sent",
            "Frames that phones' sockets took, by type; `tikfinity`: events of that API.",
            ["type"],
            {(kind,): traffic.frames[kind] for kind in (*FrameType, Translator.kind)},
        )
        yield _counter(
            "relay_sent_bytes", "Bytes of these frames, uncompressed.", [], {(): traffic.bytes}
        )
        yield _histogram(
            "relay_send_latency_seconds",
            "From a push's arrival until its frames were handed to a socket, by socket and push.",
            traffic.send_latency,
        )
        yield _histogram(
            "relay_event_loop_lag_seconds",
            "How late the event loop was, measured once a second while a phone's socket is open.",
            relay.sockets.loop_lag,
        )

    def _streams(self) -> Iterator[Metric]:
        counts, streams = self._relay.streams.counts, list(self._relay.streams)
        states = dict.fromkeys((str(state) for state in StreamState if not state.is_last), 0)
        routes = dict.fromkeys(self._relay.route_counts.routes, 0)
        followed = 0
        for stream in streams:
            if stream.is_following:
                followed += 1
            elif not stream.over:
                states[stream.state] += 1
            if stream.current_route in routes:
                routes[stream.current_route] += 1
        yield _gauge("relay_streams", "Streams, by state.", ["state"], _by(states))
        yield _gauge(
            "relay_streams_followed",
            "Streams that another process leads, which this one follows.",
            [],
            {(): followed},
        )
        yield _gauge(
            "relay_streams_connected",
            "Streams that TikTok is connected to, by route.",
            ["route"],
            _by(routes),
        )
        yield _counter(
            "relay_events",
            "New events from TikTok, by type.",
            ["type"],
            {(kind,): counts.events[kind] for kind in sorted(EVENT_TYPES)},
        )
        methods = sorted({*METHODS, "push frame", "other"})
        yield _counter(
            "relay_undecodable_messages",
            "Messages of TikTok's that could not be decoded, by method.",
            ["method"],
            {(method,): counts.undecodable[method] for method in methods},
        )
        yield _counter(
            "relay_reconnects",
            "Attempts to come back to TikTok, by why the connection was lost.",
            ["error"],
            {(code,): counts.reconnects[code] for code in sorted(UPSTREAM_CODES)},
        )
        yield _histogram(
            "relay_upstream_latency_seconds",
            "From TikTok's time of a push's newest event until it arrived.",
            counts.upstream_latency,
        )

    def _watched(self) -> Iterator[Metric]:
        states = self._relay.watching.states
        yield _gauge(
            "relay_watched_accounts",
            "Accounts that this process watches, by state.",
            ["state"],
            _by({state.value: states[state] for state in WatchState}),
        )

    def _ways_to_tiktok(self) -> Iterator[Metric]:
        relay = self._relay
        counts, network, gates = relay.route_counts, relay.networks.main, relay.streams.sign_gates
        results: dict[tuple[str, ...], float] = {
            (route, "opened"): counts.opened_ever[route] for route in counts.routes
        }
        results |= {
            (route, code): counts.refused_ever[route, code]
            for route in counts.routes
            for code in sorted(UPSTREAM_CODES)
        }
        yield _counter(
            "relay_route_attempts",
            "Attempts to connect by a route, by what became of them.",
            ["route", "result"],
            results,
        )
        blocked = {
            "pages": network.web_gate.seconds_closed > 0,
            "signed": network.signed_gate.seconds_closed > 0,
            "direct": network.direct_gate.seconds_closed > 0,
        }
        yield _gauge(
            "relay_tiktok_gate_closed",
            "1 while TikTok is not asked there, since it has refused this server.",
            ["gate"],
            _by(blocked),
        )
        yield _counter(
            "relay_sign_requests",
            "Requests to the sign server, by what became of them.",
            ["result"],
            {(answer,): gates.answers[answer] for answer in SignAnswer},
        )
        yield _gauge(
            "relay_sign_gates_closed",
            "API keys whose limit at the sign server is used up now.",
            [],
            {(): gates.closed},
        )
        remaining = gates.of("").remaining
        yield _gauge(
            "relay_sign_requests_remaining",
            "Requests that the sign server still grants the server's own key, as far as is known.",
            [],
            {} if remaining is None else {(): remaining},
        )

    def _log(self) -> Iterator[Metric]:
        log = self._relay.connection_log
        yield _gauge(
            "relay_connection_log_waiting_rows",
            "Rows of the connection log that are not written yet.",
            [],
            {(): log.waiting},
        )
        yield _counter(
            "relay_connection_log_lost_rows",
            "Rows of the connection log that will never be written.",
            [],
            {(): log.lost},
        )


def _history(history: HistoryKeeper) -> Iterator[Metric]:
    yield _gauge(
        "relay_history_waiting_entries",
        "Frames of LIVEs that were read for history and are not written yet.",
        [],
        {(): history.waiting},
    )
    yield _counter(
        "relay_history_written_entries",
        "Frames of LIVEs that were counted and written.",
        [],
        {(): history.written},
    )
    yield _counter(
        "relay_history_failures",
        "Transactions of history that have failed. They are tried again.",
        [],
        {(): history.failures},
    )
    yield _counter(
        "relay_history_lost_entries",
        "Frames of LIVEs that could not be written, whatever was tried.",
        [],
        {(): history.lost},
    )


def _webhooks(sender: Sender) -> Iterator[Metric]:
    yield _counter(
        "relay_webhook_deliveries",
        "Deliveries to webhooks: delivered, failed and to be tried again, or given up.",
        ["result"],
        _by({result: sender.results[result] for result in RESULTS}),
    )
    yield _gauge(
        "relay_webhook_deliveries_waiting",
        "Deliveries that wait, of all processes, counted twice a minute.",
        [],
        {(): sender.waiting},
    )
    yield _counter(
        "relay_webhook_note_failures",
        "Events that could not be noted for a webhook, by a fault of the relay.",
        [],
        {(): sender.not_noted},
    )


def _cluster(cluster: Cluster) -> Iterator[Metric]:
    yield _gauge(
        "relay_redis_up",
        "1 while Redis can be reached, by the last time that it was asked.",
        [],
        {(): not cluster.is_cut_off},
    )
    yield _counter(
        "relay_lease_changes",
        "Leases of streams that this process has taken, given back or lost to another one.",
        ["change"],
        {(change,): cluster.changes[change] for change in LeaseChange},
    )


def _by(values: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    """The samples of a family with one label."""
    return {(label,): value for label, value in values.items()}


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def _counter(
    name: str, text: str, labels: Sequence[str], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    """A family whose name ends in `_total` where it is exposed."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(
        name, text, buckets=histogram.cumulative(), sum_value=histogram.sum
    )
