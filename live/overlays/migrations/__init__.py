"""Migrations of the table of overlays."""
