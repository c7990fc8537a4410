"""A recording played through the stand-in's wire."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from operator import attrgetter

from live.recordings.format import Message as Recorded
from live.recordings.format import ends_live
from standin.messages import Message
from standin.room import Room

__all__ = ["play"]

_MS = 1000
_SIGNED, _UNSIGNED = 2**63, 2**64


async def play(
    room: Room, recording: Iterable[Recorded], speed: float, *, fresh_ids: bool = False
) -> bool:
    """Push a recording's messages, those of one moment in one frame.

    Args:
        speed: how many times as fast as recorded; 0 is as fast as the clients take them,
            and waits while there are none.
        fresh_ids: give each message an id of its own, and leave out the LIVE's end, so that it
            can be played again.

    Returns:
        Whether the recording's own end of the LIVE was played.

    Raises:
        RecordingError: the recording can't be read on.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    ended = False
    for at, moment in itertools.groupby(recording, attrgetter("at")):
        if speed:
            await asyncio.sleep(max(0.0, began + at / _MS / speed - loop.time()))
        else:
            await room.wait_for_socket(within=None)
            await asyncio.sleep(0)  # a client that takes everything at once must not stop us
        messages = []
        for recorded in moment:
            ends = ends_live(recorded.method, recorded.payload)
            ended |= ends
            if not (ends and fresh_ids):
                message = _message(recorded)
                messages.append(message.renumbered() if fresh_ids else message)
        if ended and not fresh_ids:
            room.offline()
        if messages:
            await room.push(*messages)
    return ended and not fresh_ids


def _message(recorded: Recorded) -> Message:
    # TikTok's ids are unsigned; the schema writes them as signed.
    number = int(recorded.id)
    msg_id = number if number < _SIGNED else number - _UNSIGNED
    return Message(recorded.method, recorded.payload, msg_id)
