"""Whose API keys the sign server refuses for now."""

from __future__ import annotations

from live.relay.key_users import KeyUsers
from live.tiktok.signgate import SignGate

REFUSED = (429, {"ratelimit-reset": "30"})


def test_open_gates_are_not_shown() -> None:
    users = KeyUsers()
    users.note(SignGate("key"), "alice")
    assert users.closed() == []


def test_a_closed_gate_is_shown_with_the_names_of_its_lives() -> None:
    users, gate = KeyUsers(), SignGate("key")
    for username in ("bob", "alice", "bob"):
        users.note(gate, username)
    gate.on_answer(*REFUSED)
    assert users.closed() == [("@alice, @bob", gate)]


def test_no_more_than_ten_names_of_a_gate_are_kept() -> None:
    users, gate = KeyUsers(), SignGate("key")
    for number in range(100):
        users.note(gate, f"user{number}")
    gate.on_answer(*REFUSED)
    ((label, _gate),) = users.closed()
    assert label == ", ".join(f"@user{number}" for number in range(90, 100))


def test_of_many_gates_the_closed_ones_are_kept() -> None:
    users, closed = KeyUsers(), SignGate("closed")
    users.note(closed, "alice")
    closed.on_answer(*REFUSED)
    for number in range(1000):
        users.note(SignGate(f"key{number}"), "bob")
    assert users.closed() == [("@alice", closed)]
