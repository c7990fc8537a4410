"""Several real server processes that share their streams through a Redis of their own; a LIVE that
never pauses; and viewers that come back by themselves, as apps do."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from redis import Redis, RedisError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from standin import Message, Room, Socket, messages
from tests.support.contract import check_frame
from tests.support.node import find_node
from tests.support.proxy import HOST, CuttableProxy, Proxy, Streams
from tests.support.redis_server import RedisServer
from tests.support.server import ROOT, Account, Server

__all__ = [
    "Balancer",
    "Broadcast",
    "Process",
    "Processes",
    "ScriptedViewer",
    "Viewer",
    "Watcher",
    "running",
    "until",
]

Frame = dict[str, Any]

# Seconds between two looks at what no event tells of; and before a viewer comes back.
_LOOK_EVERY = 0.02
_COME_BACK = 0.2
# TikTok sends the messages of so many last seconds again to whoever connects.
_HISTORY = 6.0
_CLIENT = ROOT / "live" / "static" / "live" / "relay-client.js"
_PRINTER = """
import {{ RelayClient }} from {client!r};
const client = new RelayClient({{ url: {url!r}, token: {token!r} }});
const print = (what) => process.stdout.write(JSON.stringify(what) + "\\n");
client.on("frame", print);
for (const type of ["closed", "malformed"]) client.on(type, (event) => print({{ [type]: event }}));
client.connect();
"""


async def until(holds: Callable[[], object], within: float = 20) -> None:
    """Wait until something holds that another process brings about."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(_LOOK_EVERY)


class Process:
    """One server process, with a way to Redis that can be cut."""

    def __init__(self, server: Server, way: CuttableProxy) -> None:
        self.server = server
        self.way = way

    def __repr__(self) -> str:
        return self.server.kind

    def cut_off(self) -> None:
        """It can't reach Redis any more, and notices at once."""
        self.way.refuses = True
        self.way.cut()

    def let_through(self) -> None:
        self.way.refuses = False


class Processes:
    """They share a database and a Redis."""

    def __init__(self, processes: Sequence[Process], redis: RedisServer) -> None:
        self.all = list(processes)
        self.redis = redis
        self._client = Redis(port=redis.port)

    def __getitem__(self, number: int) -> Process:
        return self.all[number]

    def __len__(self) -> int:
        return len(self.all)

    @property
    def running(self) -> list[Process]:
        """Those that no test has ended."""
        return [process for process in self.all if process.server.is_running]

    async def restore(self) -> None:
        """Start those that a test has ended."""
        ended = [process.server for process in self.all if not process.server.is_running]
        await asyncio.gather(*(server.start(migrate=False) for server in ended))

    def lease(self, username: str) -> str:
        """Which process leads that username's stream, by a name that it has given itself; empty
        for none, and while Redis can't be asked."""
        try:
            held: Any = self._client.get(f"relay:stream:{username}:lease")
        except RedisError:
            return ""
        return held.decode().partition(":")[0] if held else ""

    def close(self) -> None:
        self._client.close()

    @property
    def log_text(self) -> str:
        return "".join(process.server.log_text for process in self.all)


@asynccontextmanager
async def running(
    kinds: Iterable[str], folder: Path, redis: RedisServer, environment: Mapping[str, str]
) -> AsyncIterator[Processes]:
    """Server processes of these kinds. The first one migrates the database."""
    async with AsyncExitStack() as stack:
        processes: list[Process] = []
        for number, kind in enumerate(kinds):
            way = await stack.enter_async_context(CuttableProxy(redis.port))
            own = folder / str(number)
            own.mkdir()
            settings = {**environment, "REDIS_URL": f"redis://127.0.0.1:{way.port}/0"}
            server = Server(kind, own, settings)
            stack.push_async_callback(server.stop)
            processes.append(Process(server, way))
        together = Processes(processes, redis)
        stack.callback(together.close)
        await processes[0].server.start()
        await together.restore()
        yield together


class Broadcast:
    """Somebody comments in a LIVE all the time. `async with Broadcast(room, rate)`.

    Args:
        rate: comments in a second.
        history: of how many last seconds TikTok sends messages again to whoever connects.

    Attributes:
        said: the ids of all comments, in order.
        unheard: of those that TikTok sent while nobody listened. It sends the last ones again to
            whoever connects.
        deaf: sockets at TikTok of processes that hear nothing.
    """

    def __init__(self, room: Room, rate: float, history: float = _HISTORY) -> None:
        self.room = room
        self.said: list[str] = []
        self.unheard: set[str] = set()
        self.deaf: set[Socket] = set()
        self._pause = 1 / rate
        self._history: deque[Message] = deque(maxlen=round(history * rate))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Broadcast:
        self._task = asyncio.create_task(self._talk(), name="broadcast")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Fall silent. Raises what has gone wrong."""
        task, self._task = self._task, None
        if task is not None:
            if not task.done():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled():
                task.result()

    async def say(self, text: str = "") -> str:
        """Say something. Returns its id."""
        comment = messages.chat("viewer", text or str(len(self.said)))
        said = str(comment.msg_id)
        self.said.append(said)
        if not self.is_heard:
            self.unheard.add(said)
        await self.send(comment)
        return said

    @property
    def is_heard(self) -> bool:
        """Somebody is connected who hears it."""
        return any(s.has_entered and s not in self.deaf for s in self.room.sockets)

    async def send(self, *sent: Message) -> None:
        """Send other messages."""
        self._history.extend(sent)
        self.room.history = list(self._history)
        await self.room.push(*sent)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.say()
            due += self._pause
            await asyncio.sleep(max(0, due - loop.time()))


class Watcher:
    """What an app has counted.

    Attributes:
        frames: all that came.
        comments: their ids.
        cursor: the last one; empty before the first.
        epochs: of all cursors.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.comments: list[str] = []
        self.cursor = ""
        self.epochs: set[str] = set()
        self._came: dict[str, float] = {}
        self._data: defaultdict[str, list[Any]] = defaultdict(list)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="viewer")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._task.cancelled():
            self._task.result()  # a frame has broken the contract

    async def _run(self) -> None:
        raise NotImplementedError

    def _take(self, frame: Frame) -> None:
        check_frame(frame)
        self.frames.append(frame)
        self._data[frame["type"]].append(frame["data"])
        if frame["type"] == "comment":
            self.comments.append(frame["id"])
            self._came.setdefault(frame["id"], time.monotonic())
        cursor = frame["data"]["cursor"] if frame["type"] == "connected" else frame.get("cursor")
        if cursor:
            self.cursor = cursor
            self.epochs.add(cursor.partition("-")[0])
        self._changed.set()

    async def until(self, holds: Callable[[], object], within: float = 20) -> None:
        """Wait for something that a frame brings."""
        assert self._task is not None
        async with asyncio.timeout(within):
            while not holds():
                self._changed.clear()
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait([changed, self._task], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                if self._task.done():
                    self._task.result()

    async def until_type(self, type: str, count: int = 1, within: float = 20) -> None:
        await self.until(lambda: len(self.of_type(type)) >= count, within)

    async def until_state(self, state: str, within: float = 20) -> None:
        """Wait until the newest status tells of that state."""
        await self.until(lambda: self.states[-1:] == [state], within)

    async def has(self, comment: str, within: float = 20) -> float:
        """Wait for a comment, by its id. Returns when it came."""
        await self.until(lambda: comment in self._came, within)
        return self._came[comment]

    def of_type(self, type: str) -> list[Any]:
        """The data of the frames of that type."""
        return self._data[type]

    @property
    def twice(self) -> set[str]:
        """Ids of comments that came more than once."""
        return {comment for comment, times in Counter(self.comments).items() if times > 1}

    @property
    def gifts(self) -> int:
        """How many were given, as an app counts them."""
        return sum(
            gift["count"] for gift in self.of_type("gift") if gift["streak"] in {"ended", None}
        )

    @property
    def states(self) -> list[str]:
        return [status["state"] for status in self.of_type("status")]

    @property
    def gaps(self) -> list[str]:
        """Their sides."""
        return [gap["side"] for gap in self.of_type("gap")]


class Viewer(Watcher):
    """An app that is in a hurry: it comes back at once whenever its socket ends, to the next
    address, behind the last cursor that it has seen. `async with Viewer(addresses, account)`.

    Attributes:
        endings: the codes of the errors that its sockets ended with; empty for those without one.
    """

    def __init__(self, addresses: Sequence[str], account: Account) -> None:
        super().__init__()
        self.endings: list[str] = []
        self._addresses = deque(addresses)
        self._token = account.token

    async def _run(self) -> None:
        while True:
            since = f"?since={self.cursor}" if self.cursor else ""
            address = f"{self._addresses[0]}/ws/{self._token}{since}"
            error = ""
            try:
                # Whether a process stands still, is asked by nobody here.
                async with connect(
                    address, max_size=None, ping_interval=None, open_timeout=5
                ) as socket:
                    async for text in socket:
                        frame = json.loads(text)
                        self._take(frame)
                        error = frame["data"]["code"] if frame["type"] == "error" else ""
            except (OSError, WebSocketException):
                pass
            self.endings.append(error)
            self._changed.set()
            self._addresses.rotate(-1)
            await asyncio.sleep(_COME_BACK)


class ScriptedViewer(Watcher):
    """The JavaScript client under Node, at one address.

    Attributes:
        closings: what its `closed` events have said.
    """

    def __init__(self, url: str, account: Account) -> None:
        super().__init__()
        self.closings: list[dict[str, Any]] = []
        self._script = _PRINTER.format(client=_CLIENT.as_uri(), url=url, token=account.token)

    async def _run(self) -> None:
        process = await asyncio.create_subprocess_exec(
            find_node(oldest=20),  # which has a WebSocket
            "--experimental-websocket",  # which is on from version 22
            "--no-warnings",
            "--input-type=module",
            "--eval",
            self._script,
            stdout=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                printed = json.loads(line)
                assert "malformed" not in printed, printed
                if "closed" in printed:
                    self.closings.append(printed["closed"])
                    self._changed.set()
                else:
                    self._take(printed)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class Balancer(Proxy):
    """Passes connections on to server processes in turn, to the next one where one takes none."""

    def __init__(self, ports: Iterable[int]) -> None:
        super().__init__()
        self._ports = deque(ports)

    async def _open(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> Streams:
        for _ in range(len(self._ports)):
            self._ports.rotate(-1)
            try:
                return await asyncio.open_connection(HOST, self._ports[0])
            except ConnectionError:
                continue
        raise ConnectionError("none takes connections")
