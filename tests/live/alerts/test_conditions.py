"""When each condition holds, by what the relay knows."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from live.alerts import conditions
from live.alerts.conditions import HOLDS, Unreadable
from live.protocol.errors import ErrorCode, RelayError
from live.streams.counts import StreamCounts
from live.tiktok.network import Network
from live.tiktok.signgate import SignGate
from tests.support.clock import VirtualClock, virtual_time


class TestTheSignGate:
    @virtual_time
    async def test_it_holds_while_the_limit_is_used_up(self) -> None:
        gate = SignGate("", VirtualClock())
        check = conditions.sign_gate(gate)
        assert check() is None

        gate.on_answer(429, {"ratelimit-reset": "300"})
        assert check() == "rate_limited"
        await asyncio.sleep(301)
        assert check() is None

    @virtual_time
    async def test_it_holds_while_the_key_is_refused(self) -> None:
        gate = SignGate("a-key", VirtualClock())
        gate.on_answer(403, {})

        assert conditions.sign_gate(gate)() == "sign_forbidden"


class TestBlocks:
    @virtual_time
    async def test_it_names_the_ways_on_which_tiktok_refuses_this_server(self) -> None:
        network = Network(clock=VirtualClock())
        check = conditions.tiktok_blocked(network, ["signed", "direct"])
        network.web_gate.on_blocked("anna")
        assert check() is None, "it may be the fault of that one LIVE"

        network.web_gate.on_blocked("bea")
        network.direct_gate.on_blocked("anna")
        assert check() == "pages, direct"

    @virtual_time
    async def test_it_holds_between_pauses_until_tiktok_answers(self) -> None:
        network = Network(clock=VirtualClock())
        check = conditions.tiktok_blocked(network, ["direct"])
        network.direct_gate.on_blocked("anna")
        await asyncio.sleep(network.direct_gate.seconds_closed + 1)
        assert check() == "direct"

        with (
            pytest.raises(RelayError),
            network.direct_gate.attempt("anna"),
        ):
            raise RelayError(ErrorCode.USER_OFFLINE, username="anna")
        assert check() is None

    @virtual_time
    async def test_it_is_forgotten_when_nobody_asks_any_more(self) -> None:
        network = Network(clock=VirtualClock())
        check = conditions.tiktok_blocked(network, ["direct"])
        network.direct_gate.on_blocked("anna")
        await asyncio.sleep(50_000)

        assert check() is None

    @virtual_time
    async def test_a_route_that_is_off_is_not_looked_at(self) -> None:
        network = Network(clock=VirtualClock())
        network.direct_gate.on_blocked("anna")

        assert conditions.tiktok_blocked(network, ["signed"])() is None


class TestUnreadableMessages:
    @virtual_time
    async def test_it_holds_while_many_messages_can_not_be_decoded(self) -> None:
        counts = StreamCounts()
        check = Unreadable([], counts, VirtualClock())
        counts.undecodable["WebcastGiftMessage"] += 9
        counts.undecodable["other"] += 1000
        assert check() is None

        counts.undecodable["WebcastGiftMessage"] += 1
        assert check() == "WebcastGiftMessage"
        await asyncio.sleep(301)
        assert check() is None

    @virtual_time
    async def test_few_in_a_long_time_are_an_accident(self) -> None:
        counts = StreamCounts()
        check = Unreadable([], counts, VirtualClock())
        for _ in range(30):
            counts.undecodable["push frame"] += 1
            assert check() is None
            await asyncio.sleep(60)

    @virtual_time
    async def test_it_holds_while_a_field_that_matters_is_empty(self) -> None:
        stream: Any = SimpleNamespace(findings=[SimpleNamespace(what="Gifts without an id")])
        streams = [stream]
        check = Unreadable(streams, StreamCounts(), VirtualClock())
        assert check() == "Gifts without an id"

        streams.clear()
        assert check() is None


class TestTheDatabase:
    @pytest.mark.parametrize(
        ("log", "sender", "expected"),
        [(False, False, None), (True, False, HOLDS), (False, True, HOLDS), (False, None, None)],
    )
    def test_it_holds_where_it_can_not_be_written_or_read(
        self, log: bool, sender: bool | None, expected: str | None
    ) -> None:
        writer: Any = SimpleNamespace(is_in_trouble=log)
        webhooks: Any = None if sender is None else SimpleNamespace(database_fails=sender)

        tokens = SimpleNamespace(database_fails=False)

        assert conditions.database(writer, webhooks, tokens)() == expected

    def test_it_holds_where_tokens_can_not_be_looked_up(self) -> None:
        writer: Any = SimpleNamespace(is_in_trouble=False)
        tokens = SimpleNamespace(database_fails=True)
        check = conditions.database(writer, None, tokens)

        assert check() == HOLDS
        tokens.database_fails = False
        assert check() is None
