"""Any sequence of LIVEs, cuts, failures and sockets: each socket is told where it is, and nothing
twice.

Hypothesis makes up what happens; what has to hold is the same for all of it:

- a comment comes only after the `connected` of its own LIVE, in the order in which it was said;
- a socket is told `connected` once for each LIVE;
- a client that comes back with its last cursor gets no comment twice and misses none;
- a socket that still follows a LIVE that is on has been greeted in it; one that does not wait is
  closed when the streamer is offline.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.relay import Relay
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay
from tests.support.streams import LONG
from tests.support.upstreams import World, failure

ALICE = Account(1, "alice", "")
OFFLINE = failure(ErrorCode.USER_OFFLINE)
TIMED_OUT = failure(ErrorCode.TIKTOK_TIMEOUT)
AGE = failure(ErrorCode.AGE_RESTRICTED)

ACTIONS = st.one_of(
    st.sampled_from(
        ["say", "streak", "cut", "go_offline", "go_live", "end_live", "tiktok_away", "tiktok_final"]
    ).map(lambda name: (name, 0, False)),
    st.tuples(st.just("sleep"), st.sampled_from([0, 1, 3, 31, 61, 100, 200, 700]), st.just(False)),
    st.tuples(st.just("join"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("leave"), st.integers(0, 3), st.just(False)),
    st.tuples(st.just("stall"), st.integers(0, 3), st.just(False)),
    st.tuples(st.just("take"), st.integers(0, 3), st.just(False)),
)


@dataclass
class Client:
    """One phone over all its sockets."""

    phone: FakePhone | None = None
    waits: bool = False
    sockets: list[FakePhone] = field(default_factory=list)
    cursor: str = ""

    @property
    def is_open(self) -> bool:
        return self.phone is not None and self.phone.closed_with is None and not self.phone.aborted


class Scene:
    def __init__(self, world: World, relay: Relay) -> None:
        self.world, self.relay = world, relay
        self.clients = [Client() for _ in range(4)]
        self.is_live = True
        self.lives = 1
        self.said: list[str] = []

    @property
    def upstream(self) -> Any:
        """The one that is open and heard; None if there is none."""
        for upstream in reversed(self.world.upstreams):
            if upstream.was_opened and not upstream.closings and not upstream.was_cut:
                return upstream
        return None

    async def do(self, name: str, number: int, wait: bool) -> None:
        world, up = self.world, self.upstream
        client = self.clients[number % 4]
        if name == "say" and up:
            text = f"{world.room_id[-3:]}:{len(self.said)}"
            self.said.append(text)
            up.say(messages.chat("v", text))
        elif name == "streak" and up:
            up.say(*messages.streak("v", count=2)[:-1])
        elif name == "cut" and up:
            up.cut()
        elif name == "go_offline":
            world.then, self.is_live = OFFLINE, False
            if up:
                up.cut()
        elif name == "end_live" and up:
            world.then, self.is_live = OFFLINE, False
            up.say(messages.end())
        elif name == "go_live":
            if not self.is_live:
                self.lives += 1
                world.room_id = f"7000000000000000{self.lives:03}"
            world.then, self.is_live = None, True
        elif name == "tiktok_away":
            world.answers += [TIMED_OUT] * 3
        elif name == "tiktok_final":
            world.answers.append(AGE)
        elif name == "sleep":
            await asyncio.sleep(number)
        elif name == "join" and not client.is_open:
            since = Cursor.parse(client.cursor) if client.cursor else None
            client.waits = wait
            client.phone = FakePhone(self.relay, ALICE, SocketOptions(wait=wait, since=since))
            client.sockets.append(client.phone)
        elif name == "leave" and client.is_open:
            assert client.phone is not None
            client.phone.takes.set()
            await settle()
            await client.phone.session.end(1006)
            self.note(client)
            client.phone = None
        elif name == "stall" and client.is_open:
            assert client.phone is not None
            client.phone.takes.clear()
        elif name == "take" and client.phone:
            client.phone.takes.set()
        await settle()
        for client in self.clients:
            self.note(client)

    def note(self, client: Client) -> None:
        if client.phone is not None:
            for frame in client.phone.frames:
                if "cursor" in frame:
                    client.cursor = frame["cursor"]

    def check(self) -> None:
        for client in self.clients:
            comments: list[str] = []
            for phone in client.sockets:
                room, greeted = "", []
                for frame in phone.frames:
                    if frame["type"] == "connected":
                        room = frame["data"]["room_id"][-3:]
                        greeted.append(room)
                    elif frame["type"] == "comment":
                        text = frame["data"]["text"]
                        assert text.split(":")[0] == room, (text, room)
                        comments.append(text)
                    elif frame["type"] == "gift":
                        assert room, "a gift before a greeting"
                assert len(greeted) == len(set(greeted)), greeted
                assert greeted == sorted(greeted)
            numbers = [int(text.split(":")[1]) for text in comments]
            assert numbers == sorted(set(numbers)), numbers
            if (
                not any(
                    f["type"] == "gap" and f["data"]["side"] == "client"
                    for p in client.sockets
                    for f in p.frames
                )
                and numbers
            ):
                # Cursors name each place: what lies between is there too.
                assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers

    async def end(self) -> None:
        for client in self.clients:
            if client.phone is not None:
                client.phone.takes.set()
        self.world.answers.clear()
        await asyncio.sleep(5)
        if not self.is_live and self.upstream:
            self.upstream.cut()  # it was connecting when the streamer went
        await asyncio.sleep(700)
        self.check()
        for client in self.clients:
            if not client.is_open:
                continue
            phone = client.phone
            assert phone is not None
            rooms = [f["data"]["room_id"] for f in phone.frames if f["type"] == "connected"]
            if self.is_live:
                assert rooms[-1:] == [self.world.room_id], phone.types()[-3:]
            else:
                assert client.waits, phone.types()


@settings(
    deadline=None, derandomize=True, max_examples=15, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.lists(ACTIONS, min_size=3, max_size=30))
def test_any_lives(actions: list[tuple[str, int, bool]]) -> None:
    @virtual_time
    async def play() -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            scene = Scene(world, relay)
            await scene.do("join", 0, True)
            for action in actions:
                await scene.do(*action)
            await scene.end()
            for client in scene.clients:
                if client.phone is not None:
                    client.phone.takes.set()

    try:
        play()
    except BaseException as e:
        e.add_note(repr(actions))
        raise
