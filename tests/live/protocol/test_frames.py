"""Frames as text, and what every frame has in common."""

from __future__ import annotations

import json

import msgspec
import pytest

from live.contract.examples import example
from live.protocol.frames import (
    DATA,
    EVENT_TYPES,
    Frame,
    FrameType,
    LiveChange,
    Nothing,
    State,
    Status,
    encode,
)


def test_every_type_has_a_class_for_its_data() -> None:
    assert set(DATA) == set(FrameType)
    assert set(FrameType) > EVENT_TYPES


def test_what_is_unset_is_left_out() -> None:
    frame = Frame(type=FrameType.LIVE_END, ts=5, data=LiveChange())
    assert json.loads(encode(frame)) == {"type": "live_end", "ts": 5, "data": {}}


def test_a_pong_has_the_id_of_its_ping() -> None:
    frame = Frame(type=FrameType.PONG, ts=5, id=1.5, data=Nothing())
    assert json.loads(encode(frame)) == {"type": "pong", "ts": 5, "id": 1.5, "data": {}}


def test_letters_of_every_language_are_sent_as_they_are() -> None:
    frame = Frame(type=FrameType.LIVE_END, ts=5, data=LiveChange(reason="конец 👋"))
    assert "конец 👋" in encode(frame)


def test_a_state_is_sent_as_its_word() -> None:
    frame = Frame(type=FrameType.STATUS, ts=5, data=Status(state=State.QUIET))
    assert json.loads(encode(frame))["data"] == {"state": "quiet"}


@pytest.mark.parametrize("kind", DATA)
def test_the_data_of_a_frame_can_be_read_by_its_class(kind: FrameType) -> None:
    data = example(kind)["data"]
    if kind in {FrameType.BATCH, FrameType.CONNECTED}:  # they hold whole frames
        return
    read = msgspec.convert(data, DATA[kind])
    assert msgspec.to_builtins(read) == data
