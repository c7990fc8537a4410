"""Frames are told once, and what can't be read is passed over."""

from __future__ import annotations

import gc
import json

import pytest

from live.protocol.frames import Frame, FrameType, encode
from live.tikfinity.events import Events, events_of
from live.tikfinity.translator import Translator, Translators
from tests.support.samples import sample


def text(number: int = 1) -> str:
    data = sample(FrameType.COMMENT, number)
    return encode(Frame(type=FrameType.COMMENT, cursor=f"abc-{number}", ts=1, data=data))


def test_a_frame_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(frame: Frame, streamer: str) -> Events:
        calls.append(frame)
        return events_of(frame, streamer)

    monkeypatch.setattr("live.tikfinity.translator.events_of", counted)
    translator = Translator("anna")
    first = translator.tell(text())
    assert translator.tell(text()) is first
    assert len(calls) == 1


def test_what_was_told_long_ago_is_forgotten() -> None:
    translator = Translator("anna")
    first = translator.tell(text())
    for number in range(2, 100):
        translator.tell(text(number))
    again = translator.tell(text())
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{}",
        '{"type":"comment"}',
        '{"type":"comment","ts":1,"data":{"text":5}}',
        '{"type":"raid","ts":1,"data":{}}',
    ],
)
def test_a_frame_of_another_version_is_passed_over(frame: str) -> None:
    assert Translator("anna").tell(frame) == ()


def test_texts_are_json_and_begin_with_the_event() -> None:
    [told] = Translator("anna").tell(text())
    assert told.startswith('{"event":"chat","data":{')
    assert json.loads(told)["data"]["comment"] == "comment 1"


def test_those_who_follow_one_streamer_share_a_translator() -> None:
    translators = Translators()
    anna = translators.of("anna")
    assert translators.of("anna") is anna
    assert translators.of("bea") is not anna


def test_a_translator_goes_with_the_last_who_uses_it() -> None:
    translators = Translators()
    anna = translators.of("anna")
    anna.tell(text())
    del anna
    gc.collect()
    assert not len(translators)
