"""The sign server's limit: known once, kept by everybody."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from email.utils import formatdate
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.signgate import SignGate, SignGates, seconds_until_reset
from tests.support.clock import VirtualClock, now, settle, virtual_time

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

    @virtual_time
    async def test_who_gives_up_waiting_takes_no_turn(self) -> None:
        gate = SignGate("", VirtualClock())
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(gate.request())
            waiting = asyncio.create_task(_ask_once(gate))
            cancelled = asyncio.create_task(_ask_once(gate))
            await settle()
            cancelled.cancel()
            waiting.cancel()
            # All four are released before either task can run.
        await asyncio.wait([waiting, cancelled])

        assert gate.is_idle

    @virtual_time
    async def test_who_gives_up_when_its_turn_has_come_gives_it_back(self) -> None:
        gate = SignGate("", VirtualClock())
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(gate.request())
            waiting = asyncio.create_task(_ask_once(gate))
            await settle()
        waiting.cancel()
        await asyncio.wait([waiting])

        assert waiting.cancelled()
        assert gate.is_idle


async def _ask_once(gate: SignGate) -> None:
    async with gate.request("somebody"):
        pass


class TestAClockThatIsSetBack:
    @virtual_time
    async def test_it_keeps_no_gate_closed(self) -> None:
        clock = SettableClock()
        gate = SignGate("", clock)
        gate.on_answer(429, {"retry-after": "90"})

        clock.set_back_by = 3600
        assert gate.seconds_closed == pytest.approx(90)
        assert gate.closed_until == pytest.approx(clock.unix() + 90)
        assert refusal(gate).retry_after == 90

        await asyncio.sleep(90)
        gate.check()


class SettableClock(VirtualClock):
    """A wall clock that somebody sets back."""

    set_back_by = 0.0

    def unix(self) -> float:
        return super().unix() - self.set_back_by


async def fail(gate: SignGate, seconds: float = 0) -> None:
    """A request that is not answered."""
    async with gate.request():
        await asyncio.sleep(seconds)
        gate.on_no_answer()


class TestASignServerThatDoesNotWork:
    @virtual_time
    async def test_three_failures_in_a_row_stop_the_requests(self) -> None:
        gate = SignGate("", VirtualClock())
        await fail(gate)
        gate.on_answer(500, {})
        gate.check()

        await fail(gate)

        error = refusal(gate)
        assert (error.code, error.retry_after) == (ErrorCode.SIGN_UNAVAILABLE, 5)
        assert gate.refusal is not None
        assert gate.refusal.code is ErrorCode.SIGN_UNAVAILABLE
        assert gate.seconds_closed == 0  # its limit is not reached

    @pytest.mark.parametrize("status", [200, 401, 403])
    def test_an_answer_in_between_makes_the_count_start_anew(self, status: int) -> None:
        @virtual_time
        async def test() -> None:
            gate = SignGate("", VirtualClock())
            for _ in range(10):
                await fail(gate)
                await fail(gate)
                gate.on_answer(status, {})
            gate.check()

        test()

    @virtual_time
    async def test_those_who_wait_are_told_at_once(self) -> None:
        gate = SignGate("", VirtualClock())
        began = now()

        results = await asyncio.gather(
            *(fail(gate, seconds=10) for _ in range(100)), return_exceptions=True
        )

        assert now() - began == pytest.approx(10)
        refused = [error for error in results if isinstance(error, RelayError)]
        assert len(refused) == 96
        assert {error.code for error in refused} == {ErrorCode.SIGN_UNAVAILABLE}
        assert {error.retry_after for error in refused} == {5}

    @virtual_time
    async def test_then_one_request_is_sent_and_the_others_wait_for_it(self) -> None:
        gate = SignGate("", VirtualClock())
        for _ in range(3):
            await fail(gate)
        await asyncio.sleep(5)
        under_way = 0
        seen = []

        async def ask() -> None:
            nonlocal under_way
            async with gate.request():
                under_way += 1
                seen.append(under_way)
                await asyncio.sleep(1)
                under_way -= 1
                gate.on_answer(200, {})

        await asyncio.gather(*(ask() for _ in range(9)))

        assert seen[0] == 1
        assert seen[1:] == [1, 2, 3, 4, 1, 2, 3, 4]

    @virtual_time
    async def test_if_it_fails_the_others_are_told_and_the_pause_doubles(self) -> None:
        gate = SignGate("", VirtualClock())
        for _ in range(3):
            await fail(gate)

        pauses = []
        for _ in range(6):
            pause = refusal(gate).retry_after
            assert pause is not None
            pauses.append(pause)
            await asyncio.sleep(pause)
            results = await asyncio.gather(
                *(fail(gate, seconds=2) for _ in range(5)), return_exceptions=True
            )
            assert sum(isinstance(error, RelayError) for error in results) == 4

        assert pauses == [5, 10, 20, 40, 60, 60]

    @virtual_time
    async def test_failures_of_requests_from_before_the_pause_make_it_no_longer(self) -> None:
        gate = SignGate("", VirtualClock())

        await asyncio.gather(*(fail(gate, seconds=1) for _ in range(4)))

        assert refusal(gate).retry_after == 5
        await asyncio.sleep(5)
        await fail(gate)
        assert refusal(gate).retry_after == 10

    @virtual_time
    async def test_a_cancelled_request_says_nothing(self) -> None:
        gate = SignGate("", VirtualClock())
        for _ in range(3):
            await fail(gate)
        await asyncio.sleep(5)
        asking = asyncio.create_task(fail(gate, seconds=1000))
        await settle()
        asking.cancel()
        await asyncio.wait([asking])

        async with asyncio.timeout(1), gate.request():
            gate.on_answer(200, {})
        gate.check()

    @virtual_time
    async def test_it_is_of_one_key(self) -> None:
        gates = SignGates(clock=VirtualClock())
        for _ in range(3):
            await fail(gates.of("of a stranger"))

        gates.of("").check()


def refused_with(gate: SignGate) -> ErrorCode | None:
    """What the gate says of a connection through it."""
    return gate.refusal.code if gate.refusal else None


class TestARefusedKey:
    @pytest.mark.parametrize("status", [401, 403])
    def test_it_is_remembered_for_ten_minutes(self, status: int) -> None:
        @virtual_time
        async def test() -> None:
            gate = SignGate("key", VirtualClock())
            assert refused_with(gate) is None
            gate.on_answer(status, {})
            assert refused_with(gate) is ErrorCode.SIGN_FORBIDDEN
            await asyncio.sleep(600)
            assert refused_with(gate) is None

        test()

    @virtual_time
    async def test_its_owner_may_try_again(self) -> None:
        gate = SignGate("key", VirtualClock())
        gate.on_answer(403, {})

        gate.check()
        async with gate.request():
            gate.on_answer(200, {})

        assert gate.refusal is None

    @virtual_time
    async def test_a_closed_gate_says_until_when(self) -> None:
        gate = SignGate("key", VirtualClock())
        gate.on_answer(429, LIMITED)

        assert gate.refusal is not None
        assert (gate.refusal.code, gate.refusal.retry_after) == (ErrorCode.RATE_LIMITED, 90)


class Budget:
    """A sign server with so many requests left, and askers that ask it through one gate.

    Args:
        tells: whether it says in its answers how many are left.
    """

    def __init__(self, requests: int, *, tells: bool = True) -> None:
        self.left = requests
        self._tells = tells
        self.gate = SignGate("", VirtualClock())
        self.signed: list[str] = []
        self.gate.on_answer(200, self._headers())

    def _headers(self) -> dict[str, str]:
        if not self._tells:
            return {}
        return {"ratelimit-remaining": str(self.left), "ratelimit-reset": "3000"}

    async def ask(self, asker: str) -> ErrorCode | None:
        try:
            async with self.gate.request(asker):
                self.left -= 1
                self.signed.append(asker)
                await asyncio.sleep(0.1)
                self.gate.on_answer(200, self._headers())
        except RelayError as error:
            return error.code if error.retry_after else None
        return None


class TestSharing:
    @virtual_time
    async def test_who_had_none_comes_before_who_had_one(self) -> None:
        gate = SignGate("", VirtualClock())
        order = []

        async def ask(asker: str, seconds: float = 1) -> None:
            async with gate.request(asker):
                order.append(asker)
                await asyncio.sleep(seconds)

        others = [asyncio.create_task(ask(f"other{number}", 1000)) for number in range(3)]
        await settle()
        order.clear()

        await asyncio.gather(*(ask(asker) for asker in "aaabcb"))

        assert order == ["a", "b", "c", "a", "b", "a"]
        await asyncio.gather(*others)

    @virtual_time
    async def test_one_asker_that_asks_and_asks_leaves_half_for_the_others(self) -> None:
        budget = Budget(20)
        await budget.ask("newcomer")
        for _ in range(50):
            await budget.ask("greedy")

        assert budget.signed.count("greedy") == 10
        assert await budget.ask("greedy") is ErrorCode.RATE_LIMITED
        assert [await budget.ask(f"late{number}") for number in range(8)] == [None] * 8

    @virtual_time
    async def test_who_is_alone_may_have_all(self) -> None:
        budget = Budget(20)

        for _ in range(20):
            assert await budget.ask("alone") is None

    @virtual_time
    async def test_a_reset_makes_all_equal_again(self) -> None:
        budget = Budget(4)
        await budget.ask("newcomer")
        for _ in range(5):
            await budget.ask("greedy")
        assert await budget.ask("greedy") is ErrorCode.RATE_LIMITED

        await asyncio.sleep(3000)

        assert await budget.ask("greedy") is None

    @given(
        left=st.integers(1, 30),
        tells=st.booleans(),
        asks=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=80),
    )
    @settings(max_examples=100, deadline=None)
    def test_nobody_is_passed_over(
        self, left: int, tells: bool, asks: list[tuple[int, int]]
    ) -> None:
        """Whoever asks when: nobody waits while another gets a signature who has had more, nobody
        who had none is refused for others' sake, and no more are asked for than there are."""

        @virtual_time
        async def test() -> None:
            budget = Budget(left, tells=tells)
            gate, shares = budget.gate, budget.gate._shares
            give = shares.give

            def give_in_order(asker: str, now: float) -> None:
                assert all(shares.of(asker) <= shares.of(turn.asker) for turn in gate._waiting)
                give(asker, now)

            async def ask(asker: str) -> None:
                had_one = asker in budget.signed
                if await budget.ask(asker) and not gate.seconds_closed:
                    assert had_one or asker in budget.signed

            with mock.patch.object(shares, "give", give_in_order):
                async with asyncio.TaskGroup() as group:
                    for number, pause in asks:
                        group.create_task(ask(f"asker{number}"))
                        await asyncio.sleep(pause / 100)

            assert budget.left >= 0 or not tells
            assert gate._under_way == 0
            assert not gate._waiting

        test()


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

    @virtual_time
    async def test_it_forgets_keys_that_nobody_uses(self) -> None:
        gates = SignGates(clock=VirtualClock(), most=10)
        used = gates.of("used")
        gates.of("closed").on_answer(429, {"retry-after": "90"})
        closed = weakref.ref(gates.of("closed"))
        forgotten = [weakref.ref(gates.of(f"key{number}")) for number in range(1000)]

        assert sum(gate() is not None for gate in forgotten) < 10
        assert gates.of("used") is used
        assert gates.of("closed") is closed()

        await asyncio.sleep(90)
        forgotten = [weakref.ref(gates.of(f"another{number}")) for number in range(20)]
        assert closed() is None


class TestCounting:
    @virtual_time
    async def test_the_answers_of_all_gates_are_counted_together(self) -> None:
        gates = SignGates(clock=VirtualClock())
        for number, status in enumerate((200, 200, 429, 401, 403, 500, 503, 418)):
            gates.of(f"key {number}").on_answer(status, {})
        gates.of("key").on_no_answer()
        assert gates.answers == {
            "signed": 2,
            "rate_limited": 1,
            "forbidden": 2,
            "failed": 2,
            "other": 1,
            "no_answer": 1,
        }

    @virtual_time
    async def test_it_knows_how_many_gates_are_closed(self) -> None:
        gates = SignGates(clock=VirtualClock())
        gates.of("open").on_answer(200, {})
        gates.of("closed").on_answer(429, LIMITED)
        assert gates.closed == 1
        await asyncio.sleep(91)
        assert gates.closed == 0
