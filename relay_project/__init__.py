"""The project: settings, addresses of pages, and what a server starts with.

`__version__` is the one place that says the version; CHANGELOG.md says what is in it.
"""

__version__ = "0.2.0"
