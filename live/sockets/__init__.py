"""The sockets: the phone's, `/ws`, and that of the staff's pages, `/staff/socket`.

May import `live.relay` and what that may import.
"""
