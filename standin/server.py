"""The stand-in's HTTP server: answers every request of TikTokLive and of the direct route."""

from __future__ import annotations

import asyncio
import enum
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from standin import pages, pictures, sign
from standin.changes import Changes
from standin.failures import DEVICE_BLOCKED, Failure, Failures, Fault
from standin.frames import encode_first_result
from standin.messages import Message, ids
from standin.room import Room, hang, is_direct

HOST = "127.0.0.1"

PAGE = re.compile(r"/@([^/]+)(/live)?")
PICTURE = re.compile(r"/pictures/([^/]+)\.png")

WEBCAST = re.compile(r"/webcast(?:-([a-z]+))?(?=/)")
"""The beginning of the webcast's addresses. TikTok has a host name for each region, the stand-in a
path: `/webcast-eu`."""

FALLBACK_HOST = "localhost"
FALLBACK = "/fallback"
"""The base address of a socket that is not TikTok's own: another host name, and another path."""

SOCKET_PATH = "/im/ws_proxy/ws_reuse_supplement/"
"""The path of the webcast socket, after a base address."""

REFUSALS = {
    Failure.SIGN_FALLBACK: 400,
    Failure.WEBCAST_200: 200,
    Failure.WEBCAST_400: 400,
    Failure.WEBCAST_403: 403,
    Failure.DIRECT_200: 200,
    Failure.DIRECT_415: 415,
}
"""The HTTP status of handshakes that are refused."""

KEEP_ALIVE = 3600.0
"""Seconds until the server closes an idle connection. The time is long, so that tests notice a
connection that a client has forgotten to close."""


class Kind(enum.Enum):
    """What a request is for."""

    HOME_PAGE = "home_page"
    PROFILE_PAGE = "profile_page"
    LIVE_PAGE = "live_page"
    ROOM_API = "room_api"
    CHECK_ALIVE = "check_alive"
    ROOM_INFO = "room_info"
    GIFT_LIST = "gift_list"
    SIGN = "sign"
    WEBCAST = "webcast"
    """The signed webcast socket."""
    DIRECT = "direct"
    """The direct webcast socket, without a signature."""
    FALLBACK = "fallback"
    """A socket that is not TikTok's own, to which the sign server has sent the client."""
    PICTURE = "picture"
    OTHER = "other"


PATHS = {
    "": Kind.HOME_PAGE,
    "/api-live/user/room": Kind.ROOM_API,
    "/room/check_alive": Kind.CHECK_ALIVE,
    "/room/info": Kind.ROOM_INFO,
    "/gift/list": Kind.GIFT_LIST,
    "/fetch": Kind.SIGN,
    SOCKET_PATH.rstrip("/"): Kind.WEBCAST,
    FALLBACK + SOCKET_PATH.rstrip("/"): Kind.FALLBACK,
}
"""What a request is for, by its path, without `/webcast` at its beginning: the base address that is
configured may have it or not."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a client has sent.

    Attributes:
        at: when it came, in seconds on the event loop's clock.
        room: the room that it asks about; None if there is no such room.
        region: of the webcast's address, such as "eu" of `/webcast-eu`; empty for `/webcast`.
    """

    kind: Kind
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    room: Room | None
    region: str

    @property
    def visitor(self) -> str:
        """The cookie `ttwid`; empty for a request without it."""
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("ttwid")
        return cookie.value if cookie is not None else ""

    @property
    def api_key(self) -> str:
        """The API key in a request to the sign server; empty for a request without one."""
        return self.headers.get("X-Api-Key", "")


class _Server(web.Server):
    """aiohttp's server, which also keeps its open connections and notifies of new and lost ones."""

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        changes: Changes,
    ) -> None:
        super().__init__(
            handle,
            handler_cancellation=True,
            keepalive_timeout=KEEP_ALIVE,
            access_log=None,
        )
        self.transports: dict[RequestHandler, asyncio.Transport] = {}
        self._changes = changes

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.transports[handler] = transport
        self._changes.notify()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.transports.pop(handler, None)
        self._changes.notify()


class TikTok(Failures):
    """Serves a TikTok LIVE of its own on one loopback port.

    Use `start` and `stop`, or a context manager. After `stop`, it can be started again on the same
    port. A failure that is switched on here is played for every room, and for names without a
    room; a failure that is switched on for a room is played first.

    Args:
        port: the port to listen on; 0 for any free port.

    Attributes:
        requests: all requests that clients have sent.
        rooms: the rooms, by name.
        gifts: the gifts in the gift list, in TikTok's JSON.
        under_way: how many requests are not answered yet, sockets among them.
        cookie_every: which profile pages give the visitor's cookie: every n-th; 0 for none.
        visitors: the cookies that were given, oldest first. The direct socket accepts only these;
            one that is removed is refused with `DEVICE_BLOCKED`.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.port = port
        self.requests: list[Request] = []
        self.rooms: dict[str, Room] = {}
        self.gifts: Any = pages.GIFTS
        self.under_way = 0
        self.cookie_every = 1
        self.visitors: list[str] = []
        self._fallback: Fault | None = None
        self._changes = Changes()
        self._limiter = sign.Limiter()
        self._room_ids = ids()
        self._runner: web.ServerRunner | None = None
        self._server: _Server | None = None

    async def start(self) -> None:
        """Start to listen. After this, `port` and `url` are known.

        Raises:
            OSError: the port is taken.
        """
        self._server = _Server(self._handle, self._changes)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and abort all connections. Does nothing if it is not started."""
        runner, server = self._runner, self._server
        self._runner = self._server = None
        if runner is None or server is None:
            return
        for site in runner.sites:
            await site.stop()
        for transport in list(server.transports.values()):
            transport.abort()
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base address of all pages and APIs, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make a relay use this stand-in."""
        return {
            "TIKTOK_APP_URL": self.url,
            "TIKTOK_WEBCAST_URL": f"{self.url}/webcast",
            "TIKTOK_SOCKET_URL": self.socket_url(),
            "SIGN_API_URL": self.url,
            "RELAY_PICTURE_HOSTS": self.url,
        }

    def socket_url(self, region: str = "") -> str:
        """Return the base address of the webcast socket, to which clients add `SOCKET_PATH`.

        Args:
            region: in lower case, such as "eu"; empty for TikTok's own address.
        """
        return f"ws://{HOST}:{self.port}/webcast{region and '-'}{region}"

    @property
    def pictures(self) -> str:
        """The address of its pictures, with {} for the name, for `messages.pictures_at`."""
        return f"{self.url}/pictures/{{}}.png"

    def room(self, name: str) -> Room:
        """Return the room of @name. If there is none, it is created, offline."""
        name = name.lower()
        if name not in self.rooms:
            self.rooms[name] = Room(name, self._changes, lambda: next(self._room_ids))
        return self.rooms[name]

    def go_live(self, name: str, *, title: str = "", history: Iterable[Message] = ()) -> Room:
        """Start a LIVE of @name; `history` is what each client gets first."""
        room = self.room(name)
        room.go_live(title=title, history=history)
        return room

    def sign_limit(self, requests: int, reset_in: float) -> None:
        """Limit each API key to `requests` requests in `reset_in` seconds.

        Requests without a key share one limit. Each call resets what all keys have used.
        """
        self._limiter = sign.Limiter(requests, reset_in)

    def no_sign_limit(self) -> None:
        """Remove the limit of requests to the sign server."""
        self._limiter = sign.Limiter()

    @property
    def open_connections(self) -> int:
        """How many TCP connections are open, including sockets and idle HTTP connections."""
        return len(self._server.transports) if self._server is not None else 0

    def count(self, kind: Kind, room: Room | None = None) -> int:
        """Return how many requests of that kind came in, for one room or for all."""
        return sum(r.kind is kind and room in (None, r.room) for r in self.requests)

    async def wait_for(self, predicate: Callable[[], object], within: float = 10) -> None:
        """Return once `predicate()` is true. It is checked after each change that clients cause.

        Raises:
            TimeoutError: the condition was not true within `within` seconds.
        """
        await self._changes.wait_for(predicate, within)

    def _play(self, room: Room | None, *failures: Failure) -> Fault | None:
        return (room.take(*failures) if room is not None else None) or self.take(*failures)

    def _record(self, http: web.BaseRequest) -> Request:
        path = http.path.rstrip("/")
        page = PAGE.fullmatch(path)
        webcast = WEBCAST.match(path)
        name = unquote(page[1]) if page else http.query.get("uniqueId", "")
        request = Request(
            kind=_kind(path, http.query),
            path=http.path,
            query=dict(http.query),
            headers=http.headers,
            at=asyncio.get_running_loop().time(),
            room=self.rooms.get(name.lower()) or self._room_of(http.query),
            region=(webcast and webcast[1]) or "",
        )
        self.requests.append(request)
        self._changes.notify()
        return request

    def _room_of(self, query: Mapping[str, str]) -> Room | None:
        wanted = query.get("room_ids") or query.get("room_id", "")
        rooms = self.rooms.values()
        return next((r for r in rooms if wanted in map(str, r.room_ids)), None)

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        self.under_way += 1
        try:
            return await self._answer(http)
        finally:
            self.under_way -= 1
            self._changes.notify()

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        request = self._record(http)
        match request.kind:
            case Kind.HOME_PAGE:
                return web.Response(text=pages.PAGE, content_type="text/html")
            case Kind.PROFILE_PAGE:
                return await self._profile_page(request)
            case Kind.LIVE_PAGE:
                return await self._live_page(request)
            case Kind.ROOM_API:
                return await self._room_api(request)
            case Kind.CHECK_ALIVE:
                return self._check_alive(request)
            case Kind.ROOM_INFO:
                return self._room_info(request)
            case Kind.GIFT_LIST:
                return await self._gift_list(request)
            case Kind.SIGN:
                return await self._sign(request)
            case Kind.WEBCAST:
                return await self._webcast(request, http)
            case Kind.DIRECT:
                return await self._direct(request, http)
            case Kind.FALLBACK:
                return self._refuse_fallback()
            case Kind.PICTURE:
                return self._picture(request)
            case Kind.OTHER:
                return web.Response(status=404)

    async def _profile_page(self, request: Request) -> web.Response:
        room = request.room
        if self._play(room, Failure.PROFILE_PAGE_HANG):
            await hang()
        page = web.Response(text=pages.PAGE, content_type="text/html")
        is_due = self.cookie_every and self.count(Kind.PROFILE_PAGE) % self.cookie_every == 0
        if is_due and not self._play(room, Failure.PROFILE_PAGE_NO_COOKIE):
            # TikTok's cookies have such escapes, and clients must not decode them. It also sends
            # Domain and Secure, with which no client would take the cookie from here.
            visitor = f"1%7C{secrets.token_urlsafe(32)}"
            self.visitors.append(visitor)
            page.headers["Set-Cookie"] = f"ttwid={visitor}; Path=/; Max-Age=31536000; HttpOnly"
        return page

    async def _live_page(self, request: Request) -> web.Response:
        room = request.room
        if self._play(room, Failure.LIVE_PAGE_HANG):
            await hang()
        if self._play(room, Failure.CAPTCHA):
            return web.Response(text=pages.CAPTCHA_PAGE, content_type="text/html")
        known = None if self._play(room, Failure.USER_NOT_FOUND) else room
        return web.Response(text=pages.live_page(known), content_type="text/html")

    async def _room_api(self, request: Request) -> web.Response:
        room = request.room
        if self._play(room, Failure.ROOM_API_HANG):
            await hang()
        if self._play(room, Failure.CAPTCHA):
            return web.Response(text=pages.CAPTCHA_PAGE, content_type="text/html")
        known = None if self._play(room, Failure.USER_NOT_FOUND) else room
        return web.json_response(pages.room_api(known))

    def _check_alive(self, request: Request) -> web.Response:
        room = request.room
        if self._play(room, Failure.CHECK_ALIVE_EMPTY):
            return web.json_response({"data": [], "status_code": 0})
        is_live = room is not None and room.is_live
        alive = is_live and not self._play(room, Failure.NOT_ALIVE)
        room_id = request.query.get("room_ids", "")
        return web.json_response(pages.check_alive(room, room_id, alive=alive))

    def _room_info(self, request: Request) -> web.Response:
        if self._play(request.room, Failure.AGE_RESTRICTED):
            return web.json_response(pages.age_restricted())
        return web.json_response(pages.room_info(request.room))

    async def _gift_list(self, request: Request) -> web.Response:
        if self._play(request.room, Failure.GIFT_LIST_HANG):
            await hang()
        if self._play(request.room, Failure.GIFT_LIST_CAPTCHA):
            return web.Response(text=pages.CAPTCHA_PAGE, content_type="text/html")
        return web.json_response(pages.gift_list(self.gifts))

    async def _sign(self, request: Request) -> web.Response:
        room = request.room
        if room is None:
            return web.json_response({"code": 404, "message": "no such room"}, status=404)
        body = self._first_result(room, self.socket_url())
        fault = self._play(room, *sign.FAILURES)
        if fault is not None:
            if fault.failure is Failure.SIGN_HANG:
                await hang()
            return sign.failed(fault, body)
        budget = self._limiter.spend(request.api_key)
        if budget.used > budget.limit:
            return sign.rate_limited(budget, "Too many connections")
        if fallback := self._play(room, Failure.SIGN_FALLBACK):
            self._fallback = fallback
            body = self._first_result(room, f"ws://{FALLBACK_HOST}:{self.port}{FALLBACK}")
        return web.Response(body=body, headers={**sign.COOKIES, **budget.headers()})

    def _first_result(self, room: Room, base: str) -> bytes:
        return encode_first_result(room.history, base + SOCKET_PATH, f"cursor-{room.room_id}")

    def _picture(self, request: Request) -> web.Response:
        name = PICTURE.fullmatch(request.path)
        assert name is not None
        return web.Response(body=pictures.draw(name[1]), content_type="image/png")

    async def _webcast(self, request: Request, http: web.BaseRequest) -> web.StreamResponse:
        room = request.room
        if room is None:
            return _no_such_room()
        if self._play(room, Failure.WEBCAST_HANG):
            await hang()
        if fault := self._play(room, Failure.WEBCAST_200, Failure.WEBCAST_400, Failure.WEBCAST_403):
            return _refused(fault)
        cut_at_once = self._play(room, Failure.CUT_AT_ONCE) is not None
        return await room.serve(http, cut_at_once=cut_at_once)

    def _refuse_fallback(self) -> web.Response:
        return _no_such_room() if self._fallback is None else _refused(self._fallback)

    async def _direct(self, request: Request, http: web.BaseRequest) -> web.StreamResponse:
        room = request.room
        if room is None:
            return _no_such_room()
        if self._play(room, Failure.DIRECT_HANG):
            await hang()
        if fault := self._play(room, Failure.DIRECT_200, Failure.DIRECT_415):
            return _refused(fault)
        if request.visitor not in self.visitors:
            return web.Response(headers={"Handshake-Msg": DEVICE_BLOCKED})
        cut_at_once = self._play(room, Failure.DIRECT_CUT_AT_ONCE) is not None
        return await room.serve(http, cut_at_once=cut_at_once)


def _kind(path: str, query: Mapping[str, str]) -> Kind:
    if page := PAGE.fullmatch(path):
        return Kind.LIVE_PAGE if page[2] else Kind.PROFILE_PAGE
    if PICTURE.fullmatch(path):
        return Kind.PICTURE
    kind = PATHS.get(WEBCAST.sub("", path, count=1), Kind.OTHER)
    return Kind.DIRECT if kind is Kind.WEBCAST and is_direct(query) else kind


def _no_such_room() -> web.Response:
    return web.Response(status=400, headers={"Handshake-Msg": "no such room"})


def _refused(fault: Fault) -> web.Response:
    headers = {"Handshake-Msg": fault.message} if fault.message else {}
    if fault.status is not None:
        headers["Handshake-Status"] = str(fault.status)
    return web.Response(status=REFUSALS[fault.failure], headers=headers)
