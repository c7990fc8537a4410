"""Is the client taking what it is sent?"""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.sockets.stalls import StallDetector
from tests.support.clock import VirtualClock, virtual_time

LIMIT = 30.0


@virtual_time
async def test_a_client_that_takes_nothing_is_too_slow() -> None:
    stalls = StallDetector(VirtualClock(), LIMIT)
    stalls.is_sending = True
    for second in range(30):
        stalls.check(7)
        assert stalls.stalled_for == pytest.approx(second, abs=0.01)
        await asyncio.sleep(1)
    with pytest.raises(RelayError) as refused:
        stalls.check(7)
    assert refused.value.code is ErrorCode.TOO_SLOW


@virtual_time
async def test_a_frame_now_and_then_is_progress() -> None:
    stalls = StallDetector(VirtualClock(), LIMIT)
    stalls.is_sending = True
    for sent in range(20):
        stalls.check(sent)
        await asyncio.sleep(LIMIT - 1)


@virtual_time
async def test_a_socket_that_waits_for_news_does_not_stall() -> None:
    stalls = StallDetector(VirtualClock(), LIMIT)
    for _ in range(20):
        stalls.check(7)
        await asyncio.sleep(LIMIT + 1)
    assert stalls.stalled_for == 0


@virtual_time
async def test_sending_that_began_before_the_first_look_counts_from_its_opening() -> None:
    stalls = StallDetector(VirtualClock(), LIMIT)
    stalls.is_sending = True
    assert stalls.stalled_for < 0.01
