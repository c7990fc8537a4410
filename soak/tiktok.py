"""The stand-in for TikTok as a helper process that sends numbered comments, and misbehaves."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import deque

from bench.processes import Helper, answer_commands
from bench.standin import STREAMER
from soak.checking import Sent
from standin import Failure, Message, TikTok, encode_push_frame, messages, wire
from standin.frames import PAYLOAD
from standin.messages import COMMON
from standin.room import Room

__all__ = ["NumberedTikTok"]

# Field numbers: of a response its messages; of each its method, its payload and its id; of a
# comment its text.
_MESSAGES, _METHOD, _PAYLOAD, _MSG_ID = 1, 1, 2, 3
_TEXT = 3
# In what all messages have in common: the time.
_CREATE_TIME = 4
# TikTok repeats the last messages to whoever connects. A part of what was sent meanwhile is among
# them.
_HISTORY = 12
_CHAT = "WebcastChatMessage"


class NumberedTikTok(Helper):
    """The parent's side. Attributes: `environment`, what points a relay at it."""

    def __init__(self) -> None:
        super().__init__(["-m", "soak.tiktok"])
        self.environment: dict[str, str] = {}

    def __enter__(self) -> NumberedTikTok:
        super().__enter__()
        self.environment = self.ask("start")
        return self

    def begin(self, rates: list[float], sizes: list[int]) -> None:
        """Begin the LIVEs of streamer0, streamer1, …, each with so many comments a second, of at
        least so many characters each. Returns at once; they go on until `fall_silent`."""
        self.ask("begin", rates=rates, sizes=sizes)

    def fall_silent(self) -> None:
        """Send nothing more. LIVEs go on."""
        self.ask("fall_silent")

    def sent(self) -> list[list[Sent]]:
        """By stream, all comments that were sent, number 1 first."""
        return [[Sent(*each) for each in of_one] for of_one in self.ask("sent", within=120)]


class _Stream:
    """One LIVE after the other of one streamer."""

    def __init__(self, room: Room, size: int) -> None:
        self.room = room
        self.sent: list[Sent] = []
        self._size = size
        self._history: deque[Message] = deque(maxlen=_HISTORY)

    def _comment(self, now: int) -> Message:
        """The next one: its text begins with its number and the time."""
        text = f"{len(self.sent) + 1} {now} ".ljust(self._size, "x").encode()
        fresh = _TEMPLATE.renumbered()
        shared = next(each.value for each in wire.fields(fresh.payload) if each.number == COMMON)
        assert isinstance(shared, bytes)
        shared = wire.replace(shared, _CREATE_TIME, wire.varint_field(_CREATE_TIME, now))
        payload = wire.replace(fresh.payload, COMMON, wire.bytes_field(COMMON, shared))
        payload = wire.replace(payload, _TEXT, wire.bytes_field(_TEXT, text))
        return Message(fresh.method, payload, fresh.msg_id)

    async def push(self) -> None:
        now = int(time.time() * 1000)
        message = self._comment(now)
        heard = any(socket.has_entered for socket in self.room.sockets)
        self.sent.append(Sent(now, heard, str(self.room.room_id)))
        self._history.append(message)
        self.room.history = list(self._history)
        await self.room.push_encoded(_frame_of(message))

    def go_live(self) -> None:
        if not self.room.is_live:
            self._history.clear()
            self.room.go_live()


_TEMPLATE = messages.chat("viewer", "a text")
_ANY = encode_push_frame([_TEMPLATE], compress=False)


def _frame_of(message: Message) -> bytes:
    """A push frame, made without the schema's classes, which take far longer."""
    envelope = (
        wire.bytes_field(_METHOD, message.method.encode())
        + wire.bytes_field(_PAYLOAD, message.payload)
        + wire.varint_field(_MSG_ID, message.msg_id)
    )
    response = wire.bytes_field(_MESSAGES, envelope)
    return wire.replace(_ANY, PAYLOAD, wire.bytes_field(PAYLOAD, response))


class _Commands:
    def __init__(self) -> None:
        self._tiktok = TikTok()
        self._streams: list[_Stream] = []
        self._rng = random.Random(1)
        self._pushing: asyncio.Task[None] | None = None

    async def start(self) -> dict[str, str]:
        await self._tiktok.start()
        return self._tiktok.environment()

    async def begin(self, rates: list[float], sizes: list[int]) -> None:
        for number, size in enumerate(sizes):
            self._streams.append(_Stream(self._tiktok.go_live(f"{STREAMER}{number}"), size))
        self._pushing = asyncio.create_task(self._push(rates))

    async def fall_silent(self) -> None:
        assert self._pushing is not None
        if self._pushing.done():
            self._pushing.result()
        self._pushing.cancel()

    async def sent(self) -> list[list[Sent]]:
        return [stream.sent for stream in self._streams]

    async def cut(self, stream: int) -> None:
        await self._streams[stream].room.cut()

    async def cut_all(self) -> None:
        await asyncio.gather(*(stream.room.cut() for stream in self._streams))

    async def end(self, stream: int) -> None:
        room = self._streams[stream].room
        if room.is_live:
            await room.end()

    async def go_live(self, stream: int) -> None:
        self._streams[stream].go_live()

    async def broken(self, stream: int) -> None:
        """What can't be decoded: a frame, its zipped content, or a message."""
        room = self._streams[stream].room
        kind = self._rng.randrange(3)
        if kind == 0:
            await room.push_raw(self._rng.randbytes(50))
        elif kind == 1:
            await room.push_raw(encode_push_frame([_TEMPLATE])[:-20])
        else:
            await room.push_raw(_frame_of(Message(_CHAT, b"\x0a\xff" + bytes(9), 7)))

    async def sign_limit(self, reset_in: float) -> None:
        self._tiktok.fail(Failure.SIGN_429, reset_in=reset_in)

    async def no_sign_limit(self) -> None:
        self._tiktok.clear(Failure.SIGN_429)

    async def counts(self) -> dict[str, int]:
        rooms = [stream.room for stream in self._streams]
        return {"connected": sum(bool(room.sockets) for room in rooms)}

    async def _push(self, rates: list[float]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        due = [(began + self._rng.random() / rate, number) for number, rate in enumerate(rates)]
        heapq.heapify(due)
        while True:
            at, number = due[0]
            if (wait := at - loop.time()) > 0:
                await asyncio.sleep(wait)
            if self._streams[number].room.is_live:
                await self._streams[number].push()
            # A machine that is too busy for the rate gets fewer, and not all at once afterwards.
            heapq.heapreplace(due, (max(at, loop.time() - 1) + 1 / rates[number], number))


def main() -> None:
    commands = _Commands()
    names = (
        *("start", "begin", "fall_silent", "sent", "counts", "cut", "cut_all", "end", "go_live"),
        *("broken", "sign_limit", "no_sign_limit"),
    )
    answer_commands({name: getattr(commands, name) for name in names})


if __name__ == "__main__":
    main()
