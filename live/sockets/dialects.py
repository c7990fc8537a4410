"""The languages that sockets speak: the protocol's own frames, or what other programs understand.

A session and its delivery know frames alone. A dialect says how frames are told to the client, and
what its sockets do otherwise than those of the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from live.protocol.frames import EVENT_TYPES, FrameType
from live.protocol.options import SocketOptions
from live.tikfinity.events import TOLD_TYPES
from live.tikfinity.translator import Translator, Translators

__all__ = ["FRAMES", "TIKFINITY", "Dialect", "Translation", "told"]


class Translation(Protocol):
    """Tells frames in other words, the same for all sockets that share it.

    Attributes:
        kind: what its texts are counted as, in figures of frames by type.
    """

    kind: str

    def tell(self, frame: str) -> Sequence[str]:
        """The texts that a frame becomes; none if it has no words there."""


class Dialect:
    """Frames as they are. Other dialects derive from this one.

    Attributes:
        stays: the socket is not closed when a LIVE ends, but waits for the streamer's next one.
        hears: the client may say something (a ping), and is refused if it says anything else.
            Otherwise, what it says is ignored.
    """

    stays = False
    hears = True

    def options(self, asked: SocketOptions) -> SocketOptions:
        """The options of a socket, which has asked for these."""
        return asked

    def translation(self, streamer: str = "") -> Translation | None:
        """How frames are told; None for as they are.

        Args:
            streamer: whose LIVE they are of; empty where none is followed yet.
        """
        return None


class TikFinity(Dialect):
    """TikFinity's local event API. Its programs have one address and no more, keep the socket open
    from LIVE to LIVE, and open it again whenever it closes; they know neither cursors nor
    batches."""

    stays = True
    hears = False

    def __init__(self) -> None:
        self._translators = Translators()

    def options(self, asked: SocketOptions) -> SocketOptions:
        types = TOLD_TYPES & (EVENT_TYPES if asked.types is None else asked.types)
        return replace(asked, since=None, batch=0, wait=True, types=frozenset[FrameType](types))

    def translation(self, streamer: str = "") -> Translator:
        return self._translators.of(streamer)


FRAMES = Dialect()
TIKFINITY = TikFinity()


def told(texts: Sequence[str], translation: Translation | None) -> Sequence[str]:
    """The texts that these frames become."""
    if translation is None:
        return texts
    return [text for frame in texts for text in translation.tell(frame)]
