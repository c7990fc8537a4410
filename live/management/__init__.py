"""Commands of `manage.py`, as Django finds them. May import all of `live`."""
