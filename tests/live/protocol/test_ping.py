"""What clients may send: a ping, and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from live.protocol.errors import ErrorCode, RelayError
from live.protocol.ping import Ping, parse_ping

NO_PING = "The message is no JSON object of a known type."


@pytest.mark.parametrize("id", [1, -1, 1.5, "", "a1", "x" * 128, None])
def test_a_ping_keeps_its_id(id: Any) -> None:
    assert parse_ping(json.dumps({"type": "ping", "id": id})) == Ping(type="ping", id=id)


def test_a_ping_needs_no_id() -> None:
    assert parse_ping('{"type":"ping"}').id is UNSET


def test_what_the_server_does_not_know_is_passed_over() -> None:
    assert parse_ping('{"type":"ping","id":1,"new":[{}]}').id == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "Binary messages are not understood."),
        ('{"type":"ping","new":"%s"}' % ("x" * 4096), "The message is too long."),
        ("", NO_PING),
        ("ping", NO_PING),
        ("[]", NO_PING),
        ("[" * 4000, NO_PING),
        ("{}", NO_PING),
        ('{"type":"pong"}', NO_PING),
        ('{"type":"ping","id":[]}', NO_PING),
        ('{"type":"ping","id":true}', NO_PING),
        (
            '{"type":"ping","id":"%s"}' % ("x" * 129),
            NO_PING,
        ),
        ('{"type":"ping"}\ud800', NO_PING),
    ],
)
def test_anything_else_is_refused(text: str | None, reason: str) -> None:
    with pytest.raises(RelayError) as refused:
        parse_ping(text)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.explain("en").detail == reason


@given(st.text() | st.from_regex(r'\{"type":"ping","id":.{0,20}\}', fullmatch=True))
def test_hostile_text_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(RelayError):
        assert parse_ping(text).type == "ping"
