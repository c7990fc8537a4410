"""Whose API keys the sign server refuses for now."""

from __future__ import annotations

import weakref

from live.relay.key_users import KeyUsers
from live.tiktok.signgate import SignGate, SignGates
from tests.support.clock import VirtualClock, virtual_time

REFUSED = (429, {"ratelimit-reset": "30"})


@virtual_time
async def test_open_gates_are_not_shown() -> None:
    users, gate = KeyUsers(), SignGate("key", VirtualClock())
    users.note(gate, "alice")
    assert users.closed() == []


@virtual_time
async def test_a_closed_gate_is_shown_with_the_names_of_its_lives() -> None:
    users, gate = KeyUsers(), SignGate("key", VirtualClock())
    for username in ("bob", "alice", "bob"):
        users.note(gate, username)
    gate.on_answer(*REFUSED)
    assert users.closed() == [("@alice, @bob", gate)]


@virtual_time
async def test_no_more_than_ten_names_of_a_gate_are_kept() -> None:
    users, gate = KeyUsers(), SignGate("key", VirtualClock())
    for number in range(100):
        users.note(gate, f"user{number}")
    gate.on_answer(*REFUSED)
    ((label, _gate),) = users.closed()
    assert label == ", ".join(f"@user{number}" for number in range(90, 100))


@virtual_time
async def test_of_many_gates_the_closed_ones_are_kept() -> None:
    users, gates = KeyUsers(), SignGates(clock=VirtualClock(), most=10)
    users.note(gates.of("closed"), "alice")
    gates.of("closed").on_answer(*REFUSED)
    others = []
    for number in range(1000):
        gate = gates.of(f"key{number}")
        users.note(gate, "bob")
        others.append(weakref.ref(gate))
    del gate
    assert users.closed() == [("@alice", gates.of("closed"))]
    assert sum(other() is not None for other in others) < 10
