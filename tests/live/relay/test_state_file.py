"""What a relay leaves to the next process, and what it makes of what it finds."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from live.alerts.alert import Alert, Condition
from live.alerts.watch import Alerts
from live.protocol.cursor import Cursor
from live.protocol.frames import FrameType
from live.relay.state_file import StateFile
from live.streams.kept_feeds import KEPT_FOR
from standin import messages
from tests.support.clock import VirtualClock, settle, virtual_time
from tests.support.streams import limited, until_over
from tests.support.upstreams import World

LONGEST = 90.0


def file_of(world: World, path: Path) -> StateFile:
    file = StateFile(path, world.streams, VirtualClock(), LONGEST)
    file.restore()
    return file


def save(file: StateFile) -> None:
    if write := file.save():
        write()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def left_by_a_process(path: Path) -> Cursor:
    """What a process leaves in which a stream has run. Returns the end of the stream's log."""
    async with World().running() as world:
        file = file_of(world, path)
        socket = world.socket()
        await socket.is_live()
        world.newest.say(messages.chat("a", "hello"), messages.gift("a", diamonds=7, combo=False))
        world.streams.stop()
        save(file)
        return socket.stream.log.cursor


@virtual_time
async def test_the_next_stream_goes_on_with_the_log(tmp_path: Path) -> None:
    end = await left_by_a_process(tmp_path / "state")

    async with World().running() as world:
        file_of(world, tmp_path / "state")
        await settle()
        assert not world.upstreams, "nobody has asked for it"

        socket = world.socket(since=Cursor(end.epoch, 1))
        await socket.is_live()

        assert socket.stream.log.epoch == end.epoch
        assert socket.stream.run == 2
        assert socket.comments() == ["hello"]
        assert [gap["side"] for gap in socket.of_type("gap")] == ["upstream"]
    assert not files(tmp_path)


@virtual_time
async def test_what_it_hears_then_is_counted(tmp_path: Path) -> None:
    await left_by_a_process(tmp_path / "state")

    async with World().running() as world:
        file_of(world, tmp_path / "state")
        await world.socket().is_live()
        world.newest.say(messages.chat("bob", "after the restart"))
        assert world.streams.counts.events[FrameType.COMMENT] == 1


@virtual_time
async def test_sums_of_the_live_go_on(tmp_path: Path) -> None:
    await left_by_a_process(tmp_path / "state")
    await asyncio.sleep(30)

    async with World().running() as world:
        heard_from = world.streams._clock.unix_ms()
        file_of(world, tmp_path / "state")
        socket = world.socket()
        await socket.is_live()
        world.newest.say(messages.gift("b", diamonds=5, combo=False))

        assert socket.stream.snapshot().diamonds == 12
        assert socket.stream.current_room is not None
        assert socket.stream.current_room.heard_since is not UNSET
        assert socket.stream.current_room.heard_since < heard_from


@virtual_time
async def test_alerts_that_were_told_go_on(tmp_path: Path) -> None:
    told = Alert(Condition.SIGN_GATE, 1_795_000_000_000, "rate_limited", "host:7")
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        file.alerts = Alerts({Condition.SIGN_GATE: lambda: None}, clock=VirtualClock())
        file.alerts.restore([told])
        save(file)

    async with World().running() as world:
        file = StateFile(tmp_path / "state", world.streams, VirtualClock(), LONGEST)
        file.alerts = Alerts({Condition.SIGN_GATE: lambda: None}, clock=VirtualClock())
        file.restore()
        assert file.alerts.current == [told]


@virtual_time
async def test_what_nobody_asks_for_is_kept_for_ten_minutes_and_in_the_next_file(
    tmp_path: Path,
) -> None:
    end = await left_by_a_process(tmp_path / "state")
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        await asyncio.sleep(80)
        save(file)

    async with World().running() as world:
        file_of(world, tmp_path / "state")
        await asyncio.sleep(KEPT_FOR - 81)
        assert not world.streams.is_empty
        assert world.socket().stream.log.epoch == end.epoch

    async with World().running() as world:
        await left_by_a_process(tmp_path / "state")
        file_of(world, tmp_path / "state")
        await asyncio.sleep(KEPT_FOR + 1)
        assert world.streams.is_empty


@virtual_time
async def test_what_was_never_live_is_not_kept(tmp_path: Path) -> None:
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        world.socket()
        world.streams.stop()
        save(file)

    assert not files(tmp_path)


@virtual_time
async def test_a_process_that_has_served_nobody_writes_nothing(tmp_path: Path) -> None:
    await left_by_a_process(tmp_path / "state")
    before = (tmp_path / "state").read_bytes()

    async with World().running() as world:
        await world.socket().is_live()
        save(StateFile(tmp_path / "state", world.streams, VirtualClock(), LONGEST))

    assert (tmp_path / "state").read_bytes() == before


@virtual_time
async def test_only_the_first_save_counts(tmp_path: Path) -> None:
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        await world.socket().is_live()
        world.streams.stop()
        save(file)
        before = (tmp_path / "state").read_bytes()

        await world.streams.close()
        save(file)

    assert (tmp_path / "state").read_bytes() == before


@virtual_time
async def test_closed_gates_stay_closed_until_their_time(tmp_path: Path) -> None:
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        world.sign_answers += [limited(60), limited(70)]
        await until_over(world.socket("one"), world.socket("two", key="own"))
        world.refused_keys["refused"] = 403
        await until_over(world.socket("three", key="refused"))
        await asyncio.sleep(20)
        save(file)

    assert b"own" not in (tmp_path / "state").read_bytes()
    async with World().running() as world:
        file_of(world, tmp_path / "state")
        gates = world.gates
        assert 39 <= gates.of("").seconds_closed <= 40
        assert 49 <= gates.of("own").seconds_closed <= 50
        refusal = gates.of("refused").refusal
        assert refusal is not None
        assert refusal.code == "sign_forbidden"
        assert gates.of("another").refusal is None
        await asyncio.sleep(60)
        assert not gates.of("").seconds_closed


@virtual_time
async def test_gates_that_nobody_needs_are_in_the_next_file_too(tmp_path: Path) -> None:
    async with World().running() as world:
        file = file_of(world, tmp_path / "state")
        world.sign_answers.append(limited(600))
        await until_over(world.socket("one", key="own"))
        save(file)
    async with World().running() as world:
        save(file_of(world, tmp_path / "state"))
    async with World().running() as world:
        file_of(world, tmp_path / "state")
        assert world.gates.of("own").seconds_closed > 590


class TestForeign:
    @given(data=st.data())
    def test_whatever_stands_there_is_one_line(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        path = tmp_path_factory.mktemp("state") / "state"

        @virtual_time
        async def left() -> None:
            await left_by_a_process(path)

        @virtual_time
        async def read() -> None:
            async with World().running() as world:
                file_of(world, path)
                await world.socket().is_live()

        left()
        tree = msgspec.msgpack.decode(path.read_bytes())
        strange: Any = data.draw(
            st.sampled_from([None, -1, 2**63, "", b"", [], [[]], [["a", b"", 1.0]], float("nan")])
            | st.binary(max_size=20)
        )
        place = data.draw(st.sampled_from([(0,), (1,), (1, 0), (1, 1), (1, 2), (1, 1, 0, 1)]))
        container = tree
        for key in place[:-1]:
            container = container[key]
        container[place[-1]] = strange
        path.write_bytes(msgspec.msgpack.encode(tree))

        read()

        assert not path.exists()

    @virtual_time
    async def test_it_says_so_in_one_line(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "state").write_bytes(b"\xc1")
        with caplog.at_level(logging.WARNING):
            async with World().running() as world:
                file_of(world, tmp_path / "state")

        (line,) = caplog.messages
        assert line.startswith(f"The state file {tmp_path / 'state'} is ignored: ")
        assert "\n" not in line

    @virtual_time
    async def test_one_bad_stream_spoils_them_all(self, tmp_path: Path) -> None:
        end = await left_by_a_process(tmp_path / "state")
        tree = msgspec.msgpack.decode((tmp_path / "state").read_bytes())
        tree[1][1].append(["other", b"\xc0", 1.0])
        (tmp_path / "state").write_bytes(msgspec.msgpack.encode(tree))

        async with World().running() as world:
            file_of(world, tmp_path / "state")
            assert world.socket().stream.log.epoch != end.epoch
