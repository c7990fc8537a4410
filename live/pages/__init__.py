"""The pages: console, the account page's part about LIVEs, the staff's pages, documentation.

May import `live.relay` and what that may import, and `live.contract`.
"""
