"""Attempts to sign in that are refused before Django has them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import lockout
from live.server.door.sign_in import SignInDoor
from tests.support.clock import now, virtual_time

FORM = "application/x-www-form-urlencoded"


class Attempt:
    """One request of a client, and its answer.

    Attributes:
        came_in: the body, once the application has read it.
    """

    def __init__(
        self,
        body: bytes | list[bytes] = b"username=nobody&password=wrong",
        path: str = "/login/",
        method: str = "POST",
        client: str = "192.0.2.1",
        **headers: str,
    ) -> None:
        self._chunks = [body] if isinstance(body, bytes) else list(body)
        headers = {
            "content_type": FORM,
            "content_length": str(sum(map(len, self._chunks))),
            "accept_language": "en",
            **headers,
        }
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "client": (client, 1234),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self.sent: list[dict[str, Any]] = []
        self.came_in: bytes | None = None

    async def make(self, delay: tuple[float, float] = (2.0, 2.0)) -> int:
        """The status of the answer; 0 if the application got the request."""
        await SignInDoor(self._read, delay)(self.scope, self._receive, self._send)
        return int(self.sent[0]["status"]) if self.sent else 0

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    async def _receive(self) -> dict[str, Any]:
        chunk = self._chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def _read(self, scope: Any, receive: Any, send: Any) -> None:
        self.came_in = b""
        while True:
            message = await receive()
            self.came_in += message["body"]
            if not message["more_body"]:
                return


@pytest.fixture
def over_the_limit() -> None:
    """The client has made as many attempts as it may."""
    for n in range(20):
        lockout.limits.count("192.0.2.1", f"nobody{n}")


@pytest.mark.usefixtures("over_the_limit")
class TestAClientThatIsOverItsLimit:
    @virtual_time
    @pytest.mark.parametrize("path", ["/login/", "/login/reset/", "/admin/login/"])
    async def test_it_is_told_so_after_a_while(self, path: str) -> None:
        began, attempt = now(), Attempt(path=path)
        assert await attempt.make() == 429
        assert now() - began == pytest.approx(2.0, abs=0.01)
        assert attempt.came_in is None
        page = attempt.sent[1]["body"]
        assert b"<h1>Too many attempts to sign in</h1>" in page
        assert attempt.headers[b"retry-after"] == b"6"
        assert attempt.headers[b"content-length"] == str(len(page)).encode()
        assert attempt.headers[b"cache-control"] == b"no-store"
        assert b"connection" not in attempt.headers

    @virtual_time
    async def test_it_is_in_the_language_that_the_browser_chose(self) -> None:
        attempt = Attempt(cookie="django_language=ru")
        assert await attempt.make() == 429
        assert b'<html lang="ru">' in attempt.sent[1]["body"]

    @virtual_time
    async def test_a_body_that_is_no_form_of_these_pages_is_not_read(self) -> None:
        for length in ("5000", "many"):
            attempt = Attempt(content_length=length)
            assert await attempt.make() == 429
            assert attempt.headers[b"connection"] == b"close"

    @virtual_time
    async def test_at_most_a_thousand_answers_are_held_back(self) -> None:
        door = SignInDoor(None, (2.0, 2.0))
        door._delayed = 1_000
        attempt, began = Attempt(), now()
        await door(attempt.scope, attempt._receive, attempt._send)
        assert now() == pytest.approx(began, abs=0.01)

    async def test_it_may_do_everything_else(self) -> None:
        for other in (
            Attempt(method="GET", body=b""),
            Attempt(path="/account/password/"),
            Attempt(path="/api/v1/account", body=b"{}"),
        ):
            assert await other.make() == 0

    async def test_a_username_that_has_signed_in_there_comes_in(self) -> None:
        lockout.limits.succeeded("192.0.2.1", "maria")
        for body in (b"username=maria&password=1", [b"username=ma", b"ria&password=1"]):
            attempt = Attempt(body)
            assert await attempt.make() == 0
            assert attempt.came_in == (body if isinstance(body, bytes) else b"".join(body))

    @virtual_time
    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"--x\r\nnonsense", {"content_type": "multipart/form-data; boundary=x"}),
            (b"nonsense", {"content_type": "multipart/form-data"}),
            (b"&".join(b"field=1" for _ in range(1001)), {"content_length": "4000"}),
            (b"username=\xff", {"content_type": f"{FORM}; charset=nonsense"}),
            (
                b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nm\r\n--x--\r\n',
                {"content_type": "multipart/form-data; boundary=x; charset=rot13"},
            ),
        ],
    )
    async def test_what_can_t_be_read_does_no_harm(
        self, body: bytes, headers: dict[str, str]
    ) -> None:
        attempt = Attempt(body, **headers)
        assert await attempt.make() in {0, 429}
        assert attempt.came_in in {None, body}


class TestOthers:
    async def test_they_come_in(self) -> None:
        for n in range(20):
            lockout.limits.count("192.0.2.1", f"nobody{n}")
        attempt = Attempt(client="192.0.2.2")
        assert await attempt.make() == 0
        assert attempt.came_in == b"username=nobody&password=wrong"

    async def test_nothing_is_counted_here(self) -> None:
        for _ in range(40):
            assert await Attempt().make() == 0
