"""Accounts: who may connect, with which token, and to whose LIVE.

May import nothing of `live`, nor of what imitates TikTok.
"""
