"""The limits that a client meets before anything works for it, on both servers.

Most tests have a process of their own, with limits so small that the test reaches them. Where the
limit is one request's, its tests share a process.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import pytest_asyncio

from standin import TikTok
from tests.end_to_end.conftest import StartServer
from tests.support.phone import Phone
from tests.support.server import SERVERS, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITHIN = 20.0
MIB = 1024 * 1024


class Raw:
    """A TCP connection to the server, on which the test writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def write_on(self, data: bytes) -> None:
        """Write that again and again. Raises ConnectionError: the server has closed."""
        async with asyncio.timeout(WITHIN):
            while True:
                await self.write(data)

    async def read(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(WITHIN):
            read = b""
            while True:
                try:
                    data = await self._reader.read(65536)
                except ConnectionResetError:
                    return read
                if not data:
                    return read
                read += data

    async def read_until(self, end: bytes) -> bytes:
        return await asyncio.wait_for(self._reader.readuntil(end), WITHIN)

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of an answer with which the server closes."""
        head, _empty, body = (await self.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), body


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def head(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def asks_for_socket(path: str) -> bytes:
    key = base64.b64encode(b"0123456789abcdef").decode()
    return head(
        *("GET", path, "Upgrade: websocket", "Connection: Upgrade"),
        *(f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=SERVERS)
async def impatient(
    request: pytest.FixtureRequest, tiktok: TikTok, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """A server that gives a request one second."""
    settings = {**tiktok.environment(), "RELAY_REQUEST_TIMEOUT": "1"}
    server = Server(request.param, tmp_path_factory.mktemp("impatient"), settings)
    await server.start()
    yield server
    await server.stop()


class TestHalfARequest:
    async def test_it_is_dropped_after_a_while(self, impatient: Server) -> None:
        halves = [b"", b"GET / HT", head("GET", "/")[:-2], head("GET", "/ws", "Upgrade: webs")[:-4]]
        for half in halves:
            async with connected(impatient) as client:
                with suppress(ConnectionError):  # this machine was slower than the server's second
                    await client.write(half)
                assert await client.read() == b""

    async def test_it_is_dropped_where_it_follows_a_whole_one(self, impatient: Server) -> None:
        async with connected(impatient) as client:
            await client.write(head("GET", "/api/v1/status"))
            await asyncio.wait_for(client._reader.readuntil(b"}"), WITHIN)
            await client.write(b"GET / HT")
            assert await client.read() == b""

    async def test_a_body_that_does_not_come_ends_it_too(self, impatient: Server) -> None:
        async with connected(impatient) as client:
            await client.write(head("POST", "/login/", "Content-Length: 100") + b"username=")
            answer = await client.read()
            assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")

    @pytest.mark.parametrize("kind", SERVERS)
    async def test_one_too_many_of_an_address_ends_the_oldest(
        self, start_server: StartServer, kind: str
    ) -> None:
        server = await start_server(
            kind, RELAY_REQUEST_TIMEOUT="3600", RELAY_MAX_SOCKETS_PER_ADDRESS="2"
        )
        whole = head("GET", "/login/", "Connection: close")
        async with connected(server) as first, connected(server) as second:
            await first.write(whole[:9])
            await second.write(whole[:9])
            async with connected(server) as third:
                assert await first.read() == b""
                await third.write(whole)
                assert (await third.answer())[0] == 200
            await second.write(whole[9:])
            assert (await second.answer())[0] == 200


class TestALargeBody:
    async def test_it_is_refused_by_its_length(self, server: Server) -> None:
        async with connected(server) as client:
            await client.write(head("POST", "/login/", f"Content-Length: {MIB + 1}"))
            assert await client.answer() == (413, b"The request is too large.\n")
        async with connected(server) as client:
            await client.write(
                head("PATCH", "/api/v1/account?lang=en", f"Content-Length: {300 * MIB}")
            )
            status, body = await client.answer()
            assert status == 413
            assert b'"code":"bad_request"' in body
            assert b'"detail":"The request is too large."' in body

    async def test_it_is_refused_where_it_comes_in_chunks(self, server: Server) -> None:
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        async with connected(server) as client:
            await client.write(head("POST", "/login/", "Transfer-Encoding: chunked"))
            with pytest.raises(ConnectionError):  # the server closes
                await client.write_on(chunk)

    async def test_one_of_a_mebibyte_is_read(self, server: Server) -> None:
        async with connected(server) as client:
            await client.write(
                head("POST", "/login/", f"Content-Length: {MIB}", "Connection: close") + b"x" * MIB
            )
            assert (await client.answer())[0] == 403  # without a form's secret


@pytest.mark.parametrize("kind", SERVERS)
class TestSockets:
    async def test_one_too_many_of_an_address_is_told_so(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_MAX_SOCKETS_PER_ADDRESS="3")
        tiktok.go_live(streamer)
        accounts = [await server.add_account(f"phone{n}", streamer) for n in range(2)]
        addresses = [f"{server.address}/ws/{account.token}" for account in accounts]
        async with AsyncExitStack() as stack:
            for address in (*addresses, addresses[0]):
                phone = await stack.enter_async_context(Phone(address))
                await phone.until_type("connected")
            async with Phone(addresses[1]) as refused:
                error, closed_with = await refused.explanation()
            assert (error["code"], closed_with) == ("too_many_connections", 1008)
            assert error["retry_after"] == 30
            await phone.socket.close()
            await server.closed_row(accounts[0])
            async with Phone(addresses[1]) as admitted:
                await admitted.until_type("connected")

    async def test_each_client_of_a_trusted_proxy_has_its_own(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(
            kind, RELAY_MAX_SOCKETS_PER_ADDRESS="1", TRUSTED_PROXIES="127.0.0.1"
        )
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        address = f"{server.address}/ws/{account.token}"

        def client(network: str) -> Phone:
            return Phone(address, additional_headers={"X-Forwarded-For": network})

        async with client("2001:db8::1") as first, client("2001:db8:0:1::1") as elsewhere:
            await first.until_type("connected")
            await elsewhere.until_type("connected")
            async with client("2001:db8::2") as refused:
                error, _closed_with = await refused.explanation()
            assert error["code"] == "too_many_connections"

    async def test_nobody_else_is_believed(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_MAX_SOCKETS_PER_ADDRESS="1")
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        address = f"{server.address}/ws/{account.token}"
        async with Phone(address, additional_headers={"X-Forwarded-For": "192.0.2.1"}) as phone:
            await phone.until_type("connected")
            forged = {"X-Forwarded-For": "192.0.2.2"}
            async with Phone(address, additional_headers=forged) as refused:
                error, _closed_with = await refused.explanation()
        assert error["code"] == "too_many_connections"


@pytest.mark.parametrize("kind", SERVERS)
class TestWrongTokens:
    async def test_a_few_are_looked_up_and_the_rest_is_one_row(
        self, start_server: StartServer, tiktok: TikTok, streamer: str, kind: str
    ) -> None:
        server = await start_server(kind)
        tiktok.go_live(streamer)
        account = await server.add_account("phone", streamer)
        right = f"{server.address}/ws/{account.token}"
        async with Phone(right) as phone:
            await phone.until_type("connected")
        told = []
        for n in range(12):
            async with Phone(f"{server.address}/ws/wrong{n}") as stranger:
                error, closed_with = await stranger.explanation()
                assert closed_with == 1008
                told.append(error)
        codes = [error["code"] for error in told]
        assert codes[:5] == ["invalid_token"] * 5
        assert codes[-1] == "too_many_connections"
        assert 1 <= told[-1]["retry_after"] <= 10
        async with Phone(right) as phone:  # it has worked before
            await phone.until_type("connected")
        await server.stop()
        rows = server.execute("SELECT * FROM live_connectionlog WHERE account_id IS NULL")
        (summed,) = [row for row in rows if row["error_code"] == "too_many_connections"]
        assert summed["attempts"] == 12 - (len(rows) - 1)
        assert len(rows) <= 8  # on a slow machine, one more is looked up every ten seconds

    async def test_those_that_have_to_wait_leave_no_line_and_cost_no_lookup(
        self, start_server: StartServer, kind: str
    ) -> None:
        server = await start_server(kind)
        for n in range(40):
            async with Phone(f"{server.address}/ws/wrong{n}") as stranger:
                await stranger.explanation()
        # Three of each that is looked up: five, and on slow machines some more.
        assert 5 <= server.log_text.count("/ws/") <= 3 * 10

    async def test_a_refused_client_that_does_not_close_is_dropped(
        self, start_server: StartServer, kind: str
    ) -> None:
        server = await start_server(kind, RELAY_REQUEST_TIMEOUT="1")
        for n in range(6):
            async with Phone(f"{server.address}/ws/wrong{n}") as stranger:
                await stranger.explanation()
        async with connected(server) as client:
            await client.write(asks_for_socket("/ws/wrong"))
            read = await client.read()
        assert read.startswith(b"HTTP/1.1 101 ")
        assert b"too_many_connections" in read


class TestARequestForASocket:
    """However its bytes arrive, it is one."""

    async def test_in_parts(self, server: Server) -> None:
        whole = asks_for_socket("/ws/wrong")
        for place in (1, 20, len(whole) - 1):
            async with connected(server) as client:
                await client.write(whole[:place])
                await asyncio.sleep(0.05)
                await client.write(whole[place:])
                assert b'"type":"error"' in await client.read_until(b"}")

    async def test_with_a_first_message_behind_it(self, server: Server) -> None:
        async with connected(server) as client:
            await client.write(asks_for_socket("/ws/wrong") + b"\x81\x80mask")
            assert b'"type":"error"' in await client.read_until(b"}")

    async def test_after_another_request(self, server: Server) -> None:
        async with connected(server) as client:
            await client.write(head("GET", "/health"))
            await client.read_until(b"ok")
            await client.write(asks_for_socket("/ws/wrong"))
            assert b'"type":"error"' in await client.read_until(b"}")

    @pytest.mark.parametrize("wrong", [b"Bad Name: 1", b"X-Control: \x00", b"no header"])
    async def test_one_that_nobody_can_read_is_not_kept(
        self, impatient: Server, wrong: bytes
    ) -> None:
        whole = asks_for_socket("/ws/wrong")
        async with connected(impatient) as client:
            await client.write(whole[:-2] + wrong + b"\r\n\r\n")
            answer = await client.read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("kind", SERVERS)
class TestAttemptsToSignIn:
    async def test_an_address_has_its_share(self, start_server: StartServer, kind: str) -> None:
        server = await start_server(kind, TRUSTED_PROXIES="127.0.0.1")

        async def attempt(path: str, client: str) -> int:
            forwarded = f"X-Forwarded-For: {client}"
            async with connected(server) as connection:
                await connection.write(head("POST", path, forwarded, "Connection: close"))
                self.answer = await connection.read()
            return int(self.answer.split()[1])

        for number in range(20):  # without a form's secret, which costs no hash
            page = ("/login/", "/admin/login/")[number % 2]
            assert await attempt(page, f"2001:db8::{number:x}") == 403
        for page in ("/login/", "/admin/login/", "/login/reset/"):
            # On a slow machine, one or two more are allowed by then.
            answers = [await attempt(page, "2001:db8::ffff")]
            while answers[-1] == 403 and len(answers) < 5:
                answers.append(await attempt(page, "2001:db8::ffff"))
            assert answers[-1] == 429
            assert b"\r\nretry-after: " in self.answer.lower()
            assert b"Too many attempts to sign in" in self.answer
        assert await attempt("/login/", "2001:db8:0:1::1") == 403
