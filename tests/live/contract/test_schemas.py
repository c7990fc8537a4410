"""The JSON Schemas of frames."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from live.contract.examples import example
from live.contract.schemas import frame_schema, schemas
from live.protocol import frames
from live.protocol.frames import DATA, EVENT_TYPES, FrameType
from tests.support.contract import check_frame


@pytest.mark.parametrize("kind", DATA)
class TestAFramesSchema:
    def test_it_is_valid_and_fits_the_example(self, kind: FrameType) -> None:
        schema = frame_schema(kind)
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(example(kind))
        check_frame(example(kind))

    def test_it_needs_no_other(self, kind: FrameType) -> None:
        schema = frame_schema(kind)
        referred = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(schema)))
        assert referred == set(schema["$defs"])

    def test_it_asks_for_what_is_always_there(self, kind: FrameType) -> None:
        schema = frame_schema(kind)
        frame = example(kind)
        assert {"type", "ts", "data"} <= set(schema["required"]) <= set(frame)
        for name in schema["required"]:
            without = {key: value for key, value in frame.items() if key != name}
            assert not Draft202012Validator(schema).is_valid(without)
        if kind in EVENT_TYPES:
            assert "cursor" in schema["required"]

    def test_it_lets_clients_pass_over_what_is_new(self, kind: FrameType) -> None:
        frame = {**example(kind), "new": 1}
        Draft202012Validator(frame_schema(kind)).validate(frame)
        with pytest.raises(AssertionError, match="breaks the contract"):
            check_frame(frame)


class TestTheCheckOfFrames:
    @pytest.mark.parametrize(
        "change",
        [
            {"type": "chat"},
            {"ts": "now"},
            {"cursor": None},
            {"id": 7412000000000000017},
            {"data": {}},
            {"data": {**example(FrameType.COMMENT)["data"], "text": None}},
            {"data": {**example(FrameType.COMMENT)["data"], "extra": 1}},
        ],
    )
    def test_it_fails(self, change: Any) -> None:
        with pytest.raises(AssertionError):
            check_frame({**example(FrameType.COMMENT), **change})

    def test_it_looks_into_batches(self) -> None:
        batch = example(FrameType.BATCH)
        check_frame(batch)
        del batch["data"]["events"][0]["data"]["text"]
        with pytest.raises(AssertionError):
            check_frame(batch)


class TestDescriptions:
    def test_that_of_a_frame_is_the_docstring_of_its_data(self) -> None:
        assert "count" in str(frames.Gift.__doc__)
        assert schemas()["GiftFrame"]["description"] == schemas()["Gift"]["description"]

    def test_that_of_a_field_stands_beside_it(self) -> None:
        assert schemas()["Emote"]["properties"]["index"]["description"] == (
            "Where in the text it stands, in TikTok's count; absent where there is no text."
        )

    def test_a_class_without_a_docstring_has_none(self) -> None:
        assert frames.Nothing.__doc__ is None
        assert "description" not in schemas()["Nothing"]
        assert schemas()["PongFrame"]["description"] == "A frame of type pong."
