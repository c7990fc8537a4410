"""A stand-in for TikTok LIVE: the LIVE page, its APIs, the sign server and the webcast socket.

`TikTok` is one HTTP server on the loopback interface which an unmodified TikTokLive client
takes for all three of its upstreams, and `Room` is one creator's stream in it. Every failure that
the client is known to meet can be played (`Failure`). Nothing here polls: a test waits for a change
(`TikTok.wait_for`).

It is a Django app for the sake of `manage.py replay_stream`. So that servers, which load all apps,
do not carry it and its HTTP server along, its parts are imported when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from standin.failures import Failure
    from standin.frames import encode_push_frame
    from standin.messages import Message
    from standin.room import Ack, Heartbeat, Room, Socket
    from standin.server import Kind, Request, TikTok

__all__ = [
    "Ack",
    "Failure",
    "Heartbeat",
    "Kind",
    "Message",
    "Request",
    "Room",
    "Socket",
    "TikTok",
    "encode_push_frame",
]

_MODULES = {
    "failures": ["Failure"],
    "frames": ["encode_push_frame"],
    "messages": ["Message"],
    "room": ["Ack", "Heartbeat", "Room", "Socket"],
    "server": ["Kind", "Request", "TikTok"],
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
