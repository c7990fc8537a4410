"""How a line of this server's log looks: `LOG_FORMAT` is `text` or `json`.

A line is one event. Tokens are taken out before (see `redaction`), in both formats.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

__all__ = ["JsonFormatter", "TextFormatter"]

# What a message may say of whom it is about, by the names that `extra` of a call has.
_IDS = ("socket", "stream", "account")
_LINE_BREAKS = {ord("\n"): "\\n", ord("\r"): "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class TextFormatter(logging.Formatter):
    """For people. A message has one line, also if it holds line breaks; a traceback follows in
    lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        return super().formatMessage(record).translate(_LINE_BREAKS)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`; where they are known,
    `socket` (a number of this process), `stream` (the TikTok username) and `account` (its id); and
    `exception`, with the whole traceback."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except Exception:  # the arguments don't fit: say what there is, in a line that can be read
            message = str(record.msg)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        fields |= {name: getattr(record, name) for name in _IDS if hasattr(record, name)}
        if exception := record.exc_text or (
            self.formatException(record.exc_info) if record.exc_info else ""
        ):
            fields["exception"] = exception
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        # What is no Unicode, such as a part of a path, must not stop the line.
        text = json.dumps(fields, ensure_ascii=False, default=str)
        return text.encode("utf-8", "backslashreplace").decode().translate(_SEPARATORS)


# Line breaks for some programs; JSON allows them in texts.
_SEPARATORS = {0x2028: "\\u2028", 0x2029: "\\u2029", 0x85: "\\u0085"}
