"""Recordings: a LIVE's messages written to a file, read again, and people taken out of them.

May import `live.tiktok` and what that may import.
"""
