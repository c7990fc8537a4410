"""Hides tokens in texts that are logged: they stand in socket addresses, and servers log those."""

from __future__ import annotations

import re

__all__ = ["redact"]

# /ws/<token>, /ws/test/<token>, as it may be quoted in a log. Channels leaves out the first slash.
_TOKEN = re.compile(r"(\bws/+(?:test/+)?)[^/\s\"'?#]+")


def redact(text: str) -> str:
    """The text without the tokens of socket addresses."""
    return _TOKEN.sub(r"\1…", text) if "ws/" in text else text
