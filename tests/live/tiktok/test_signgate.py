"""The sign server's limit: known once, kept by everybody."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.signgate import SignGate, SignGates, seconds_until_reset
from tests.support.clock import VirtualClock, settle, virtual_time

NOW = 1_795_000_000.0
DAY = 24 * 60 * 60
LIMITED = {"ratelimit-remaining": "0", "retry-after": "90"}


class TestSecondsUntilReset:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"ratelimit-reset": "1795000030"}, 30),
            ({"ratelimit-reset": " 1795000030 "}, 30),
            ({"ratelimit-reset": "45"}, 45),
            ({"retry-after": "20"}, 20),
            ({"retry-after": "1795000020"}, 20),
            ({"retry-after": formatdate(NOW + 15, usegmt=True)}, 15),
            ({"ratelimit-reset": formatdate(NOW + 15, usegmt=True)}, 15),
            ({"ratelimit-reset": "1795000030", "retry-after": "20"}, 30),
            ({"ratelimit-reset": "soon", "retry-after": "20"}, 20),
            ({"ratelimit-reset": "", "retry-after": "20"}, 20),
            ({"ratelimit-reset": "-7", "retry-after": "20"}, 20),
            ({"ratelimit-reset": "12.5", "retry-after": "20"}, 12.5),
            ({"ratelimit-reset": "1795000030000"}, 30),
        ],
    )
    def test_it_believes_the_headers_that_tell_the_truth(
        self, headers: dict[str, str], seconds: float
    ) -> None:
        assert seconds_until_reset(headers, NOW) == seconds

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"retry-after": "later"},
            {"ratelimit-remaining": "7"},
            {"ratelimit-reset": "", "retry-after": ""},
        ],
    )
    def test_it_waits_a_minute_when_told_nothing(self, headers: dict[str, str]) -> None:
        assert seconds_until_reset(headers, NOW) == 60

    @pytest.mark.parametrize("reset", ["0", "1794999999", formatdate(0, usegmt=True)])
    def test_it_waits_a_second_when_the_reset_has_passed(self, reset: str) -> None:
        assert seconds_until_reset({"ratelimit-reset": reset}, NOW) == 1

    @pytest.mark.parametrize(
        "reset", ["999999999", "9" * 30, "9" * 400, "Fri, 01 Jan 9999 00:00:00 GMT"]
    )
    def test_it_waits_a_day_at_most(self, reset: str) -> None:
        assert seconds_until_reset({"ratelimit-reset": reset}, NOW) == DAY

    @given(st.dictionaries(st.sampled_from(["ratelimit-reset", "retry-after"]), st.text()))
    def test_it_survives_any_header(self, headers: dict[str, str]) -> None:
        assert 1 <= seconds_until_reset(headers, NOW) <= DAY


def refusal(gate: SignGate) -> RelayError:
    with pytest.raises(RelayError) as refused:
        gate.check()
    return refused.value


class TestGate:
    @virtual_time
    async def test_it_is_open_at_first(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.check()
        assert gate.seconds_closed == 0

    @virtual_time
    async def test_it_stays_open_while_requests_are_left(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(200, {"ratelimit-remaining": "3", "ratelimit-reset": "50"})

        gate.check()

    @virtual_time
    async def test_it_closes_on_a_refusal_until_the_reset(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(429, LIMITED)

        assert gate.seconds_closed == pytest.approx(90)
        error = refusal(gate)
        assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 90)

    @virtual_time
    async def test_it_says_how_much_of_the_time_is_left(self) -> None:
        gate = SignGate("", VirtualClock())
        gate.on_answer(429, LIMITED)

        await asyncio.sleep(29.5)

        assert refusal(gate).retry_after == 61  # rounded up: sooner would be too soon

    @virtual_time
    async def test_it_opens_at_the_reset(self) -> None:
        gate = SignGate("", VirtualClock())
        gate.on_answer(429, LIMITED)

        await asyncio.sleep(90)

        gate.check()

    @virtual_time
    async def test_it_closes_on_a_refusal_that_names_no_time(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(429, {})

        assert gate.seconds_closed == pytest.approx(60)

    @virtual_time
    async def test_it_closes_when_an_answer_used_up_the_last_request(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(200, {"ratelimit-remaining": "0", "ratelimit-reset": "50"})

        assert gate.seconds_closed == pytest.approx(50)

    @virtual_time
    async def test_it_stays_open_when_a_good_answer_names_no_reset(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(200, {"ratelimit-remaining": "0"})

        gate.check()

    @virtual_time
    async def test_it_stays_open_when_another_error_is_answered(self) -> None:
        gate = SignGate("", VirtualClock())

        gate.on_answer(500, {"retry-after": "90"})

        gate.check()


class TestRequest:
    @virtual_time
    async def test_it_lets_four_through_at_once_where_nothing_is_known(self) -> None:
        gate = SignGate("", VirtualClock())
        at_once: list[int] = []
        running = 0

        async def ask() -> None:
            nonlocal running
            async with gate.request():
                running += 1
                await asyncio.sleep(1)
                at_once.append(running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(ask() for _ in range(12)))

        assert max(at_once) == 4

    @virtual_time
    async def test_it_lets_as_many_through_at_once_as_the_last_answer_left(self) -> None:
        gate = SignGate("", VirtualClock())
        gate.on_answer(200, {"ratelimit-remaining": "3"})
        at_once: list[int] = []
        running = 0

        async def ask() -> None:
            nonlocal running
            async with gate.request():
                running += 1
                await asyncio.sleep(1)
                at_once.append(running)
                await asyncio.sleep(1)
                running -= 1

        await asyncio.gather(*(ask() for _ in range(7)))

        assert max(at_once) == 3

    @virtual_time
    async def test_it_refuses_those_who_queued_for_a_request_that_closed_the_gate(self) -> None:
        gate = SignGate("", VirtualClock())
        sent = 0

        async def ask() -> None:
            nonlocal sent
            async with gate.request():
                sent += 1
                await asyncio.sleep(1)
                gate.on_answer(429, LIMITED)

        results = await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)

        assert sent == 4
        refused = [error for error in results if isinstance(error, RelayError)]
        assert len(refused) == 16
        assert {error.retry_after for error in refused} == {90}

    @virtual_time
    async def test_it_refuses_at_once_while_the_gate_is_closed(self) -> None:
        gate = SignGate("", VirtualClock())
        gate.on_answer(429, LIMITED)

        with pytest.raises(RelayError):
            async with gate.request():
                pytest.fail("a request went out")

    @virtual_time
    async def test_it_lets_the_next_one_through_when_a_request_fails(self) -> None:
        gate = SignGate("", VirtualClock())
        with pytest.raises(OSError, match="cut"):
            async with gate.request():
                raise OSError("cut")

        async with asyncio.timeout(1), gate.request():
            pass

    @virtual_time
    async def test_it_lets_the_next_one_through_when_a_request_is_cancelled(self) -> None:
        gate = SignGate("", VirtualClock())

        async def ask() -> None:
            async with gate.request():
                await asyncio.sleep(1000)

        asking = asyncio.create_task(ask())
        await settle()
        asking.cancel()
        await asyncio.wait([asking])

        async with asyncio.timeout(1), gate.request():
            pass


class TestGates:
    @virtual_time
    async def test_it_uses_the_server_s_key_for_those_without_one(self) -> None:
        gates = SignGates("the server's", VirtualClock())

        assert gates.of("") is gates.of("the server's")
        assert gates.of("").api_key == "the server's"

    @virtual_time
    async def test_it_has_one_gate_for_one_key(self) -> None:
        gates = SignGates(clock=VirtualClock())

        assert gates.of("key") is gates.of("key")
        assert gates.of("key").api_key == "key"

    @virtual_time
    async def test_it_closes_the_gate_of_the_refused_key_only(self) -> None:
        gates = SignGates(clock=VirtualClock())

        gates.of("").on_answer(429, LIMITED)

        gates.of("an account's own").check()
        assert refusal(gates.of("")).code is ErrorCode.RATE_LIMITED
