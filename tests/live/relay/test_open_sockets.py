"""The open sockets of a process."""

from __future__ import annotations

import asyncio

from live.relay.open_sockets import OpenSockets
from tests.support.clock import VirtualTimeLoop, settle, virtual_time
from tests.support.sockets import FakeSocket


@virtual_time
async def test_each_is_asked_every_second_whether_it_makes_progress() -> None:
    sockets = OpenSockets()
    first, second = FakeSocket(), FakeSocket()
    sockets.add(first)
    await asyncio.sleep(10.5)
    sockets.add(second)
    await asyncio.sleep(10)
    assert (first.checks, second.checks) == (20, 10)
    sockets.remove(first)
    sockets.remove(second)


@virtual_time
async def test_nothing_runs_while_none_is_open() -> None:
    sockets = OpenSockets()
    for _ in range(2):
        socket = FakeSocket()
        sockets.add(socket)
        sockets.remove(socket)
        await asyncio.sleep(10)
        assert not socket.checks


@virtual_time
async def test_they_can_go_while_they_are_looked_at() -> None:
    sockets = OpenSockets()
    for _ in range(3):
        sockets.add(FakeSocket())
    for socket in sockets:
        sockets.remove(socket)
    assert not len(sockets)


@virtual_time
async def test_whoever_waits_for_the_last_to_close_waits_so_long() -> None:
    sockets = OpenSockets()
    await sockets.all_closed()  # there is none
    socket = FakeSocket()
    sockets.add(socket)
    asyncio.get_running_loop().call_later(5, sockets.remove, socket)
    began = asyncio.get_running_loop().time()
    await sockets.all_closed()
    assert 5 <= asyncio.get_running_loop().time() - began < 5.1


@virtual_time
async def test_a_loop_that_was_busy_is_late() -> None:
    sockets = OpenSockets()
    sockets.add(FakeSocket())
    await asyncio.sleep(2.5)
    assert sockets.loop_lag.count == 2
    assert sockets.loop_lag.sum < 0.001
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.pass_time(3)  # a callback that takes so long: the next check is due after half a second
    await settle()
    assert 2.4 < sockets.loop_lag.sum < 2.6
    for socket in sockets:
        sockets.remove(socket)
