"""Connections whose request has not arrived yet."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

from django.test import override_settings

from live.server.door.arrivals import Arrival, Arrivals
from tests.support.clock import now, virtual_time

SECONDS = 10.0


class Connections:
    """Opens connections, and knows which were dropped."""

    def __init__(self, most: int = 2) -> None:
        self.arrivals = Arrivals(most, SECONDS)
        self.dropped: list[str] = []

    def open(self, name: str, host: str = "192.0.2.1") -> Arrival:
        return self.arrivals.begin(host, lambda: self.dropped.append(name))


class TestArrivals:
    @virtual_time
    async def test_a_request_has_its_time(self) -> None:
        connections = Connections()
        began = now()
        connections.open("late")
        while not connections.dropped:
            await asyncio.sleep(1)
        assert SECONDS <= now() - began <= SECONDS + 1

    @virtual_time
    async def test_one_that_has_arrived_is_left_alone(self) -> None:
        connections = Connections()
        arrival = connections.open("whole")
        arrival.end()
        arrival.end()
        await asyncio.sleep(2 * SECONDS)
        assert connections.dropped == []

    @virtual_time
    async def test_one_too_many_drops_the_oldest(self) -> None:
        connections = Connections()
        arrivals = [connections.open(name) for name in ("first", "second", "third")]
        assert connections.dropped == ["first"]
        arrivals[1].end()
        arrivals.append(connections.open("fourth"))
        assert connections.dropped == ["first"]
        for arrival in arrivals:
            arrival.end()

    @virtual_time
    async def test_an_address_may_have_one_only(self) -> None:
        connections = Connections(most=1)
        connections.open("first")
        connections.open("second").end()
        assert connections.dropped == ["first"]

    @virtual_time
    async def test_each_address_has_its_own(self) -> None:
        connections = Connections()
        hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
        arrivals = [connections.open(host, host) for host in hosts]
        assert connections.dropped == []
        arrivals.append(connections.open("third of the network", "2001:db8::3"))
        assert connections.dropped == ["2001:db8::1"]
        arrivals.append(connections.open("of another network", "2001:db8:0:1::3"))
        assert connections.dropped == ["2001:db8::1"]
        for arrival in arrivals:
            arrival.end()

    @virtual_time
    async def test_a_trusted_proxy_stands_for_many(self) -> None:
        connections = Connections()
        with override_settings(TRUSTED_PROXIES=[ip_network("10.0.0.0/8")]):
            for _ in range(5):
                connections.open("of the proxy", "10.0.0.1")
            connections.open("from a socket file", "")
        assert connections.dropped == []
        await asyncio.sleep(SECONDS + 1)
        assert len(connections.dropped) == 6
