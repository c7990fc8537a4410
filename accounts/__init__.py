"""Accounts and their tokens: who may connect, and to whose LIVE.

This app must not import `live`, `rehearsal` or `standin`.
"""
