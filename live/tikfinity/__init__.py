"""Frames in the words of TikFinity's local event API, for programs that understand these.

May import `live.streams` and `live.protocol`. The socket is in `live.sockets`.
"""
