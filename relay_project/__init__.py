"""The project: settings, and the places where its apps are put together.

May import all of `live`, `accounts` and `rehearsal`.
"""
