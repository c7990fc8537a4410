"""One attempt to connect to a LIVE whose room is known: what its routes share."""

from __future__ import annotations

import asyncio

from live.tasks import cancel_and_wait
from live.tiktok.finding import RoomInfo, room_info
from live.tiktok.rooms import Room
from live.tiktok.upstream import MessageListener
from live.tiktok.web import WebClient
from live.tiktok.webcast import SocketAddress, WebcastSocket

__all__ = ["Attempt"]

# Seconds to wait for the room's information once a socket could be opened. It is not needed for
# that, but phones that are there from the beginning are told the LIVE's title by it.
_INFO_WITHIN = 2.0


class Attempt:
    """Opens sockets to one room, and asks for the room's information beside.

    Args:
        username: of the streamer.
        room_id: of the LIVE.
        listener: gets the messages of the socket that opens.
        web: asks for the room's information.
    """

    def __init__(
        self, username: str, room_id: int, listener: MessageListener, web: WebClient
    ) -> None:
        self.username = username
        self.room_id = room_id
        self._listener = listener
        self._info = asyncio.create_task(room_info(web, room_id), name=f"room of @{username}")

    @property
    def is_restricted(self) -> bool:
        """TikTok says that it shows the LIVE to signed-in adults only."""
        info = self._info
        return info.done() and not info.cancelled() and bool(info.result().prompts)

    async def open_socket(
        self, address: SocketAddress, route: str, *, proxy: str, speaks_first: bool
    ) -> WebcastSocket:
        """Open a socket. It has no time limit of its own.

        Args:
            route: the name of the route; the listener is told.
            proxy, speaks_first: as for `WebcastSocket`.

        Raises:
            Exception: as `WebcastSocket.open`; then nothing is left open.
        """
        await asyncio.wait([self._info], timeout=_INFO_WITHIN)
        info = self._info.result() if self._info.done() else RoomInfo({})
        room = Room.of(str(self.room_id), info.data)
        socket = WebcastSocket(
            self.room_id,
            self._listener,
            lambda: self._listener.on_open(room, route),
            speaks_first=speaks_first,
        )
        try:
            await socket.open(address, proxy)
        except BaseException:
            await socket.close()
            raise
        return socket

    async def close(self) -> None:
        """Ask for nothing any more."""
        await cancel_and_wait(self._info)
