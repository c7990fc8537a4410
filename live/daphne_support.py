"""What Daphne must be taught so that the relay keeps its promises under it.

- Close codes: autobahn's `sendClose`, which Daphne calls, refuses every code of RFC 6455 but 1000;
  the contract has 1008, 1011 and 1012.
- Tokens: Daphne writes the path of each request, and so the token, to its access log, past
  `logging`.

`tests/end_to_end` runs everything under Daphne, and so notices when a release moves these seams.
"""

from __future__ import annotations

from typing import Any

from daphne.access import AccessLogGenerator
from daphne.ws_protocol import WebSocketProtocol

from live.redaction import redact

__all__ = ["install"]


def install() -> None:
    """Teach the Daphne of this process. Twice does no harm."""
    WebSocketProtocol.serverClose = _close
    AccessLogGenerator.write_entry = _write_redacted_entry


def _close(protocol: WebSocketProtocol, code: int | None = None) -> None:
    # What `sendClose` does once it has checked the code.
    protocol.sendCloseFrame(code=1000 if code is None else int(code))


_write_entry = AccessLogGenerator.write_entry


def _write_redacted_entry(
    log: AccessLogGenerator, host: Any, date: Any, request: str, **details: Any
) -> None:
    _write_entry(log, host, date, redact(request), **details)
