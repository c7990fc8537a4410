"""The pages: the console, what the account page shows of LIVEs, the staff's pages, the docs.

May import `live.relay` and what that may import, and `live.contract`.
"""
