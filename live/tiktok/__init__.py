"""The connection to TikTok: finds a LIVE, connects to it, and turns TikTok's messages into events.

This is the only package of `live` that uses TikTokLive, its schema and protobuf. It may import
`live.protocol`, `live.clock` and `live.tasks`. It uses no database, no Channels and no accounts.
"""

import warnings

# TikTokLive imports its own socket as soon as anything of it is imported. The relay does not use
# that socket, which is written against the legacy client of websockets (see `webcast`).
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"websockets\.", DeprecationWarning)
    import TikTokLive as _TikTokLive  # noqa: F401
