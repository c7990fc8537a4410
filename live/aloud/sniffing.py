"""What kind of sound a file is, by its bytes.

The name of an uploaded file, and the type that the browser gives it, are the sender's words. Here
only the bytes count: a file must begin as its format says, up to the first sound in it. That does
not make the rest harmless, so a sound is also served in a way that no browser takes for anything
else (`live.pages.aloud`).
"""

from __future__ import annotations

import struct
from itertools import pairwise

__all__ = ["KINDS", "sniff"]

# The kinds of sound that are accepted, and the type that each is served with.
KINDS = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}

# The formats of samples that browsers play: PCM, floating point, and "see the extension".
_WAVE_FORMATS = {0x0001, 0x0003, 0xFFFE}

# https://www.datavoyage.com/mpgscript/mpeghdr.htm: kbit/s of layer III, by version and index.
_BIT_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {0b11: (44_100, 48_000, 32_000), 0b10: (22_050, 24_000, 16_000)}
_SAMPLE_RATES[0b00] = (11_025, 12_000, 8_000)  # MPEG 2.5
_MPEG_1 = 0b11
_LAYER_III = 0b01
# How many frames in a row make an MP3. Two bytes that look like the beginning of one are common.
_FRAMES = 3

# The first packet of what browsers play in Ogg.
_OGG_CODECS = (b"\x01vorbis", b"OpusHead")


def sniff(content: bytes) -> str | None:
    """Return the kind of sound, a key of `KINDS`; None if it is none of them."""
    if _is_wav(content):
        return "wav"
    if _is_ogg(content):
        return "ogg"
    if _is_mp3(content):
        return "mp3"
    return None


def _is_wav(content: bytes) -> bool:
    """Whether it is a RIFF file of the form WAVE, with a format and then samples."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return False
    at, has_format = 12, False
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        body = at + 8
        if name == b"fmt ":
            if size < 16 or body + 16 > len(content):
                return False
            has_format = _is_wave_format(content[body : body + 16])
        elif name == b"data":
            return has_format and size > 0 and body < len(content)
        at = body + size + size % 2
    return False


def _is_wave_format(fields: bytes) -> bool:
    format_, channels, rate, _bytes_a_second, _block, bits = struct.unpack("<HHIIHH", fields)
    return (
        format_ in _WAVE_FORMATS
        and 1 <= channels <= 8
        and 1_000 <= rate <= 192_000
        and bits in {8, 16, 24, 32, 64}
    )


def _is_ogg(content: bytes) -> bool:
    """Whether its first page begins a stream of Vorbis or Opus."""
    if content[:5] != b"OggS\x00" or len(content) < 28:
        return False
    begins_stream = content[5] & 0x02
    packet = content[27 + content[26] :]
    return bool(begins_stream) and packet.startswith(_OGG_CODECS)


def _is_mp3(content: bytes) -> bool:
    """Whether frames of MPEG audio, layer III, follow each other from its start, or from the end of
    its ID3 tag."""
    at = _id3_length(content)
    starts = [at]
    for _ in range(_FRAMES):
        length = _frame_length(content[at : at + 4])
        if length is None:
            break
        at += length
        starts.append(at)
    whole = [end for _start, end in pairwise(starts) if end <= len(content)]
    return len(whole) == _FRAMES


def _id3_length(content: bytes) -> int:
    """The length of the ID3v2 tag that it begins with; 0 without one."""
    if content[:3] != b"ID3" or len(content) < 10:
        return 0
    length = 0
    for byte in content[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length


def _frame_length(header: bytes) -> int | None:
    """The length of the frame with this header, in bytes; None if it is none of layer III."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 0b11, header[1] >> 1 & 0b11
    rate_index, sample_index, padding = header[2] >> 4, header[2] >> 2 & 0b11, header[2] >> 1 & 1
    if version not in _SAMPLE_RATES or layer != _LAYER_III:
        return None
    if not 1 <= rate_index <= 14 or sample_index > 2:
        return None
    is_first = version == _MPEG_1
    bits = _BIT_RATES[1 if is_first else 2][rate_index] * 1000
    return (144 if is_first else 72) * bits // _SAMPLE_RATES[version][sample_index] + padding
