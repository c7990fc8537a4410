"""What a file is, by its bytes: whatever it is called, and whatever hides in it."""

from __future__ import annotations

import zipfile
from io import BytesIO
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as some

from live.aloud.sniffing import KINDS, sniff
from tests.support.sounds import MP3_FRAME, mp3, ogg, wav
from tools.sounds import FOLDER, SOUNDS

SCRIPT = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("sound.wav", wav())
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return name + pack("<I", len(body)) + body


def riff(*chunks: bytes, form: bytes = b"WAVE") -> bytes:
    body = form + b"".join(chunks)
    return b"RIFF" + pack("<I", len(body)) + body


def wave_format(format_: int = 1, channels: int = 2, rate: int = 44_100, bits: int = 16) -> bytes:
    return chunk(b"fmt ", pack("<HHIIHH", format_, channels, rate, 0, 0, bits))


DATA = chunk(b"data", bytes(8))


class TestSounds:
    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (wav(), "wav"),
            (riff(chunk(b"LIST", b"odd"), b"\x00", wave_format(3, bits=32), DATA), "wav"),
            (mp3(), "mp3"),
            (mp3(tag=b"TIT2 and a picture" * 20), "mp3"),
            (b"\xff\xf3\x48\xc4".ljust(144, b"\x00") * 3, "mp3"),  # MPEG 2, 32 kbit/s, 16 kHz
            (ogg(), "ogg"),
            (ogg(b"\x01vorbis" + bytes(23)), "ogg"),
        ],
    )
    def test_a_sound_is_known_by_its_bytes(self, content: bytes, kind: str) -> None:
        assert sniff(content) == kind

    @pytest.mark.parametrize("name", SOUNDS)
    def test_the_project_s_own_are_sounds(self, name: str) -> None:
        assert sniff((FOLDER / f"{name}.wav").read_bytes()) == "wav"


class TestOtherFiles:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(SCRIPT, id="a page"),
            pytest.param(SVG, id="a picture with a script"),
            pytest.param(b"GIF89a" + mp3(), id="a picture, then a sound"),
            pytest.param(b"%PDF-1.7\n" + wav(), id="a document, then a sound"),
            pytest.param(SCRIPT + mp3(), id="a page, then a sound"),
            pytest.param(zipped(), id="an archive"),
            pytest.param(b"\x7fELF" + bytes(60), id="a program"),
            pytest.param(b"RIFF\x00\x00\x00\x00WAVE", id="a wave without anything"),
            pytest.param(b"RIFF" + SCRIPT, id="a page that begins as a wave"),
            pytest.param(b"RIFF\x00\x00\x00\x00WAVE" + SCRIPT, id="a page in a wave"),
            pytest.param(riff(wave_format(), DATA, form=b"WEBP"), id="a picture in RIFF"),
            pytest.param(riff(DATA, wave_format()), id="samples before their format"),
            pytest.param(riff(wave_format(), chunk(b"data", b"")), id="no samples"),
            pytest.param(riff(wave_format(format_=0x55), DATA), id="an MP3 in a wave"),
            pytest.param(riff(wave_format(channels=0), DATA), id="no channels"),
            pytest.param(riff(wave_format(bits=12), DATA), id="odd samples"),
            pytest.param(riff(b"fmt \xff\xff\xff\xff", wave_format(), DATA), id="a huge chunk"),
            pytest.param(b"\xff\xfb" + SCRIPT, id="a page that begins as an MP3"),
            pytest.param(MP3_FRAME + SCRIPT, id="one frame and a page"),
            pytest.param(MP3_FRAME * 2 + MP3_FRAME[:-1], id="a frame that is cut off"),
            pytest.param(b"ID3" + SCRIPT, id="a page that begins as a tag"),
            pytest.param(b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + mp3(), id="a tag without an end"),
            pytest.param(b"\xff\xfd\x90\x64".ljust(417, b"\0") * 3, id="layer II"),
            pytest.param(b"\xff\xfb\x00\x64".ljust(417, b"\0") * 3, id="a free bit rate"),
            pytest.param(b"\xff\xfb\x9c\x64".ljust(417, b"\0") * 3, id="a reserved rate"),
            pytest.param(ogg(b"\x80theora" + bytes(23)), id="a film"),
            pytest.param(ogg(SCRIPT), id="a page in Ogg"),
            pytest.param(ogg(flags=0), id="Ogg from its middle"),
            pytest.param(b"OggS\x00\x02", id="Ogg that is cut off"),
        ],
    )
    def test_what_is_no_sound_is_none(self, content: bytes) -> None:
        assert sniff(content) is None

    @given(some.binary(max_size=200), some.sampled_from([b"", b"RIFF....WAVE", b"ID3", b"OggS\0"]))
    def test_any_bytes_have_an_answer(self, content: bytes, beginning: bytes) -> None:
        assert sniff(beginning + content) in {None, *KINDS}

    @given(some.sampled_from([wav(), mp3(tag=b"a title"), ogg()]), some.data())
    def test_any_spoilt_sound_has_an_answer(self, sound: bytes, data: some.DataObject) -> None:
        spoilt = bytearray(sound)
        for _ in range(4):
            place = data.draw(some.integers(0, len(spoilt) - 1))
            spoilt[place] = data.draw(some.integers(0, 255))
        assert sniff(bytes(spoilt[: data.draw(some.integers(0, len(spoilt)))])) in {None, *KINDS}
