"""The Django project: its settings, and the modules that combine its apps.

May import all of `live`, `accounts` and `rehearsal`. `__version__` is the version of the project,
and is set only here. CHANGELOG.md says what is in each version.
"""

__version__ = "0.2.0"
