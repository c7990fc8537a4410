"""Overlays: pages for OBS and the like, and the secrets in their addresses.

May import `live.connections`, `live.streams`, `live.protocol`. The pages are in `live.pages`, their
socket in `live.sockets`.
"""
