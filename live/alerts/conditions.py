"""Looks whether each condition holds now, at what the relay knows anyway.

The gates of accounts' own keys and proxies are not looked at: they are their owners', who are told
by the sockets' errors and on the account page.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from live.alerts.alert import Condition
from live.clock import Clock
from live.cluster.cluster import Cluster
from live.connections.writer import ConnectionLogWriter
from live.streams.counts import StreamCounts
from live.streams.stream import LiveStream
from live.tiktok.network import Network
from live.tiktok.routes import RouteName
from live.tiktok.signgate import SignGate
from live.webhooks.sender import Sender

__all__ = ["HOLDS", "Check", "Unreadable", "database", "redis", "sign_gate", "tiktok_blocked"]

# Says whether a condition holds: None if not; else details, or `HOLDS` where there are none.
Check = Callable[[], str | None]
HOLDS = ""

# So many messages that can't be decoded, in so many seconds, are no accident.
_MANY, _WITHIN = 10, 300.0
# The kind of messages that become no frames; nobody misses these.
_OTHER = "other"


def sign_gate(gate: SignGate) -> Check:
    """Whether the sign server takes no requests with this key, or does not work."""

    def check() -> str | None:
        refusal = gate.refusal
        return None if refusal is None else refusal.code.value

    return check


def tiktok_blocked(network: Network, routes: Iterable[str]) -> Check:
    """Whether TikTok takes this server for a robot.

    Args:
        network: the server's way out.
        routes: the names of the routes that are tried.
    """
    gates = {
        "pages": network.web_gate,
        RouteName.SIGNED.value: network.signed_gate,
        RouteName.DIRECT.value: network.direct_gate,
    }
    looked_at = {"pages", *routes}

    def check() -> str | None:
        closed = [n for n, gate in gates.items() if n in looked_at and gate.is_blocked]
        return ", ".join(closed) or None

    return check


class Unreadable:
    """Whether TikTok has changed its messages: fields that matter go empty, or many messages can't
    be decoded.

    Args:
        streams: those of this process.
        counts: what they count together.
    """

    def __init__(self, streams: Iterable[LiveStream], counts: StreamCounts, clock: Clock) -> None:
        self._streams = streams
        self._counts = counts
        self._clock = clock
        self._known: Mapping[str, int] = {}
        self._grown: deque[tuple[float, int]] = deque()

    def __call__(self) -> str | None:
        now = self._clock.monotonic()
        # Once a message could not be decoded, its kind has been counted.
        counted = {kind: n for kind, n in self._counts.undecodable.items() if kind != _OTHER}
        grown = sum(counted.values()) - sum(self._known.values())
        self._known = counted
        if grown:
            self._grown.append((now, grown))
        while self._grown and self._grown[0][0] < now - _WITHIN:
            self._grown.popleft()
        found = {finding.what for stream in self._streams for finding in stream.findings}
        if sum(number for _at, number in self._grown) >= _MANY:
            found.update(counted)
        return ", ".join(sorted(found)) or None


class _Asker(Protocol):
    """Something that asks the database, as `live.relay.token_lookup.TokenLookup`."""

    @property
    def database_fails(self) -> bool: ...


def database(log: ConnectionLogWriter, sender: Sender | None, tokens: _Asker) -> Check:
    """Whether the connection log can't be written, webhooks' deliveries can't be read, or tokens
    can't be looked up. The sender looks every few seconds, also while nobody comes."""

    def check() -> str | None:
        fails = log.is_in_trouble or tokens.database_fails
        fails = fails or (sender is not None and sender.database_fails)
        return HOLDS if fails else None

    return check


def redis(cluster: Cluster) -> Check:
    """Whether Redis can't be reached."""
    return lambda: HOLDS if cluster.is_cut_off else None


# The order in which staff see them, the worst first.
ORDER = (
    Condition.DATABASE,
    Condition.REDIS,
    Condition.TIKTOK_BLOCKED,
    Condition.SIGN_GATE,
    Condition.MESSAGES_UNREADABLE,
)
