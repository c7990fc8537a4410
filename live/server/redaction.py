"""Keeps tokens out of everything that this process logs.

`live.protocol.redaction` knows how to find them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from live.protocol.redaction import redact

__all__ = ["install"]

_TRACEBACKS = logging.Formatter()


def install() -> None:
    """Redact every message that this process logs from now on. A second call changes nothing."""
    make_record = logging.getLogRecordFactory()
    if getattr(make_record, "redacts", False):
        return

    def make_redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        _redact_message(record)
        _redact_traceback(record)
        return record

    make_redacted_record.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_redacted_record)


def _redact_message(record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except Exception:  # the arguments don't fit the message; `logging` reports that to stderr
        return
    if redact(message) == message:
        return
    # Redact each argument by itself: Uvicorn's access log needs the arguments, not only the text.
    if isinstance(record.args, Mapping):
        record.args = {key: _redact_argument(value) for key, value in record.args.items()}
    elif record.args:
        record.args = tuple(_redact_argument(argument) for argument in record.args)
    if redact(message := record.getMessage()) != message:
        record.msg, record.args = redact(message), None


def _redact_traceback(record: logging.LogRecord) -> None:
    if record.exc_info and record.exc_info[1] is not None:
        traceback = _TRACEBACKS.formatException(record.exc_info)
        if redact(traceback) != traceback:
            # A formatter uses this text, if it is set, instead of formatting the exception.
            record.exc_text = redact(traceback)


def _redact_argument(argument: Any) -> Any:
    return redact(argument) if isinstance(argument, str) else argument
