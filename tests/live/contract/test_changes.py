"""The comparison of two versions of the contract: what breaks a client, and what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.live.contract.changes import breaks

INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}
NULL = {"type": "null"}


def either(*schemas: Any) -> Any:
    return {"anyOf": list(schemas)}


def an_object(required: dict[str, Any], **optional: Any) -> Any:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
    }


def version(
    *, read: Any = INTEGER, sent: Any = INTEGER, option: Any = INTEGER, **more: Any
) -> dict[str, Any]:
    """A contract with one frame, one message and one option."""
    return {
        "addresses": ["/ws"],
        "errors": {"too_slow": 1008},
        "frames": {"like": read},
        "messages": {"ping": sent},
        "options": {"batch": option},
        "schemas": {},
        **more,
    }


class TestWhatAClientReads:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (either(INTEGER, NULL), INTEGER),
            (NUMBER, INTEGER),
            (STRING, {"enum": ["a"]}),
            ({}, STRING),
            (an_object({}, a=STRING), an_object({"a": STRING})),
            (an_object({"a": STRING}), an_object({"a": STRING, "b": STRING}, c=STRING)),
            ({"type": "integer", "maximum": 10}, {"type": "integer", "maximum": 9}),
            (INTEGER, {"type": "integer", "minimum": 0}),
            ({"type": "array", "items": either(STRING, NULL)}, {"type": "array", "items": STRING}),
        ],
    )
    def test_it_may_become_more_precise(self, old: Any, new: Any) -> None:
        assert breaks(version(read=old), version(read=new)) == []

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            (INTEGER, STRING, "frame like: may now be string"),
            (INTEGER, either(INTEGER, NULL), "frame like: may now be null"),
            (INTEGER, NUMBER, "frame like: may now be number"),
            (STRING, {}, "frame like: may now be anything"),
            ({"enum": ["a"]}, STRING, "frame like: may now be string"),
            ({"enum": ["a"]}, {"enum": ["a", "b"]}, "frame like: may now be 'b'"),
            ({"enum": ["a", "b"]}, {"enum": ["a"]}, "frame like: is never 'b' any more"),
            ({"const": "a"}, {"const": "b"}, "frame like: may now be 'b'"),
            (an_object({"a": STRING}), an_object({}), "frame like.a: is gone"),
            (an_object({}, a=STRING), an_object({}), "frame like.a: is gone"),
            (an_object({"a": STRING}), an_object({}, a=STRING), "frame like.a: may now be missing"),
            (
                an_object({"a": an_object({"b": INTEGER})}),
                an_object({"a": an_object({"b": STRING})}),
                "frame like.a.b: may now be string",
            ),
            (
                {"type": "array", "items": INTEGER},
                {"type": "array", "items": STRING},
                "frame like[]: may now be string",
            ),
            (
                {"type": "object", "additionalProperties": INTEGER},
                {"type": "object", "additionalProperties": STRING},
                "frame like[]: may now be string",
            ),
            (
                {"type": "integer", "maximum": 9},
                {"type": "integer", "maximum": 10},
                "frame like: maximum 9 becomes 10",
            ),
            (
                {"type": "integer", "minimum": 0},
                INTEGER,
                "frame like: minimum 0 becomes None",
            ),
            (
                {"type": "string", "pattern": "^a$"},
                {"type": "string", "pattern": "^b$"},
                "frame like: pattern ^a$ becomes ^b$",
            ),
        ],
    )
    def test_it_breaks_a_client(self, old: Any, new: Any, what: str) -> None:
        assert what in breaks(version(read=old), version(read=new))

    def test_it_may_not_lose_a_frame(self) -> None:
        assert breaks(version(), version(frames={})) == ["frame like: is gone"]

    def test_it_may_gain_a_frame(self) -> None:
        assert breaks(version(), version(frames={"like": INTEGER, "poll": STRING})) == []

    def test_it_may_gain_a_frame_among_the_frames_in_a_batch(self) -> None:
        def batch(*types: str) -> Any:
            frames = [an_object({"type": {"const": kind}}) for kind in types]
            return {"type": "array", "items": {"oneOf": frames}}

        assert breaks(version(read=batch("a", "b")), version(read=batch("a", "b", "c"))) == []
        assert breaks(version(read=batch("a", "b")), version(read=batch("a"))) == [
            "frame like[]: object b is gone"
        ]

    def test_it_looks_behind_references(self) -> None:
        reference = {"$ref": "#/$defs/User"}
        old = version(read=reference, schemas={"User": an_object({"id": STRING})})
        new = version(read=reference, schemas={"User": an_object({"id": INTEGER})})
        assert breaks(old, new) == ["frame like.id: may now be integer"]
        renamed = version(
            read={"$ref": "#/$defs/Person"}, schemas={"Person": an_object({"id": STRING})}
        )
        assert breaks(old, renamed) == []

    def test_it_comes_to_an_end_where_a_schema_contains_itself(self) -> None:
        reference = {"$ref": "#/$defs/User"}
        old = version(read=reference, schemas={"User": an_object({}, friend=reference)})
        assert breaks(old, copy.deepcopy(old)) == []


class TestWhatAClientSends:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (INTEGER, either(INTEGER, NULL)),
            (INTEGER, NUMBER),
            ({"enum": ["a"]}, {"enum": ["a", "b"]}),
            ({"enum": ["a"]}, STRING),
            (an_object({"a": STRING}), an_object({}, a=STRING)),
            (an_object({}), an_object({}, a=STRING)),
            ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 10}),
            ({"type": "integer", "maximum": 9}, INTEGER),
        ],
    )
    def test_it_may_be_taken_more_widely(self, old: Any, new: Any) -> None:
        assert breaks(version(sent=old, option=old), version(sent=new, option=new)) == []

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            (either(INTEGER, NULL), INTEGER, "may no longer be null"),
            (NUMBER, INTEGER, "may no longer be number"),
            ({"enum": ["a", "b"]}, {"enum": ["a"]}, "is never 'b' any more"),
            ({"type": "integer", "maximum": 10}, {"type": "integer", "maximum": 9}, "maximum 10"),
            (INTEGER, {"type": "integer", "minimum": 0}, "minimum None becomes 0"),
        ],
    )
    def test_it_breaks_a_client(self, old: Any, new: Any, what: str) -> None:
        (message, option) = breaks(version(sent=old, option=old), version(sent=new, option=new))
        assert message.startswith(f"message ping: {what}")
        assert option.startswith(f"option batch: {what}")

    @pytest.mark.parametrize(
        ("new", "what"),
        [
            (an_object({"a": STRING}), "message ping.a: is now required"),
            (an_object({}, b=STRING), "message ping.a: is gone"),
        ],
    )
    def test_it_may_ask_for_no_more_fields(self, new: Any, what: str) -> None:
        assert what in breaks(version(sent=an_object({}, a=STRING)), version(sent=new))

    def test_it_may_not_lose_a_message_or_an_option(self) -> None:
        assert breaks(version(), version(messages={}, options={})) == [
            "message ping: is gone",
            "option batch: is gone",
        ]


class TestAddressesAndErrors:
    def test_they_may_gain(self) -> None:
        new = version(addresses=["/ws", "/ws/{token}"], errors={"too_slow": 1008, "new": 1011})
        assert breaks(version(), new) == []

    def test_they_may_not_lose(self) -> None:
        assert breaks(version(), version(addresses=[], errors={})) == [
            "address /ws: is gone",
            "error too_slow: is gone",
        ]

    def test_a_close_code_stays(self) -> None:
        assert breaks(version(), version(errors={"too_slow": 1011})) == [
            "error too_slow: closed with 1008, closes with 1011"
        ]
