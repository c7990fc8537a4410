"""What clients rely on: the code is held against the baseline."""

import json
from pathlib import Path

from django.conf import settings

from live.contract.promises import promises
from live.contract.schemas import name_of
from live.management.commands import export_contract
from live.protocol.frames import DATA
from tests.live.contract.changes import breaks

ROOT = Path(settings.BASE_DIR)


class TestWhatClientsRelyOn:
    def test_nothing_breaks_them(self) -> None:
        baseline = json.loads((ROOT / export_contract.BASELINE).read_text())
        assert breaks(baseline, promises()) == []

    def test_it_notices_every_field_that_goes(self) -> None:
        promised = promises()
        for kind in DATA:
            changed = json.loads(json.dumps(promised))
            del changed["schemas"][name_of(kind)]["properties"]["ts"]
            lines = breaks(promised, changed)
            assert lines
            assert all(line.endswith(".ts: is gone") for line in lines)

    def test_it_notices_a_streak_without_an_end(self) -> None:
        promised = promises()
        changed = json.loads(json.dumps(promised))
        changed["schemas"]["StreakState"]["enum"].remove("ended")
        assert any("is never 'ended' any more" in line for line in breaks(promised, changed))
