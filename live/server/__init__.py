"""The server process: makes the relays, serves the socket addresses, starts, stops, redacts logs.

May import all of `live`; nothing of `live` imports it.
"""
