"""`/api/v1/status` and `/api/v1/gifts`, with a relay and the stand-in behind them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from accounts.api import Problem
from accounts.models import AccessToken, User
from live.api import operations as api
from live.protocol import frames
from live.protocol.frames import State
from live.protocol.options import SocketOptions
from live.relay.access import Account
from live.relay.relay import Relay
from live.server.assembly import make_relay
from live.streams.stream import LiveStream
from relay_project import __version__
from relay_project.api import api as rest_api
from standin import Failure, Kind, TikTok, pages
from tests.support.rest import RestClient

pytestmark = pytest.mark.django_db(transaction=True)

STATUS = "/api/v1/status"
GIFTS = "/api/v1/gifts"
NO_LOOKS = {"looked_at": None, "next_look_at": None}
OPEN_GATE = {"closed": False, "closed_until": None, "retry_after": None}
USER_NOT_FOUND = {
    "code": "user_not_found",
    "title": "TikTok Live connection error: no such user",
    "detail": "TikTok knows no @alice, or the user has never been live.",
    "hint": "Check the TikTok username in the account's settings.",
}


@pytest.fixture
async def relay(tiktok: TikTok) -> AsyncIterator[Relay]:
    relay = make_relay()
    yield relay
    await relay.close()


@pytest.fixture
async def user(db: None) -> User:
    return await User.objects.acreate(username="maria", tiktok_username="alice")


@pytest.fixture
async def client(user: User, relay: Relay) -> RestClient:
    _issued, token = await sync_to_async(AccessToken.objects.issue)(user)
    return RestClient(token, relay=relay)


def join(relay: Relay, *, wait: bool = False) -> LiveStream:
    """The stream of @alice, for one more socket."""
    return relay.join(Account(1, "alice", ""), SocketOptions(wait=wait))


async def reaches(stream: LiveStream, state: State) -> None:
    async with asyncio.timeout(10):
        while stream.status.state is not state:
            await stream.log.changed(stream.log.end)


class TestBudget:
    async def test_an_account_can_not_ask_tiktok_for_ever(
        self, tiktok: TikTok, user: User, client: RestClient, settings: Settings
    ) -> None:
        settings.RELAY_LOOKUPS = 1
        poor = make_relay()
        client = RestClient(client.token, relay=poor)
        tiktok.go_live("alice")
        assert (await client.ask(STATUS)).json()["live"] is True
        response = await client.ask(GIFTS)
        assert response.status_code == 429
        assert response.json()["code"] == "too_many_connections"
        assert 0 < int(response["Retry-After"]) <= 600
        user.tiktok_username = "carol"
        await user.asave()
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["problem"]["code"]) == (None, "too_many_connections")
        await poor.close()


class TestStatus:
    async def test_the_status_of_a_known_stream_costs_no_request(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        await reaches(join(relay), State.LIVE)
        response = await client.ask(STATUS)
        assert response.status_code == 200
        assert response.json() == {
            "tiktok_username": "alice",
            "live": True,
            "room_id": str(room.room_id),
            "stream": "live",
            "route": "signed",
            "sockets": 1,
            **NO_LOOKS,
            "sign_gate": OPEN_GATE,
            "problem": None,
            "version": __version__,
        }
        assert not tiktok.count(Kind.ROOM_API), "TikTok was asked for what the stream knows"

    async def test_it_asks_tiktok_where_there_is_no_stream(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        response = await client.ask(STATUS)
        assert response.json() == {
            "tiktok_username": "alice",
            "live": True,
            "room_id": str(room.room_id),
            "stream": None,
            "route": None,
            "sockets": 0,
            **NO_LOOKS,
            "sign_gate": OPEN_GATE,
            "problem": None,
            "version": __version__,
        }
        assert not tiktok.count(Kind.SIGN)

    async def test_it_tells_by_which_route_it_is_connected_while_it_is(
        self, tiktok: TikTok, client: RestClient, settings: Settings
    ) -> None:
        settings.TIKTOK_ROUTES = ["direct"]
        relay = make_relay()
        client = RestClient(client.token, relay=relay)
        room = tiktok.go_live("alice")
        stream = join(relay)
        await reaches(stream, State.LIVE)
        assert (await client.ask(STATUS)).json()["route"] == "direct"
        room.fail(Failure.DIRECT_HANG)
        await room.cut()
        await reaches(stream, State.RECONNECTING)
        assert (await client.ask(STATUS)).json()["route"] is None
        await relay.close()

    async def test_it_tells_that_the_streamer_is_offline(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        tiktok.room("alice")
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["room_id"], status["problem"]) == (False, None, None)

    async def test_it_tells_of_sockets_that_wait(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        tiktok.room("alice")
        await reaches(join(relay, wait=True), State.WAITING)
        join(relay, wait=True)
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["stream"], status["sockets"]) == (False, "waiting", 2)
        assert status["looked_at"] <= relay.clock.unix_ms() < status["next_look_at"]
        assert not tiktok.count(Kind.ROOM_API), "TikTok was asked for what the stream knows"

    async def test_it_asks_tiktok_where_the_stream_does_not_know(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        room.fail(Failure.SIGN_HANG)
        join(relay)
        await tiktok.wait_for(lambda: tiktok.count(Kind.SIGN))
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["stream"]) == (True, "connecting")
        assert status["room_id"] == str(room.room_id)

    async def test_it_asks_tiktok_again_when_the_live_is_over(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        stream = join(relay)
        await reaches(stream, State.LIVE)
        await room.end()
        async with asyncio.timeout(10):
            while not stream.over:
                await stream.log.changed(stream.log.end)
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["room_id"], status["stream"]) == (False, None, None)

    @pytest.mark.parametrize(
        ("failure", "code"),
        [
            (Failure.CAPTCHA, "tiktok_blocked"),
            (Failure.ROOM_API_HANG, "tiktok_timeout"),
            (Failure.CHECK_ALIVE_EMPTY, "tiktok_blocked"),
        ],
    )
    async def test_it_says_why_it_does_not_know(
        self, tiktok: TikTok, client: RestClient, settings: Settings, failure: Failure, code: str
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.3
        tiktok.go_live("alice").fail(failure)
        response = await client.ask(STATUS)
        assert response.status_code == 200
        assert (response.json()["live"], response.json()["room_id"]) == (None, None)
        assert response.json()["problem"]["code"] == code
        assert response.json()["problem"]["title"]

    async def test_it_says_that_tiktok_knows_no_such_user(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        status = (await client.ask(STATUS)).json()
        assert (status["live"], status["problem"]) == (None, USER_NOT_FOUND)

    async def test_it_says_so_in_the_accounts_language(
        self, tiktok: TikTok, client: RestClient, user: User
    ) -> None:
        user.language = "ru"
        await user.asave()
        title = (await client.ask(STATUS)).json()["problem"]["title"]
        assert title == "Ошибка подключения к TikTok Live: пользователь не найден"

    async def test_it_tells_until_when_the_sign_gate_is_closed(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        tiktok.room("alice")
        relay.streams.access("").gate.on_answer(429, {"retry-after": "30"})
        before = relay.streams.access("").gate.closed_until
        gate = (await client.ask(STATUS)).json()["sign_gate"]
        until = pytest.approx(before * 1000, abs=500)
        assert gate == {"closed": True, "closed_until": until, "retry_after": 30}

    async def test_it_tells_of_the_gate_of_the_accounts_own_key(
        self, tiktok: TikTok, relay: Relay, client: RestClient, user: User
    ) -> None:
        tiktok.room("alice")
        user.own_sign_api_key = "own-key"
        await user.asave()
        relay.streams.access("").gate.on_answer(429, {"retry-after": "30"})
        assert (await client.ask(STATUS)).json()["sign_gate"] == OPEN_GATE
        relay.streams.access("own-key").gate.on_answer(429, {"retry-after": "30"})
        response = await client.ask(STATUS)
        assert response.json()["sign_gate"]["closed"]
        assert "own-key" not in response.text

    async def test_it_asks_tiktok_once_however_many_apps_ask(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        tiktok.go_live("alice")
        responses = await asyncio.gather(*(client.ask(STATUS) for _ in range(10)))
        assert all(response.json()["live"] for response in responses)
        assert tiktok.count(Kind.ROOM_API) == 1


class TestGifts:
    async def test_the_gifts_are_those_of_tiktok_s_list(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        await reaches(join(relay), State.LIVE)
        response = await client.ask(GIFTS)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        gifts = response.json()["gifts"]
        assert len(gifts) == len(pages.GIFTS)
        assert gifts[0] == {
            "id": "5655",
            "name": "Rose",
            "diamonds": 1,
            "image": "https://p16-webcast.tiktokcdn.com/img/alisg/webcast-sg/resource/5655.png",
            "streakable": True,
        }
        assert tiktok.count(Kind.GIFT_LIST, room) == 1

    async def test_it_finds_the_room_without_a_stream(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        room = tiktok.go_live("alice")
        assert (await client.ask(GIFTS)).json()["gifts"]
        assert tiktok.count(Kind.GIFT_LIST, room) == 1
        assert not tiktok.count(Kind.SIGN)

    async def test_it_says_that_they_are_those_seen_where_tiktok_gives_no_list(
        self, tiktok: TikTok, relay: Relay, client: RestClient
    ) -> None:
        tiktok.room("alice")
        assert (await client.ask(GIFTS)).json()["source"] == "tiktok"
        relay.streams.gifts.add(frames.GiftKind("5655", "Rose", 1, "", streakable=True))
        tiktok.gifts = None
        tiktok.go_live("alice")
        await reaches(join(relay), State.LIVE)
        told = (await client.ask(GIFTS)).json()
        assert told["source"] == "seen"
        assert [gift["name"] for gift in told["gifts"]] == ["Rose"]

    async def test_it_has_gifts_of_one_who_is_offline(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        tiktok.room("alice")
        assert (await client.ask(GIFTS)).json()["gifts"]

    async def test_it_asks_tiktok_once_however_many_apps_ask(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        tiktok.go_live("alice")
        await asyncio.gather(*(client.ask(GIFTS) for _ in range(10)))
        assert tiktok.count(Kind.GIFT_LIST) == 1

    async def test_it_says_that_tiktok_knows_no_such_user(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        response = await client.ask(GIFTS)
        assert (response.status_code, response.json()) == (404, USER_NOT_FOUND)

    @pytest.mark.parametrize(
        ("failure", "status", "code"),
        [
            (Failure.CAPTCHA, 502, "tiktok_blocked"),
            (Failure.GIFT_LIST_CAPTCHA, 502, "tiktok_blocked"),
            (Failure.GIFT_LIST_HANG, 504, "tiktok_timeout"),
        ],
    )
    async def test_it_says_what_is_in_the_way(
        self,
        tiktok: TikTok,
        client: RestClient,
        settings: Settings,
        failure: Failure,
        status: int,
        code: str,
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.3
        tiktok.go_live("alice").fail(failure)
        response = await client.ask(GIFTS)
        assert (response.status_code, response.json()["code"]) == (status, code)

    async def test_it_says_that_tiktok_cannot_be_reached(
        self, tiktok: TikTok, client: RestClient
    ) -> None:
        await tiktok.stop()
        response = await client.ask(GIFTS)
        assert (response.status_code, response.json()["code"]) == (502, "connection_lost")

    def test_it_names_things_as_frames_do(self) -> None:
        described = api.GiftKind.model_json_schema()["properties"]
        assert list(described) == list(frames.GiftKind.__struct_fields__)
        (_ref, schemas) = msgspec.json.schema_components([frames.GiftKind])
        for name, field in schemas["GiftKind"]["properties"].items():
            assert described[name]["type"] == field["type"]


@pytest.mark.parametrize("path", [STATUS, GIFTS])
class TestBoth:
    async def test_they_need_a_tiktok_username(
        self, tiktok: TikTok, client: RestClient, user: User, path: str
    ) -> None:
        user.tiktok_username = ""
        await user.asave()
        response = await client.ask(path)
        assert (response.status_code, response.json()["code"]) == (422, "username_missing")
        assert not tiktok.requests

    async def test_they_need_a_token(self, client: RestClient, path: str) -> None:
        response = await client.ask(path, authorization="")
        assert (response.status_code, response.json()["code"]) == (401, "invalid_token")

    async def test_they_do_not_begin_when_the_server_leaves(
        self, tiktok: TikTok, relay: Relay, client: RestClient, path: str
    ) -> None:
        await relay.close()
        response = await client.ask(path)
        assert (response.status_code, response.json()["code"]) == (503, "server_shutdown")
        assert response.headers["Retry-After"] == str(response.json()["retry_after"])

    async def test_they_take_no_other_method(self, client: RestClient, path: str) -> None:
        response = await client.ask(path, "POST", {})
        assert (response.status_code, response.json()["code"]) == (405, "bad_request")


class TestTheDescription:
    async def test_the_description_names_every_operation(self, client: RestClient) -> None:
        response = await client.ask("/api/v1/openapi.json", authorization="")
        assert response.status_code == 200
        assert set(response.json()["paths"]) == {
            *("/api/v1/account", STATUS, GIFTS, "/api/v1/lives", "/api/v1/lives/{id}"),
            "/api/v1/lives/{id}/{table}.csv",
        }

    def test_it_describes_an_error_as_frames_have_it(self) -> None:
        described = Problem.model_json_schema()
        fields = set(frames.Error.__struct_fields__) - {"close_code"}
        assert set(described["properties"]) == fields
        assert set(described["required"]) == fields - {"hint", "retry_after"}

    def test_it_says_of_each_operation_how_it_can_fail(self) -> None:
        described = rest_api.get_openapi_schema()
        for path, operations in described["paths"].items():
            for operation in operations.values():
                failures = {status for status in operation["responses"] if status >= 400}
                assert failures >= {401, 403, 422, 500}, path
                for status in failures:
                    content = operation["responses"][status]["content"]["application/json"]
                    assert content["schema"]["$ref"].endswith("/Problem")

    async def test_its_page_loads_nothing_from_elsewhere(self, client: RestClient) -> None:
        page = (await client.ask("/api/v1/docs", authorization="")).text
        targets = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert len(targets) > 20
        assert [target for target in targets if not re.match(r"/(?!/)|#", target)] == []

    async def test_its_page_offers_the_source(self, client: RestClient, settings: Settings) -> None:
        settings.SOURCE_URL = "https://code.example/relay"
        page: Any = await client.ask("/api/v1/docs", authorization="")
        assert 'href="https://code.example/relay"' in page.text
