"""Makes the sounds that pages play with what they read aloud: `python -m tools.sounds`.

Each sound is a few decaying tones, written as WAV, which every browser plays. Whatever this script
writes is in the public domain: see LICENSE beside the sounds.
"""

from __future__ import annotations

import array
import io
import math
import sys
import wave
from pathlib import Path
from typing import NamedTuple

__all__ = ["FOLDER", "SOUNDS", "Tone", "as_wav"]

FOLDER = Path(__file__).resolve().parents[1] / "live" / "static" / "live" / "aloud" / "sounds"

_RATE = 22_050  # samples a second
_LOUDEST = 0.6  # of what 16 bits hold, so that tones that meet are not cut off
_ATTACK = 0.004  # seconds in which a tone rises, so that it does not click
_FALL = 5.0  # how many times a tone becomes smaller by e, from its start to its end


class Tone(NamedTuple):
    """A tone of a sound.

    Attributes:
        start: when it begins, in seconds.
        seconds: how long it takes until it can't be heard.
        pitch: its frequency, in Hz.
        bend: what its frequency is multiplied by until its end.
        overtones: the strength of each multiple of the frequency, the frequency itself first.
    """

    start: float
    seconds: float
    pitch: float
    bend: float = 1.0
    overtones: tuple[float, ...] = (1.0, 0.25)


_BELL = (1.0, 0.0, 0.35, 0.0, 0.15)

SOUNDS: dict[str, tuple[Tone, ...]] = {
    "chime": (Tone(0, 0.5, 783.99, overtones=_BELL), Tone(0.11, 0.6, 1174.66, overtones=_BELL)),
    "bell": (Tone(0, 0.8, 987.77, overtones=_BELL),),
    "coins": (Tone(0, 0.14, 1318.51), Tone(0.07, 0.14, 1567.98), Tone(0.14, 0.45, 2093.0)),
    "fanfare": (
        Tone(0, 0.2, 523.25),
        Tone(0.12, 0.2, 659.26),
        Tone(0.24, 0.2, 783.99),
        Tone(0.36, 0.6, 1046.5, overtones=(1.0, 0.35, 0.15)),
    ),
    "pop": (Tone(0, 0.12, 420, bend=2.2, overtones=(1.0,)),),
}


def _samples(tones: tuple[Tone, ...]) -> list[float]:
    """The sum of the tones, from -1 to 1."""
    seconds = max(tone.start + tone.seconds for tone in tones)
    summed = [0.0] * round(seconds * _RATE)
    for tone in tones:
        first = round(tone.start * _RATE)
        phase = 0.0
        for number in range(round(tone.seconds * _RATE)):
            passed = number / _RATE
            part = passed / tone.seconds
            phase += math.tau * tone.pitch * tone.bend**part / _RATE
            loudness = min(1, passed / _ATTACK) * math.exp(-_FALL * part) * (1 - part)
            summed[first + number] += loudness * sum(
                strength * math.sin(phase * multiple)
                for multiple, strength in enumerate(tone.overtones, start=1)
            )
    highest = max(map(abs, summed))
    return [value / highest for value in summed]


def as_wav(tones: tuple[Tone, ...]) -> bytes:
    """Return the sound as a WAV file: 16 bits, one channel."""
    scale = _LOUDEST * 32_767
    samples = array.array("h", (round(value * scale) for value in _samples(tones)))
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(_RATE)
        written.writeframes(samples.tobytes())
    return file.getvalue()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, tones in SOUNDS.items():
        (FOLDER / f"{name}.wav").write_bytes(as_wav(tones))


if __name__ == "__main__":
    main()
