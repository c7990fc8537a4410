"""Control messages: from a change to the sockets that it concerns. Over real sockets, see
tests/end_to_end/test_control.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, transaction

from accounts import announcements
from accounts.models import AccessToken, User
from live.relay import control
from tests.support.sockets import ControlledRelay, FakeSocket

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[ControlledRelay]:
    relay = ControlledRelay()
    listening = relay.control()
    listening.start()
    await joined()
    yield relay
    await listening.close()
    await relay.tokens.close()
    assert get_channel_layer().groups == {}


async def joined() -> None:
    """Return once control messages are received."""
    async with asyncio.timeout(WITHIN):
        while len(get_channel_layer().groups) < 2:
            await asyncio.sleep(0)


@pytest.fixture
def token() -> AccessToken:
    user = User.objects.create(username="anna", tiktok_username="anna.live")
    return AccessToken.objects.issue(user)[0]


def open_socket(relay: ControlledRelay, token: AccessToken | None) -> FakeSocket:
    socket = FakeSocket(token)
    relay.sockets.add(socket)
    return socket


@sync_to_async
def change(thing: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(thing, name, value)
    thing.save()


class TestAChange:
    async def test_a_changed_username_reaches_its_socket(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        await change(token.user, tiktok_username="bob.live")
        assert (await socket.hears()).user.tiktok_username == "bob.live"

    async def test_it_tells_of_a_revoked_token(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        await sync_to_async(token.revoke)()
        assert await socket.hears() is None

    async def test_it_tells_of_a_deleted_account(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        await sync_to_async(token.user.delete)()
        assert await socket.hears() is None

    async def test_it_is_nothing_to_others(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        other = await sync_to_async(User.objects.create)(username="bob")
        others, _text = await sync_to_async(AccessToken.objects.issue)(other)
        stranger, nobody = open_socket(relay, others), open_socket(relay, None)
        socket = open_socket(relay, token)
        await sync_to_async(token.revoke)()
        await socket.hears()
        assert stranger.asked.empty()
        assert nobody.asked.empty()

    async def test_signing_in_is_none(self, token: AccessToken, relay: ControlledRelay) -> None:
        socket = open_socket(relay, token)

        @sync_to_async
        def sign_in() -> None:
            token.user.save(update_fields=["last_login"])

        await sign_in()
        await sync_to_async(token.revoke)()
        assert await socket.hears() is None
        assert socket.asked.empty()

    async def test_it_waits_for_the_commit(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)

        @sync_to_async
        def fail() -> None:
            with transaction.atomic():
                token.user.tiktok_username = "nobody"
                token.user.save()
                transaction.set_rollback(True)

        await fail()
        await sync_to_async(token.user.refresh_from_db)()
        await change(token.user, tiktok_username="bob.live")
        assert (await socket.hears()).user.tiktok_username == "bob.live"
        assert socket.asked.empty()


class TestWhatNobodyAnnounced:
    async def test_it_is_noticed_in_time(self, token: AccessToken, relay: ControlledRelay) -> None:
        # As another process would change it.
        queryset = AccessToken.objects.filter(pk=token.pk)
        await queryset.aupdate(label="changed behind its back")
        listening = relay.control(recheck_every=0.01)
        socket = open_socket(relay, token)
        listening.start()
        assert (await socket.hears()).label == "changed behind its back"
        await listening.close()


class TestDisconnecting:
    async def test_an_account_s_sockets_are_disconnected(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        other = open_socket(relay, None)
        await sync_to_async(announcements.disconnect)(token.user_id)
        assert await socket.hears() == "disconnected"
        assert other.asked.empty()

    async def test_it_takes_a_whole_stream(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        class Stream:
            username = "anna.live"

        socket, other = open_socket(relay, token), open_socket(relay, token)
        socket.stream = Stream()
        await sync_to_async(control.disconnect_stream)("anna.live")
        assert await socket.hears() == "disconnected"
        assert other.asked.empty()


class TestReconnecting:
    async def test_the_stream_is_asked_and_the_log_says_by_whom(
        self, relay: ControlledRelay, caplog: pytest.LogCaptureFixture
    ) -> None:
        asked: asyncio.Queue[str] = asyncio.Queue()

        class Stream:
            reconnect = staticmethod(asked.put_nowait)

        relay.streams["anna.live"] = Stream()
        with caplog.at_level("INFO", logger="live.relay.control"):
            await sync_to_async(control.reconnect_stream)("anna.live", by="boss")
            async with asyncio.timeout(WITHIN):
                assert await asked.get() == "boss"
        assert "@anna.live is to be connected anew, as boss has asked" in caplog.text

    async def test_numbers_are_published_for_whoever_watches(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        await control.staff_watching()
        await sync_to_async(token.revoke)()
        await socket.hears()
        assert relay.watched == 1


class TestManyAtOnce:
    async def test_many_revoked_tokens_reach_all_their_sockets(
        self, relay: ControlledRelay
    ) -> None:
        # More than a channel holds, one by one.
        @sync_to_async
        def make() -> list[AccessToken]:
            users = [User.objects.create(username=f"user{number}") for number in range(150)]
            return [AccessToken.objects.issue(user)[0] for user in users]

        tokens = await make()
        sockets = [open_socket(relay, token) for token in tokens]

        @sync_to_async
        def revoke_all() -> None:
            with transaction.atomic():
                for token in tokens:
                    token.revoke()

        await revoke_all()
        assert [await socket.hears() for socket in sockets] == [None] * len(sockets)


class TestTheListener:
    async def test_it_joins_again_what_layers_forget(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        layer = get_channel_layer()
        listening = relay.control(recheck_every=0.01)
        listening.start()
        members = layer.groups["relays"]
        async with asyncio.timeout(WITHIN):
            while len(members) < 2:
                await asyncio.sleep(0)
            *_, channel = members
            members[channel] = 0.0  # since 1970
            while not members[channel]:
                await asyncio.sleep(0)
        await listening.close()

    @pytest.mark.parametrize("failure", [TimeoutError(), DatabaseError("gone")])
    async def test_it_survives_a_database_that_fails(
        self,
        token: AccessToken,
        monkeypatch: pytest.MonkeyPatch,
        relay: ControlledRelay,
        failure: Exception,
    ) -> None:
        async def fail(account_ids: Any, within: float) -> Any:
            raise failure

        socket = open_socket(relay, token)
        with monkeypatch.context() as patch:
            patch.setattr(relay.tokens, "usable", fail)
            await sync_to_async(announcements.account_changed)(token.user_id)
            await sync_to_async(announcements.disconnect)(token.user_id)
            assert await socket.hears() == "disconnected"
        await sync_to_async(token.revoke)()
        assert await socket.hears() is None

    async def test_that_of_the_test_endpoint_leaves_streams_alone(self, token: AccessToken) -> None:
        class Stream:
            username = "anna.live"

        relay = ControlledRelay()
        listening = relay.control(is_test=True)
        listening.start()
        await joined()
        socket = open_socket(relay, token)
        socket.stream = Stream()
        await sync_to_async(control.disconnect_stream)("anna.live")
        await sync_to_async(token.revoke)()
        assert await socket.hears() is None
        await listening.close()
        await relay.tokens.close()

    async def test_it_survives_what_it_does_not_understand(
        self, token: AccessToken, relay: ControlledRelay
    ) -> None:
        socket = open_socket(relay, token)
        await get_channel_layer().group_send("relays", {"type": "accounts.changed", "accounts": 3})
        await sync_to_async(token.revoke)()
        assert await socket.hears() is None
