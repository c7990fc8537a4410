"""Which accounts are watched, by the database; and who is told when that changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from accounts.models import User
from live.protocol.errors import ErrorCode
from live.relay.access import Account, watched_accounts
from live.relay.watched_accounts import WatchedAccounts
from tests.support.sockets import ControlledRelay

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 5.0


def add(username: str, tiktok_username: str = "anna.live", **values: Any) -> User:
    values = {"is_watched": True, "tiktok_username": tiktok_username, **values}
    return User.objects.create(username=username, **values)


class TestTheDatabase:
    def test_it_tells_what_a_watched_account_connects_with(self) -> None:
        user = add("anna", own_sign_api_key="key", own_proxy="http://proxy.example:3128")
        found = {user.pk: Account(user.pk, "anna.live", "key", "http://proxy.example:3128")}
        assert watched_accounts() == found

    def test_it_leaves_out_who_is_not_watched_or_disabled(self) -> None:
        add("not watched", is_watched=False)
        add("disabled", is_active=False)
        assert watched_accounts() == {}

    def test_it_tells_why_an_account_has_no_live(self) -> None:
        missing, invalid = add("missing", ""), add("invalid", "not a name")
        assert watched_accounts() == {
            missing.pk: ErrorCode.USERNAME_MISSING,
            invalid.pk: ErrorCode.USERNAME_INVALID,
        }

    def test_it_asks_for_some(self) -> None:
        one, two, _three = (add(str(number)) for number in range(3))
        assert set(watched_accounts([one.pk, two.pk, 12345])) == {one.pk, two.pk}

    def test_it_takes_one_query_for_all(self, django_assert_num_queries: Any) -> None:
        for number in range(20):
            add(str(number))
        with django_assert_num_queries(1):
            watched_accounts()


class TestTheThread:
    async def test_it_asks_in_parts_that_a_database_takes(self) -> None:
        questions: list[Any] = []

        def find(ids: Any) -> dict[int, Account | ErrorCode]:
            questions.append(ids)
            return dict.fromkeys(ids, ErrorCode.USERNAME_MISSING)

        accounts = WatchedAccounts(find)
        assert len(await accounts.among(range(1200))) == 1200
        assert [len(ids) for ids in questions] == [500, 500, 200]
        accounts.stop()

    async def test_it_reads_the_database(self) -> None:
        user = await sync_to_async(add)("anna")
        accounts = WatchedAccounts()
        assert set(await accounts.all()) == {user.pk}
        assert await accounts.among([user.pk + 1]) == {}
        accounts.stop()


class TestWhoIsTold:
    @pytest.mark.parametrize("is_watched", [True, False])
    async def test_a_new_account_is_told_of_if_it_is_watched(self, is_watched: bool) -> None:
        told: asyncio.Queue[list[int]] = asyncio.Queue()
        relay = ControlledRelay()
        control = relay.control(on_changed=lambda ids: told.put_nowait(list(ids)))
        control.start()
        async with asyncio.timeout(WITHIN):
            while len(get_channel_layer().groups) < 2:
                await asyncio.sleep(0)
        new = await sync_to_async(add)("new", is_watched=is_watched)
        other = await sync_to_async(add)("other")
        async with asyncio.timeout(WITHIN):
            first = await told.get()
        assert first == [new.pk if is_watched else other.pk]
        await control.close()
        await relay.tokens.close()
