"""What a socket is told where one LIVE ends and the next begins, and whose trouble it is told."""

from __future__ import annotations

import asyncio

import pytest

from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay.access import Account
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay
from tests.support.streams import INTERVAL, KEPT_FOR, LINGER, LONG
from tests.support.upstreams import failure

ALICE = Account(1, "alice", "")
STRANGER = Account(2, "alice", "the-stranger-s-key")
MODERATOR = Account(3, "alice", "the-moderator-s-key")
WAITING = SocketOptions(wait=True)
NEXT = "7000000000000000002"
OFFLINE = failure(ErrorCode.USER_OFFLINE)


def story(phone: FakePhone) -> list[str]:
    """What it was told, in a word each: rooms by their last digit, and no statuses."""
    words = []
    for frame in phone.frames:
        data = frame["data"]
        if frame["type"] == "connected":
            words.append(f"connected {data['room_id'][-1]}{' resumed' * data['resumed']}")
        elif frame["type"] == "gift":
            words.append(f"gift {data['count']} {data['streak']}")
        elif frame["type"] == "comment":
            words.append(data["text"])
        elif frame["type"] == "error":
            words.append(data["code"])
        elif frame["type"] != "status":
            words.append(frame["type"])
    return words


def seen(phone: FakePhone) -> SocketOptions:
    """How a client comes back that got all that the phone got."""
    cursors = [frame["cursor"] for frame in phone.frames if "cursor" in frame]
    return SocketOptions(since=Cursor.parse(cursors[-1]), wait=True)


class TestBetweenTwoLives:
    @virtual_time
    async def test_the_old_one_is_told_to_its_end_before_the_next(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            phone = FakePhone(relay, ALICE, WAITING)
            await phone.until("connected")
            world.newest.say(*messages.streak("v", count=2)[:-1])
            world.answers.append(OFFLINE)
            world.room_id = NEXT
            world.newest.cut(OFFLINE)
            await phone.until("connected")
            world.newest.say(messages.chat("v", "the next one"))
            await settle()

            told = ["connected 1", "gift 1 ongoing", "gift 2 ongoing", "gift 2 ended"]
            assert story(phone) == [*told, "connected 2", "gap", "the next one"]

    @virtual_time
    async def test_who_is_slow_is_told_in_the_same_order(self) -> None:
        async with open_relay(idle_timeout=LONG, wait_interval=5) as (world, relay):
            phone = FakePhone(relay, ALICE, WAITING)
            await phone.until("connected")
            phone.takes.clear()
            world.newest.say(messages.chat("v", "the old one"))
            world.room_id = NEXT
            world.newest.cut(OFFLINE)
            await asyncio.sleep(10)
            world.newest.say(messages.chat("v", "the next one"))
            phone.takes.set()
            await settle()

            assert story(phone) == [
                "connected 1",
                "the old one",
                "connected 2",
                "gap",
                "the next one",
            ]

    @virtual_time
    async def test_who_comes_back_after_it_gets_the_rest_of_the_old_one_first(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            keeper = FakePhone(relay, ALICE, WAITING)
            phone = FakePhone(relay, ALICE, WAITING)
            await keeper.until("connected")
            world.newest.say(messages.chat("v", "seen"))
            await settle()
            await phone.session.end(1006)
            world.newest.say(messages.chat("v", "missed"))
            world.room_id = NEXT
            world.newest.cut(OFFLINE)
            await asyncio.sleep(2 * INTERVAL)
            world.newest.say(messages.chat("v", "the next one"))

            back = FakePhone(relay, ALICE, seen(phone))
            await settle()

            assert story(back) == [
                "connected 1 resumed",
                "missed",
                "connected 2",
                "gap",
                "the next one",
            ]
            assert back.frames[0]["data"]["snapshot"]["comments"] == []

    @virtual_time
    async def test_who_comes_back_with_nothing_left_of_the_old_one_is_in_the_next_at_once(
        self,
    ) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            keeper = FakePhone(relay, ALICE, WAITING)
            phone = FakePhone(relay, ALICE, WAITING)
            await keeper.until("connected")
            world.room_id = NEXT
            world.newest.cut(OFFLINE)
            await asyncio.sleep(2)
            await phone.session.end(1006)
            await asyncio.sleep(2 * INTERVAL)
            world.newest.say(messages.chat("v", "the next one"))

            back = FakePhone(relay, ALICE, seen(phone))
            await settle()

            assert story(back) == ["connected 2 resumed", "gap", "the next one"]

    @virtual_time
    async def test_who_does_not_wait_gets_the_rest_and_is_told_that_it_is_over(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            keeper = FakePhone(relay, ALICE, WAITING)
            phone = FakePhone(relay, ALICE)
            await keeper.until("connected")
            world.newest.say(messages.chat("v", "the last words"))
            world.then = OFFLINE
            world.newest.cut()
            await phone.until("error")

            assert story(phone) == ["connected 1", "the last words", "user_offline"]
            assert story(keeper) == ["connected 1", "the last words"]


class TestAfterTheEnd:
    @virtual_time
    async def test_the_tail_of_a_failed_stream_is_there_for_who_comes_back(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            await settle()
            await phone.session.end(1006)
            for number in range(7):
                world.newest.say(*messages.streak(f"v{number}", count=number + 1))
            world.then = OFFLINE
            world.newest.cut()
            await asyncio.sleep(LINGER / 2)

            back = FakePhone(relay, ALICE, SocketOptions(since=seen(phone).since))
            await back.until("error")

            counted = [word for word in story(back) if word.endswith("ended")]
            assert counted == [f"gift {number + 1} ended" for number in range(7)]
            assert (story(back)[0], story(back)[-1]) == ("connected 1 resumed", "user_offline")

    @pytest.mark.parametrize("away", [2 * LINGER, KEPT_FOR - LINGER])
    @virtual_time
    async def test_nothing_comes_twice_though_tiktok_tells_it_again(self, away: float) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            world.greeting = [messages.gift("v", combo=False)]
            phone = FakePhone(relay, ALICE)
            await phone.until("gift")
            await phone.session.end(1006)
            await asyncio.sleep(away)

            back = FakePhone(relay, ALICE, seen(phone))
            await back.until("connected")
            await settle()

            assert len(world.upstreams) == 2
            assert story(back) == ["connected 1 resumed", "gap"]
            assert back.frames[-2]["data"]["side"] == "upstream"

    @virtual_time
    async def test_a_newcomer_is_told_of_no_gap_from_before(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            await phone.session.end(1000)
            await asyncio.sleep(2 * LINGER)

            newcomer = FakePhone(relay, ALICE)
            await newcomer.until("connected")
            world.newest.say(messages.chat("v", "hello"))
            await settle()

            assert story(newcomer) == ["connected 1", "hello"]

    @virtual_time
    async def test_an_end_before_it_came_is_not_told(self) -> None:
        async with open_relay() as (world, relay):
            world.answers += [None, failure(ErrorCode.AGE_RESTRICTED)]
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            world.newest.cut()
            await phone.until("error")

            back = FakePhone(relay, ALICE, seen(phone))
            await back.until("connected")
            world.newest.say(messages.chat("v", "on it goes"))
            await settle()

            assert "age_restricted" not in story(back)
            assert story(back)[-1] == "on it goes"


class TestStreaksAtACut:
    @virtual_time
    async def test_they_end_in_time_while_the_stream_reconnects(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            world.newest.say(*messages.streak("v", count=2)[:-1])
            world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
            world.newest.cut()
            await asyncio.sleep(30)

            assert story(phone) == [
                "connected 1",
                "gift 1 ongoing",
                "gift 2 ongoing",
                "gift 2 ended",
            ]
            assert phone.session.stream is not None

    @virtual_time
    async def test_they_end_at_once_when_the_streamer_is_offline(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            phone = FakePhone(relay, ALICE, WAITING)
            await phone.until("connected")
            world.newest.say(*messages.streak("v", count=2)[:-1])
            world.then = OFFLINE
            world.newest.cut()
            await asyncio.sleep(2)

            assert story(phone)[-1] == "gift 2 ended"


class TestKeysOfOthers:
    """What the sign server says of one key is told to its owner, and ends nobody else's LIVE."""

    @pytest.mark.parametrize(("status", "code"), [(403, "sign_forbidden"), (429, "rate_limited")])
    @virtual_time
    async def test_a_stranger_s_bad_key_ends_nobody_else_s_live(
        self, status: int, code: str
    ) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            world.refused_keys[STRANGER.sign_api_key] = status
            world.answers.append(OFFLINE)
            stranger = FakePhone(relay, STRANGER, WAITING)
            await asyncio.sleep(10)
            victim = FakePhone(relay, ALICE, WAITING)
            await asyncio.sleep(2 * INTERVAL)
            world.newest.say(messages.chat("v", "hello"))
            await settle()

            assert story(stranger) == [code]
            assert stranger.closed_with is RelayError(ErrorCode(code)).close_code
            assert story(victim) == ["connected 1", "hello"]

    @virtual_time
    async def test_a_key_that_goes_bad_does_not_end_a_live_that_was_cut(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            moderator = FakePhone(relay, MODERATOR)
            await moderator.until("connected")
            victim = FakePhone(relay, ALICE)
            await victim.until("connected")
            world.refused_keys[MODERATOR.sign_api_key] = 403
            world.gates.of("").on_answer(429, {"ratelimit-reset": "20"})
            world.newest.cut()
            await asyncio.sleep(60)
            world.newest.say(messages.chat("v", "hello again"))
            await settle()

            assert story(moderator) == ["connected 1", "sign_forbidden"]
            assert story(victim) == ["connected 1", "gap", "hello again"]

    @virtual_time
    async def test_each_is_told_of_their_own_key_when_none_is_taken(self) -> None:
        async with open_relay() as (world, relay):
            world.refused_keys.update({STRANGER.sign_api_key: 403, "": 429})
            stranger, victim = FakePhone(relay, STRANGER), FakePhone(relay, ALICE)
            await asyncio.sleep(10)

            assert story(stranger) == ["sign_forbidden"]
            assert story(victim) == ["rate_limited"]

    @virtual_time
    async def test_who_comes_with_a_good_key_frees_a_stream_that_waits_for_its_gate(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            first = FakePhone(relay, ALICE)
            await first.until("connected")
            world.gates.of("").on_answer(429, {"ratelimit-reset": "250"})
            world.newest.cut()
            await asyncio.sleep(10)
            assert len(world.upstreams) == 1

            FakePhone(relay, MODERATOR)
            await asyncio.sleep(2)

            assert len(world.upstreams) == 2
            assert first.session.stream is not None
            assert first.session.stream.is_connected

    @pytest.mark.parametrize("status", [403, 429])
    @virtual_time
    async def test_the_key_that_was_tried_last_does_not_decide(self, status: int) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            victim = FakePhone(relay, ALICE)
            await victim.until("connected")
            stranger = FakePhone(relay, STRANGER)
            await stranger.until("connected")
            world.refused_keys[STRANGER.sign_api_key] = status  # 429: for 600 s
            world.sign_answers.append((429, {"ratelimit-reset": "20"}))
            world.newest.cut()
            await asyncio.sleep(60)

            assert story(victim) == ["connected 1", "gap"]

    @pytest.mark.parametrize("code", [ErrorCode.SIGN_UNAVAILABLE, ErrorCode.RATE_LIMITED])
    @virtual_time
    async def test_another_key_is_tried_though_the_gate_of_the_first_is_open(
        self, code: ErrorCode
    ) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            world.answers.append(failure(code, retry_after=30))
            FakePhone(relay, STRANGER)
            await settle()
            victim = FakePhone(relay, ALICE)
            await asyncio.sleep(5)

            assert story(victim) == ["connected 1"]

    @virtual_time
    async def test_bad_keys_of_newcomers_use_up_nothing_of_a_stream_that_waits_for_its_gate(
        self,
    ) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            victim = FakePhone(relay, ALICE)
            await victim.until("connected")
            world.gates.of("").on_answer(429, {"ratelimit-reset": "280"})
            world.newest.cut()
            for number in range(60):
                await asyncio.sleep(4)
                key = f"key {number}"
                world.refused_keys[key] = 403
                FakePhone(relay, Account(2, "alice", key))
            await asyncio.sleep(100)
            world.newest.say(messages.chat("v", "back again"))
            world.answers += [failure(ErrorCode.TIKTOK_TIMEOUT)] * 2
            world.newest.cut()
            await asyncio.sleep(100)

            assert victim.closed_with is None
            assert world.newest.is_open

    @virtual_time
    async def test_a_refused_key_does_not_hide_that_the_streamer_is_offline(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            world.refused_keys[""] = 403
            victim = FakePhone(relay, ALICE)
            FakePhone(relay, MODERATOR)
            await victim.until("connected")
            world.newest.cut(OFFLINE)
            await asyncio.sleep(5)

            assert story(victim)[-1] == "user_offline"

    @virtual_time
    async def test_a_closed_gate_ends_no_waiting(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            world.then = OFFLINE
            phone = FakePhone(relay, ALICE, WAITING)
            await asyncio.sleep(10)
            world.gates.of("").on_answer(429, {"ratelimit-reset": "3600"})
            await asyncio.sleep(10 * INTERVAL)

            assert phone.closed_with is None


class TestWhileNobodyKnows:
    @virtual_time
    async def test_nobody_is_greeted_in_a_live_that_is_over(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            keeper = FakePhone(relay, ALICE, WAITING)
            await keeper.until("connected")
            world.answers += [OFFLINE, failure(ErrorCode.TIKTOK_TIMEOUT)]
            world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
            world.newest.cut(OFFLINE)
            await asyncio.sleep(2.6 * INTERVAL)

            late = FakePhone(relay, ALICE, WAITING)
            await settle()

            assert story(late) == []

    @virtual_time
    async def test_who_comes_back_is_not_told_an_answer_from_before(self) -> None:
        async with open_relay(idle_timeout=LONG) as (world, relay):
            FakePhone(relay, ALICE, WAITING)
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            await settle()
            await phone.session.end(1006)
            world.newest.cut(OFFLINE)
            await asyncio.sleep(30)
            world.room_id = NEXT  # the streamer is live again

            back = FakePhone(relay, ALICE, SocketOptions(since=seen(phone).since))
            await asyncio.sleep(5)

            assert "user_offline" not in story(back)
