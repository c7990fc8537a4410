"""Keeps requests that nobody wants to read of out of the servers' access logs.

A load balancer asks each second or so whether the server is well, and Prometheus for its figures.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from live.server.health import HEALTH, READY
from live.server.metrics import METRICS
from live.sockets.wire.servers import loaded_servers

__all__ = ["install"]


def install() -> None:
    """Change the access log of the server that runs this process. Twice does no harm."""
    # Uvicorn's. It does nothing under other servers.
    logging.getLogger("uvicorn.access").addFilter(_is_wanted_of_uvicorn)
    if "daphne" in loaded_servers():
        # Imported only here, since it imports the server.
        from daphne.access import AccessLogGenerator

        if AccessLogGenerator.__call__ is not _call_if_wanted:
            AccessLogGenerator.relay_call = AccessLogGenerator.__call__
            AccessLogGenerator.__call__ = _call_if_wanted


def _is_wanted(path: str, status: Any) -> bool:
    path = path.partition("?")[0]
    # Those who may not read the figures have their line.
    return path not in {HEALTH, READY} and not (path == METRICS and status == HTTPStatus.OK)


def _is_wanted_of_uvicorn(record: logging.LogRecord) -> bool:
    # The arguments are the client's address, the method, the path, HTTP's version and the status.
    args = record.args
    return not (isinstance(args, tuple) and len(args) == 5) or _is_wanted(str(args[2]), args[4])


def _call_if_wanted(log: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
    if protocol != "http" or _is_wanted(details["path"], details.get("status")):
        log.relay_call(protocol, action, details)
