"""Hides tokens in texts that are logged.

Tokens are part of socket addresses, and servers log these addresses.
"""

from __future__ import annotations

import re

__all__ = ["redact"]

# Matches /ws/<token> and /ws/test/<token> up to the character that ends the address in a log. The
# first slash is not needed: some messages come without it.
_TOKEN = re.compile(r"(\bws/+(?:test/+)?)[^/\s\"'?#]+")


def redact(text: str) -> str:
    """Return the text with "…" in the place of every token in a socket address."""
    return _TOKEN.sub(r"\1…", text) if "ws/" in text else text
