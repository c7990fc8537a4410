"""Tells a streamer's frames as TikFinity's events: finished JSON in, finished JSON out.

A frame is told once, however many sockets want it: the sockets of a streamer share a `Translator`,
and it remembers what it has just told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from live.protocol.frames import DATA, Frame
from live.tikfinity.events import TELLS, events_of

__all__ = ["Translator", "Translators"]

# How many frames are remembered. Sockets that keep up are at most a few frames apart.
_MEMORY = 64
# Where the type begins in the text of a frame.
_TYPE = len('{"type":"')


def _decoder(data: type[msgspec.Struct]) -> Any:
    frame = msgspec.defstruct(
        f"{data.__name__}Frame", [("data", data)], bases=(Frame,), kw_only=True
    )
    return msgspec.json.Decoder(frame).decode


_decode: Mapping[str, Any] = {str(kind): _decoder(DATA[kind]) for kind in TELLS}
_encode = msgspec.json.Encoder().encode


class Translator:
    """Tells the frames of one streamer's LIVEs.

    Args:
        streamer: the TikTok username; empty where no LIVE is followed yet.
    """

    # What these texts are counted as, in figures of frames by type.
    kind = "tikfinity"

    def __init__(self, streamer: str = "") -> None:
        self._streamer = streamer
        self._told: dict[str, tuple[str, ...]] = {}

    def tell(self, frame: str) -> tuple[str, ...]:
        """The events that a frame becomes, as texts; none if there is none for it.

        Args:
            frame: the text of a frame of this server's, or of another one's that shares the stream.
        """
        decode = _decode.get(frame[_TYPE : frame.find('"', _TYPE)])
        if decode is None:
            return ()
        told = self._told
        if (texts := told.get(frame)) is None:
            if len(told) >= _MEMORY:
                del told[next(iter(told))]
            texts = told[frame] = self._texts(decode, frame)
        return texts

    def _texts(self, decode: Any, frame: str) -> tuple[str, ...]:
        try:
            decoded: Frame = decode(frame)
        except msgspec.DecodeError:
            return ()  # of a server with another version: it may say what this one does not know
        return tuple(
            f'{{"event":"{name}","data":{_encode(fields).decode()}}}'
            for name, fields in events_of(decoded, self._streamer)
        )


class Translators:
    """One translator for each streamer, as long as somebody uses it."""

    def __init__(self) -> None:
        self._of: WeakValueDictionary[str, Translator] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, streamer: str) -> Translator:
        """The streamer's translator.

        Args:
            streamer: the TikTok username.
        """
        translator = self._of.get(streamer)
        if translator is None:
            translator = self._of[streamer] = Translator(streamer)
        return translator
