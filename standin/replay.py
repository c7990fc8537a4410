"""Plays a recording in a room of the stand-in, to all clients that are connected to it."""

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
    """Push a recording's messages. Messages of the same time are pushed in one frame.

    Args:
        speed: how many times faster than recorded; 0 for as fast as the clients can read, which
            also waits while no client is connected.
        fresh_ids: whether to give each message a new id and leave out the end of the LIVE, so that
            the recording can be played again.

    Returns:
        Whether the end of the LIVE was in the recording, and was played.

    Raises:
        RecordingError: the rest of the recording can't be read.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    ended = False
    for at, moment in itertools.groupby(recording, attrgetter("at")):
        if speed:
            await asyncio.sleep(max(0.0, began + at / _MS / speed - loop.time()))
        else:
            await room.wait_for_socket(within=None)
            await asyncio.sleep(0)  # lets other tasks run, also if the client reads very fast
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
