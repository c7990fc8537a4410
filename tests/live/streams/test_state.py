"""The states of a stream: the table of transitions, and that streams keep to it."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.protocol.errors import ErrorCode
from live.protocol.frames import State, Status
from live.streams.state import RULES, StateMachine, StreamState, TransitionError
from standin import messages
from tests.support.clock import virtual_time
from tests.support.upstreams import World, failure

ALLOWED = [(state, following) for state, rule in RULES.items() for following in sorted(rule.next)]
FORBIDDEN = [pair for pair in itertools.product(StreamState, repeat=2) if pair not in ALLOWED]


def way_to(state: StreamState) -> list[StreamState]:
    """The shortest one through the table, from the first state on."""
    ways = [[StreamState.NEW]]
    for way in ways:
        if way[-1] is state:
            return way[1:]
        ways += [[*way, following] for following in RULES[way[-1]].next if following not in way]
    raise AssertionError(f"no way leads to {state}")


def machine_in(state: StreamState) -> tuple[StateMachine, list[Status]]:
    """A machine in that state, and what it tells from then on."""
    told: list[Status] = []
    machine = StateMachine("anna", told.append)
    for step in way_to(state):
        machine.enter(step)
    told.clear()
    return machine, told


class TestTheTable:
    def test_every_state_has_a_rule_and_can_be_reached(self) -> None:
        assert set(RULES) == set(StreamState)
        assert [way_to(state) for state in StreamState]

    def test_every_state_that_clients_know_is_told_by_one_state_of_that_name(self) -> None:
        told = [(str(state), str(rule.told_as)) for state, rule in RULES.items() if rule.told_as]
        assert sorted(told) == sorted((str(state), str(state)) for state in State)

    def test_nothing_follows_the_last_states(self) -> None:
        last = {state for state in StreamState if state.is_last}
        assert last == {StreamState.ENDED, StreamState.FAILED}

    @pytest.mark.parametrize(("state", "following"), ALLOWED)
    def test_a_machine_takes_each_transition_of_the_table(
        self, state: StreamState, following: StreamState
    ) -> None:
        machine, told = machine_in(state)
        machine.enter(following)
        told_as = RULES[following].told_as
        assert machine.state is following
        assert told == ([] if told_as is None else [Status(told_as)])

    @pytest.mark.parametrize(("state", "following"), FORBIDDEN)
    def test_a_strict_machine_raises_at_any_other(
        self, state: StreamState, following: StreamState
    ) -> None:
        machine, told = machine_in(state)
        with pytest.raises(TransitionError, match=f"{following} may not follow {state}"):
            machine.enter(following)
        assert machine.state is state
        assert not told

    @pytest.mark.parametrize(("state", "following"), FORBIDDEN)
    def test_a_server_logs_any_other_and_leaves_no_stream_that_is_over(
        self,
        state: StreamState,
        following: StreamState,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(StateMachine, "strict", False)
        machine, _ = machine_in(state)
        with caplog.at_level(logging.ERROR):
            machine.enter(following)
        assert f"@anna: {following} may not follow {state}" in caplog.text
        assert machine.state is (state if state.is_last else following)

    def test_a_status_has_the_attempt_that_is_next(self) -> None:
        machine, told = machine_in(StreamState.LIVE)
        machine.enter(StreamState.RECONNECTING, attempt=2, retry_in=1.5)
        assert told == [machine.status] == [Status(State.RECONNECTING, attempt=2, retry_in=1.5)]


CODES = [
    ErrorCode.USER_OFFLINE,
    ErrorCode.CONNECTION_LOST,
    ErrorCode.TIKTOK_BLOCKED,
    ErrorCode.AGE_RESTRICTED,
]
STEPS = st.one_of(
    st.tuples(st.just("pause"), st.sampled_from([0.1, 1.0, 30.0, 61.0])),
    st.tuples(st.sampled_from(["say", "beat", "garble", "end", "reconnect"]), st.none()),
    st.tuples(st.just("cut"), st.sampled_from(CODES)),
    st.tuples(st.sampled_from(["join", "leave"]), st.booleans()),
)


class TestStreams:
    @settings(max_examples=60, deadline=None)
    @given(
        answers=st.lists(st.one_of(st.none(), st.sampled_from(CODES)), max_size=6),
        wait=st.booleans(),
        steps=st.lists(STEPS, max_size=25),
    )
    def test_no_sequence_of_reports_leads_to_a_transition_outside_the_table(
        self,
        answers: list[ErrorCode | None],
        wait: bool,
        steps: list[tuple[str, object]],
    ) -> None:
        @virtual_time
        async def follow() -> None:
            script = [None if code is None else failure(code) for code in answers]
            async with World(*script, reconnect_for=3).running() as world:
                socket = world.socket(wait=wait)
                stream = socket.stream
                others = []
                for number, (what, value) in enumerate(steps):
                    upstream = world.upstreams[-1] if world.upstreams else None
                    # An upstream reports after it is open, and until it is closed.
                    reports = upstream is not None and upstream.is_open
                    if what == "pause":
                        assert isinstance(value, float)
                        await asyncio.sleep(value)
                    elif what == "reconnect":
                        stream.reconnect()
                    elif what == "join":
                        others.append(world.socket(wait=bool(value)))
                    elif what == "leave" and others:
                        others.pop().leave()
                    elif upstream is None or not reports:
                        continue
                    elif what == "say":
                        upstream.say(messages.chat("a", str(number)))
                    elif what == "end":
                        upstream.say(messages.end())
                    elif what == "beat":
                        upstream.beat()
                    elif what == "garble":
                        upstream.garble()
                    elif what == "cut" and not upstream.was_cut:
                        assert isinstance(value, ErrorCode)
                        upstream.cut(failure(value))
                seen = [StreamState.NEW, *map(StreamState, socket.states())]
                if stream.over:
                    seen.append(stream.state)
                assert set(itertools.pairwise(seen)) <= set(ALLOWED)
            # A transition that raised would be a fault of the stream's own.
            assert socket.error is not ErrorCode.INTERNAL_ERROR

        follow()
