"""The one place that assembles everything: socket addresses, start, shutdown, redaction of logs.

May import all of `live`; nothing of `live` imports it.
"""
