"""The connection log: what became of each socket, written, searched and shown to its owner.

May import `live.streams` and what that may import, and the database.
"""
