"""Collects everything that clients depend on: addresses, errors, frames, messages and options.

A test compares it with `tests/live/contract/baseline.json`, which is this collection from the last
time when the contract was allowed to break clients. So the test fails on a change that would break
clients. Texts for people are left out, because they may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from live.contract.errors import errors
from live.contract.schemas import LOCAL_REF, Schema, name_of, schemas
from live.protocol.addresses import ADDRESSES
from live.protocol.frames import DATA
from live.protocol.options import OPTIONS
from live.protocol.ping import Ping

__all__ = ["promises"]


def promises() -> Schema:
    """Return what clients can depend on, according to the code as it is now."""
    return {
        "addresses": list(ADDRESSES),
        "errors": {row["code"]: row["close_code"] for row in errors()},
        "frames": {str(kind): {"$ref": LOCAL_REF.format(name=name_of(kind))} for kind in DATA},
        "messages": {"ping": {"$ref": LOCAL_REF.format(name=Ping.__name__)}},
        "options": _without_words(OPTIONS),
        "schemas": _without_words(schemas()),
    }


def _without_words(schemas: Mapping[str, Mapping[str, Any]]) -> Schema:
    return {name: _bare(schema) for name, schema in schemas.items()}


def _bare(schema: Any) -> Any:
    """Return the schema without its titles and descriptions.

    A property that is called "title" or "description" stays.
    """
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: _without_words(part) if key == "properties" else _bare(part)
        for key, part in schema.items()
        if key not in {"title", "description"}
    }
