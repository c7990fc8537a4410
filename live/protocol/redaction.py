"""Hides tokens in texts that are logged.

Tokens are part of socket addresses, of the query of some, and of the links in emails for a lost
password; overlays' secrets are part of the addresses of their sockets, pages and pictures. Servers
log these addresses, some of them as they were sent: percent-encoded, also several times.
"""

from __future__ import annotations

import re

__all__ = ["redact"]


def _encoded(text: str) -> str:
    """Return the pattern of a text whose characters may be percent-encoded, several times too."""
    pairs = ((re.escape(character), f"{ord(character):02x}") for character in text)
    return "".join(f"(?:{plain}|%(?:25)*(?i:{code}))" for plain, code in pairs)


_SLASH = _encoded("/")
# What may come before the first word of a path. Some messages come without the first slash.
_START = rf"(?:{_SLASH}|(?<!\w))"
# What follows, up to the character that ends the path in a log; but not slashes at the end.
_REST = r"[^\s\"'?#]*[^/\s\"'?#]"

# Matches /ws/<token>, /ws/test/<token>, the same with /ws/tikfinity, and /ws/overlay/<secret>.
_WORDS = "".join(rf"(?:{_encoded(word)}{_SLASH}+)?" for word in ("test", "tikfinity", "overlay"))
_SOCKET = rf"({_START}{_encoded('ws')}{_SLASH}+{_WORDS}){_REST}"
# Matches token=<token> in a query, where it is no end of another name.
_QUERY = rf"((?:(?<![\w%-])|(?<=%3[fF])|(?<=%26)){_encoded('token')}(?:=|%(?:25)*3[dD]))[^\s\"'&#]+"
# Matches /overlay/<secret>/ and what follows it.
_OVERLAY = rf"({_START}{_encoded('overlay')}{_SLASH}+){_REST}"
# Matches /login/reset/<account>/<token>.
_RESET = (
    rf"({_START}{_encoded('login')}{_SLASH}+{_encoded('reset')}{_SLASH}+[^/\s\"'?#]+?{_SLASH}+)"
    rf"{_REST}"
)
# Each with the word that it begins with. To look for the word takes a fraction of the time that the
# pattern takes, and every socket has lines in the log.
_SECRETS = (
    ("ws", re.compile(_SOCKET)),
    ("overlay", re.compile(_OVERLAY)),
    ("login", re.compile(_RESET)),
    ("token", re.compile(_QUERY)),
)


def redact(text: str) -> str:
    """Return the text with "…" in the place of every token in an address."""
    for word, secret in _SECRETS:
        if word in text or "%" in text:  # the word may be percent-encoded
            text = secret.sub(r"\1…", text)
    return text
