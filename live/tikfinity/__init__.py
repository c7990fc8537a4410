"""Frames in the words of TikFinity's local event API, for programs that understand these.

May import `live.protocol`. The socket is in `live.sockets`.
"""
