"""The servers' access logs: keeps requests out of them that nobody wants to read of, and gives
Daphne's the format of all other lines.

A load balancer asks each second or so whether the server is well, and Prometheus for its figures.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.conf import settings

from live.server.health import HEALTH, READY
from live.server.log_format import JsonFormatter
from live.server.metrics import METRICS
from live.sockets.wire.servers import loaded_servers

__all__ = ["install"]

_JSON = JsonFormatter()


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
        if settings.LOG_FORMAT == "json":
            AccessLogGenerator.write_entry = _write_json_entry


def _is_wanted(path: str, status: Any) -> bool:
    path = path.partition("?")[0]
    # Those who may not read the figures have their line.
    return path not in {HEALTH, READY} and not (path == METRICS and status == HTTPStatus.OK)


def _is_wanted_of_uvicorn(record: logging.LogRecord) -> bool:
    # The arguments are the client's address, the method, the path, HTTP's version and the status.
    args = record.args
    return not (isinstance(args, tuple) and len(args) == 5) or _is_wanted(str(args[2]), args[4])


def _write_json_entry(
    log: Any,
    host: Any,
    date: Any,
    request: str,
    status: int | None = None,
    length: int | None = None,
    **_more: Any,
) -> None:
    # As a record, so that tokens are taken out of it, too.
    args = (host, request, status or "-", length or "-")
    record = logging.getLogger("daphne.access").makeRecord(
        "daphne.access", logging.INFO, __file__, 0, '%s - "%s" %s %s', args, None
    )
    log.stream.write(f"{_JSON.format(record)}\n")


def _call_if_wanted(log: Any, protocol: str, action: str, details: dict[str, Any]) -> None:
    if protocol != "http" or _is_wanted(details["path"], details.get("status")):
        log.relay_call(protocol, action, details)
