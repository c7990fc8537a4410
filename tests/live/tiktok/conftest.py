"""Upstreams to the stand-in, in the process of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from live.tiktok.access import Access, OneAccess
from live.tiktok.connection import TikTokUpstream, TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.pacer import Pacer
from live.tiktok.signgate import SignGate
from standin import TikTok
from tests.support.connecting import Make, Recorder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def block_pause() -> float:
    """For how many seconds the ways out are closed after a block, about."""
    return 15


@pytest.fixture
async def networks(tiktok: TikTok, block_pause: float) -> AsyncIterator[Networks]:
    """The ways out; closed, with no connection left, when the test is over."""
    networks = Networks(block_pause=block_pause)
    yield networks
    await networks.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)


@pytest.fixture
def make(networks: Networks, recorder: Recorder) -> Make:
    def make(
        username: str,
        gate: SignGate,
        room_id: int | str | None = None,
        *,
        proxy: str = "",
        pacer: Pacer | None = None,
        routes: Sequence[str] = ("signed",),
    ) -> TikTokUpstream:
        factory = TikTokUpstreams(networks, pacer, routes)
        return factory(username, OneAccess(Access(gate, proxy)), recorder, room_id)

    return make
