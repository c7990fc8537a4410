"""TikTok: finds a LIVE, connects to it, and turns what TikTok sends into events.

The only place that knows TikTokLive, its schema and protobuf. May import `live.protocol`. Knows no
database, no Channels and no accounts.
"""
