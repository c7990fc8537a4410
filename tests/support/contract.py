"""Every frame that a test sees is held against the published contract."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs

from live.contract.schemas import frame_schema
from live.protocol.frames import FrameType

__all__ = ["check_frame"]


def check_frame(frame: Any) -> None:
    """Raises AssertionError: the frame is not one that the contract describes.

    Stricter than the published schemas, which let clients pass over what they do not know: nothing
    may be in a frame that the contract does not name.
    """
    assert isinstance(frame, dict), f"no frame: {frame!r}"
    assert frame.get("type") in set(FrameType), f"a frame of no known type: {frame!r}"
    problems = sorted(
        f"/{'/'.join(map(str, problem.instance_path))}: {problem.message}"
        for problem in _validator(frame["type"]).iter_errors(frame)
    )
    assert not problems, f"breaks the contract: {frame!r}\n" + "\n".join(problems)


@cache
def _validator(type: str) -> jsonschema_rs.Draft202012Validator:
    # In Rust, since some tests read a hundred thousand frames.
    return jsonschema_rs.Draft202012Validator(_closed(frame_schema(FrameType(type))))


def _closed(schema: Any) -> Any:
    """The schema with no room for properties that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed["additionalProperties"] = False
    return closed
