"""The routes to TikTok's socket: which one is taken, what each asks, and what is told of both."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode, RelayError
from live.tiktok.routes import Refusal, RouteName, failure_of_all
from live.tiktok.signgate import SignGate
from standin import Failure, Kind, TikTok, messages
from tests.support.connecting import Make, Recorder, end_of

BOTH = ("signed", "direct")

OF_SIGNED = {
    Failure.SIGN_429: ErrorCode.RATE_LIMITED,
    Failure.SIGN_429_WITHOUT_HEADER: ErrorCode.RATE_LIMITED,
    Failure.SIGN_401: ErrorCode.SIGN_FORBIDDEN,
    Failure.SIGN_403: ErrorCode.SIGN_FORBIDDEN,
    Failure.SIGN_500: ErrorCode.SIGN_UNAVAILABLE,
    Failure.SIGN_EMPTY: ErrorCode.SIGN_UNAVAILABLE,
    Failure.SIGN_NO_COOKIES: ErrorCode.SIGN_UNAVAILABLE,
    Failure.SIGN_GARBAGE: ErrorCode.SIGN_UNAVAILABLE,
    Failure.SIGN_FALLBACK: ErrorCode.SIGN_UNAVAILABLE,
    Failure.SIGN_HANG: ErrorCode.TIKTOK_TIMEOUT,
    Failure.WEBCAST_200: ErrorCode.TIKTOK_BLOCKED,
    Failure.WEBCAST_400: ErrorCode.TIKTOK_BLOCKED,
    Failure.WEBCAST_403: ErrorCode.TIKTOK_BLOCKED,
    Failure.WEBCAST_HANG: ErrorCode.TIKTOK_TIMEOUT,
}
OF_DIRECT = {
    Failure.PROFILE_PAGE_NO_COOKIE: ErrorCode.TIKTOK_BLOCKED,
    Failure.DIRECT_200: ErrorCode.TIKTOK_BLOCKED,
    Failure.DIRECT_415: ErrorCode.TIKTOK_BLOCKED,
    Failure.DIRECT_HANG: ErrorCode.TIKTOK_TIMEOUT,
    Failure.DIRECT_CUT_AT_ONCE: ErrorCode.CONNECTION_LOST,
}


@pytest.fixture(autouse=True)
def _impatient(tiktok: TikTok, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RELAY_CONNECT_TIMEOUT = 2
    monkeypatch.setattr("live.tiktok.visitor._BETWEEN", 0.01)


class TestTheDirectRoute:
    async def test_it_gets_the_live_without_the_sign_server(
        self, tiktok: TikTok, recorder: Recorder, make: Make
    ) -> None:
        room = tiktok.go_live("alice", title="Hi", history=[messages.chat("early", "bird")])
        upstream = make("alice", SignGate(""), routes=["direct"])
        await upstream.open()
        await room.push(messages.like("viewer"))
        while len(recorder.methods) < 2:
            await recorder.next()
        await tiktok.wait_for(lambda: room.acks)
        await upstream.close()

        assert recorder.room is not None
        assert (recorder.room.id, recorder.room.title) == (str(room.room_id), "Hi")
        assert recorder.routes == ["direct"]
        assert recorder.methods == ["WebcastChatMessage", "WebcastLikeMessage"]
        assert tiktok.count(Kind.SIGN) == tiktok.count(Kind.WEBCAST) == 0

    async def test_it_sends_what_a_visitor_of_the_page_sends(
        self, tiktok: TikTok, make: Make
    ) -> None:
        tiktok.go_live("alice")
        assert await end_of(make("alice", SignGate(""), routes=["direct"])) is None
        (page,) = [r for r in tiktok.requests if r.kind is Kind.PROFILE_PAGE]
        (socket,) = [r for r in tiktok.requests if r.kind is Kind.DIRECT]
        assert "Cookie" not in page.headers
        assert socket.visitor == tiktok.visitors[0]
        assert socket.headers["Origin"] == "https://www.tiktok.com"
        assert socket.headers["User-Agent"] == page.headers["User-Agent"]
        assert socket.query["version_code"] == "180800"
        assert socket.query["compress"] == "gzip"
        assert socket.query["identity"] == "audience"

    async def test_one_visitor_serves_all(self, tiktok: TikTok, make: Make) -> None:
        tiktok.cookie_every = 3
        for name in ("alice", "bob", "carol"):
            tiktok.go_live(name)
        ends = await asyncio.gather(
            *(
                end_of(make(name, SignGate(""), routes=["direct"]))
                for name in ("alice", "bob", "carol")
            )
        )
        assert ends == [None, None, None]
        assert await end_of(make("alice", SignGate(""), routes=["direct"])) is None
        assert len(tiktok.visitors) == 1
        assert tiktok.count(Kind.PROFILE_PAGE) == 3

    async def test_another_region_can_be_set(
        self, tiktok: TikTok, make: Make, settings: Settings
    ) -> None:
        settings.TIKTOK_SOCKET_URL = tiktok.socket_url("eu")
        tiktok.go_live("alice")
        assert await end_of(make("alice", SignGate(""), routes=["direct"])) is None
        (socket,) = [r for r in tiktok.requests if r.kind is Kind.DIRECT]
        assert socket.region == "eu"

    @pytest.mark.parametrize(("failure", "code"), OF_DIRECT.items())
    async def test_how_it_fails(
        self, tiktok: TikTok, make: Make, failure: Failure, code: ErrorCode
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        tiktok.fail(failure)  # also for @tiktok's page
        end = await end_of(make("alice", SignGate(""), routes=["direct"]))
        assert end is not None
        assert end.code is code

    @pytest.mark.parametrize(
        "failure", [Failure.DIRECT_200, Failure.DIRECT_415, Failure.PROFILE_PAGE_NO_COOKIE]
    )
    async def test_a_block_closes_it_for_all_and_keeps_the_visitor(
        self, tiktok: TikTok, make: Make, failure: Failure
    ) -> None:
        for name in ("alice", "bob"):
            tiktok.go_live(name)
        tiktok.fail(failure)
        await end_of(make("alice", SignGate(""), routes=["direct"]))
        visitors, asked = list(tiktok.visitors), len(tiktok.requests)
        tiktok.clear()
        end = await end_of(make("bob", SignGate(""), routes=["direct"]))
        assert end is not None
        assert end.code is ErrorCode.TIKTOK_BLOCKED
        assert end.retry_after is not None
        assert 40 <= end.retry_after <= 75
        assert (tiktok.visitors, len(tiktok.requests)) == (visitors, asked)


class TestTheOrder:
    @pytest.mark.parametrize(("failure", "code"), OF_SIGNED.items())
    async def test_the_next_route_is_taken(
        self, tiktok: TikTok, recorder: Recorder, make: Make, failure: Failure, code: ErrorCode
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        alone = await end_of(make("alice", SignGate("")))
        assert alone is not None
        assert (alone.code, alone.tried) == (code, ())
        assert await end_of(make("alice", SignGate(""), routes=BOTH)) is None
        assert recorder.routes == ["direct"]

    @pytest.mark.parametrize("failure", OF_DIRECT)
    async def test_it_is_the_order_of_the_setting(
        self, tiktok: TikTok, recorder: Recorder, make: Make, failure: Failure
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        tiktok.fail(failure)
        assert await end_of(make("alice", SignGate(""), routes=("direct", "signed"))) is None
        assert recorder.routes == ["signed"]
        tiktok.clear()
        tiktok.room("alice").clear()
        assert await end_of(make("alice", SignGate(""), routes=BOTH)) is None
        assert recorder.routes == ["signed", "signed"]

    @pytest.mark.parametrize(
        ("of_signed", "of_direct"),
        [*itertools.product([Failure.SIGN_429, Failure.SIGN_HANG], OF_DIRECT)],
    )
    async def test_of_two_failures_the_first_is_told_and_both_are_named(
        self, tiktok: TikTok, make: Make, of_signed: Failure, of_direct: Failure
    ) -> None:
        tiktok.go_live("alice").fail(of_signed)
        tiktok.fail(of_direct)
        tiktok.room("alice").fail(of_direct)
        async with asyncio.timeout(4):  # together they have the one connect timeout
            end = await end_of(make("alice", SignGate(""), routes=BOTH))
        assert end is not None
        assert end.code is OF_SIGNED[of_signed]
        assert end.tried == (("signed", end.code), ("direct", OF_DIRECT[of_direct]))
        assert "signed: " in end.said
        assert "direct: " in end.said
        hint = end.explain("en").hint
        assert isinstance(hint, str)
        assert "Tried: signed (" in hint
        assert "direct (" in hint

    async def test_a_closed_gate_is_passed_over(
        self, tiktok: TikTok, recorder: Recorder, make: Make
    ) -> None:
        tiktok.go_live("alice")
        gate = SignGate("")
        gate.on_answer(429, {"retry-after": "3600"})
        assert await end_of(make("alice", gate, routes=BOTH)) is None
        assert tiktok.count(Kind.SIGN) == 0
        assert recorder.routes == ["direct"]

    async def test_nobody_is_asked_while_all_are_closed(self, tiktok: TikTok, make: Make) -> None:
        for name in ("alice", "bob"):
            tiktok.go_live(name)
        tiktok.fail(Failure.DIRECT_415)
        gate = SignGate("")
        gate.on_answer(429, {"retry-after": "3600"})
        await end_of(make("alice", gate, routes=BOTH))
        asked = len(tiktok.requests)
        end = await end_of(make("bob", gate, routes=BOTH))
        assert end is not None
        assert end.code is ErrorCode.RATE_LIMITED
        assert end.retry_after in range(3500, 3601)
        assert len(tiktok.requests) == asked

    @pytest.mark.parametrize(
        ("failure", "code"),
        [
            (Failure.NOT_ALIVE, ErrorCode.USER_OFFLINE),
            (Failure.USER_NOT_FOUND, ErrorCode.USER_NOT_FOUND),
        ],
    )
    async def test_what_is_said_of_the_streamer_ends_the_attempt(
        self, tiktok: TikTok, make: Make, failure: Failure, code: ErrorCode
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        end = await end_of(make("alice", SignGate(""), routes=BOTH))
        assert end is not None
        assert (end.code, end.tried) == (code, ())
        kinds = {request.kind for request in tiktok.requests}
        assert not kinds & {Kind.SIGN, Kind.PROFILE_PAGE, Kind.DIRECT}


class TestAnAgeRestriction:
    @pytest.mark.parametrize("route", BOTH)
    async def test_it_is_no_reason_not_to_connect(
        self, tiktok: TikTok, recorder: Recorder, make: Make, route: str
    ) -> None:
        tiktok.go_live("alice").fail(Failure.AGE_RESTRICTED)
        assert await end_of(make("alice", SignGate(""), routes=[route])) is None
        assert recorder.routes == [route]

    @pytest.mark.parametrize(
        ("route", "failure"),
        [("signed", Failure.WEBCAST_200), ("direct", Failure.DIRECT_415)],
    )
    async def test_it_is_told_when_the_socket_is_refused_too(
        self, tiktok: TikTok, make: Make, route: str, failure: Failure
    ) -> None:
        room = tiktok.go_live("alice")
        room.fail(Failure.AGE_RESTRICTED)
        room.fail(failure)
        tiktok.go_live("bob")
        end = await end_of(make("alice", SignGate(""), routes=[route]))
        assert end is not None
        assert end.code is ErrorCode.AGE_RESTRICTED
        assert await end_of(make("bob", SignGate(""), routes=[route])) is None


class TestWhatTikTokSays:
    @pytest.mark.parametrize(
        ("route", "failure", "status"),
        [("signed", Failure.WEBCAST_400, 400), ("direct", Failure.DIRECT_415, 415)],
    )
    async def test_staff_read_its_reason_and_status(
        self, tiktok: TikTok, make: Make, route: str, failure: Failure, status: int
    ) -> None:
        tiktok.go_live("alice").fail(failure, message="some reason", status=7)
        end = await end_of(make("alice", SignGate(""), routes=[route]))
        assert end is not None
        assert end.said == f"HTTP {status} some reason (7)"

    def test_one_failure_is_told_as_it_is(self) -> None:
        error = RelayError(ErrorCode.TIKTOK_TIMEOUT, said="what TikTok said")
        assert failure_of_all([Refusal(RouteName.SIGNED, error)]) is error
