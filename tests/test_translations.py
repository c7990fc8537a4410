"""The Russian catalogue is complete, compiled, and says what the contract quotes."""

from __future__ import annotations

from pathlib import Path

import polib
from django.conf import settings

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "ru" / "LC_MESSAGES" / "django.po"


class TestTheRussianCatalogue:
    def test_it_translates_every_text(self) -> None:
        catalogue = polib.pofile(str(CATALOGUE))
        assert len(catalogue) > 100
        assert [entry.msgid for entry in catalogue if not entry.translated()] == []

    def test_it_is_compiled(self) -> None:
        compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
        texts = {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in compiled}
        source = polib.pofile(str(CATALOGUE))
        assert texts == {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in source}

    def test_it_keeps_the_placeholders(self) -> None:
        for entry in polib.pofile(str(CATALOGUE)):
            for translated in entry.msgstr_plural.values() or [entry.msgstr]:
                assert translated.count("%(") == entry.msgid.count("%("), entry.msgid
