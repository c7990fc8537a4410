"""A stand-in for TikTok LIVE, for tests and development: it answers instead of TikTok.

`TikTok` is one HTTP server on the loopback interface. It serves the LIVE page, TikTok's APIs, the
sign server and the webcast socket to an unmodified TikTokLive client. `Room` is one streamer's LIVE
in it. Every failure that the client is known to meet can be played (`Failure`). Tests wait for
changes with `TikTok.wait_for`, without polling.

This package is a Django app because it has the command `manage.py replay_stream`. Servers load all
apps, but do not need the stand-in's HTTP server; so its modules are imported at first use.
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
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
