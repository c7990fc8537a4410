"""What the staff's dashboard shows of watched accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from accounts.models import User
from live.protocol.errors import ErrorCode
from live.relay.access import Account
from live.relay.relay import Relay
from live.server.assembly import make_relay
from tests.live.pages.test_dashboard import Pages, row_of, text_of
from tests.live.relay.test_watching import Table
from tests.support.upstreams import World, failure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def world() -> World:
    world = World()
    world.connect_time = world.close_time = 0
    return world


@pytest.fixture
async def relay(world: World) -> AsyncIterator[Relay]:
    relay = make_relay(world, watched=Table())
    yield relay
    await relay.close()


@pytest.fixture
async def staff(relay: Relay) -> Pages:
    pages = Pages(relay)
    await pages.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
    return pages


async def watch(relay: Relay, *accounts: Account | ErrorCode) -> None:
    """Have these accounts watched; each is known by its place."""
    table = relay.watching.accounts
    assert isinstance(table, Table)
    table.rows = dict(enumerate(accounts, 1))
    relay.watching.start()


async def shows(staff: Pages, holds: Callable[[str], bool]) -> str:
    """The dashboard, as soon as something holds of it."""
    for _ in range(100):
        page = text_of(await staff.get("/staff/"))
        if holds(page):
            return page
    raise AssertionError(page)


async def test_without_any_there_is_nothing_of_them(staff: Pages) -> None:
    assert "Watched accounts" not in text_of(await staff.get("/staff/"))


async def test_it_shows_states_and_what_they_cost(staff: Pages, relay: Relay) -> None:
    await User.objects.acreate(pk=1, username="anna")
    await watch(relay, Account(1, "anna.live", ""), ErrorCode.USERNAME_MISSING)
    page = await shows(staff, lambda page: "Live: 1" in page)
    assert "Can&#x27;t be heard: 1" in page
    assert "anna" in row_of(page, "1")
    assert '<a href="streams/anna.live/">@anna.live</a>' in row_of(page, "1")
    assert row_of(page, "1").count('class="number">1</td>') == 2
    assert "username_missing" in row_of(page, "2")
    assert "All 2 accounts" in row_of(page, "all")
    assert page.index('data-pk="2"') < page.index('data-pk="1"'), "those that fail come first"


async def test_the_page_of_a_live_says_for_whom_it_is_watched(staff: Pages, relay: Relay) -> None:
    await User.objects.acreate(pk=1, username="anna")
    await watch(relay, Account(1, "anna.live", ""))
    await shows(staff, lambda page: "Live: 1" in page)
    page = text_of(await staff.get("/staff/streams/anna.live/"))
    assert '<dd id="watchers">anna, also without an app</dd>' in page
    assert 'id="listeners"' not in page


async def test_it_says_why_a_live_can_not_be_heard(
    staff: Pages, relay: Relay, world: World
) -> None:
    world.then = failure(ErrorCode.USER_NOT_FOUND)
    await watch(relay, Account(1, "anna.live", ""))
    page = await shows(staff, lambda page: "user_not_found" in page)
    assert "user_not_found" in row_of(page, "1")
