"""The contract as data: a JSON Schema for each frame, and the AsyncAPI document around them.

All of it is worked out from the code that keeps the contract: frames from `live.protocol.frames`,
options from `live.protocol.options`, addresses from `live.server.routing`, what a client may send
from `live.sockets.phone`, errors from `live.protocol.errors`. Texts are English: a Struct's
docstring, and the comment above a field.
"""

from __future__ import annotations

import ast
import inspect
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from typing import Any

import msgspec
import yaml
from django.conf import settings
from django.utils.translation import override
from msgspec import Struct

from live.contract.examples import example
from live.protocol import frames
from live.protocol.addresses import ADDRESSES, BEARER, TEST_ADDRESSES
from live.protocol.errors import CLOSE_CODE_WORDS, CloseCode, ErrorCode, RelayError
from live.protocol.frames import DATA, EVENT_TYPES, Frame, FrameType
from live.protocol.options import OPTIONS, TEST_OPTIONS
from live.protocol.ping import Ping

__all__ = [
    "asyncapi",
    "asyncapi_yaml",
    "close_codes",
    "errors",
    "field_comments",
    "frame_schema",
    "frame_schema_json",
    "name_of",
    "promises",
    "schemas",
]

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LOCAL_REF = "#/$defs/{name}"
_ASYNCAPI_REF = "#/components/schemas/{name}"
_LANGUAGE = "en"
_ALL_ADDRESSES = (*ADDRESSES, *TEST_ADDRESSES)
_ABOUT_TESTS = (
    "Invented events, a recording's, or an error on request, in the very same frames. It exists "
    "only where `RELAY_TEST_ENDPOINT` is on, and `connected` says `test: true`."
)
# What a frame that stands in a stream's log can be: in a batch, and in a snapshot.
_LOGGED = [kind for kind in DATA if kind in EVENT_TYPES | {FrameType.STATUS, FrameType.GAP}]


def name_of(type: FrameType) -> str:
    """The name of the frame's schema: "LiveEndFrame"."""
    return "".join(map(str.capitalize, type.split("_"))) + Frame.__name__


@cache
def schemas(ref_template: str = _LOCAL_REF) -> Mapping[str, Schema]:
    """Every schema by its name: the frames, what they are made of, and `Ping`. Not to be
    changed."""
    roots = [Frame, *dict.fromkeys(DATA.values()), Ping]
    _references, made = msgspec.json.schema_components(roots, ref_template=ref_template)
    del made[FrameType.__name__], made[Struct.__name__]  # each frame says its own
    for name, schema in made.items():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
        _describe_fields(schema, vars(frames).get(name))
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
    """The envelope as frames of that type have it."""
    carried = _carried(type)
    properties = {
        name: schema
        for name, schema in envelope["properties"].items()
        if name in carried or name in envelope["required"]
    }
    properties["type"] = {**properties["type"], "const": str(type)}
    del properties["type"]["$ref"]
    properties["data"] = data
    if type in EVENT_TYPES:  # an id of TikTok's; only pongs repeat what a client sent
        properties["id"] = {**properties["id"], "type": "string"}
        del properties["id"]["anyOf"]
    always = {*envelope["required"], *(name for name, required in carried.items() if required)}
    return {
        "title": name_of(type),
        "description": _summary(type),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name in always],
    }


def _summary(type: FrameType) -> str:
    # A class without a docstring has none; `inspect.getdoc` would find that of msgspec's Struct.
    return inspect.cleandoc(DATA[type].__doc__ or f"A frame of type {type}.")


def _carried(type: FrameType) -> Mapping[str, bool]:
    """Which of the envelope's optional fields frames of that type have, and whether always."""
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


def _describe_fields(schema: Schema, struct: Any) -> None:
    if isinstance(struct, type) and issubclass(struct, Struct):
        for name, comment in field_comments(struct).items():
            schema["properties"][name]["description"] = comment


def field_comments(struct: type[Struct]) -> dict[str, str]:
    """The comments that stand above fields in the source of the class, by the names on the wire."""
    comments = _comments().get(struct.__name__, {})
    fields = msgspec.structs.fields(struct)
    return {f.encode_name: comments[f.name] for f in fields if f.name in comments}


@cache
def _comments() -> dict[str, dict[str, str]]:
    """Of all classes of `live.protocol.frames`, by the names of classes and fields."""
    source = inspect.getsource(frames)
    lines = source.splitlines()
    return {
        node.name: {
            field.target.id: comment
            for field in node.body
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and (comment := _comment_above(lines, field.lineno))
        }
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _comment_above(lines: list[str], number: int) -> str:
    above = reversed([line.strip() for line in lines[: number - 1]])
    comment = list(takewhile(lambda line: line.startswith("#"), above))
    return " ".join(line.removeprefix("#").strip() for line in reversed(comment))


# --- A frame's schema by itself ------------------------------------------------------------------


def frame_schema(type: FrameType) -> Schema:
    """A schema that needs no other: what the frame is made of stands in its `$defs`."""
    every = schemas()
    root = every[name_of(type)]
    needed = _needed(root, every)
    return {
        "$schema": _DIALECT,
        **root,
        "$defs": {name: schema for name, schema in every.items() if name in needed},
    }


def _needed(schema: Schema, every: Mapping[str, Schema]) -> set[str]:
    needed: set[str] = set()
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _references(every[name])
    return needed


def _references(schema: Any) -> Iterator[str]:
    """Names of the schemas that the schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        schema = schema.values()
    if isinstance(schema, Iterable) and not isinstance(schema, str):
        for part in schema:
            yield from _references(part)


# --- Errors --------------------------------------------------------------------------------------


def errors() -> list[Schema]:
    """What error frames say, a row for each code. A username stands as "{username}"."""
    rows = []
    for code in ErrorCode:
        error = RelayError(code, username="{username}", reason="{reason}").explain(_LANGUAGE)
        rows.append(json.loads(msgspec.json.encode(error)))
    return rows


def close_codes() -> dict[int, str]:
    """The codes that the relay closes sockets with, in words."""
    with_words = sorted(set(CloseCode) - {CloseCode.ABNORMAL})
    return {int(code): _words(code) for code in with_words}


def _words(code: CloseCode) -> str:
    with override(_LANGUAGE):
        return str(CLOSE_CODE_WORDS[code])


# --- AsyncAPI ------------------------------------------------------------------------------------


def asyncapi() -> Schema:
    """The whole contract, as an AsyncAPI 3 document. What the relay "sends" is the client's to
    read."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8000",
                "protocol": "ws",
                "description": "As `make run` serves it.",
            },
            "public": {
                "host": "{host}",
                "protocol": "wss",
                "description": "Behind a TLS proxy.",
                "variables": {"host": {"description": "Where the relay is."}},
            },
        },
        "channels": {_channel_name(address): _channel(address) for address in _ALL_ADDRESSES},
        "operations": {
            name: operation
            for address in _ALL_ADDRESSES
            for name, operation in _operations(address)
        },
        "components": {
            "schemas": schemas(_ASYNCAPI_REF),
            "messages": {**{str(kind): _message(kind) for kind in DATA}, "ping": _ping()},
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": BEARER,
                    "description": (
                        "`Authorization: Bearer <token>`; or, where a client can set no header, "
                        f'the subprotocols `["{BEARER}", "<token>"]`.'
                    ),
                }
            },
        },
        "x-close-codes": {str(code): words for code, words in close_codes().items()},
        "x-errors": errors(),
    }


def _info() -> Schema:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return {
        "title": "TikTok LIVE relay",
        "version": project["version"],
        "description": (
            f"{project['description']}.\n\n"
            "The server accepts every handshake and then explains: a client that is refused gets "
            "one `error` frame, then the close. Frames are JSON objects, one to a text message. "
            "Clients pass over fields, types and codes that they do not know: more may come."
        ),
        "license": {"name": project["license"]},
    }


def _channel_name(address: str) -> str:
    name = "tokenInAddress" if "{token}" in address else "tokenInHandshake"
    return f"test{name[0].upper()}{name[1:]}" if address in TEST_ADDRESSES else name


def _channel(address: str) -> Schema:
    names = [*map(str, DATA), "ping"]
    is_test = address in TEST_ADDRESSES
    channel: Schema = {
        "address": address,
        **({"description": _ABOUT_TESTS} if is_test else {}),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "properties": {**OPTIONS, **(TEST_OPTIONS if is_test else {})},
                },
                "bindingVersion": "0.1.0",
            }
        },
    }
    if "{token}" in address:
        channel["parameters"] = {"token": {"description": "The account's access token: a secret."}}
    return channel


def _operations(address: str) -> Iterator[tuple[str, Schema]]:
    name = _channel_name(address)
    channel = f"#/channels/{name}"
    security: Schema = (
        {}
        if "{token}" in address
        else {"security": [{"$ref": f"#/components/securitySchemes/{BEARER}"}]}
    )

    def messages(*names: str) -> list[Schema]:
        return [{"$ref": f"{channel}/messages/{name}"} for name in names]

    yield (
        f"{name}Frames",
        {
            "action": "send",
            "channel": {"$ref": channel},
            "summary": "What happens on the LIVE, and with the connection.",
            **security,
            "messages": messages(*map(str, DATA)),
        },
    )
    yield (
        f"{name}Ping",
        {
            "action": "receive",
            "channel": {"$ref": channel},
            "summary": "Whether the connection still works.",
            **security,
            "messages": messages("ping"),
            "reply": {"channel": {"$ref": channel}, "messages": messages(FrameType.PONG)},
        },
    )


def _message(type: FrameType) -> Schema:
    return {
        "name": str(type),
        "summary": _summary(type),
        "payload": {"$ref": _ASYNCAPI_REF.format(name=name_of(type))},
        "examples": [{"payload": example(type)}],
    }


def _ping() -> Schema:
    return {
        "name": "ping",
        "summary": Ping.__doc__,
        "payload": {"$ref": _ASYNCAPI_REF.format(name=Ping.__name__)},
        "examples": [{"payload": {"type": "ping", "id": 1}}],
    }


# --- What is promised ----------------------------------------------------------------------------


def promises() -> Schema:
    """What a client may have been written against, without words: the baseline that later
    versions are compared with."""
    return {
        "addresses": list(ADDRESSES),
        "errors": {row["code"]: row["close_code"] for row in errors()},
        "frames": {str(kind): {"$ref": _LOCAL_REF.format(name=name_of(kind))} for kind in DATA},
        "messages": {"ping": {"$ref": _LOCAL_REF.format(name=Ping.__name__)}},
        "options": _without_words(OPTIONS),
        "schemas": _without_words(schemas()),
    }


def _without_words(schemas: Mapping[str, Mapping[str, Any]]) -> Schema:
    return {name: _bare(schema) for name, schema in schemas.items()}


def _bare(schema: Any) -> Any:
    """The schema without what only people read. Names of properties are no such words."""
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: _without_words(part) if key == "properties" else _bare(part)
        for key, part in schema.items()
        if key not in {"title", "description"}
    }


# --- Files ---------------------------------------------------------------------------------------


class _Dumper(yaml.CSafeDumper):
    """Writes what people read: no aliases, texts of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


@cache
def asyncapi_yaml() -> str:
    return yaml.dump(asyncapi(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


@cache
def frame_schema_json(type: FrameType) -> str:
    return json.dumps(frame_schema(type), indent=2, ensure_ascii=False) + "\n"
