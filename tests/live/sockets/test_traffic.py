"""What sockets are sent is counted, and how late it is."""

from __future__ import annotations

import asyncio

from live.protocol.cursor import Cursor
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.sockets.wire.asgi import Parcel
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay

ANNA = Account(1, "anna", "")


@virtual_time
async def test_frames_and_bytes_are_counted_as_a_socket_takes_them() -> None:
    async with open_relay() as (world, relay):
        phone = FakePhone(relay, ANNA)
        await phone.until("connected")
        before = dict(relay.traffic.frames), relay.traffic.bytes
        assert before[0]["connected"] == 1
        phone.takes.clear()
        world.newest.say(messages.chat("a", "one"), messages.like("b"))
        await settle()
        assert (dict(relay.traffic.frames), relay.traffic.bytes) == before
        phone.takes.set()
        await phone.until("like")
        await settle()
        assert relay.traffic.frames["comment"] == relay.traffic.frames["like"] == 1
        assert relay.traffic.bytes - before[1] > len(Parcel([""]).framed) + 100
        await phone.session.end(1000)
        assert relay.traffic.closed == {None: 1}


@virtual_time
async def test_the_time_from_the_push_to_the_socket_is_measured_once_a_push() -> None:
    async with open_relay() as (world, relay):
        latency = relay.traffic.send_latency
        fast, slow = FakePhone(relay, ANNA), FakePhone(relay, ANNA)
        await slow.until("connected")
        assert latency.count == 0  # what was sent is of no push
        slow.takes.clear()
        world.newest.say(messages.chat("a", "one"), messages.like("b"))
        await fast.until("like")
        await settle()
        assert latency.count == 1
        assert latency.sum < 0.001
        await asyncio.sleep(3)
        slow.takes.set()
        await slow.until("like")
        await settle()
        assert latency.count == 2
        assert 2.9 < latency.sum < 3.1
        for phone in (fast, slow):
            await phone.session.end(1000)


@virtual_time
async def test_what_is_sent_again_or_gathered_is_not_measured() -> None:
    async with open_relay() as (world, relay):
        phone = FakePhone(relay, ANNA)
        connected = await phone.until("connected")
        world.newest.say(messages.chat("a", "one"))
        await phone.until("comment")
        await settle()
        assert relay.traffic.send_latency.count == 1
        await phone.session.end(1000)
        since = Cursor.parse(connected["data"]["cursor"])
        resuming = FakePhone(relay, ANNA, SocketOptions(since=since))
        await resuming.until("comment")
        await resuming.session.end(1000)
        gathering = FakePhone(relay, ANNA, SocketOptions(batch=500))
        await gathering.until("connected")
        world.newest.say(messages.chat("a", "two"), messages.chat("a", "three"))
        await gathering.until("batch")
        await settle()
        assert relay.traffic.send_latency.count == 1
        await gathering.session.end(1000)
