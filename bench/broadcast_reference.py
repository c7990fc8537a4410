"""Reference: a bare `websockets` server on uvloop that calls `websockets.broadcast`."""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from urllib.parse import urlsplit

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

from bench.publishing import Publisher


async def main(port: int) -> None:
    sockets: set[ServerConnection] = set()

    async def send(text: str) -> None:
        broadcast(sockets, text)

    publisher = Publisher(send)

    async def keep(connection: ServerConnection) -> None:
        sockets.add(connection)
        try:
            await connection.wait_closed()
        finally:
            sockets.remove(connection)

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        address = urlsplit(request.path)
        if address.path != "/publish":
            return None
        publisher.begin(address.query)
        return connection.respond(HTTPStatus.OK, "")

    async with serve(keep, "127.0.0.1", port, compression=None, process_request=answer):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
