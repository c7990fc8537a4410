"""Russian. `TIME_ZONE` of the settings is UTC, so all these times are."""

DATETIME_FORMAT = r"j E Y г., H:i \U\T\C"
