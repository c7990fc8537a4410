"""How frames are written to a socket: by ASGI, and faster where the server is a known one.

May import `live.protocol`.
"""
