"""What sockets, the REST API and pages share: the relay, access to it, control messages, numbers.

May import `live.connections` and what that may import.
"""
