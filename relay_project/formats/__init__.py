"""How Django itself writes times, which it does in the admin: as all pages do
(`live/templatetags/times.py`), with the zone named, since no script turns these into local times.

It is `FORMAT_MODULE_PATH` of the settings: a package for each language, with a module `formats`.
"""
