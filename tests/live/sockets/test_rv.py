from __future__ import annotations
import asyncio, pytest
from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode
from live.protocol.options import SocketOptions
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay
from tests.support.streams import INTERVAL, LONG
from tests.support.upstreams import failure
from tests.live.sockets.test_borders import *
from tests.live.sockets.test_borders import story, seen
for n in [n for n in globals() if n.startswith("Test")]: del globals()[n]

@virtual_time
async def test_1_forbidden_after_429():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        victim = FakePhone(relay, ALICE); await victim.until("connected")
        stranger = FakePhone(relay, STRANGER); await stranger.until("connected")
        world.refused_keys["the-stranger-s-key"] = 403
        world.sign_answers.append((429, {"ratelimit-reset": "20"}))
        world.newest.cut()
        await asyncio.sleep(60)
        print(story(victim), story(stranger))
        assert victim.closed_with is None

@virtual_time
async def test_2_strangers_retry_after():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        victim = FakePhone(relay, ALICE); await victim.until("connected")
        stranger = FakePhone(relay, STRANGER); await stranger.until("connected")
        world.sign_answers.append((429, {"ratelimit-reset": "20"}))
        world.refused_keys["the-stranger-s-key"] = 429   # 600 s
        world.newest.cut()
        await asyncio.sleep(60)
        print(story(victim), story(stranger))
        assert victim.closed_with is None

@virtual_time
async def test_3_sign_unavailable_tries_other():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.answers.append(failure(ErrorCode.SIGN_UNAVAILABLE))
        stranger = FakePhone(relay, STRANGER)
        await settle()
        victim = FakePhone(relay, ALICE)
        await asyncio.sleep(5)
        print(story(victim), story(stranger), [u._gate.api_key for u in world.upstreams])
        assert story(victim) == ["connected 1"]

@virtual_time
async def test_3b_reserved_tries_other():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.answers.append(failure(ErrorCode.RATE_LIMITED, retry_after=30))
        stranger = FakePhone(relay, STRANGER)
        await settle()
        victim = FakePhone(relay, ALICE)
        await asyncio.sleep(5)
        print(story(victim), story(stranger), [u._gate.api_key for u in world.upstreams])
        assert story(victim) == ["connected 1"]

@virtual_time
async def test_4_stale_room():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        keeper = FakePhone(relay, ALICE, WAITING); await keeper.until("connected")
        world.answers += [OFFLINE, failure(ErrorCode.TIKTOK_TIMEOUT)]
        world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
        world.newest.cut(OFFLINE)
        await asyncio.sleep(2.6*INTERVAL)
        print('ST', keeper.session.stream.state, world.newest.room_id)
        late = FakePhone(relay, ALICE, WAITING)
        await settle()
        print(story(late))
        assert story(late) == []
        assert world.newest.room_id is None

@virtual_time
async def test_5_refusal_hides_the_end():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.refused_keys[""] = 403
        victim = FakePhone(relay, ALICE); m = FakePhone(relay, MODERATOR)
        await victim.until("connected")
        world.newest.cut(OFFLINE)
        await asyncio.sleep(5)
        print("R5", story(victim), story(m))
        assert story(victim)[-1] == "user_offline"

@virtual_time
async def test_6_stale_offline():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        keeper = FakePhone(relay, ALICE, WAITING); phone = FakePhone(relay, ALICE)
        await phone.until("connected"); await settle()
        await phone.session.end(1006)
        world.newest.cut(OFFLINE)
        await asyncio.sleep(30)
        world.room_id = NEXT   # live again since; the relay asks now
        back = FakePhone(relay, ALICE, SocketOptions(since=seen(phone).since))
        await asyncio.sleep(5)
        print(story(back), story(keeper))
        assert "user_offline" not in story(back)

@virtual_time
async def test_7_unknown_since_new_stream():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        back = FakePhone(relay, ALICE, SocketOptions(since=Cursor.parse("abcdefgh-10")))
        await back.until("connected"); await settle()
        print([ (f["type"], f["data"].get("state")) for f in back.frames])
        late = FakePhone(relay, ALICE, SocketOptions(since=Cursor.parse("abcdefgh-10")))
        await settle()
        print([ (f["type"], f["data"].get("snapshot")) for f in late.frames])

@virtual_time
async def test_8_stranger_flaps_the_budget():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        victim = FakePhone(relay, ALICE); await victim.until("connected")
        world.refused_keys["the-stranger-s-key"] = 403
        world.gates.of("").on_answer(429, {"ratelimit-reset": "280"})
        world.newest.cut()
        n = 0
        for i in range(60):
            await asyncio.sleep(4)
            acc = Account(2, "alice", f"key{i}")
            world.refused_keys[f"key{i}"] = 403
            FakePhone(relay, acc)
        await asyncio.sleep(100)
        print("R8", story(victim), len(world.upstreams), victim.session.stream and victim.session.stream.state)
        world.newest.say(messages.chat("v", "hi"))
        world.answers += [failure(ErrorCode.TIKTOK_TIMEOUT)]*2
        world.newest.cut()
        await asyncio.sleep(100)
        print("R8b", story(victim), victim.closed_with)
        assert victim.closed_with is None

@virtual_time
async def test_9_stop_with_slow_phone():
    import time
    world_ = None
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.close_time = 1.8
        ph = [FakePhone(relay, ALICE) for _ in range(3)]
        await ph[0].until("connected")
        ph[1].takes.clear()
        t = asyncio.get_running_loop().time()
        await relay.close()
        print("R9", asyncio.get_running_loop().time() - t, [u.close_was_completed for u in world.upstreams], world.streams.is_empty, [x.get_name() for x in asyncio.all_tasks()])

@virtual_time
async def test_10_wait_sign_gate_closed_ends_waiting():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.then = OFFLINE
        ph = FakePhone(relay, ALICE, WAITING)
        await asyncio.sleep(10)
        world.gates.of("").on_answer(429, {"ratelimit-reset": "3600"})
        await asyncio.sleep(200)
        print("R10", story(ph))
        assert ph.closed_with is None

@virtual_time
async def test_11_rejoin_refused_last_gate():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        m = FakePhone(relay, MODERATOR); await m.until("connected"); await settle()
        await m.session.end(1006)
        world.refused_keys[MODERATOR.sign_api_key] = 429
        world.newest.cut()
        await asyncio.sleep(3)
        a = FakePhone(relay, ALICE)
        await asyncio.sleep(20)
        print("R11", story(a))
        b = FakePhone(relay, MODERATOR)
        await asyncio.sleep(1)
        print("R11", story(a), story(b))

@virtual_time
async def test_12_not_waiting_joins_between_polls():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        k = FakePhone(relay, ALICE, WAITING); await k.until("connected"); await settle()
        world.then = OFFLINE; world.newest.cut(OFFLINE)
        await asyncio.sleep(1)
        # since in between: the border n+1 passed, `waiting` n+2 not yet
        c = seen(k).since
        for off in range(0, c.offset+1):
            p = FakePhone(relay, ALICE, SocketOptions(since=Cursor(c.epoch, off)))
            await asyncio.sleep(3)
            print("R12", off, c.offset, story(p), p.types()[-2:], p.closed_with)

@virtual_time
async def test_13_kept_feeds_of_never_live():
    async with open_relay(idle_timeout=LONG) as (world, relay):
        world.then = OFFLINE
        for i in range(50):
            FakePhone(relay, Account(1, f"n{i}", ""))
        await asyncio.sleep(10)
        print("R13", len(world.streams._kept))
