"""/staff/ and /staff/streams/<username>/, without a browser; and what their numbers come from."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from live.connections.failures import NO_FAILURES
from live.contract.examples import example
from live.models import ConnectionLog
from live.pages.dashboard.events import newest_events
from live.pages.dashboard.history import history, table_rows
from live.protocol.errors import CloseCode, ErrorCode
from live.protocol.frames import EVENT_TYPES, FrameType, State
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.probe import probe
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.streams.log import EventLog
from live.streams.timeline import What
from live.tiktok.failures import NOTHING_HEARD
from rehearsal.relay import make_rehearsal_relay
from standin import Failure, TikTok, messages
from tests.support.streams import Highest
from tests.support.upstreams import World, failure

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/staff/", "/staff/history.json", "/staff/streams/alice/"]
ACTIONS = ["reconnect", "disconnect", "test"]
# Frames with neither a user nor words; their type says it all.
WORDLESS = {"rank", "delete", "live_pause", "live_resume", "live_end"}
HOSTILE = "<script>alert(1)</script>"


class Pages(AsyncClient):
    """A browser at a server with that relay, and perhaps a test endpoint."""

    def __init__(self, relay: Relay, rehearsal: Relay | None = None) -> None:
        super().__init__()
        self._relay = relay
        self._rehearsal = rehearsal

    async def request(self, **scope: Any) -> Any:
        relays = [self._relay, self._rehearsal] if self._rehearsal else [self._relay]
        return await super().request(**scope, relay=self._relay, relays=relays)


@pytest.fixture
def world() -> World:
    world = World()
    world.connect_time = world.close_time = 0
    return world


@pytest.fixture
async def relay(world: World) -> AsyncIterator[Relay]:
    # A stream that was cut waits as long as it may, so that it is not back before a test looks.
    relay = make_relay(world, rng=Highest())
    yield relay
    await relay.close()


@pytest.fixture
async def pages(relay: Relay) -> Pages:
    return Pages(relay)


@pytest.fixture
async def staff(pages: Pages) -> Pages:
    await pages.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
    return pages


async def go_live(relay: Relay) -> None:
    relay.join(Account(1, "alice", ""), SocketOptions())
    await probe(relay, Account(1, "alice", ""))


def text_of(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def row_of(page: str, pk: str) -> str:
    """A row of a table, by its key."""
    return page.partition(f'<tr data-pk="{pk}">')[2].partition("</tr>")[0]


def connect(minutes_ago: float = 0, **values: Any) -> ConnectionLog:
    opened_at = timezone.now() - timedelta(minutes=minutes_ago)
    return ConnectionLog.objects.create(opened_at=opened_at, closed_at=opened_at, **values)


class TestPermissions:
    @pytest.mark.parametrize("address", PAGES)
    async def test_staff_see_the_page(self, staff: Pages, address: str) -> None:
        assert (await staff.get(address)).status_code == 200

    @pytest.mark.parametrize("address", PAGES)
    async def test_it_sends_strangers_to_the_login_page(self, pages: Pages, address: str) -> None:
        assert (await pages.get(address)).headers["Location"] == f"/login/?next={address}"

    @pytest.mark.parametrize("address", PAGES)
    async def test_it_refuses_others(self, pages: Pages, address: str) -> None:
        await pages.aforce_login(await User.objects.acreate(username="guest"))
        assert (await pages.get(address)).status_code == 403

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_it_lets_nobody_else_act(self, pages: Pages, world: World, action: str) -> None:
        address = f"/staff/streams/alice/{action}/"
        assert (await pages.post(address)).headers["Location"] == f"/login/?next={address}"
        await pages.aforce_login(await User.objects.acreate(username="guest"))
        assert (await pages.post(address)).status_code == 403
        assert not world.upstreams

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_it_acts_on_posts_only(self, staff: Pages, world: World, action: str) -> None:
        """Whoever had to sign in first comes with a GET, and decides anew."""
        answer = await staff.get(f"/staff/streams/alice/{action}/")
        assert answer.headers["Location"] == "/staff/streams/alice/"
        assert not world.upstreams

    @pytest.mark.parametrize("username", ["A", "Alice", "alice.", "a b", "é", "a" * 25, HOSTILE])
    async def test_it_knows_no_page_of_what_is_no_username(
        self, staff: Pages, username: str
    ) -> None:
        assert (await staff.get(f"/staff/streams/{username}/")).status_code == 404


class TestDashboard:
    async def test_the_dashboard_shows_streams_and_failures(
        self, staff: Pages, relay: Relay
    ) -> None:
        await go_live(relay)
        await sync_to_async(connect)(error_code=ErrorCode.USER_OFFLINE)
        page = text_of(await staff.get("/staff/"))
        assert '<a href="streams/alice/">@alice</a>' in page
        assert '<span class="tag good">Live</span>' in page
        assert "1 failed" in page
        assert "connections/?error=user_offline&amp;since=" in page

    async def test_it_says_when_there_is_nothing(self, staff: Pages) -> None:
        page = text_of(await staff.get("/staff/"))
        assert "No LIVE is relayed now. Nothing needs attention." in page
        assert 'class="verdict good"' in page
        assert 'id="no-streams">' in page
        assert 'id="no-failures" class="aside">' in page
        for empty in ("attention", "streams", "slow", "used-up", "watched"):
            assert f'id="{empty}"' not in page, "what is empty takes no place"

    async def test_the_only_matter_is_told_once(self, staff: Pages, relay: Relay) -> None:
        gate = relay.streams.access("").gate
        gate.on_answer(429, {"ratelimit-reset": "90"})
        page = text_of(await staff.get("/staff/"))
        matter = page.partition('id="verdict"')[2].partition('class="tiles"')[0]
        assert matter.count("The sign gate of the server’s key is closed") == 1
        assert "LIVEs that have no API key of their own" in matter
        assert "It opens by itself." in matter
        assert 'href="#ways"' in matter

    async def test_of_several_matters_each_is_in_the_list(self, staff: Pages, relay: Relay) -> None:
        relay.streams.access("").gate.on_answer(429, {"ratelimit-reset": "90"})
        for username in ("alice", "bob"):
            relay.networks.main.web_gate.on_blocked(username)
        page = text_of(await staff.get("/staff/"))
        listed = page.partition('id="attention"')[2].partition("</ul>")[0]
        assert "The sign gate of the server’s key is closed" in listed
        assert "TikTok’s pages refuse this server" in listed

    async def test_it_counts_the_sockets_of_the_test_endpoint(self, relay: Relay) -> None:
        rehearsal = make_rehearsal_relay()
        sockets: list[Any] = [object(), object()]
        for socket in sockets:
            rehearsal.sockets.add(socket)
        pages = Pages(relay, rehearsal)
        await pages.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
        page = text_of(await pages.get("/staff/"))
        for socket in sockets:
            rehearsal.sockets.remove(socket)
        await rehearsal.close()
        assert '<dd class="aside" id="test-sockets">and 2 at the test endpoint</dd>' in page

    async def test_it_says_nothing_of_a_test_endpoint_that_is_not_there(self, staff: Pages) -> None:
        assert 'id="test-sockets" hidden' in text_of(await staff.get("/staff/"))

    async def test_it_shows_closed_gates_of_accounts_own_keys(
        self, staff: Pages, relay: Relay
    ) -> None:
        gate = relay.streams.access("of-studio").gate
        relay.key_users.note(gate, "bob")
        relay.key_users.note(gate, "alice")
        assert "@alice, @bob" not in text_of(await staff.get("/staff/"))
        gate.on_answer(429, {"ratelimit-reset": "90"})
        page = text_of(await staff.get("/staff/"))
        _before, _label, row = page.partition("@alice, @bob</th>")
        row, _end, _after = row.partition("</tr>")
        assert "gate closed" in row
        assert re.search(r">0:01:(2[5-9]|30)<", row)
        assert "of-studio" not in page

    async def test_it_shows_whose_limits_are_used_up(
        self, staff: Pages, relay: Relay, settings: Settings
    ) -> None:
        assert 'id="used-up"' not in text_of(await staff.get("/staff/"))
        for _ in range(settings.RELAY_LOOKUPS):
            relay.budgets.look_up(4711)
        for _ in range(20):
            relay.failed_tokens.failed("10.1.2.3", "a token")
        page = text_of(await staff.get("/staff/"))
        _before, _id, table = page.partition('id="used-up"')
        table, _end, _after = table.partition("</table>")
        assert re.search(r"4711</th>.*?Questions to TikTok.*?0:00:\d\d<", table, re.DOTALL)
        assert re.search(r"10\.1\.2\.3</th>.*?Tokens that give no access", table, re.DOTALL)

    async def test_it_shows_that_tiktok_refuses_this_server(
        self, staff: Pages, relay: Relay
    ) -> None:
        network = relay.networks.main
        assert "TikTok refuses this server" not in text_of(await staff.get("/staff/"))
        for gate, row in ((network.web_gate, "pages"), (network.signed_gate, "signed")):
            for username in ("alice", "bob"):
                gate.on_blocked(username)
            shown = row_of(text_of(await staff.get("/staff/")), row)
            assert '<span class="tag bad">TikTok refuses this server</span>' in shown
            assert re.search(r">0:00:1\d<", shown)

    async def test_it_says_nothing_of_shares_where_there_is_one_route(
        self, staff: Pages, relay: Relay
    ) -> None:
        await go_live(relay)
        page = text_of(await staff.get("/staff/"))
        assert 'id="hours-of-routes"' not in page
        assert "Share" not in page
        assert 'data-label="Connected"' not in page

    async def test_it_shows_the_share_of_each_route(
        self, tiktok: TikTok, settings: Settings
    ) -> None:
        settings.TIKTOK_ROUTES = ["signed", "direct"]
        relay = make_relay()
        staff = Pages(relay)
        await staff.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
        for name in ("alice", "bob", "carol"):
            tiktok.go_live(name)
        tiktok.room("carol").fail(Failure.SIGN_500)
        for number, name in enumerate(("alice", "bob", "carol")):
            await probe(relay, Account(number, name, ""))
        page = text_of(await staff.get("/staff/"))
        signed, direct = row_of(page, "signed"), row_of(page, "direct")
        assert re.findall(r'class="number">([\d%]+)<', signed) == ["2", "67%"]
        assert re.findall(r'class="number">([\d%]+)<', direct) == ["1", "33%"]
        assert ">sign_unavailable 1</td>" in signed
        assert '<td data-label="Failed attempts"></td>' in direct
        assert "counted since the server’s start" in page
        hours = page.partition('id="hours-of-routes"')[2].partition("</table>")[0]
        assert "2 (67%)</td>" in hours
        assert "1 (33%)</td>" in hours
        await relay.close()

    async def test_it_shows_the_route_of_each_stream_where_there_are_several(
        self, world: World, settings: Settings
    ) -> None:
        settings.TIKTOK_ROUTES = ["signed", "direct"]
        relay = make_relay(world)
        staff = Pages(relay)
        await staff.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
        await go_live(relay)
        page = text_of(await staff.get("/staff/"))
        assert '<td data-label="Connected">through the sign server</td>' in page
        await relay.close()

    async def test_it_has_the_numbers_gathered(self, staff: Pages, relay: Relay) -> None:
        await staff.get("/staff/")
        assert (await relay.numbers.now())["events"] == 0

    async def test_it_gives_scripts_the_part_that_changes(self, staff: Pages, relay: Relay) -> None:
        await go_live(relay)
        answer = await staff.get("/staff/", headers={"X-Fragment": "1"})
        part = text_of(answer)
        assert "X-Fragment" in answer.headers["Vary"]
        assert "@alice</a>" in part
        assert "<html" not in part
        assert 'id="failures"' not in part

    async def test_it_gives_scripts_the_last_hours(self, staff: Pages) -> None:
        await sync_to_async(connect)(error_code=ErrorCode.USER_OFFLINE)
        part = text_of(await staff.get("/staff/history.json", headers={"X-Fragment": "1"}))
        assert '<dd id="connected">1</dd>' in part
        assert "user_offline 1</span>" in part
        assert "<html" not in part

    async def test_the_former_address_leads_to_it(self, staff: Pages) -> None:
        assert (await staff.get("/staff/streams/")).headers["Location"] == "/staff/"


class TestHistory:
    def test_failures_are_counted_by_code(self) -> None:
        connect(1)
        connect(2, error_code=ErrorCode.RATE_LIMITED)
        connect(31, error_code=ErrorCode.RATE_LIMITED)
        connect(31, error_code=ErrorCode.USER_OFFLINE)
        found = history(1)
        assert sum(found["connections"]) == 4
        assert sum(found["connections"][-25:]) == 2
        assert {code: sum(counts) for code, counts in found["failures"].items()} == {
            "rate_limited": 2,
            "user_offline": 1,
        }

    @pytest.mark.parametrize("code", sorted(NO_FAILURES))
    def test_what_is_no_fault_counts_as_a_connection_but_not_as_a_failure(self, code: str) -> None:
        connect(1, error_code=code)
        found = history(1)
        assert sum(found["connections"]) == 1
        assert found["failures"] == {}

    def test_it_puts_each_connection_where_it_belongs(self) -> None:
        row = connect(17)
        connect(60 * 24)
        found = history(1)
        place = (int(row.opened_at.timestamp()) - found["start"]) // 60
        assert found["connections"] == [int(i == place) for i in range(60)]

    @pytest.mark.parametrize(("hours", "step"), [(1, 60), (6, 300), (24, 900), (72, 3600)])
    def test_it_chooses_its_grain(self, hours: int, step: int) -> None:
        connect(60 * 24 * 30)
        found = history(hours)
        assert (found["step"], len(found["connections"])) == (step, hours * 3600 // step)

    def test_it_begins_with_a_log_that_is_young(self) -> None:
        connect(100, error_code=ErrorCode.RATE_LIMITED)
        found = history(6)
        assert len(found["connections"]) == 24
        assert sum(found["connections"]) == sum(found["failures"]["rate_limited"]) == 1
        assert len(found["failures"]["rate_limited"]) == 24
        assert len(table_rows(found)) == 12

    def test_it_leaves_nothing_out_of_a_log_that_is_older(self) -> None:
        connect(60 * 7)
        connect(1)
        assert len(history(6)["connections"]) == 72

    def test_it_leaves_out_what_is_older_and_what_is_a_test(self) -> None:
        connect(60 * 6 + 1)
        connect(1, is_test=True, error_code=ErrorCode.RATE_LIMITED)
        found = history(6)
        assert not any(found["connections"])
        assert found["failures"] == {}

    def test_it_counts_what_a_row_stands_for(self) -> None:
        connect(1, error_code=ErrorCode.TOO_MANY_CONNECTIONS, attempts=57)
        connect(1, error_code=ErrorCode.TOO_MANY_CONNECTIONS)
        connect(1)
        found = history(1)
        assert sum(found["connections"]) == 59
        assert sum(found["failures"]["too_many_connections"]) == 58

    def test_it_takes_rows_of_a_clock_that_was_ahead(self) -> None:
        connect(-20)
        assert history(1)["connections"][-1] == 1

    def test_it_reads_the_rows_of_these_hours_only(self) -> None:
        with CaptureQueriesContext(database) as queries:
            history(6)
        plans = []
        with database.cursor() as cursor:
            for query in queries.captured_queries:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}".replace("%", "%%"), [])
                plans.append(" ".join(str(row) for row in cursor.fetchall()))
        rows, summed, *_older = plans
        assert "connection_by_time (opened_at>?" in rows
        assert "connection_summed (opened_at>?" in summed

    @pytest.mark.parametrize(
        ("asked", "buckets"),
        [("1", 60), ("6", 72), ("24", 96), ("72", 72), ("7", 72), ("-1", 72), ("x", 72)],
    )
    async def test_it_is_json_of_the_hours_that_are_asked_for(
        self, staff: Pages, asked: str, buckets: int
    ) -> None:
        found = (await staff.get("/staff/history.json", {"hours": asked})).json()
        assert len(found["connections"]) == buckets


class TestStreamPage:
    async def test_the_page_of_a_stream_shows_room_events_and_timeline(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        world.newest.say(messages.chat("viewer7", "hello"))
        page = text_of(await staff.get("/staff/streams/alice/"))
        for text in (
            "LIVE of @alice",
            "A title",
            world.room_id,
            "viewer7: hello",
            "Connecting to TikTok",
        ):
            assert text in page

    async def test_it_says_which_route_the_connection_has(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        address = "/staff/streams/alice/"
        await go_live(relay)
        page = text_of(await staff.get(address))
        assert "<dd>through the sign server</dd>" in page
        in_history = '<span class="text">through the sign server</span>'
        assert in_history in page
        world.answers.append(failure(ErrorCode.TIKTOK_TIMEOUT))
        world.newest.cut()
        async with asyncio.timeout(5):
            while "Reconnecting" not in (page := text_of(await staff.get(address))):
                await asyncio.sleep(0.05)
        assert "<dd>through the sign server</dd>" not in page
        assert in_history in page, "what was stays in the history"

    async def test_it_is_there_without_a_stream(self, staff: Pages) -> None:
        row = await sync_to_async(connect)(
            tiktok_username="alice",
            close_code=CloseCode.INTERNAL_ERROR,
            error_code=ErrorCode.USER_OFFLINE,
        )
        page = text_of(await staff.get("/staff/streams/alice/"))
        assert "No app listens to this LIVE now" in page
        assert f'href="/staff/connections/{row.pk}/"' in page
        assert "user_offline" in page

    async def test_it_escapes_what_tiktok_sends(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        world.newest.say(messages.chat("viewer7", HOSTILE))
        page = text_of(await staff.get("/staff/streams/alice/"))
        assert "viewer7: &lt;script&gt;alert(1)" in page
        assert HOSTILE not in page

    async def test_it_says_what_happened_to_the_stream(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
        world.newest.cut(failure(ErrorCode.CONNECTION_LOST, said="code 1006"))
        async with asyncio.timeout(5):
            while "attempt 2" not in (page := text_of(await staff.get("/staff/streams/alice/"))):
                await asyncio.sleep(0.05)
        assert 'connection_lost <q class="said">code 1006</q>' in page
        assert "Cut off from TikTok" in page
        assert "Reconnecting" in page

    async def test_it_says_why_the_relay_cut_a_stream(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        stream = relay.streams.get("alice")
        assert stream is not None
        stream.timeline.add(What.CUT, error="connection_lost", reason=NOTHING_HEARD)
        address = "/staff/streams/alice/"
        assert f"connection_lost · {NOTHING_HEARD}" in text_of(await staff.get(address))

    async def test_it_says_who_of_the_staff_asked_for_a_new_connection(
        self, staff: Pages, relay: Relay
    ) -> None:
        await go_live(relay)
        stream = relay.streams.get("alice")
        assert stream is not None
        stream.reconnect(by="boss")
        asked = "connection_lost · The staff asked for a new connection. · asked for by boss"
        async with asyncio.timeout(5):
            while asked not in text_of(await staff.get("/staff/streams/alice/")):
                await asyncio.sleep(0.05)

    async def test_it_shows_names_of_python_s_exceptions_as_plain_words(
        self, staff: Pages, relay: Relay
    ) -> None:
        await go_live(relay)
        stream = relay.streams.get("alice")
        assert stream is not None
        stream.timeline.add(What.CUT, error="connection_lost", said="ConnectionClosedError")
        page = text_of(await staff.get("/staff/streams/alice/"))
        plain = "the connection was closed without a word"
        assert f'connection_lost <span title="ConnectionClosedError">{plain}</span>' in page

    async def test_it_gives_scripts_the_part_that_changes(self, staff: Pages, relay: Relay) -> None:
        await go_live(relay)
        answer = await staff.get("/staff/streams/alice/", headers={"X-Fragment": "1"})
        page = text_of(await staff.get("/staff/streams/alice/"))
        part = text_of(answer)
        assert "X-Fragment" in answer.headers["Vary"]
        assert 'id="state"' in part
        assert "<form" not in part
        assert '<div id="facts">' + part.partition('<div id="health">')[0] in page

    async def test_scripts_take_no_message_from_another_window(self, staff: Pages) -> None:
        await staff.post("/staff/streams/alice/reconnect/")
        script = {"X-Fragment": "1"}
        await staff.get("/staff/streams/alice/", headers=script)
        await staff.post("/staff/streams/alice/test/", headers=script)
        page = text_of(await staff.get("/staff/streams/alice/"))
        assert "The relay has been asked to reconnect." in page


class TestActions:
    @pytest.mark.parametrize("action", ["reconnect", "disconnect"])
    async def test_an_action_leads_back_to_the_stream(
        self, staff: Pages, relay: Relay, action: str
    ) -> None:
        answer = await staff.post(f"/staff/streams/alice/{action}/")
        assert answer.headers["Location"] == "/staff/streams/alice/"

    async def test_it_takes_no_form_of_another_site(self, relay: Relay) -> None:
        pages = Pages(relay)
        pages.handler.enforce_csrf_checks = True
        await pages.aforce_login(await User.objects.acreate(username="boss", is_staff=True))
        for action in ACTIONS:
            assert (await pages.post(f"/staff/streams/alice/{action}/")).status_code == 403


class TestTheConnectionTest:
    ADDRESS = "/staff/streams/alice/test/"

    async def test_a_tested_connection_is_told_with_its_seconds(
        self, staff: Pages, world: World
    ) -> None:
        page = text_of(await staff.post(self.ADDRESS))
        assert f"to room {world.room_id}" in page
        assert "Connected in" in page

    async def test_it_uses_the_key_of_an_account_with_that_live(
        self, staff: Pages, world: World
    ) -> None:
        await User.objects.acreate(username="none", tiktok_username="alice")
        await User.objects.acreate(
            username="studio", tiktok_username="alice", own_sign_api_key="of-studio"
        )
        page = text_of(await staff.post(self.ADDRESS))
        assert [key for key, _at in world.sign_requests] == ["of-studio"]
        assert "of-studio" not in page

    async def test_it_says_that_a_stream_is_there(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        assert "Connected already" in text_of(await staff.post(self.ADDRESS))
        assert len(world.upstreams) == 1

    async def test_a_stream_that_had_to_connect_was_not_there(
        self, staff: Pages, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        world.then = failure(ErrorCode.TIKTOK_TIMEOUT)
        world.newest.cut(failure(ErrorCode.CONNECTION_LOST))
        stream = relay.streams.get("alice")
        assert stream is not None
        async with asyncio.timeout(5):
            while stream.status.state is not State.RECONNECTING:
                await asyncio.sleep(0.01)
        world.then = None
        assert "Connected in" in text_of(await staff.post(self.ADDRESS))

    async def test_it_says_what_the_relay_itself_has_to_say(
        self, staff: Pages, relay: Relay
    ) -> None:
        relay.streams.access("").gate.on_answer(429, {"ratelimit-reset": "30"})
        page = text_of(await staff.post(self.ADDRESS))
        assert "<code>rate_limited</code>" in page
        assert "<p>The sign server was not asked, since its limit is not reset yet.</p>" in page
        assert "What TikTok said:" not in page

    @pytest.mark.parametrize("code", [ErrorCode.USER_OFFLINE, ErrorCode.TIKTOK_BLOCKED])
    async def test_it_explains_a_failure(self, staff: Pages, world: World, code: ErrorCode) -> None:
        world.answers.append(failure(code, said=f"as TikTok said {HOSTILE}"))
        page = text_of(await staff.post(self.ADDRESS))
        assert f"<code>{code}</code>" in page
        assert "TikTok Live connection error" in page
        assert "as TikTok said &lt;script&gt;" in page
        assert HOSTILE not in page


class TestEvents:
    async def test_the_newest_events_are_told_in_a_few_words(
        self, relay: Relay, world: World
    ) -> None:
        await go_live(relay)
        world.newest.say(
            messages.chat("viewer7", "hello"),
            messages.like("viewer8", count=15, total=1200),
            messages.follow("viewer9"),
        )
        stream = relay.streams.get("alice")
        assert stream is not None
        shown = [(event.type, event.text) for event in newest_events(stream.log, 50)]
        assert shown == [
            ("follow", "viewer9"),
            ("like", "viewer8: +15 = 1200"),
            ("comment", "viewer7: hello"),
            ("status", "live"),
            ("status", "connecting"),
        ]

    def test_it_has_words_for_every_type(self) -> None:
        log = EventLog(100)
        types = [FrameType.STATUS, FrameType.GAP, *sorted(EVENT_TYPES)]
        for kind in types:
            text = json.dumps(example(kind))
            log.append(kind, 0, text)
        events = newest_events(log, 100)
        assert [event.type for event in events] == types[::-1]
        assert {event.type for event in events if not event.text} == WORDLESS
