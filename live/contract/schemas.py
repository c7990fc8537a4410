"""Makes a JSON Schema for each frame from the classes in `live.protocol.frames`.

The description of an object is the docstring of its class. The description of a field is what
`msgspec.Meta` says. All texts are English.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from live.protocol.frames import DATA, EVENT_TYPES, Frame, FrameType
from live.protocol.ping import Ping

__all__ = [
    "LOCAL_REF",
    "Schema",
    "frame_schema",
    "frame_schema_json",
    "name_of",
    "schemas",
    "summary",
]

Schema = dict[str, Any]

# How a schema refers to another schema in the same file.
LOCAL_REF = "#/$defs/{name}"
# The version of JSON Schema that the schemas use.
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The types of the frames that are in a stream's log, and so in batches and snapshots.
_LOGGED = [kind for kind in DATA if kind in EVENT_TYPES | {FrameType.STATUS, FrameType.GAP}]


def name_of(type: FrameType) -> str:
    """Return the name of the schema of frames of that type, such as "LiveEndFrame"."""
    return "".join(map(str.capitalize, type.split("_"))) + Frame.__name__


@cache
def schemas(ref_template: str = LOCAL_REF) -> Mapping[str, Schema]:
    """Return all schemas by their names: of the frames, of the objects in them, and of `Ping`.

    Callers must not change the result: it is made once and shared.

    Args:
        ref_template: how a schema refers to another one, with "{name}" for its name.
    """
    roots = [Frame, *dict.fromkeys(DATA.values()), Ping]
    _references, made = msgspec.json.schema_components(roots, ref_template=ref_template)
    # Not needed: the schema of each frame names its own type and data.
    del made[FrameType.__name__], made[Struct.__name__]
    for schema in made.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    envelope = made.pop(Frame.__name__)
    for kind in DATA:
        assert name_of(kind) not in made, kind
    refs = {kind: {"$ref": ref_template.format(name=name_of(kind))} for kind in DATA}
    data = {
        kind: {"$ref": ref_template.format(name=struct.__name__)} for kind, struct in DATA.items()
    }
    return {
        **{name_of(kind): _frame(envelope, kind, data[kind]) for kind in DATA},
        Frame.__name__: {
            "title": Frame.__name__,
            "description": "A frame of the stream's log, told apart by its `type`.",
            "oneOf": [refs[kind] for kind in _LOGGED],
        },
        **made,
    }


def _frame(envelope: Schema, type: FrameType, data: Schema) -> Schema:
    """Return the schema of frames of one type, made from the schema of all frames.

    Args:
        envelope: the schema of all frames.
        type: the type of the frames.
        data: the schema of their `data`.
    """
    carried = _carried(type)
    properties = {
        name: schema
        for name, schema in envelope["properties"].items()
        if name in carried or name in envelope["required"]
    }
    properties["type"] = {**properties["type"], "const": str(type)}
    del properties["type"]["$ref"]
    properties["data"] = data
    if type in EVENT_TYPES:  # the id is TikTok's, a string; only a pong may have another type of id
        properties["id"] = {**properties["id"], "type": "string"}
        del properties["id"]["anyOf"]
    always = {*envelope["required"], *(name for name, required in carried.items() if required)}
    return {
        "title": name_of(type),
        "description": summary(type),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name in always],
    }


def summary(type: FrameType) -> str:
    """Return the description of frames of that type."""
    # `inspect.getdoc` is not used: for a class without a docstring it returns that of Struct.
    return inspect.cleandoc(DATA[type].__doc__ or f"A frame of type {type}.")


def _carried(type: FrameType) -> Mapping[str, bool]:
    """Return the optional fields that frames of that type have: True if they always have it."""
    if type in EVENT_TYPES:
        return {"cursor": True, "id": False}
    match type:
        case FrameType.GAP:
            return {"cursor": True}
        case FrameType.STATUS:
            return {"cursor": False}
        case FrameType.PONG:
            return {"id": False}
    return {}


# --- A frame's schema by itself ------------------------------------------------------------------


def frame_schema(type: FrameType) -> Schema:
    """Return a complete schema of frames of that type: the objects in them are in its `$defs`."""
    every = schemas()
    root = every[name_of(type)]
    needed = _needed(root, every)
    return {
        "$schema": _DIALECT,
        **root,
        "$defs": {name: schema for name, schema in every.items() if name in needed},
    }


def _needed(schema: Schema, every: Mapping[str, Schema]) -> set[str]:
    """Return the names of all schemas that the schema refers to, directly or through others."""
    needed: set[str] = set()
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _references(every[name])
    return needed


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the schemas that the schema refers to directly."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        schema = schema.values()
    if isinstance(schema, Iterable) and not isinstance(schema, str):
        for part in schema:
            yield from _references(part)


@cache
def frame_schema_json(type: FrameType) -> str:
    """Return the complete schema of one frame as text: the content of a file in `docs/schemas/`."""
    return json.dumps(frame_schema(type), indent=2, ensure_ascii=False) + "\n"
