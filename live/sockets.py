"""The one thing that ASGI can't say: drop a connection whose client takes nothing any more."""

from __future__ import annotations

from typing import Any

__all__ = ["abort"]


def abort(send: Any) -> None:
    """Drop the connection behind an ASGI `send` of Uvicorn or Daphne, and what it has buffered.

    A close frame would wait behind the buffer for ever. With another server nothing happens.
    """
    protocol = getattr(send, "__self__", None)  # Uvicorn: a method of its protocol
    if protocol is None and (arguments := getattr(send, "args", ())):
        protocol = arguments[0]  # Daphne: partial(handle_reply, protocol)
    transport = getattr(protocol, "transport", None)
    drop = getattr(transport, "abort", None) or getattr(transport, "abortConnection", None)
    if drop is not None:
        drop()
