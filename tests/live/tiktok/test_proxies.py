"""TikTok and the sign server through a proxy that needs a password.

The stand-in has a name here that only the proxy knows, so nothing gets there beside the proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest
from pytest_django import Settings

from live.protocol.errors import ErrorCode, RelayError
from live.streams.listener_access import ListenerAccess
from live.tiktok.access import Access, OneAccess
from live.tiktok.connection import TikTokUpstream, TikTokUpstreams
from live.tiktok.network import Networks
from live.tiktok.pictures import Pictures
from live.tiktok.signgate import SignGate, SignGates
from standin import Failure, Kind, Room, TikTok, messages
from tests.support.certificates import Contexts, make_certificate
from tests.support.connecting import Recorder, end_of
from tests.support.proxy import HOST, CuttableProxy
from tests.support.tiktok_proxy import TikTokProxy

NAME = "tiktok.test"
# Of the proxy, as only the test knows it by this.
PASSWORD, ESCAPED = "p@ss/w:rd%", "p%40ss%2Fw%3Ard%25"
SCHEMES = ["http", "https", "socks5"]
ROUTES = ["signed", "direct"]
WRONG = "wr0ng-one"


class HiddenTikTok(TikTok):
    """The stand-in under a name that nobody can resolve but the proxy; with TLS before it.

    Attributes:
        door: what speaks TLS before it.
    """

    door: CuttableProxy

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.door.port}"

    def socket_url(self, region: str = "") -> str:
        return (
            super()
            .socket_url(region)
            .replace(f"ws://{HOST}:{self.port}", f"wss://{NAME}:{self.door.port}")
        )


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_certificate(tmp_path_factory.mktemp("tls"), NAME, "localhost")


@pytest.fixture
async def tiktok(
    settings: Settings, tls: Contexts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TikTok]:
    for module in ("clients", "webcast"):
        monkeypatch.setattr(f"live.tiktok.{module}.TLS", tls.client)
    tiktok = HiddenTikTok()
    async with tiktok, CuttableProxy(tiktok.port, tls.server) as tiktok.door:
        for name, value in tiktok.environment().items():
            setattr(settings, name, value)
        settings.RELAY_PICTURE_HOSTS = [tiktok.url]
        settings.RELAY_CONNECT_TIMEOUT = 5
        yield tiktok


@pytest.fixture
def room(tiktok: TikTok) -> Room:
    return tiktok.go_live("alice", title="Hi")


class Proxies(NamedTuple):
    """One proxy for http and socks5, and one that speaks TLS, too."""

    plain: TikTokProxy
    tls: TikTokProxy

    def of(self, scheme: str) -> TikTokProxy:
        return self.tls if scheme == "https" else self.plain

    def address(self, scheme: str, password: str = PASSWORD) -> str:
        host = "localhost" if scheme == "https" else HOST
        return self.of(scheme).address(scheme, password, host)


@pytest.fixture
async def proxies(tiktok: TikTok, tls: Contexts) -> AsyncIterator[Proxies]:
    hosts = {NAME: HOST}
    async with (
        TikTokProxy(password=PASSWORD, hosts=hosts) as plain,
        TikTokProxy(password=PASSWORD, hosts=hosts, tls=tls.server) as secured,
    ):
        yield Proxies(plain, secured)


@pytest.fixture
async def networks(proxies: Proxies) -> AsyncIterator[Networks]:
    networks = Networks()
    yield networks
    await networks.close()


class Attempt(NamedTuple):
    upstream: TikTokUpstream
    heard: Recorder


def attempt(
    networks: Networks, proxy: str, *routes: str, gate: SignGate | None = None, name: str = "alice"
) -> Attempt:
    heard = Recorder()
    accesses = OneAccess(Access(gate or SignGate(""), proxy))
    return Attempt(TikTokUpstreams(networks, None, routes)(name, accesses, heard), heard)


async def failure(networks: Networks, proxy: str, *routes: str) -> RelayError:
    end = await end_of(attempt(networks, proxy, *routes).upstream)
    assert end is not None
    return end


async def follow(one: Attempt, room: Room) -> None:
    """Open it, and see that an event comes."""
    await one.upstream.open()
    await room.push(messages.like("viewer"))
    while not one.heard.methods:
        await one.heard.next()
    assert one.heard.methods == ["WebcastLikeMessage"]


class TestTheLive:
    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize("route", ROUTES)
    async def test_it_comes_through_the_proxy(
        self,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        scheme: str,
        route: str,
    ) -> None:
        one = attempt(networks, proxies.address(scheme), route)
        await follow(one, room)
        assert one.heard.room is not None
        assert one.heard.room.title == "Hi"
        await one.upstream.close()
        proxy = proxies.of(scheme)
        assert {passage.host for passage in proxy.passages} == {NAME}
        assert {passage.kind for passage in proxy.passages} == {
            "socks5" if scheme == "socks5" else "connect"
        }
        kinds = {request.kind for request in tiktok.requests}
        assert kinds >= {Kind.LIVE_PAGE, Kind.ROOM_INFO}
        assert (Kind.SIGN in kinds) is (Kind.WEBCAST in kinds) is (route == "signed")
        assert (Kind.PROFILE_PAGE in kinds) is (Kind.DIRECT in kinds) is (route == "direct")
        told = {name.lower() for request in tiktok.requests for name in request.headers}
        assert not any(name.startswith("proxy-") for name in told)
        assert proxy.wrong_passwords == 0

    @pytest.mark.parametrize("route", ROUTES)
    async def test_without_the_proxy_it_is_not_reached(
        self, tiktok: TikTok, room: Room, networks: Networks, route: str
    ) -> None:
        assert (await failure(networks, "", route)).code is ErrorCode.CONNECTION_LOST
        assert not tiktok.requests


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """All that any library logs, at any level."""
    records = _Records()
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in root.manager.loggerDict)]
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(records)
    yield records.records
    root.removeHandler(records)
    for logger, level in levels:
        logger.setLevel(level)


def lines(records: list[logging.LogRecord], level: int = logging.DEBUG) -> str:
    formatter = logging.Formatter("%(name)s %(message)s")
    # asyncio's debug mode tells which callback was slow, with the test's own sockets in it.
    ours = (record for record in records if record.name != "asyncio")
    return "\n".join(formatter.format(record) for record in ours if record.levelno >= level)


async def bad_address(proxies: Proxies, scheme: str, bad: str) -> str:
    """The address of a proxy that does not let anything through, and how."""
    proxy = proxies.of(scheme)
    if bad == "is down":
        async with TikTokProxy(password=PASSWORD) as gone:
            pass
        return gone.address(scheme, host="localhost" if scheme == "https" else HOST)
    proxy.forbids = bad == "forbids"
    proxy.refuses = bad == "aborts"
    return proxies.address(scheme, WRONG if bad == "wrong password" else PASSWORD)


def check_secrets(address: str, end: RelayError, logged: list[logging.LogRecord]) -> None:
    """The proxy's password is told nowhere, and its place at most at levels that this server does
    not log (picows tells at INFO which connection ends)."""
    told = "\n".join(map(str, [end, repr(end), end.said, end.reason, end.explain("en")]))
    for password in (PASSWORD, ESCAPED, WRONG):
        assert password not in told
        assert password not in lines(logged)
    port = address.rpartition(":")[2]
    assert f":{port}" not in told
    assert port not in lines(logged, logging.WARNING)
    assert port not in lines([r for r in logged if r.name.startswith(("live", "accounts"))])


class TestAProxyThatLetsNothingThrough:
    @pytest.mark.parametrize("bad", ["wrong password", "forbids", "is down", "aborts"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize("route", ROUTES)
    async def test_it_is_told_in_words_and_without_secrets(
        self,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        logged: list[logging.LogRecord],
        scheme: str,
        route: str,
        bad: str,
    ) -> None:
        address = await bad_address(proxies, scheme, bad)
        end = await failure(networks, address, route)
        assert end.code is ErrorCode.CONNECTION_LOST
        if bad != "aborts":  # that may be TikTok, too
            assert end.reason.startswith("The proxy can't be reached, or does not let")
        check_secrets(address, end, logged)
        assert not tiktok.requests
        await nothing_is_open(tiktok, proxies)

    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize("setting", ["SIGN_API_URL", "TIKTOK_SOCKET_URL"])
    async def test_hosts_that_it_does_not_reach(
        self,
        settings: Settings,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        logged: list[logging.LogRecord],
        scheme: str,
        setting: str,
    ) -> None:
        """All but the sign server, or the socket of the direct route."""
        setattr(settings, setting, getattr(settings, setting).replace(NAME, "nowhere.test"))
        address = proxies.address(scheme)
        end = await failure(networks, address, "signed" if setting.startswith("SIGN") else "direct")
        assert end.code is ErrorCode.CONNECTION_LOST
        assert end.reason.startswith("The proxy can't be reached, or does not let")
        check_secrets(address, end, logged)
        assert tiktok.count(Kind.CHECK_ALIVE) == 1
        assert not {request.kind for request in tiktok.requests} & {Kind.SIGN, Kind.DIRECT}

    @pytest.mark.parametrize("scheme", SCHEMES)
    async def test_one_that_fails_later_is_a_lost_connection(
        self,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        logged: list[logging.LogRecord],
        scheme: str,
    ) -> None:
        address = proxies.address(scheme)
        one = attempt(networks, address, "direct")
        await follow(one, room)
        proxies.of(scheme).cut()
        end = await one.upstream.closed()
        await one.upstream.close()
        assert end.code is ErrorCode.CONNECTION_LOST
        check_secrets(address, end, logged)


async def nothing_is_open(tiktok: TikTok, proxies: Proxies) -> None:
    """The proxies have no client left, and nothing waits to be collected as garbage."""
    async with asyncio.timeout(5):
        for proxy in proxies:
            await proxy.is_idle()
    gc.collect()


class TestBreakingOff:
    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize(
        ("route", "hangs"), [("signed", Failure.WEBCAST_HANG), ("direct", Failure.DIRECT_HANG)]
    )
    async def test_a_connect_that_is_cancelled_leaves_no_connection_open(
        self,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        scheme: str,
        route: str,
        hangs: Failure,
    ) -> None:
        room.fail(hangs)
        one = attempt(networks, proxies.address(scheme), route)
        opening = asyncio.create_task(one.upstream.open())
        kind = Kind.WEBCAST if route == "signed" else Kind.DIRECT
        await tiktok.wait_for(lambda: tiktok.count(kind))
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await one.upstream.close()
        await networks.close()
        await nothing_is_open(tiktok, proxies)

    @pytest.mark.parametrize("scheme", SCHEMES)
    @pytest.mark.parametrize("hidden", [NAME, "socket.test"])
    async def test_while_the_proxy_itself_does_not_answer(
        self,
        settings: Settings,
        tiktok: TikTok,
        room: Room,
        proxies: Proxies,
        networks: Networks,
        scheme: str,
        hidden: str,
    ) -> None:
        settings.TIKTOK_SOCKET_URL = settings.TIKTOK_SOCKET_URL.replace(NAME, "socket.test")
        proxy = proxies.of(scheme)
        proxy.hangs_for.add(hidden)
        one = attempt(networks, proxies.address(scheme), "direct")
        opening = asyncio.create_task(one.upstream.open())
        async with asyncio.timeout(10):
            await proxy.hanging.wait()
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await one.upstream.close()
        await networks.close()
        await nothing_is_open(tiktok, proxies)


class TestAnAccountsProxy:
    async def test_it_is_used_for_its_live_and_the_servers_for_others(
        self, tiktok: TikTok, room: Room, proxies: Proxies
    ) -> None:
        tiktok.go_live("bob")
        server = proxies.address("http")
        networks = Networks(server)
        own = attempt(networks, proxies.address("https"), "signed")
        assert await end_of(own.upstream) is None
        assert proxies.plain.passages == []
        assert proxies.tls.passages != []
        before = len(proxies.tls.passages)
        others = attempt(networks, "", "signed", name="bob")
        assert await end_of(others.upstream) is None
        assert proxies.plain.passages != []
        assert len(proxies.tls.passages) == before
        await networks.close()

    async def test_two_accounts_of_one_live_have_different_ones(
        self, tiktok: TikTok, room: Room, proxies: Proxies, networks: Networks
    ) -> None:
        """The key of the first is refused, so the second one's key is used, through its proxy."""
        gates = SignGates()
        refused, taken = gates.of("refused"), gates.of("taken")
        refused.on_answer(429, {"ratelimit-reset": "30"})
        accesses = ListenerAccess(Access(refused, proxies.address("http")))
        accesses.add(Access(refused, proxies.address("http")))
        heard = Recorder()
        factory = TikTokUpstreams(networks)
        end = await end_of(factory("alice", accesses, heard))
        assert end is not None
        assert end.code is ErrorCode.RATE_LIMITED
        accesses.add(Access(taken, proxies.address("socks5")))
        assert await end_of(factory("alice", accesses, heard)) is None
        (sign,) = [request for request in tiktok.requests if request.kind is Kind.SIGN]
        assert sign.api_key == "taken"
        assert {passage.kind for passage in proxies.plain.passages} == {"socks5"}

    async def test_networks_that_nothing_uses_are_closed(
        self, tiktok: TikTok, room: Room, proxies: Proxies
    ) -> None:
        networks = Networks(idle=1)
        ways = [networks.of(f"http://{HOST}:{port}") for port in (1, 2, 3)]
        assert networks.of(f"http://{HOST}:2") is ways[1]
        assert networks.of(f"http://{HOST}:1") is not ways[0]
        await networks.close()

    async def test_networks_in_use_are_not_closed(
        self, tiktok: TikTok, room: Room, proxies: Proxies
    ) -> None:
        networks = Networks(idle=0)
        room.fail(Failure.SIGN_HANG)
        address = proxies.address("http")
        used = networks.of(address)
        one = attempt(networks, address, "signed")
        opening = asyncio.create_task(end_of(one.upstream))
        await tiktok.wait_for(lambda: tiktok.count(Kind.SIGN))
        networks.of(f"http://{HOST}:1")
        assert networks.of(address) is used
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        networks.of(f"http://{HOST}:2")
        assert networks.of(address) is not used
        await networks.close()
        await nothing_is_open(tiktok, proxies)


class TestPictures:
    @pytest.mark.parametrize("scheme", SCHEMES)
    async def test_they_come_through_the_servers_proxy(
        self, tiktok: TikTok, proxies: Proxies, scheme: str
    ) -> None:
        pictures = Pictures(proxy=proxies.address(scheme))
        assert await pictures.get(tiktok.pictures.format("rose"), account_id=1) is not None
        await pictures.close()
        assert tiktok.count(Kind.PICTURE) == 1
