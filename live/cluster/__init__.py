"""Shares streams among several server processes, through Redis."""
