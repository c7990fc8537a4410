"""Messages beside the frames of a stream."""

from __future__ import annotations

import asyncio

from live.sockets.asides import Asides
from live.sockets.wire.asgi import Parcel


class Wire:
    """Takes what it is sent, while `takes` is set."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.has_gone = False

    async def send(self, parcel: Parcel) -> None:
        await self.takes.wait()
        if self.has_gone:
            raise ConnectionError
        self.sent += parcel.texts

    def forget_handshake(self, scope: object) -> None:
        pass

    def abort(self) -> None:
        pass


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_they_are_sent_in_their_order() -> None:
    wire = Wire()
    asides = Asides(wire)
    for text in ("one", "two", "three"):
        asides.put(text)
    await settled()
    asides.put("four")
    await settled()
    assert wire.sent == ["one", "two", "three", "four"]
    await asides.close()


async def test_a_client_that_takes_nothing_gets_a_few_of_them() -> None:
    wire = Wire()
    wire.takes.clear()
    asides = Asides(wire)
    for number in range(100):
        asides.put(str(number))
    wire.takes.set()
    await settled()
    assert wire.sent == [str(number) for number in range(16)]
    await asides.close()


async def test_nothing_is_sent_after_the_end() -> None:
    wire = Wire()
    wire.takes.clear()
    asides = Asides(wire)
    asides.put("one")
    await asyncio.sleep(0)
    await asides.close()
    asides.put("two")
    wire.takes.set()
    await settled()
    assert wire.sent == []


async def test_a_client_that_has_gone_ends_it_quietly() -> None:
    wire = Wire()
    wire.has_gone = True
    asides = Asides(wire)
    asides.put("one")
    await settled()
    await asides.close()
    assert wire.sent == []
