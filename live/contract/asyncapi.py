"""Makes the AsyncAPI 3 document that describes the whole contract: `docs/asyncapi.yaml`.

It is made from the code that the server itself uses: the frames, options, addresses, pings and
errors of `live.protocol`. Its texts are English. https://www.asyncapi.com/docs/reference
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml
from django.conf import settings

from live.contract.errors import close_codes, errors
from live.contract.examples import example
from live.contract.schemas import Schema, name_of, schemas, summary
from live.protocol.addresses import ADDRESSES, BEARER, TEST_ADDRESSES
from live.protocol.frames import DATA, FrameType
from live.protocol.options import OPTIONS, TEST_OPTIONS
from live.protocol.ping import Ping

__all__ = ["asyncapi", "asyncapi_yaml"]

_ASYNCAPI_REF = "#/components/schemas/{name}"
_ALL_ADDRESSES = (*ADDRESSES, *TEST_ADDRESSES)
_ABOUT_TESTS = (
    "Invented events, a recording's, or an error on request, in the very same frames. It exists "
    "only where `RELAY_TEST_ENDPOINT` is on, and `connected` says `test: true`."
)


def asyncapi() -> Schema:
    """Return the document. It describes the server's side: clients receive what it "sends"."""
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
    return {
        "title": "TikTok LIVE relay",
        "version": settings.VERSION,
        "description": (
            "A self-hosted relay from TikTok LIVE to mobile apps, over WebSockets.\n\n"
            "The server accepts every handshake and then explains: a client that is refused gets "
            "one `error` frame, then the close. Frames are JSON objects, one to a text message. "
            "Clients pass over fields, types and codes that they do not know: more may come."
        ),
        "license": {"name": "AGPL-3.0-only"},
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
        "summary": summary(type),
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


# --- As a file -----------------------------------------------------------------------------------


class _Dumper(yaml.CSafeDumper):
    """Writes YAML for people: it repeats equal parts instead of using aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    """Write a text of several lines in YAML's block style, with its line breaks."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


@cache
def asyncapi_yaml() -> str:
    """Return the AsyncAPI document as text: the content of `docs/asyncapi.yaml`."""
    return yaml.dump(asyncapi(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
