"""Webhooks: what happens in an account's LIVEs, sent to addresses that it has given.

May import `live.history`, and what that may import.
"""
