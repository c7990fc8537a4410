"""Sockets that are refused as soon as their request has arrived."""

from __future__ import annotations

import base64
import json
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from live.server.door.handshakes import EarlyRefusals, Refused, asks_for_socket
from tests.live.server.door.test_sockets import House

STRANGER = "192.0.2.1"
KEY = base64.b64encode(b"0123456789abcdef").decode()


def request(path: str = "/ws/wrong", *more: str, method: str = "GET") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: relay.example",
        "UPGRADE: WebSocket",
        "Connection: keep-alive, Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


class Gate:
    """Early refusals, and a client that has tried many wrong tokens."""

    def __init__(self) -> None:
        self.house = House()
        for n in range(5):
            self.house.failed_tokens.failed(STRANGER, f"wrong{n}")
        self.refusals = EarlyRefusals(self.house.door)

    def refuse(self, request: bytes, host: str = STRANGER) -> Refused | None:
        return self.refusals.refuse(request, host) if asks_for_socket(request) else None


class Client:
    """The client's side of one connection, by a library of its own.

    Attributes:
        received: the texts and the close that came.
    """

    def __init__(self, path: str, subprotocols: Any = None) -> None:
        self.protocol = ClientProtocol(
            parse_uri(f"ws://relay.example{path}"), subprotocols=subprotocols
        )
        self.protocol.send_request(self.protocol.connect())
        self.request = b"".join(self.protocol.data_to_send())
        self.received: list[Any] = []

    def read(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                assert event.status_code == 101
            else:
                assert isinstance(event, Frame)
                is_close = event.opcode is Opcode.CLOSE
                self.received.append(
                    Close.parse(bytes(event.data)) if is_close else json.loads(bytes(event.data))
                )


class TestARefusedSocket:
    @pytest.mark.parametrize("subprotocols", [None, ["bearer", "wrong"], ["chat"]])
    def test_its_client_is_told_why(self, subprotocols: Any) -> None:
        gate = Gate()
        client = Client("/ws/wrong?lang=en", subprotocols)
        refused = gate.refuse(client.request)
        assert refused is not None
        client.read(refused.answer)
        assert client.protocol.subprotocol == (
            "bearer" if subprotocols == ["bearer", "wrong"] else None
        )
        error, close = client.received
        assert (error["type"], error["data"]["code"]) == ("error", "too_many_connections")
        assert close.code == 1008
        assert not refused.receive(b"")
        answer = b"".join(client.protocol.data_to_send())
        assert not refused.receive(answer[:3])
        assert refused.receive(answer[3:])
        client.protocol.receive_eof()
        assert client.protocol.state is State.CLOSED

    async def test_it_counts_as_one_that_was_refused_later(self) -> None:
        gate = Gate()
        await gate.house.knock(STRANGER, path="/ws/wrong")
        later, traffic = list(gate.house.refusals.counted), gate.house.traffic
        frames, closed, size = dict(traffic.frames), dict(traffic.closed), traffic.bytes
        assert gate.refuse(request("/ws/wrong", "Accept-Language: en")) is not None
        assert gate.house.refusals.counted == later * 2
        assert traffic.frames == {name: 2 * count for name, count in frames.items()}
        assert traffic.closed == {code: 2 * count for code, count in closed.items()}
        assert traffic.bytes == 2 * size

    def test_it_is_in_the_client_s_language_and_dialect(self) -> None:
        for more, path, expected in [
            ("Accept-Language: ru", "/ws/wrong", "Слишком"),
            ("Accept-Language: ru", "/ws/wrong?lang=en", "Too many"),
            ("Accept-Language: en", "/ws/tikfinity/wrong", '"event":"error"'),
        ]:
            refused = Gate().refuse(request(path, more))
            assert refused is not None
            assert expected in refused.answer.decode(errors="replace")

    def test_what_the_client_says_meanwhile_does_not_cut_it_off(self) -> None:
        client = Client("/ws/wrong")
        refused = Gate().refuse(client.request)
        assert refused is not None
        client.read(refused.answer[: refused.answer.index(b"\r\n\r\n") + 4])
        client.protocol.send_text(b'{"type":"ping"}')
        client.protocol.send_ping(b"are you there?")
        assert not refused.receive(b"".join(client.protocol.data_to_send()))
        client.read(refused.answer[refused.answer.index(b"\r\n\r\n") + 4 :])
        assert refused.receive(b"".join(client.protocol.data_to_send()))

    @given(st.lists(st.binary(max_size=50), max_size=20))
    def test_whatever_it_says_does_no_harm(self, said: list[bytes]) -> None:
        refused = Gate().refuse(request())
        assert refused is not None
        for data in said:
            refused.receive(data)

    def test_much_that_it_says_ends_it(self) -> None:
        refused = Gate().refuse(request())
        assert refused is not None
        assert refused.receive(b"\x81\xff" + (1 << 30).to_bytes(8) + b"mask" + b"x" * 1000)


class TestOthers:
    """Their requests go to the server."""

    def test_a_token_that_has_worked(self) -> None:
        gate = Gate()
        gate.house.failed_tokens.works("right")
        assert gate.refuse(request("/ws/right")) is None
        assert gate.refuse(request("/ws", "Authorization: Bearer right")) is None
        assert gate.refuse(request("/ws", "Sec-WebSocket-Protocol: bearer, right")) is None
        assert gate.refuse(request("/staff/socket")) is None
        assert gate.house.refusals.counted == []

    def test_clients_that_have_tried_nothing(self) -> None:
        gate = Gate()
        assert gate.refuse(request(), "192.0.2.2") is None
        assert gate.refuse(request(), "") is None

    async def test_a_client_with_as_many_sockets_as_it_may_have(self) -> None:
        gate = Gate()
        async with gate.house.having("192.0.2.2", "192.0.2.2"):
            assert gate.refuse(request(), "192.0.2.2") is not None
        assert gate.refuse(request(), "192.0.2.2") is None

    def test_clients_of_a_trusted_proxy_are_told_apart(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
        gate, proxy = Gate(), "10.0.0.1"
        assert gate.refuse(request("/ws/x", f"X-Forwarded-For: {STRANGER}"), proxy) is not None
        assert gate.refuse(request("/ws/x", "X-Forwarded-For: 192.0.2.2"), proxy) is None
        assert gate.refuse(request("/ws/x", "X-Forwarded-For: 192.0.2.2")) is not None

    @pytest.mark.parametrize(
        "other",
        [
            b"",
            b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n",
            request()[:-2],
            request() + b"x",
            request() + request(),
            request(method="POST"),
            request().replace(b"WebSocket\r\n", b"h2c\r\n"),
            request().replace(b"keep-alive, Upgrade", b"keep-alive"),
            request("/ws/wrong", f"X-Long: {'x' * 8192}"),
            request().replace(b"keep-alive, Upgrade", b"upgrade-later"),
            request().replace(b"HTTP/1.1", b"HTTP/1.0"),
            request().replace(b"HTTP/1.1", b"HTTP/9.9"),
            request().replace(b"Host: relay.example\r\n", b""),
            request("/ws/\x1b[31m"),
            request("/ws/ä"),
            request("/ws/a b"),
            request("/ws/wrong", "no header"),
            request("/ws/wrong", "Bad Name: x"),
            request("/ws/wrong", "X-Folded: x\r\n y"),
            request("/ws/wrong", "X-Control: \x00"),
            request("/ws/wrong", "Content-Length: 5"),
            request("/ws/wrong", "Transfer-Encoding: chunked"),
            request("/ws/wrong", *(f"X-{n}: x" for n in range(100))),
        ],
    )
    def test_what_is_not_one_whole_request_for_a_socket(self, other: bytes) -> None:
        assert not asks_for_socket(other)

    @pytest.mark.parametrize(
        "wrong",
        [
            request().replace(b"Version: 13", b"Version: 8"),
            request().replace(KEY.encode(), b"short"),
        ],
    )
    def test_what_is_wrong_with_a_request_is_the_server_s_to_say(self, wrong: bytes) -> None:
        gate = Gate()
        assert gate.refuse(wrong) is None
        assert gate.house.refusals.counted == []

    @given(st.binary(max_size=200), st.integers(0, 250))
    def test_whatever_is_sent_does_no_harm(self, other: bytes, place: int) -> None:
        whole = request()
        Gate().refuse(whole[:place] + other + whole[place + len(other) :])
