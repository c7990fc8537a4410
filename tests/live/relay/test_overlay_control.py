"""Control messages about overlays: what changes reaches their open sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from accounts.models import User
from live.overlays.models import Overlay
from live.relay.control import tell_overlay
from tests.support.sockets import ControlledRelay, FakeSocket

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[ControlledRelay]:
    relay = ControlledRelay()
    listening = relay.control()
    listening.start()
    async with asyncio.timeout(WITHIN):
        while len(get_channel_layer().groups) < 2:
            await asyncio.sleep(0)
    yield relay
    await listening.close()
    await relay.tokens.close()


@pytest.fixture
def overlay() -> Overlay:
    anna = User.objects.create(username="anna", tiktok_username="anna.live")
    return Overlay.objects.create(account=anna, kind="chat", name="Chat")


def open_socket(relay: ControlledRelay, overlay: Overlay) -> FakeSocket:
    socket = FakeSocket()
    connection = socket.connection
    connection.account_id = overlay.account_id
    connection.overlay_id, connection.overlay_digest = overlay.pk, overlay.digest
    relay.sockets.add(socket)
    return socket


async def test_a_renewed_secret_is_told(relay: ControlledRelay, overlay: Overlay) -> None:
    socket = open_socket(relay, overlay)
    overlay.renew()
    await sync_to_async(overlay.save)()
    assert await socket.hears() is None


async def test_a_deleted_overlay_is_told(relay: ControlledRelay, overlay: Overlay) -> None:
    socket = open_socket(relay, overlay)
    await sync_to_async(overlay.delete)()
    assert await socket.hears() is None


async def test_a_disabled_account_is_told(relay: ControlledRelay, overlay: Overlay) -> None:
    socket = open_socket(relay, overlay)
    overlay.account.is_active = False
    await sync_to_async(overlay.account.save)()
    assert not (await socket.hears()).user.is_active


async def test_other_options_end_nothing(relay: ControlledRelay, overlay: Overlay) -> None:
    socket = open_socket(relay, overlay)
    overlay.options = {"count": 3}
    await sync_to_async(overlay.save)()
    assert await socket.hears() == overlay


async def test_a_message_reaches_the_sockets_of_its_overlay_alone(
    relay: ControlledRelay, overlay: Overlay
) -> None:
    goal = await sync_to_async(Overlay.objects.create)(
        account=overlay.account, kind="goal", name="Goal"
    )
    socket, other = open_socket(relay, overlay), open_socket(relay, goal)
    await sync_to_async(tell_overlay)(overlay.pk, {"test": "gift"})
    assert json.loads(await socket.hears()) == {"type": "overlay", "data": {"test": "gift"}}
    assert other.asked.empty()
