"""A proxy that needs a user and a password, through which tests let the relay reach TikTok.

It is a server of the tests' own. `proxy.py` 2.4.10 has neither asyncio nor SOCKS5. `pproxy` 2.7.9
changes `asyncio.StreamReader` for the whole process, lets in whoever has been let in from the same
address before, whatever the password, and does not answer a wrong one.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, urlsplit

from tests.support.proxy import HOST, Proxy, Streams

Kind = Literal["connect", "forward", "socks5"]

SOCKS5, SOCKS5_PASSWORD, CONNECT = 5, 2, 1
IPV4, NAME, IPV6 = 1, 3, 4

NO_METHOD = b"\x05\xff"
FORBIDDEN, UNREACHABLE = 2, 5


@dataclass(frozen=True, slots=True)
class Passage:
    """A connection that a client asked for.

    Attributes:
        kind: how: HTTP's CONNECT, an HTTP request with a whole address, or SOCKS5.
        host: as the client named it, a name or an IP address.
    """

    kind: Kind
    host: str
    port: int


class TikTokProxy(Proxy):
    """An HTTP and SOCKS5 proxy, both on one port: `async with TikTokProxy() as proxy`.

    Args:
        tls: as for `Proxy`.
        hosts: the addresses of names that nobody else knows.

    Attributes:
        user, password: what clients need. They have characters that an address must escape.
        forbids: while true, connections that are asked for with the right password are refused.
        hangs_for: hosts to which connections are asked for in vain, without an answer.
        hanging: somebody asks for such a one.
        passages: the connections that were made, oldest first; forbidden ones are not among them.
        wrong_passwords: how many connections came with no password or a wrong one.
    """

    def __init__(
        self,
        user: str = "relay",
        password: str = "p@ss/w:rd%",
        *,
        tls: ssl.SSLContext | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(tls)
        self.user = user
        self.password = password
        self.forbids = False
        self.hangs_for: set[str] = set()
        self.hanging = asyncio.Event()
        self._hosts = hosts or {}
        self.passages: list[Passage] = []
        self.wrong_passwords = 0

    def address(self, scheme: str = "http", password: str | None = None, host: str = HOST) -> str:
        """Return the proxy's address with user and password.

        Args:
            scheme: "http" or "socks5"; any that a client has for these.
            password: another than the right one.
            host: another name of this machine.
        """
        secret = quote(self.password if password is None else password, safe="")
        return f"{scheme}://{quote(self.user, safe='')}:{secret}@{host}:{self.port}"

    def count(self, kind: Kind, port: int | None = None) -> int:
        """Return how many connections of that kind were made, to one port or to all."""
        return sum(p.kind == kind and port in (None, p.port) for p in self.passages)

    async def _open(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> Streams:
        first = await reader.readexactly(1)
        if first[0] == SOCKS5:
            return await self._socks5(reader, near)
        head = first + await reader.readuntil(b"\r\n\r\n")
        return await self._http(head, reader, near)

    async def _connect(self, passage: Passage, reader: asyncio.StreamReader) -> Streams:
        if passage.host in self.hangs_for:
            self.hanging.set()
            await reader.read()  # until the client goes
            raise EOFError
        host = self._hosts.get(passage.host, passage.host)
        streams = await asyncio.open_connection(host, passage.port)
        self.passages.append(passage)
        return streams

    # --- HTTP ----------------------------------------------------------------------------------

    async def _http(
        self, head: bytes, reader: asyncio.StreamReader, near: asyncio.StreamWriter
    ) -> Streams:
        request, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, _version = request.split(" ")
        headers = [(name.strip(), text.strip()) for name, _, text in map(_partition, lines)]
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if ("proxy-authorization", f"Basic {expected}") not in [(n.lower(), t) for n, t in headers]:
            self.wrong_passwords += 1
            raise _refuse_http(near, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
        if self.forbids:
            raise _refuse_http(near, HTTPStatus.FORBIDDEN)
        is_tunnel = method == "CONNECT"
        url = urlsplit(f"//{target}" if is_tunnel else target)
        passage = Passage("connect" if is_tunnel else "forward", url.hostname or "", url.port or 80)
        try:
            far_reader, far = await self._connect(passage, reader)
        except OSError:
            raise _refuse_http(near, HTTPStatus.BAD_GATEWAY) from None
        if is_tunnel:
            near.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            # One request for each connection: the next one may be for another host.
            kept = [f"{n}: {t}" for n, t in headers if n.lower() not in _OF_ONE_CONNECTION]
            path = url._replace(scheme="", netloc="").geturl() or "/"
            lines = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
            far.write("\r\n".join(lines).encode("latin-1"))
        return far_reader, far

    # --- SOCKS5: RFC 1928, its passwords RFC 1929 ------------------------------------------------

    async def _socks5(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> Streams:
        methods = await _read_short(reader)
        if SOCKS5_PASSWORD not in methods:
            self.wrong_passwords += 1
            near.write(NO_METHOD)
            raise ConnectionRefusedError
        near.write(bytes([SOCKS5, SOCKS5_PASSWORD]))
        await reader.readexactly(1)
        user, password = await _read_short(reader), await _read_short(reader)
        is_right = (user, password) == (self.user.encode(), self.password.encode())
        near.write(bytes([1, 0 if is_right else 1]))
        if not is_right:
            self.wrong_passwords += 1
            raise ConnectionRefusedError
        passage = await _read_passage(reader)
        if self.forbids:
            near.write(_socks5_answer(FORBIDDEN))
            raise ConnectionRefusedError
        try:
            streams = await self._connect(passage, reader)
        except OSError:
            near.write(_socks5_answer(UNREACHABLE))
            raise ConnectionRefusedError from None
        near.write(_socks5_answer(0))
        return streams


_OF_ONE_CONNECTION = {"connection", "proxy-connection", "proxy-authorization"}


def _partition(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def _refuse_http(near: asyncio.StreamWriter, status: HTTPStatus) -> ConnectionRefusedError:
    """Write the answer; return what is to be raised."""
    asks = 'Proxy-Authenticate: Basic realm="proxy"\r\n'
    near.write(
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"{asks if status is HTTPStatus.PROXY_AUTHENTICATION_REQUIRED else ''}"
        "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
    )
    return ConnectionRefusedError()


async def _read_short(reader: asyncio.StreamReader) -> bytes:
    """Read bytes whose number comes before them."""
    return await reader.readexactly((await reader.readexactly(1))[0])


async def _read_passage(reader: asyncio.StreamReader) -> Passage:
    _version, command, _reserved, kind = await reader.readexactly(4)
    assert command == CONNECT
    if kind == NAME:
        host = (await _read_short(reader)).decode()
    else:
        packed = await reader.readexactly({IPV4: 4, IPV6: 16}[kind])
        host = str(ipaddress.ip_address(packed))
    return Passage("socks5", host, int.from_bytes(await reader.readexactly(2)))


def _socks5_answer(status: int) -> bytes:
    return bytes([SOCKS5, status, 0, IPV4]) + bytes(6)
