"""The part of the REST API that is about LIVEs, and what all operations of the REST API share.

May import `live.relay` and what that may import.
"""
