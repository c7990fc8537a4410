"""The files of the contract, and the command that writes them."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from live.contract.promises import promises
from live.management.commands import export_contract
from live.protocol.frames import DATA

ROOT = Path(settings.BASE_DIR)
EXPORT = "run `make contract` and commit what it writes"


class TestTheFiles:
    def test_they_are_what_the_code_gives(self) -> None:
        written = export_contract.files()
        differ = [
            str(path)
            for path, text in written.items()
            if not (ROOT / path).exists() or (ROOT / path).read_text() != text
        ]
        assert differ == [], EXPORT

    def test_none_is_left_over(self) -> None:
        expected = {f"{kind}.json" for kind in DATA}
        assert {path.name for path in (ROOT / "docs/schemas").iterdir()} == expected, EXPORT

    def test_the_command_writes_them(self, tmp_path: Path, settings: Any) -> None:
        settings.BASE_DIR = tmp_path
        stale = tmp_path / "docs/schemas/gone.json"
        stale.parent.mkdir(parents=True)
        stale.write_text("{}")
        call_command("export_contract", verbosity=0)
        written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
        assert written == set(export_contract.files())

    def test_translations_stay_and_what_is_new_has_a_place(
        self, tmp_path: Path, settings: Any
    ) -> None:
        settings.BASE_DIR = tmp_path
        file = tmp_path / "live/contract/texts/ru.json"
        file.parent.mkdir(parents=True)
        known, new, *_others = export_contract.descriptions()
        file.write_text(json.dumps({known: "По-русски", "Of a frame that is gone.": "Нет"}))
        call_command("export_contract", verbosity=0)
        texts = json.loads(file.read_text())
        assert list(texts) == export_contract.descriptions()
        assert (texts[known], texts[new]) == ("По-русски", "")

    def test_the_command_writes_the_baseline_only_when_told_to(
        self, tmp_path: Path, settings: Any
    ) -> None:
        settings.BASE_DIR = tmp_path
        call_command("export_contract", verbosity=0)
        assert not (tmp_path / export_contract.BASELINE).exists()
        call_command("export_contract", "--baseline", verbosity=0)
        baseline = json.loads((tmp_path / export_contract.BASELINE).read_text())
        assert baseline == promises()
