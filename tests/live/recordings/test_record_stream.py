"""What `record_stream` refuses before it asks TikTok; tests/end_to_end has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def record(username: str, minutes: str, file: Path) -> None:
    call_command("record_stream", username, "--minutes", minutes, "--out", str(file))


class TestRefusing:
    def test_it_does_not_overwrite_unasked(self, tmp_path: Path) -> None:
        file = tmp_path / "recording"
        file.write_text("precious")
        with pytest.raises(CommandError, match="recording exists; --force overwrites it"):
            record("anna", "1", file)
        assert file.read_text() == "precious"

    def test_it_needs_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="There is no folder"):
            record("anna", "1", tmp_path / "nowhere" / "recording")

    @pytest.mark.parametrize("username", ["no one", "", "a", "https://example.org/@anna"])
    def test_it_needs_a_username_that_tiktok_could_have(
        self, tmp_path: Path, username: str
    ) -> None:
        with pytest.raises(CommandError):
            record(username, "1", tmp_path / "recording")

    @pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "x", ""])
    def test_it_needs_a_time(self, tmp_path: Path, minutes: str) -> None:
        with pytest.raises(CommandError, match="takes a number above 0"):
            record("anna", minutes, tmp_path / "recording")
