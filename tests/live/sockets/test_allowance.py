"""How much a client may send."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.errors import ErrorCode, RelayError
from live.sockets.allowance import Allowance
from tests.support.clock import VirtualClock, virtual_time


def spend(allowance: Allowance, messages: int) -> int:
    """How many of so many messages it lets pass."""
    for sent in range(messages):
        try:
            allowance.spend()
        except RelayError:
            return sent
    return messages


@virtual_time
async def test_twenty_messages_at_once_pass() -> None:
    assert spend(Allowance(VirtualClock()), 100) == 20


@virtual_time
async def test_five_a_second_pass_for_ever() -> None:
    allowance = Allowance(VirtualClock())
    for _ in range(1000):
        allowance.spend()
        await asyncio.sleep(0.2)


@virtual_time
async def test_silence_is_not_saved_up_beyond_the_burst() -> None:
    allowance = Allowance(VirtualClock())
    assert spend(allowance, 20) == 20
    await asyncio.sleep(1)
    assert spend(allowance, 100) == 5
    await asyncio.sleep(3600)
    assert spend(allowance, 100) == 20


@virtual_time
async def test_the_error_says_what_was_wrong() -> None:
    allowance = Allowance(VirtualClock())
    spend(allowance, 20)
    with pytest.raises(RelayError) as refused:
        allowance.spend()
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.reason == "Too many messages in a short time."
