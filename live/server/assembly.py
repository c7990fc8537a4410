"""Makes a relay from its parts, with the values of the `RELAY_…` settings.

The parts themselves don't read the settings, so that tests can give them other values.
"""

from __future__ import annotations

import ipaddress
import os
import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.urls import reverse

from accounts import lockout
from accounts.budgets import Budgets, username_changes
from live.alerts import conditions
from live.alerts.alert import Condition
from live.alerts.conditions import Check
from live.alerts.shared import SharedAlerts
from live.alerts.telling import ByMail, ByWebhook, Teller, Way
from live.alerts.watch import Alerts
from live.clock import SYSTEM_CLOCK, Clock
from live.cluster.board import Board
from live.cluster.cluster import Cluster
from live.cluster.limits import SharedLimits
from live.cluster.members import Members
from live.connections.orphans import OrphanCloser
from live.connections.writer import ConnectionLogWriter
from live.overlays import connected
from live.relay.budgets import AccountBudgets
from live.relay.control import Control
from live.relay.failed_tokens import FailedTokens
from live.relay.key_users import KeyUsers
from live.relay.last_minutes import LastMinutes
from live.relay.numbers import NumbersPublisher
from live.relay.open_sockets import OpenSockets
from live.relay.quota import SocketQuota
from live.relay.refusals import Refusals
from live.relay.relay import Limits, Relay
from live.relay.shutdown import Shutdown
from live.relay.state_file import StateFile
from live.relay.token_lookup import TokenLookup
from live.relay.traffic import Traffic
from live.relay.watched_accounts import WatchedAccounts
from live.relay.watching import Watching
from live.streams.log_memory import LogMemory
from live.streams.registry import Streams
from live.streams.stream import StreamOptions
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.looks import Looks, TikTokLooks
from live.tiktok.lookup import Lookup
from live.tiktok.network import Networks
from live.tiktok.pacer import Pacer
from live.tiktok.pictures import Pictures
from live.tiktok.route_counts import RouteCounts
from live.tiktok.routes import USE_DIRECT_ROUTE, RouteName
from live.tiktok.signgate import SignGates
from live.tiktok.upstream import UpstreamFactory
from live.webhooks.addresses import Guard, Network, parse_address
from live.webhooks.posting import Poster
from live.webhooks.sender import Sender
from live.webhooks.sink import WebhookSink

__all__ = [
    "assemble",
    "make_alert_ways",
    "make_cluster",
    "make_relay",
    "make_streams",
    "make_webhooks",
]

# Seconds for which a stream of the test endpoint tries to come back: its developer is watching.
_REHEARSED_RECONNECTING = 10.0

# Seconds for which a state file counts, on top of the time for which streams linger.
_STATE_KEPT = 60.0

R = TypeVar("R", bound=Relay)


def make_cluster(clock: Clock = SYSTEM_CLOCK) -> Cluster | None:
    """Make what shares streams with other processes; None without `REDIS_URL`."""
    return Cluster(settings.REDIS, settings.RELAY_BACKLOG, clock) if settings.REDIS else None


def make_webhooks(clock: Clock = SYSTEM_CLOCK, rng: random.Random | None = None) -> Sender:
    """Make what sends webhooks. A relay that has it starts and closes it."""
    return Sender(Poster(Guard(settings.WEBHOOK_ALLOW), _agent(), clock), clock, rng)


def _agent() -> str:
    return f"tiktok-live-relay/{settings.VERSION}"


def make_alert_ways(clock: Clock = SYSTEM_CLOCK) -> list[Way]:
    """Make the ways by which whoever runs the server is told of alerts; none if none is set."""
    ways: list[Way] = []
    language, dashboard = settings.LANGUAGE_CODE, _dashboard()
    if settings.ALERT_EMAILS:
        ways.append(ByMail(settings.ALERT_EMAILS, language, dashboard))
    if address := settings.ALERT_WEBHOOK:
        # Whoever runs the server has chosen the host: it may be in the server's own networks.
        poster = Poster(Guard([*settings.WEBHOOK_ALLOW, _host(address)]), _agent(), clock)
        secret = settings.ALERT_WEBHOOK_SECRET
        ways.append(ByWebhook(poster, address, secret, language, dashboard))
    return ways


def _host(address: str) -> Network | str:
    """The host of an address, as a guard has it."""
    host = parse_address(address).host
    with suppress(ValueError):
        return ipaddress.ip_network(host.strip("[]"))
    return host


def _dashboard() -> str:
    """The address of the dashboard, if the settings say where this server is; otherwise empty."""
    origins = [each for each in settings.CSRF_TRUSTED_ORIGINS if "*" not in each]
    if not origins and settings.HTTPS_ONLY:
        origins = [f"https://{host}" for host in settings.ALLOWED_HOSTS if _is_public_name(host)]
    return f"{origins[0]}{reverse('staff')}" if origins else ""


def _is_public_name(host: str) -> bool:
    """Whether it is the name of one host that others know, too."""
    with suppress(ValueError):
        ipaddress.ip_address(host.strip("[]"))
        return False
    return "." in host and not host.startswith((".", "*"))


def _make_alerts(relay: Relay, cluster: Cluster | None, clock: Clock) -> Alerts:
    """Make what watches a relay of real LIVEs."""
    streams, counts = relay.streams, relay.streams.counts
    main = relay.networks.main
    checks: dict[Condition, Check] = {
        Condition.TIKTOK_BLOCKED: conditions.tiktok_blocked(main, settings.TIKTOK_ROUTES),
        Condition.MESSAGES_UNREADABLE: conditions.Unreadable(streams, counts, clock),
        Condition.DATABASE: conditions.database(relay.connection_log, relay.webhooks, relay.tokens),
    }
    if RouteName.SIGNED in settings.TIKTOK_ROUTES:
        own = streams.access("").gate
        checks[Condition.SIGN_GATE] = conditions.sign_gate(own)
    shared = None
    if cluster is not None:
        checks[Condition.REDIS] = conditions.redis(cluster)
        shared = SharedAlerts(settings.REDIS, cluster.process)
    teller = Teller(make_alert_ways(clock))
    # Whoever reads an alert looks for the machine, then for the process.
    process = f"{socket.gethostname()}:{os.getpid()}"
    return Alerts(checks, teller, clock, settings.ALERT_AFTER, process, shared)


def make_relay(
    make_upstream: UpstreamFactory | None = None,
    clock: Clock = SYSTEM_CLOCK,
    rng: random.Random | None = None,
    state_file: Path | None = None,
    cluster: Cluster | None = None,
    watched: WatchedAccounts | None = None,
    *,
    keeps_history: bool = False,
    webhooks: Sender | None = None,
) -> Relay:
    """Make the relay of real LIVEs.

    Args:
        make_upstream: makes the connections; tests give another one. None for connections to
            TikTok, which share one gate for what TikTok blocks, and one pacer.
        clock: tells the time; tests give another one.
        rng: where jitter comes from; tests give another one.
        state_file: where its streams are kept while no process runs; None for nowhere.
        cluster: shares its streams with other processes, which then keep them, and not the file;
            None for this process alone.
        watched: reads which accounts are watched; None to watch none.
        keeps_history: whether its LIVEs are kept in the database.
        webhooks: sends what webhooks are told of these LIVEs; None for nothing.
    """
    rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
    pacer = Pacer(settings.RELAY_TIKTOK_RATE, clock)
    networks = Networks(settings.TIKTOK_PROXY, pacer, clock, rng, settings.RELAY_BLOCK_PAUSE)
    counts = RouteCounts(settings.TIKTOK_ROUTES, clock)
    looks = None
    if make_upstream is None:
        make_upstream = TikTokUpstreams(networks, pacer, settings.TIKTOK_ROUTES, counts)
        looks = TikTokLooks(pacer, networks.main)
    relay = assemble(
        Relay,
        make_upstream,
        clock,
        rng,
        networks=networks,
        pacer=pacer,
        looks=looks,
        counts=counts,
        cluster=cluster,
    )
    relay.watching.accounts = watched
    budgets: dict[str, Budgets[Any]] = {
        **relay.budgets.shared,
        "username-changes": username_changes,
        "failed-tokens": relay.failed_tokens.clients,
        "sign-in-clients": lockout.limits.clients,
    }
    relay.numbers.budgets = budgets
    if cluster is not None:
        # Who tries to sign in as whom is counted, and not shown.
        budgets = {**budgets, "sign-in-usernames": lockout.limits.usernames}
        gates = relay.streams.sign_gates
        relay.cluster = cluster
        relay.watching.members = Members(settings.REDIS, cluster.process, "watching", clock)
        relay.numbers.board = Board(settings.REDIS, cluster.process, "numbers")
        relay.share_limits(SharedLimits(settings.REDIS, cluster.process, budgets, gates, clock))
    relay.webhooks = webhooks
    relay.orphans = OrphanCloser()
    relay.alerts = relay.numbers.alerts = _make_alerts(relay, cluster, clock)
    if state_file is not None and cluster is None:
        longest = settings.RELAY_LINGER + _STATE_KEPT
        relay.state_file = StateFile(state_file, relay.streams, clock, longest)
        relay.state_file.alerts = relay.alerts
    if keeps_history:
        sinks = []
        if webhooks is not None:
            sinks.append(WebhookSink(clock, webhooks.wake, on_failed=webhooks.count_not_noted))
        relay.keep_history(sinks)
    return relay


def assemble(
    kind: type[R],
    make_upstream: UpstreamFactory,
    clock: Clock = SYSTEM_CLOCK,
    rng: random.Random | None = None,
    *,
    networks: Networks | None = None,
    pacer: Pacer | None = None,
    looks: Looks | None = None,
    counts: RouteCounts | None = None,
    cluster: Cluster | None = None,
) -> R:
    """Make a relay of the given class, with new parts.

    Args:
        kind: the class of the relay.
        make_upstream: makes the connections to TikTok.
        clock: tells the time.
        rng: where jitter comes from.
        networks: the ways out to TikTok; None for new ones.
        pacer: bounds what look-ups ask TikTok; None for no bound.
        looks: finds out whether awaited streamers are live; None for attempts to connect.
        counts: what staff see of the routes to TikTok; None where there are no routes.
        cluster: shares the streams with other processes; None for this process alone.
    """
    rng = rng or random.Random()  # noqa: S311 -- jitter is no secret
    networks = networks or Networks(settings.TIKTOK_PROXY, pacer, clock, rng)
    counts = counts or RouteCounts(clock=clock)
    streams = make_streams(
        make_upstream, clock, rng, is_test=kind.is_test, looks=looks, cluster=cluster
    )
    sockets = OpenSockets()
    tokens = TokenLookup(clock=clock)
    key_users = KeyUsers()
    budgets = AccountBudgets(settings.RELAY_STREAM_STARTS, settings.RELAY_LOOKUPS, clock.monotonic)
    watching = Watching(streams, budgets, key_users, clock, rng)
    last_minutes = LastMinutes(streams, clock)
    numbers = NumbersPublisher(
        sockets,
        streams,
        key_users,
        networks,
        counts,
        watching,
        last_minutes,
        clock,
        is_test=kind.is_test,
    )
    connection_log = ConnectionLogWriter(numbers.rows_written, write_rows=connected.write)
    numbers.log = connection_log
    return kind(
        streams=streams,
        sockets=sockets,
        quota=SocketQuota(settings.RELAY_MAX_SOCKETS),
        overlay_quota=SocketQuota(settings.RELAY_MAX_OVERLAYS, "overlays' sockets"),
        budgets=budgets,
        tokens=tokens,
        failed_tokens=FailedTokens(),
        refusals=Refusals(connection_log, clock),
        limits=Limits(settings.RELAY_CONNECT_TIMEOUT, settings.RELAY_SEND_TIMEOUT),
        connection_log=connection_log,
        numbers=numbers,
        last_minutes=last_minutes,
        key_users=key_users,
        control=Control(
            sockets,
            streams,
            tokens,
            numbers,
            is_test=kind.is_test,
            on_changed=watching.changed,
        ),
        watching=watching,
        shutdown=Shutdown(rng),
        lookup=Lookup(streams.gifts, networks.main, clock, pacer=pacer),
        pictures=Pictures(proxy=settings.TIKTOK_PROXY),
        networks=networks,
        route_counts=counts,
        traffic=Traffic(),
        clock=clock,
    )


def make_streams(
    make_upstream: UpstreamFactory,
    clock: Clock = SYSTEM_CLOCK,
    rng: random.Random | None = None,
    *,
    is_test: bool,
    looks: Looks | None = None,
    cluster: Cluster | None = None,
) -> Streams:
    """Make a set of streams that has its own sign gates.

    Args:
        make_upstream: makes the connections to TikTok.
        clock: tells the time.
        rng: where jitter comes from.
        is_test: whether the streams are those of the test endpoint. The server's log then says
            nothing of them.
        looks: finds out whether awaited streamers are live; None for attempts to connect.
        cluster: shares the streams with other processes; None for this process alone.
    """
    reconnect_for = settings.RELAY_RECONNECT_FOR
    if is_test:
        reconnect_for = min(reconnect_for, _REHEARSED_RECONNECTING)
    options = StreamOptions(
        backlog=settings.RELAY_BACKLOG,
        memory=LogMemory(settings.RELAY_BACKLOG_BYTES, settings.RELAY_BACKLOG_BYTES_TOTAL),
        linger=settings.RELAY_LINGER,
        idle_timeout=settings.RELAY_IDLE_TIMEOUT,
        reconnect_for=reconnect_for,
        wait_interval=settings.RELAY_WAIT_INTERVAL,
        is_test=is_test,
    )
    # Where the direct route is off, whoever meets the limit is told of it.
    hint = "" if RouteName.DIRECT in settings.TIKTOK_ROUTES else USE_DIRECT_ROUTE
    gates = SignGates(settings.SIGN_API_KEY, clock, limit_hint=hint, secret=settings.SECRET_KEY)
    return Streams(make_upstream, options, gates, rng, clock, looks, cluster)
