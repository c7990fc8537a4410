"""Tokens are looked up many at a time, and a database that hangs or fails holds up nobody for
ever. With real databases that stop, see tests/end_to_end/test_sockets_without_database.py."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, OperationalError, ProgrammingError

from accounts.models import AccessToken, User
from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.relay import access
from live.relay.token_lookup import TokenLookup

WITHIN = 5.0
SOON = 0.05


class Database:
    """Knows tokens by their digests, and answers when it is told to.

    Attributes:
        queries: the digests that each query asked for.
        failures: what the next queries raise.
        answers: cleared while it hangs.
        asked: set by each query.
    """

    def __init__(self, *texts: str) -> None:
        self.queries: list[set[str]] = []
        self.failures: list[Exception] = []
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()
        self._tokens = {
            token.digest: token
            for token in (
                AccessToken(prefix=text[:8], digest=AccessToken.digest_of(text)) for text in texts
            )
        }

    def find(self, digests: Collection[str]) -> dict[str, AccessToken]:
        self.queries.append({*digests})
        self.asked.set()
        assert self.answers.wait(WITHIN)
        if self.failures:
            raise self.failures.pop(0)
        return {digest: self._tokens[digest] for digest in digests if digest in self._tokens}

    async def is_asked(self) -> None:
        """Return once a query has begun."""
        await asyncio.to_thread(self.asked.wait, WITHIN)


class LaterClock(Clock):
    """Attributes:
    later: seconds by which its time is later than the event loop's.
    """

    later = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.later


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def database() -> Database:
    return Database("anna", "bert", "carl")


@pytest.fixture
async def lookup(database: Database, clock: LaterClock) -> AsyncIterator[TokenLookup]:
    lookup = TokenLookup(find=database.find, clock=clock)
    yield lookup
    database.answers.set()
    await lookup.close()


async def prefixes(lookup: TokenLookup, *texts: str) -> list[str]:
    tokens = await asyncio.gather(*(lookup.find(text, WITHIN) for text in texts))
    return [token.prefix for token in tokens]


class TestOneQuery:
    async def test_it_is_enough_for_all_who_ask_at_once(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        assert await prefixes(lookup, "anna", "bert", "anna") == ["anna", "bert", "anna"]
        assert database.queries == [{AccessToken.digest_of("anna"), AccessToken.digest_of("bert")}]

    async def test_it_is_enough_for_all_who_ask_while_another_runs(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.answers.clear()
        first = asyncio.create_task(prefixes(lookup, "anna"))
        await database.is_asked()
        # Not even the same token: it may have been revoked since that query began.
        others = asyncio.create_task(prefixes(lookup, "anna", "bert", "carl"))
        await asyncio.sleep(0)
        database.answers.set()
        assert await first + await others == ["anna", "anna", "bert", "carl"]
        assert [len(digests) for digests in database.queries] == [1, 3]

    async def test_a_token_that_does_not_exist_is_nobody_else_s_trouble(
        self, lookup: TokenLookup
    ) -> None:
        unknown = asyncio.create_task(lookup.find("unknown", WITHIN))
        assert await prefixes(lookup, "anna") == ["anna"]
        with pytest.raises(RelayError) as refusal:
            await unknown
        assert refusal.value.code is ErrorCode.INVALID_TOKEN


class TestADatabaseThatHangs:
    async def test_whoever_asks_is_told_in_time_and_the_log_once(
        self, database: Database, lookup: TokenLookup, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.answers.clear()
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await lookup.find("anna", SOON)
        assert caplog.text.count("no answer in time") == 1

    async def test_it_answers_again_once_the_database_does(
        self, database: Database, lookup: TokenLookup, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.answers.clear()
        with pytest.raises(TimeoutError):
            await lookup.find("anna", SOON)
        waiting = asyncio.create_task(prefixes(lookup, "bert"))
        await asyncio.sleep(0)
        database.answers.set()
        assert await waiting == ["bert"]

    async def test_closing_does_not_wait_for_it(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.answers.clear()
        asking = asyncio.create_task(lookup.find("anna", WITHIN))
        await database.is_asked()
        async with asyncio.timeout(WITHIN / 2):
            await lookup.close()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


class TestADatabaseThatFails:
    async def test_it_is_asked_again(
        self, database: Database, lookup: TokenLookup, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.failures += [OperationalError("gone\naway")] * 3
        with caplog.at_level("INFO"):
            assert await prefixes(lookup, "anna") == ["anna"]
        assert [record.getMessage() for record in caplog.records] == [
            "Tokens can't be looked up in the database: gone away",
            "Tokens can be looked up in the database again",
        ]
        assert not any(record.exc_info for record in caplog.records)

    async def test_a_connection_that_it_ended_long_ago_is_no_failure(
        self, database: Database, lookup: TokenLookup, caplog: pytest.LogCaptureFixture
    ) -> None:
        database.failures.append(OperationalError("gone"))
        assert await prefixes(lookup, "anna") == ["anna"]
        assert not caplog.records

    async def test_whoever_asks_is_told_in_time(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.failures += [OperationalError("gone")] * 1000
        with pytest.raises(TimeoutError):
            await lookup.find("anna", SOON)
        database.failures.clear()
        assert await prefixes(lookup, "anna", "bert") == ["anna", "bert"]

    async def test_a_fault_of_the_query_is_told_at_once(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.failures.append(DatabaseError("no such column"))
        with pytest.raises(DatabaseError):
            await lookup.find("anna", WITHIN)
        assert await prefixes(lookup, "anna") == ["anna"]


class TestWhetherTheDatabaseFails:
    """For the alert."""

    async def test_it_does_not_before_somebody_asks_nor_while_it_answers(
        self, lookup: TokenLookup
    ) -> None:
        assert not lookup.database_fails
        await prefixes(lookup, "anna")
        assert not lookup.database_fails

    async def test_it_does_when_it_hangs_until_it_answers(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.answers.clear()
        with pytest.raises(TimeoutError):
            await lookup.find("anna", SOON)
        assert lookup.database_fails

        database.answers.set()
        await prefixes(lookup, "anna")
        assert not lookup.database_fails

    async def test_it_does_when_it_refuses_the_query(
        self, database: Database, lookup: TokenLookup
    ) -> None:
        database.failures.append(ProgrammingError("no such table"))
        with pytest.raises(ProgrammingError):
            await lookup.find("anna", WITHIN)
        assert lookup.database_fails

    async def test_nobody_knows_when_nobody_has_asked_for_a_while(
        self, database: Database, lookup: TokenLookup, clock: LaterClock
    ) -> None:
        database.failures += [OperationalError("gone")] * 1000
        with pytest.raises(TimeoutError):
            await lookup.find("anna", SOON)
        clock.later = 40
        assert lookup.database_fails
        clock.later = 60
        assert not lookup.database_fails


@pytest.mark.django_db(transaction=True)
class TestTheRealDatabase:
    async def test_tokens_come_with_their_accounts(self) -> None:
        user = await User.objects.acreate(username="anna", tiktok_username="anna.live")
        token, text = await sync_to_async(AccessToken.objects.issue)(user)
        lookup = TokenLookup()
        assert (await lookup.find(text, WITHIN)).user.tiktok_username == "anna.live"
        usable = await lookup.usable([user.pk], WITHIN)
        assert usable[token.pk].user.tiktok_username == "anna.live"
        await sync_to_async(token.revoke)()
        assert await lookup.usable([user.pk], WITHIN) == {}
        assert not (await lookup.find(text, WITHIN)).is_usable()
        await lookup.close()

    async def test_many_cost_one_query(self, django_assert_num_queries: object) -> None:
        user = await User.objects.acreate(username="anna")
        issue = sync_to_async(AccessToken.objects.issue)
        digests = [(await issue(user))[0].digest for _ in range(20)]

        @sync_to_async
        def find() -> None:
            with django_assert_num_queries(1):  # type: ignore[operator]
                found = access.find_tokens([*digests, "unknown"])
                assert [found[digest].user for digest in digests] == [user] * 20
            assert len(found) == 20

        await find()
