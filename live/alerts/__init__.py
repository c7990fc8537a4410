"""Alerts: tells whoever runs the server what is wrong with it, once, and once when it is over.

May import `live.webhooks`, and what that may import.
"""
