"""Overlays: the pages where a streamer makes them, and those that OBS opens."""
