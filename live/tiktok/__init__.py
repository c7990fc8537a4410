"""The connection to TikTok: finds a LIVE, connects to it, and turns TikTok's messages into events.

This is the only package of `live` that uses TikTokLive, its schema and protobuf. It may import
`live.protocol`, `live.clock` and `live.tasks`. It uses no database, no Channels and no accounts.
"""
