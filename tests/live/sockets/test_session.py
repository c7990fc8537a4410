"""What happens on one socket between its handshake and its close. Over real servers, see
tests/end_to_end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from live.overlays.kinds import KINDS
from live.protocol.errors import CloseCode, ErrorCode, RelayError
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.relay import Relay
from live.streams.sharing import Feeds
from live.streams.stream import LiveStream
from standin import messages
from tests.support.clock import settle, virtual_time
from tests.support.sessions import FakePhone, open_relay

ALICE = Account(1, "alice", "")
BOB = Account(1, "bob", "")


class _User:
    pk = 1
    is_active = True

    def __init__(self, tiktok_username: str, key: str = "", proxy: str = "") -> None:
        self.tiktok_username = tiktok_username
        self._key = key
        self._proxy = proxy

    def sign_api_key(self) -> str:
        return self._key

    def proxy(self) -> str:
        return self._proxy


class Token:
    """What a session sees of an `AccessToken` that is looked up anew."""

    def __init__(self, tiktok_username: str, key: str = "", proxy: str = "") -> None:
        self.user = _User(tiktok_username, key, proxy)

    def is_usable(self) -> bool:
        return True


class Unreachable:
    """A `Sharing` that never has a log."""

    async def take_part(self, stream: LiveStream, feeds: Feeds) -> None:
        await asyncio.Event().wait()

    async def hand_over(self) -> None:
        pass

    async def close(self) -> None:
        pass


def recheck(phone: FakePhone, tiktok_username: str, key: str = "", proxy: str = "") -> None:
    token: Any = Token(tiktok_username, key, proxy)
    phone.session.recheck(token)


def log_of(relay: Relay) -> list[Any]:
    log: Any = relay.connection_log
    written: list[Any] = log.written
    return written


class TestFollowing:
    @virtual_time
    async def test_it_greets_then_sends_what_the_stream_has(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            assert (await phone.until("connected"))["data"]["username"] == "alice"
            world.newest.say(messages.chat("viewer", "hello"))
            assert (await phone.until("comment"))["data"]["text"] == "hello"
            assert list(relay.sockets) == [phone.session]
            await phone.session.end(1000)

    @virtual_time
    async def test_an_overlay_s_greeting_has_what_its_kind_shows(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            giving = messages.gift("dave", repeat_count=2, repeat_end=False, group_id=5)
            world.newest.say(
                messages.chat("maria", "hello"),
                messages.gift("erin", combo=False),
                messages.like("bob", 15, total=250),
                messages.viewers(40),
                giving,
            )
            await settle()

            async def greeted(kind: str) -> dict[str, Any]:
                options = SocketOptions(types=KINDS[kind].types, is_overlay=True)
                greeting = await FakePhone(relay, ALICE, options).until("connected")
                snapshot: dict[str, Any] = greeting["data"]["snapshot"]
                return {name: len(v) if isinstance(v, list) else v for name, v in snapshot.items()}

            nothing = {"viewers": None, "likes": None, "gifts": 0, "top": 0, "comments": 0}
            nothing["diamonds"] = None
            assert await greeted("chat") == {**nothing, "comments": 1}
            assert await greeted("top") == {**nothing, "gifts": 1, "top": 1, "diamonds": 1}
            of_gifts = {"gifts": 1, "top": 1, "diamonds": 1}
            assert await greeted("goal") == {**nothing, **of_gifts, "likes": 250}
            # An app may have named types, too: it is greeted with everything.
            app = FakePhone(relay, ALICE, SocketOptions(types=KINDS["chat"].types))
            assert len((await app.until("connected"))["data"]["snapshot"]["top"]) == 1

    @pytest.mark.parametrize(
        ("began", "is_late"), [(None, False), (119, False), (121, True), (-5, False)]
    )
    @virtual_time
    async def test_it_says_since_when_the_relay_hears_a_live_that_had_begun_before(
        self, began: int | None, *, is_late: bool
    ) -> None:
        async with open_relay() as (world, relay):
            opens_at = relay.clock.unix_ms() + round(1000 * world.connect_time)
            if began is not None:
                world.started_at = opens_at - 1000 * began
            await FakePhone(relay, ALICE).until("connected")
            await asyncio.sleep(20)
            late = (await FakePhone(relay, ALICE).until("connected"))["data"]
            assert late.get("heard_since") == (opens_at if is_late else None)

    @virtual_time
    async def test_it_closes_normally_with_the_live(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            world.newest.say(messages.end())
            await asyncio.sleep(1)
            assert phone.types()[-1] == "live_end"
            assert phone.closed_with is CloseCode.NORMAL
            assert not len(relay.sockets)

    @virtual_time
    async def test_an_error_of_the_stream_is_explained(self) -> None:
        async with open_relay() as (world, relay):
            world.answers.append(RelayError(ErrorCode.USER_OFFLINE, username="alice"))
            phone = FakePhone(relay, ALICE)
            assert (await phone.until("error"))["data"]["code"] == "user_offline"
            await settle()
            assert phone.closed_with == 1011

    @virtual_time
    async def test_a_log_that_can_t_be_had_in_time_is_explained(self) -> None:
        async with open_relay(sharing=Unreachable()) as (_world, relay):
            phone = FakePhone(relay, ALICE)
            assert (await phone.until("error"))["data"]["code"] == "internal_error"


class TestAnInterrupt:
    @virtual_time
    async def test_it_is_explained_and_closes(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.session.interrupt(RelayError(ErrorCode.DISCONNECTED))
            phone.session.interrupt(RelayError(ErrorCode.TOO_SLOW))
            assert (await phone.until("error"))["data"]["code"] == "disconnected"
            await settle()
            assert phone.types().count("error") == 1
            assert phone.connection.error_code is ErrorCode.DISCONNECTED
            assert not len(relay.sockets)

    @virtual_time
    async def test_a_client_that_does_not_take_the_explanation_is_dropped(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            phone.session.interrupt(RelayError(ErrorCode.DISCONNECTED))
            await asyncio.sleep(2.1)
            assert phone.aborted
            assert not len(relay.sockets)

    @virtual_time
    async def test_a_refusal_is_explained(self) -> None:
        async with open_relay() as (world, relay):
            refused = RelayError(ErrorCode.INVALID_TOKEN)
            phone = FakePhone(relay, ALICE, refused=refused)
            assert (await phone.until("error"))["data"]["code"] == "invalid_token"
            assert not world.upstreams

    @virtual_time
    async def test_a_failure_of_the_relay_itself_is_explained(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with open_relay() as (_world, relay):
            broken: Any = ZeroDivisionError()
            phone = FakePhone(relay, ALICE, refused=broken)
            assert (await phone.until("error"))["data"]["code"] == "internal_error"
        assert "a socket failed" in caplog.text
        (line,) = [made for made in caplog.records if made.message == "a socket failed"]
        assert line.__dict__["stream"] == "alice"
        assert line.__dict__["socket"] > 0


class TestAMove:
    @virtual_time
    async def test_it_follows_the_other_live(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            recheck(phone, "bob")
            assert (await phone.until("connected"))["data"]["username"] == "bob"
            assert phone.connection.tiktok_username == "bob"
            assert log_of(relay) == [("moved", phone.connection)]
            assert phone.session.stream is relay.streams.get("bob")
            await phone.session.end()

    @virtual_time
    async def test_the_last_of_several_counts(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            for username in ("bob", "carol", "dave"):
                recheck(phone, username)
            assert (await phone.until("connected"))["data"]["username"] == "dave"
            assert relay.streams.get("bob") is None
            await phone.session.end()

    @virtual_time
    async def test_an_interrupt_after_it_counts_for_more(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            recheck(phone, "bob")
            phone.session.recheck(None)
            assert (await phone.until("error"))["data"]["code"] == "token_revoked"
            assert relay.streams.get("bob") is None

    @virtual_time
    async def test_it_reaches_a_client_that_is_slow(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            world.newest.say(messages.chat("viewer", "not taken"))
            await settle()
            recheck(phone, "bob")
            await settle()
            phone.takes.set()
            assert (await phone.until("connected"))["data"]["username"] == "bob"
            await phone.session.end()

    @virtual_time
    @pytest.mark.parametrize(
        "own", [("own-key", ""), ("", "socks5://10.0.0.1:1080"), ("own-key", "http://10.0.0.1:1")]
    )
    async def test_another_key_or_proxy_of_the_account_moves_nothing(
        self, own: tuple[str, str]
    ) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            stream = phone.session.stream
            assert stream is not None
            recheck(phone, "alice", *own)
            await settle()
            assert phone.types().count("connected") == 1
            assert list(stream.access) == [relay.streams.access(*own)]
            await phone.session.end()
            assert not stream.listeners


class TestTheEnd:
    @virtual_time
    async def test_nobody_is_told_and_the_client_s_code_is_kept(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            await phone.session.end(4321)
            assert "error" not in phone.types()
            assert phone.closed_with is None
            assert phone.connection.close_code == 4321
            assert log_of(relay) == [("closed", phone.connection)]
            assert not len(relay.sockets)

    @virtual_time
    async def test_a_client_that_went_without_a_word_counts_as_cut(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            await phone.session.end()
            assert phone.connection.close_code is CloseCode.ABNORMAL

    @virtual_time
    async def test_it_stops_an_explanation_that_is_not_taken(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            phone.session.interrupt(RelayError(ErrorCode.DISCONNECTED))
            await settle()
            began = asyncio.get_running_loop().time()
            await phone.session.end(1001)
            assert asyncio.get_running_loop().time() - began < 1
            assert phone.connection.close_code == 1001
            assert phone.connection.error_code is ErrorCode.DISCONNECTED


class TestAStalledClient:
    @virtual_time
    async def test_it_is_told_too_slow_and_dropped(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            world.newest.say(messages.chat("viewer", "not taken"))
            await asyncio.sleep(10)
            assert 8 < phone.session.stalled_for < 11
            await asyncio.sleep(relay.limits.send_timeout)
            assert phone.aborted
            assert phone.connection.error_code is ErrorCode.TOO_SLOW

    @virtual_time
    async def test_its_lag_is_seen(self) -> None:
        async with open_relay() as (world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            for _ in range(3):
                world.newest.say(messages.chat("viewer", "not taken"))
                await settle()
            assert phone.session.lag == 2
            phone.takes.set()
            await settle()
            assert phone.session.lag == 0
            await phone.session.end()


class TestTheQuota:
    @virtual_time
    async def test_one_socket_too_many_is_refused(self) -> None:
        async with open_relay() as (_world, relay):
            phones = [FakePhone(relay, ALICE) for _ in range(10)]
            await phones[-1].until("connected")
            refused = FakePhone(relay, ALICE, SocketOptions())
            assert (await refused.until("error"))["data"]["code"] == "too_many_connections"
            await phones[0].session.end()
            welcome = FakePhone(relay, ALICE)
            await welcome.until("connected")
            for phone in (*phones, welcome):
                await phone.session.end()


class TestTheRelaysEnd:
    @virtual_time
    async def test_each_client_is_told_when_to_come_back(self) -> None:
        async with open_relay() as (_world, relay):
            phones = [FakePhone(relay, ALICE), FakePhone(relay, BOB)]
            await asyncio.sleep(1)
            await relay.close()
            for phone in phones:
                error = phone.frames[-1]["data"]
                assert error["code"] == "server_shutdown"
                assert 1 <= error["retry_after"] <= 10
                assert phone.closed_with == 1012

    @virtual_time
    async def test_it_does_not_wait_for_ever_for_a_client_that_takes_nothing(self) -> None:
        async with open_relay() as (_world, relay):
            phone = FakePhone(relay, ALICE)
            await phone.until("connected")
            phone.takes.clear()
            began = asyncio.get_running_loop().time()
            await relay.close()
            assert asyncio.get_running_loop().time() - began < 4
            assert phone.aborted
