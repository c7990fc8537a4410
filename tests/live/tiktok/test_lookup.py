"""What TikTok is asked without a connection, against the stand-in: answers, failures, thrift."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_django import Settings

from live.clock import Clock
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import GiftKind
from live.tiktok.gifts import SeenGifts, read_gift_list
from live.tiktok.lookup import Lookup
from live.tiktok.network import Network
from standin import Failure, Kind, TikTok, pages

HOUR = 3600


class SetClock(Clock):
    """Seconds that go by when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def seen() -> SeenGifts:
    return SeenGifts()


@pytest.fixture
async def network(tiktok: TikTok) -> AsyncIterator[Network]:
    """A way out; when the test is over, it is closed and has left no connection."""
    network = Network(block_pause=0)
    yield network
    await network.close()
    await tiktok.wait_for(lambda: not tiktok.open_connections)


@pytest.fixture
async def tiktok_knows(network: Network, clock: SetClock, seen: SeenGifts) -> AsyncIterator[Lookup]:
    asked = Lookup(seen, network, clock)
    yield asked
    await asked.close()


async def refusal(question: Any) -> RelayError:
    with pytest.raises(RelayError) as refused:
        await question
    return refused.value


class TestLiveRoom:
    async def test_the_room_of_a_live_streamer_is_found(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        room = tiktok.go_live("alice")
        assert await tiktok_knows.live_room("alice") == str(room.room_id)

    async def test_it_is_none_of_one_who_is_offline(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        tiktok.room("alice")
        assert await tiktok_knows.live_room("alice") is None

    async def test_it_believes_the_room_rather_than_the_user(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        tiktok.go_live("alice").fail(Failure.NOT_ALIVE)
        assert await tiktok_knows.live_room("alice") is None

    async def test_it_needs_no_sign_request(self, tiktok: TikTok, tiktok_knows: Lookup) -> None:
        tiktok.go_live("alice")
        await tiktok_knows.live_room("alice")
        assert {r.kind for r in tiktok.requests} == {Kind.ROOM_API, Kind.CHECK_ALIVE}
        assert not any(request.api_key for request in tiktok.requests)

    @pytest.mark.parametrize(
        ("failure", "code"),
        [
            (Failure.USER_NOT_FOUND, ErrorCode.USER_NOT_FOUND),
            (Failure.CAPTCHA, ErrorCode.TIKTOK_BLOCKED),
            (Failure.CHECK_ALIVE_EMPTY, ErrorCode.TIKTOK_BLOCKED),
        ],
    )
    async def test_it_says_what_is_in_the_way(
        self, tiktok: TikTok, tiktok_knows: Lookup, failure: Failure, code: ErrorCode
    ) -> None:
        tiktok.go_live("alice").fail(failure)
        error = await refusal(tiktok_knows.live_room("alice"))
        assert (error.code, error.username) == (code, "alice")

    async def test_it_does_not_wait_for_ever(
        self, tiktok: TikTok, tiktok_knows: Lookup, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.2
        tiktok.go_live("alice").fail(Failure.ROOM_API_HANG)
        error = await refusal(tiktok_knows.live_room("alice"))
        assert error.code is ErrorCode.TIKTOK_TIMEOUT

    async def test_it_says_that_tiktok_cannot_be_reached(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        await tiktok.stop()
        error = await refusal(tiktok_knows.live_room("alice"))
        assert error.code is ErrorCode.CONNECTION_LOST

    async def test_it_asks_once_however_many_want_to_know(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        room = tiktok.go_live("alice")
        answers = await asyncio.gather(*(tiktok_knows.live_room("alice") for _ in range(50)))
        assert set(answers) == {str(room.room_id)}
        assert tiktok.count(Kind.ROOM_API) == 1

    async def test_it_keeps_the_answer_for_half_a_minute(
        self, tiktok: TikTok, tiktok_knows: Lookup, clock: SetClock
    ) -> None:
        tiktok.room("alice")
        assert await tiktok_knows.live_room("alice") is None
        tiktok.go_live("alice")
        clock.now += 29
        assert await tiktok_knows.live_room("alice") is None
        clock.now += 1
        assert await tiktok_knows.live_room("alice") is not None

    async def test_it_keeps_a_failure_for_seconds_only(
        self, tiktok: TikTok, tiktok_knows: Lookup, clock: SetClock
    ) -> None:
        tiktok.go_live("alice").fail(Failure.CAPTCHA, times=1)
        await refusal(tiktok_knows.live_room("alice"))
        clock.now += 4
        await refusal(tiktok_knows.live_room("alice"))
        assert tiktok.count(Kind.ROOM_API) == 1
        clock.now += 1
        assert await tiktok_knows.live_room("alice") is not None

    async def test_it_asks_on_when_its_first_asker_has_gone(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        tiktok.go_live("alice").fail(Failure.ROOM_API_HANG, times=1)
        first = asyncio.create_task(tiktok_knows.live_room("alice"))
        await tiktok.wait_for(lambda: tiktok.count(Kind.ROOM_API))
        second = asyncio.create_task(tiktok_knows.live_room("alice"))
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        assert not second.done()
        await tiktok_knows.close()
        assert (await refusal(second)).code is ErrorCode.SERVER_SHUTDOWN

    async def test_it_remembers_a_bounded_number_of_answers(
        self, tiktok: TikTok, network: Network, clock: SetClock, seen: SeenGifts
    ) -> None:
        lookup = Lookup(seen, network, clock, most_rooms=2)
        for name in ("alice", "bob", "carol"):
            tiktok.room(name)
            await lookup.live_room(name)
        await lookup.live_room("bob")
        assert tiktok.count(Kind.ROOM_API) == 3, "the newest two are remembered"
        await lookup.live_room("alice")
        assert tiktok.count(Kind.ROOM_API) == 4, "the oldest is forgotten"
        await lookup.close()


class TestGifts:
    async def test_the_gifts_are_those_of_tiktok_s_list(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        source, gifts = await tiktok_knows.gifts("alice", None)
        assert source == "tiktok"
        assert [gift.name for gift in gifts] == [gift["name"] for gift in pages.GIFTS]
        address = "https://p16-webcast.tiktokcdn.com/img/alisg/webcast-sg/resource/5655.png"
        assert gifts[0] == GiftKind("5655", "Rose", 1, address, streakable=True)
        assert not gifts[-1].streakable

    async def test_it_asks_for_those_of_the_room(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        room = tiktok.go_live("alice")
        await tiktok_knows.gifts("alice", str(room.room_id))
        assert tiktok.count(Kind.GIFT_LIST, room) == 1

    async def test_it_asks_once_however_many_want_to_know(
        self, tiktok: TikTok, tiktok_knows: Lookup
    ) -> None:
        await asyncio.gather(*(tiktok_knows.gifts("alice", None) for _ in range(50)))
        assert tiktok.count(Kind.GIFT_LIST) == 1

    async def test_it_keeps_the_answer_for_an_hour(
        self, tiktok: TikTok, tiktok_knows: Lookup, clock: SetClock
    ) -> None:
        _, first = await tiktok_knows.gifts("alice", None)
        clock.now += HOUR - 1
        assert (await tiktok_knows.gifts("alice", None)).gifts is first
        clock.now += 1
        assert (await tiktok_knows.gifts("alice", None)).gifts is not first
        assert tiktok.count(Kind.GIFT_LIST) == 2

    async def test_it_keeps_a_failure_for_seconds_only(
        self, tiktok: TikTok, tiktok_knows: Lookup, clock: SetClock
    ) -> None:
        tiktok.fail(Failure.GIFT_LIST_CAPTCHA, times=1)
        error = await refusal(tiktok_knows.gifts("alice", None))
        assert error.code is ErrorCode.TIKTOK_BLOCKED
        clock.now += 5
        assert await tiktok_knows.gifts("alice", None)

    async def test_it_does_not_wait_for_ever(
        self, tiktok: TikTok, tiktok_knows: Lookup, settings: Settings
    ) -> None:
        settings.RELAY_CONNECT_TIMEOUT = 0.2
        tiktok.fail(Failure.GIFT_LIST_HANG)
        error = await refusal(tiktok_knows.gifts("alice", None))
        assert error.code is ErrorCode.TIKTOK_TIMEOUT

    async def test_it_falls_back_on_gifts_that_were_seen(
        self, tiktok: TikTok, tiktok_knows: Lookup, seen: SeenGifts
    ) -> None:
        """As since June 2026: TikTok wants the request to be signed, and answers 403."""
        rose = GiftKind("5655", "Rose", 1, "", streakable=True)
        seen.add(rose)
        tiktok.gifts = None
        assert await tiktok_knows.gifts("alice", None) == ("seen", (rose,))

    @pytest.mark.parametrize("listed", [None, {}, "gifts", [], [None], [{"name": "Rose"}]])
    async def test_it_takes_a_list_without_gifts_for_a_refusal(
        self, tiktok: TikTok, tiktok_knows: Lookup, listed: Any
    ) -> None:
        tiktok.gifts = listed
        error = await refusal(tiktok_knows.gifts("alice", None))
        assert error.code is ErrorCode.TIKTOK_BLOCKED

    async def test_it_reads_no_more_than_it_must(
        self, tiktok: TikTok, tiktok_knows: Lookup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("live.tiktok.lookup.MAX_GIFT_LIST", 10_000)
        tiktok.gifts = [pages.gift(1, "x" * 20_000, 1)]
        error = await refusal(tiktok_knows.gifts("alice", None))
        assert error.code is ErrorCode.TIKTOK_BLOCKED


class TestReadGifts:
    """What TikTok might send."""

    @staticmethod
    def read(*gifts: Any) -> tuple[GiftKind, ...]:
        return read_gift_list(json.dumps({"data": {"gifts": gifts}}).encode())

    def test_it_needs_an_id_only(self) -> None:
        assert self.read({"id": 7}) == (GiftKind("7", "", 0, "", streakable=False),)

    @pytest.mark.parametrize("number", [2**53 + 1, 2**64 - 1])
    def test_it_keeps_large_ids_exactly(self, number: int) -> None:
        assert self.read({"id": number})[0].id == str(number)
        assert self.read({"id": str(number)})[0].id == str(number)

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            7,
            "7",
            [],
            {},
            {"id": None},
            {"id": 0},
            {"id": -1},
            {"id": 2**64},
            {"id": 1.5},
            {"id": "seven"},
            {"id": 7, "name": None},
            {"id": 7, "name": 5},
            {"id": 7, "diamond_count": -1},
            {"id": 7, "diamond_count": 2**53},
            {"id": 7, "diamond_count": [1]},
            {"id": 7, "type": {}},
        ],
    )
    def test_it_leaves_out_what_is_no_gift(self, bad: Any) -> None:
        assert [gift.id for gift in self.read({"id": 1}, bad, {"id": 2})] == ["1", "2"]

    @pytest.mark.parametrize(
        "image",
        [
            None,
            5,
            "https://example.org/rose.png",
            [],
            {},
            {"url_list": None},
            {"url_list": []},
            {"url_list": {}},
            {"url_list": [5]},
            {"url_list": ["javascript:alert(1)"]},
            {"url_list": ["data:image/png;base64,AA"]},
            {"url_list": ["//example.org/rose.png"]},
            {"url_list": ["https://example.org/" + "x" * 2000]},
        ],
    )
    def test_it_keeps_a_gift_whose_picture_is_no_address(self, image: Any) -> None:
        assert self.read({"id": 7, "image": image})[0].image == ""

    def test_it_takes_the_icon_where_there_is_no_picture(self) -> None:
        icon = {"url_list": ["https://example.org/rose.png"]}
        assert self.read({"id": 7, "icon": icon})[0].image == icon["url_list"][0]

    def test_it_lists_each_gift_once(self) -> None:
        assert [gift.id for gift in self.read({"id": 2}, {"id": 1}, {"id": 2})] == ["2", "1"]

    def test_it_bounds_the_list_and_its_texts(self) -> None:
        gifts = self.read(*({"id": number + 1, "name": "x" * 300} for number in range(6000)))
        assert len(gifts) == 5000
        assert len(gifts[0].name) == 200

    def test_it_sends_what_can_be_sent_of_a_broken_emoji(self) -> None:
        body = b'{"data":{"gifts":[{"id":7,"name":"Rose \\ud83c"}]}}'
        assert read_gift_list(body)[0].name == "Rose ?"

    @pytest.mark.parametrize(
        "body",
        [b"", b"null", b"[]", b"{}", b'{"data":null}', b"<html>", b"\xff", b"[" * 100_000],
    )
    def test_it_refuses_what_is_no_gift_list(self, body: bytes) -> None:
        with pytest.raises((ValueError, LookupError, TypeError)):
            read_gift_list(body)
