"""Migrations of the tables in which LIVEs are kept."""
