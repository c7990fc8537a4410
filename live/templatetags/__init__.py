"""Template tags of the pages, as Django finds them. May import all of `live`."""
