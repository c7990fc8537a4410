"""LIVEs afterwards: counted from the streams' logs, and kept in the database.

May import `live.connections`, `live.streams`, `live.protocol`, and what these may import.
"""
