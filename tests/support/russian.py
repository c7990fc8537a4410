"""Which words of a Russian page are English."""

from __future__ import annotations

import re

__all__ = ["english_words"]

# Names, formats, keys and what is typed into programs: the same in every language; and the
# username, which the contract's Russian texts call so.
_SAME_EVERYWHERE = {
    "AGPL", "API", "CSV", "Command", "Control", "Ctrl", "Discord", "English", "Escape",
    "EulerStream", "HTTPS", "JSON", "JavaScript", "Schema", "TOKEN", "ping", "wait",
    "LIVE", "Mac", "OBS", "Ogg", "REST", "SECRET_KEY", "Studio", "TikFinity",
    "TikTok", "URL", "UTC", "WAV", "WEBHOOK_ALLOW",
    "WebSocket", "username",
}  # fmt: skip
# Other English in the contract's Russian texts, and HTTP's name of the app or browser.
_TERMS = re.compile(
    r"TikTok Live|Rate limit от TikTok API: Too many connections started|\(user agent\)"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z_]{2,}")


def english_words(text: str) -> set[str]:
    """Words of three Latin letters or more, without those that are the same in every language."""
    return set(_WORD.findall(_TERMS.sub("", text))) - _SAME_EVERYWHERE
