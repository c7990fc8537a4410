"""The sounds that come with the project are what its script makes."""

from __future__ import annotations

import io
import wave
from array import array

import pytest

from live.aloud.models import BUILT_IN
from tools.sounds import FOLDER, SOUNDS, as_wav


def samples(content: bytes) -> array[int]:
    with wave.open(io.BytesIO(content)) as read:
        assert (read.getnchannels(), read.getsampwidth()) == (1, 2)
        return array("h", read.readframes(read.getnframes()))


def test_every_sound_that_can_be_chosen_is_there() -> None:
    assert set(BUILT_IN) == set(SOUNDS) == {file.stem for file in FOLDER.glob("*.wav")}
    assert "CC0" in (FOLDER / "LICENSE").read_text()


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_what_the_script_makes(name: str) -> None:
    stored, made = samples((FOLDER / f"{name}.wav").read_bytes()), samples(as_wav(SOUNDS[name]))
    assert len(stored) == len(made)
    # Another machine's sine may be rounded to the neighbouring value.
    assert max(abs(a - b) for a, b in zip(stored, made, strict=True)) <= 1


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_small_short_and_not_cut_off(name: str) -> None:
    content = (FOLDER / f"{name}.wav").read_bytes()
    assert len(content) < 48 * 1024
    heard = samples(content)
    assert 10_000 < max(map(abs, heard)) < 32_767
    assert abs(heard[-1]) < 100
