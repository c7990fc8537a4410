"""What happens while TikTok blocks this server."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.blockgate import BlockGate
from tests.support.clock import VirtualClock, settle, virtual_time

PAUSE, LONGEST = 15, 300
BLOCKED = ErrorCode.TIKTOK_BLOCKED


class Middle(random.Random):
    """No jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def block_gate() -> BlockGate:
    return BlockGate(VirtualClock(), Middle(), PAUSE)


def refused(gate: BlockGate, username: str) -> int | None:
    """The seconds to wait; None if that user's LIVE may be tried."""
    try:
        gate.check(username)
    except RelayError as error:
        return error.retry_after if error.code is BLOCKED else -1
    return None


def attempt(gate: BlockGate, username: str, outcome: ErrorCode | None = None) -> None:
    """One attempt that is let through."""
    with contextlib.suppress(OutcomeError), gate.attempt(username):
        if outcome is BLOCKED:
            gate.on_blocked(username)
        if outcome is not None:
            raise OutcomeError(outcome)


class OutcomeError(RelayError):
    """How an attempt of a test ends."""


def block(gate: BlockGate) -> None:
    """TikTok blocks two users' attempts."""
    attempt(gate, "alice", BLOCKED)
    attempt(gate, "bob", BLOCKED)


class TestABlock:
    @virtual_time
    async def test_it_is_open_at_first(self) -> None:
        assert refused(block_gate(), "alice") is None

    @virtual_time
    async def test_one_user_s_block_holds_back_that_user_only(self) -> None:
        gate = block_gate()

        attempt(gate, "alice", BLOCKED)

        assert refused(gate, "alice") == PAUSE
        assert refused(gate, "bob") is None
        assert gate.seconds_closed == 0

    @virtual_time
    async def test_two_users_blocks_hold_back_everybody(self) -> None:
        gate = block_gate()

        block(gate)

        assert refused(gate, "somebody else") == PAUSE
        assert gate.seconds_closed == pytest.approx(PAUSE)

    @virtual_time
    async def test_blocks_with_an_answer_in_between_are_of_the_users(self) -> None:
        gate = block_gate()

        attempt(gate, "alice", BLOCKED)
        attempt(gate, "carol")
        attempt(gate, "bob", BLOCKED)

        assert refused(gate, "somebody else") is None

    @virtual_time
    async def test_one_user_s_many_blocks_make_nobody_else_wait_longer(self) -> None:
        gate = block_gate()
        for _ in range(10):
            attempt(gate, "alice", BLOCKED)
            await asyncio.sleep(LONGEST)

        attempt(gate, "bob", BLOCKED)

        assert refused(gate, "somebody else") == PAUSE

    @virtual_time
    async def test_the_body_is_not_run_while_it_is_closed(self) -> None:
        gate = block_gate()
        block(gate)

        with pytest.raises(RelayError) as error, gate.attempt("carol"):
            pytest.fail("TikTok was asked")

        assert (error.value.code, error.value.username) == (BLOCKED, "carol")
        assert error.value.retry_after == PAUSE

    @virtual_time
    async def test_one_attempt_is_made_after_the_pause(self) -> None:
        gate = block_gate()
        block(gate)
        await asyncio.sleep(PAUSE)

        with gate.attempt("carol"):
            assert refused(gate, "dave") is not None

        assert refused(gate, "dave") is None

    @virtual_time
    async def test_each_pause_is_twice_as_long_up_to_the_longest(self) -> None:
        gate = block_gate()
        block(gate)

        pauses = []
        for _ in range(8):
            pauses.append(gate.seconds_closed)
            await asyncio.sleep(pauses[-1])
            attempt(gate, "carol", BLOCKED)

        assert pauses == pytest.approx([15, 30, 60, 120, 240, 300, 300, 300])

    @virtual_time
    async def test_blocks_of_requests_that_were_under_way_count_once(self) -> None:
        gate = block_gate()

        block(gate)
        for number in range(20):
            gate.on_blocked(f"user{number}")

        assert gate.seconds_closed == pytest.approx(PAUSE)

    @virtual_time
    async def test_a_connection_makes_the_next_pause_the_shortest_again(self) -> None:
        gate = block_gate()
        block(gate)
        await asyncio.sleep(PAUSE)
        attempt(gate, "carol", BLOCKED)
        await asyncio.sleep(2 * PAUSE)
        attempt(gate, "carol")

        block(gate)

        assert gate.seconds_closed == pytest.approx(PAUSE)

    @pytest.mark.parametrize(
        "outcome", [ErrorCode.USER_OFFLINE, ErrorCode.USER_NOT_FOUND, ErrorCode.AGE_RESTRICTED]
    )
    def test_an_answer_about_a_live_ends_it(self, outcome: ErrorCode) -> None:
        @virtual_time
        async def test() -> None:
            gate = block_gate()
            block(gate)
            await asyncio.sleep(PAUSE)
            attempt(gate, "carol", outcome)
            assert refused(gate, "dave") is None

        test()

    @virtual_time
    async def test_an_attempt_that_says_nothing_of_it_lets_the_next_one_try(self) -> None:
        gate = block_gate()
        block(gate)
        await asyncio.sleep(PAUSE)
        attempt(gate, "carol", ErrorCode.TIKTOK_TIMEOUT)

        with gate.attempt("dave"):
            assert refused(gate, "erin") is not None

    @virtual_time
    async def test_a_cancelled_attempt_lets_the_next_one_try(self) -> None:
        gate = block_gate()
        block(gate)
        await asyncio.sleep(PAUSE)

        async def hang() -> None:
            with gate.attempt("carol"):
                await asyncio.sleep(1000)

        hanging = asyncio.create_task(hang())
        await settle()
        assert refused(gate, "dave") is not None
        hanging.cancel()
        await asyncio.wait([hanging])

        assert refused(gate, "dave") is None

    @virtual_time
    async def test_the_pause_has_jitter(self) -> None:
        pauses = set()
        for seed in range(50):
            gate = BlockGate(VirtualClock(), random.Random(seed), PAUSE)
            block(gate)
            pauses.add(round(gate.seconds_closed, 3))

        assert len(pauses) == 50
        assert 0.8 * PAUSE <= min(pauses) < max(pauses) <= 1.2 * PAUSE

    @virtual_time
    async def test_no_pause_can_be_chosen(self) -> None:
        gate = BlockGate(VirtualClock(), Middle(), pause=0)

        block(gate)

        assert refused(gate, "carol") is None


class TestAGateOfAVisitor:
    @virtual_time
    async def test_one_block_closes_it_for_all_and_each_pause_is_longer_up_to_an_hour(self) -> None:
        gate = BlockGate(VirtualClock(), Middle(), pause=60, longest=3600, users=1)
        pauses = []
        for number in range(9):
            with contextlib.suppress(RelayError), gate.attempt(f"user{number}"):
                gate.on_blocked(f"user{number}")
                raise RelayError(ErrorCode.TIKTOK_BLOCKED)
            pauses.append(round(gate.seconds_closed))
            await asyncio.sleep(gate.seconds_closed + 1)
        assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
        with gate.attempt("anybody"):
            pass
        gate.on_blocked("alice")
        assert round(gate.seconds_closed) == 60
