"""A stand-in for TikTok LIVE: the LIVE page, its APIs, the sign server and the webcast socket.

`TikTok` is one HTTP server on the loopback interface which an unmodified TikTokLive client
takes for all three of its upstreams, and `Room` is one creator's stream in it. Every failure that
the client is known to meet can be played (`Failure`). Nothing here sleeps: whoever waits, waits
for a change (`TikTok.wait_for`).
"""

from tests.tiktok.failures import Failure
from tests.tiktok.frames import encode_push_frame
from tests.tiktok.messages import Message
from tests.tiktok.room import Ack, Heartbeat, Room, Socket
from tests.tiktok.server import Kind, Request, TikTok

__all__ = [
    "Ack",
    "Failure",
    "Heartbeat",
    "Kind",
    "Message",
    "Request",
    "Room",
    "Socket",
    "TikTok",
    "encode_push_frame",
]
