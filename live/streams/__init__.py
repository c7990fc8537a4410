"""Streams: one per TikTok username, with its state, its connection and its log of frames.

May import `live.tiktok` and what that may import. Knows no database, no Channels and no accounts.
"""
