"""Imports TikTokLive without the warnings of its own socket, which the relay does not use.

TikTokLive 7.0.1 imports that socket as soon as anything of it is imported, and the socket is written
against the legacy client of websockets. `live.apps` imports this module before all others.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"websockets\.", DeprecationWarning)
    import TikTokLive  # noqa: F401

__all__: list[str] = []
