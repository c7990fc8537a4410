"""The project: settings, and the places where its apps are put together.

May import all of `live`, `accounts` and `rehearsal`. `__version__` is the one place that says the
version; CHANGELOG.md says what is in it.
"""

__version__ = "0.2.0"
