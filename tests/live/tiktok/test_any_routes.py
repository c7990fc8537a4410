"""Random sequences of what each route says: one socket at a time, nothing asked through a closed
gate, and always an end."""

from __future__ import annotations

import asyncio
import random

import pytest
from pytest_django import Settings

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.access import Access, OneAccess
from live.tiktok.connection import TikTokUpstreams
from live.tiktok.network import Network, Networks
from live.tiktok.signgate import SignGate
from standin import Failure, Kind, Room, TikTok
from tests.support.connecting import Recorder

ATTEMPTS = 25
LIMIT = 0.5  # seconds of an attempt
ORDERS = (["signed"], ["direct"], ["signed", "direct"], ["direct", "signed"])
OF_SIGNED = [
    *(Failure.SIGN_429, Failure.SIGN_429_WITHOUT_HEADER, Failure.SIGN_403, Failure.SIGN_500),
    *(Failure.SIGN_EMPTY, Failure.SIGN_GARBAGE, Failure.SIGN_HANG, Failure.SIGN_FALLBACK),
    *(Failure.WEBCAST_200, Failure.WEBCAST_400, Failure.WEBCAST_HANG, Failure.CUT_AT_ONCE),
]
OF_DIRECT = [
    *(Failure.PROFILE_PAGE_NO_COOKIE, Failure.PROFILE_PAGE_HANG, Failure.DIRECT_200),
    *(Failure.DIRECT_415, Failure.DIRECT_HANG, Failure.DIRECT_CUT_AT_ONCE),
]
OF_BOTH = [Failure.NOT_ALIVE, Failure.CAPTCHA, Failure.AGE_RESTRICTED, Failure.LIVE_PAGE_HANG]
# What is asked by which route, beyond the room.
ASKED_BY = {
    "signed": {Kind.SIGN, Kind.WEBCAST, Kind.FALLBACK},
    "direct": {Kind.PROFILE_PAGE, Kind.DIRECT},
}


class JumpingClock(Clock):
    """The system's time, and what the test adds to it."""

    def __init__(self) -> None:
        self.added = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.added

    def unix(self) -> float:
        return super().unix() + self.added


@pytest.fixture(autouse=True)
def _impatient(tiktok: TikTok, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RELAY_CONNECT_TIMEOUT = LIMIT
    monkeypatch.setattr("live.tiktok.visitor._BETWEEN", 0.01)
    monkeypatch.setattr("live.tiktok.visitor._WITHIN", 0.1)


def is_closed(route: str, gate: SignGate, network: Network) -> bool:
    """Whether the route must not be asked now, whoever it is about."""
    gates = {"signed": network.signed_gate, "direct": network.direct_gate}
    if gates[route].seconds_closed:
        return True
    return route == "signed" and isinstance(gate.refusal, RelayError) and bool(gate.seconds_closed)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_the_routes_say(tiktok: TikTok, seed: int) -> None:
    chance = random.Random(seed)
    clock = JumpingClock()
    order = ORDERS[seed % len(ORDERS)]
    networks = Networks(clock=clock, rng=chance)
    gate = SignGate("", clock)
    make = TikTokUpstreams(networks, routes=order)
    rooms = [tiktok.go_live(name) for name in ("alice", "bob")]
    outcomes: set[object] = set()
    try:
        for _ in range(ATTEMPTS):
            room = chance.choice(rooms)
            play(chance, tiktok, room)
            clock.added += chance.choice([0, 0, 1, 20, 90, 4000])
            closed = {route for route in order if is_closed(route, gate, networks.main)}
            asked = len(tiktok.requests)
            outcomes.add(await attempt(make, room, gate))
            for route in closed:
                kinds = {request.kind for request in tiktok.requests[asked:]}
                assert not kinds & ASKED_BY[route]
            await tiktok.wait_for(lambda: not any(each.sockets for each in rooms))
    finally:
        await networks.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)
    assert len(tiktok.visitors) <= 1
    assert ErrorCode.INTERNAL_ERROR not in outcomes
    assert None in outcomes, "some attempts succeed"
    assert len(outcomes) > 2, "some fail, in several ways"


def play(chance: random.Random, tiktok: TikTok, room: Room) -> None:
    """Switch some failures on, and all others off."""
    tiktok.clear()
    room.clear()
    for failures in (OF_SIGNED, OF_DIRECT):
        if chance.random() < 0.5:
            tiktok.fail(chance.choice(failures), reset_in=30)
    if chance.random() < 0.2:
        tiktok.fail(chance.choice(OF_BOTH))


async def attempt(make: TikTokUpstreams, room: Room, gate: SignGate) -> ErrorCode | None:
    """Connect and close again. Returns the error; None if there was none."""
    recorder = Recorder()
    upstream = make(room.name, OneAccess(Access(gate)), recorder)
    most = 0

    async def count() -> None:
        nonlocal most
        while True:
            most = max(most, len(room.sockets))
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    try:
        async with asyncio.timeout(LIMIT + 2):
            await upstream.open()
    except RelayError as refused:
        return refused.code
    else:
        assert recorder.routes
        return None
    finally:
        counting.cancel()
        await upstream.close()
        assert most <= 1
