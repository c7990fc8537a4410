"""English. `TIME_ZONE` of the settings is UTC, so all these times are."""

DATETIME_FORMAT = r"M j, Y, H:i \U\T\C"
