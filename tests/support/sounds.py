"""Sounds of each kind, as small as files of that kind can be."""

from __future__ import annotations

import io
import wave

__all__ = ["MP3_FRAME", "mp3", "ogg", "wav"]

# MPEG 1, layer III, 128 kbit/s, 44.1 kHz, with silence in it: 417 bytes.
MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)


def wav(seconds: float = 0.01) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(2 * round(8000 * seconds)))
    return file.getvalue()


def mp3(tag: bytes = b"", frames: int = 3) -> bytes:
    """Some frames, behind an ID3 tag with this content if there is any."""
    size = len(tag)
    digits = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return (b"ID3\x03\x00\x00" + digits + tag if tag else b"") + MP3_FRAME * frames


def ogg(packet: bytes = b"OpusHead" + bytes(11), flags: int = 2) -> bytes:
    """One page with one packet."""
    head = b"OggS\x00" + bytes([flags]) + bytes(20)
    return head + bytes([1, len(packet)]) + packet
