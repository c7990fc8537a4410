"""One attempt: what is sent and to where, and what becomes of the answer."""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import WebhookVerificationError

from live.webhooks.addresses import Guard
from live.webhooks.jobs import Job
from live.webhooks.models import EventType, Failure, new_secret
from live.webhooks.posting import Answer, Poster
from tests.support.certificates import make_certificate
from tests.support.receiver import Receiver, Reply

HERE = Guard([ipaddress.ip_network("127.0.0.0/8")])
SECRET = new_secret()
BODY = json.dumps({"type": "test", "data": {"text": "привет"}}, ensure_ascii=False)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    poster = Poster(HERE, "relay/test", within=5)
    yield poster
    await poster.close()


def job(address: str, *, is_signed: bool = True) -> Job:
    return Job(
        webhook=1,
        delivery=1,
        event_id="msg_1",
        type=EventType.TEST,
        body=BODY,
        address=address,
        secrets=(SECRET,),
        is_signed=is_signed,
    )


class Names:
    """A resolver that says what a test wants, each time the next; the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class TestWhatIsSent:
    async def test_its_signature_is_verified_by_the_library(
        self, receiver: Receiver, poster: Poster
    ) -> None:
        answer = await poster.post(job(receiver.url))
        assert answer.failure is None
        assert answer.status == 204
        [got] = receiver.got
        assert got.verified(SECRET) == json.loads(BODY)
        assert got.id == "msg_1"
        assert got.headers["content-type"] == "application/json; charset=utf-8"
        assert got.headers["user-agent"] == "relay/test"
        assert got.path == "/hook"
        with pytest.raises(WebhookVerificationError):
            got.verified(new_secret())

    async def test_the_secret_before_counts_too_while_it_is_changed(
        self, receiver: Receiver, poster: Poster
    ) -> None:
        new = new_secret()
        await poster.post(replace(job(receiver.url), secrets=(new, SECRET)))
        [got] = receiver.got
        assert got.verified(new) == got.verified(SECRET) == json.loads(BODY)

    async def test_to_discord_there_is_no_signature(
        self, receiver: Receiver, poster: Poster
    ) -> None:
        await poster.post(job(receiver.url, is_signed=False))
        assert not [name for name in receiver.got[0].headers if name.startswith("webhook-")]

    async def test_no_secret_is_in_what_is_logged_of_a_job(self) -> None:
        assert SECRET not in repr(job("https://example.org/key"))
        assert "key" not in repr(job("https://example.org/key"))


class TestAnswers:
    async def test_the_beginning_is_kept_as_a_text(
        self, receiver: Receiver, poster: Poster
    ) -> None:
        receiver.replies.append(Reply(500, body=b"no\x00 \xff<b>\x1b[31m" + b"x" * 100_000))
        answer = await poster.post(job(receiver.url))
        assert (answer.failure, answer.status) == (Failure.STATUS, 500)
        assert answer.text.startswith("no  \ufffd<b> [31mx")
        assert len(answer.text) <= 1000

    async def test_one_that_never_ends_is_not_read_to_its_end(self, poster: Poster) -> None:
        async def drip(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with_more = True
            while with_more:
                try:
                    await response.write(b"x" * 1024)
                except ConnectionError:
                    with_more = False
            return response

        application = web.Application()
        application.router.add_post("/", drip)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        answer = await poster.post(job(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
        await runner.cleanup()
        assert (answer.failure, answer.status) == (None, 200)

    @pytest.mark.parametrize(
        ("reply", "seconds"),
        [
            (Reply(503), None),
            (Reply(503, {"Retry-After": "120"}), 120),
            (Reply(429, {"Retry-After": "0.5"}), 0.5),
            (Reply(429, body=b'{"retry_after": 1.25, "global": false}'), 1.25),
            (Reply(503, {"Retry-After": "soon"}), None),
            (Reply(503, {"Retry-After": "-5"}), None),
            (Reply(429, body=b'{"retry_after": "NaN"}'), None),
            (Reply(429, body=b"[1]"), None),
            (Reply(200, {"Retry-After": "120"}), None),
        ],
    )
    async def test_it_may_say_how_long_to_wait(
        self, receiver: Receiver, poster: Poster, reply: Reply, seconds: float | None
    ) -> None:
        receiver.replies.append(reply)
        assert (await poster.post(job(receiver.url))).retry_after == seconds

    async def test_it_may_say_until_when_to_wait(self, receiver: Receiver, poster: Poster) -> None:
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
        receiver.replies.append(Reply(503, {"Retry-After": at}))
        waits = (await poster.post(job(receiver.url))).retry_after
        assert waits is not None
        assert 500 < waits <= 600

    async def test_none_in_time_is_a_failure(self, receiver: Receiver) -> None:
        poster = Poster(HERE, "relay", within=0.2)
        receiver.replies.append(Reply(after=2))
        answer = await poster.post(job(receiver.url))
        await poster.close()
        assert (answer.failure, answer.status) == (Failure.TIMEOUT, None)

    async def test_a_connection_that_is_refused_is_a_failure(self, poster: Poster) -> None:
        async with Receiver() as gone:
            address = gone.url
        assert (await poster.post(job(address))).failure is Failure.NO_CONNECTION

    async def test_a_host_that_is_not_known_is_a_failure(self, poster: Poster) -> None:
        answer = await poster.post(job("http://no-such-host.invalid/"))
        assert answer.failure is Failure.UNRESOLVED

    async def test_what_can_t_be_decrypted_is_a_failure(self, poster: Poster) -> None:
        assert (await poster.post(job(""))).failure is Failure.UNREADABLE


class TestWhereItConnectsTo:
    async def test_it_connects_to_no_address_of_its_own_networks(self, receiver: Receiver) -> None:
        names = Names(["127.0.0.1"])
        poster = Poster(Guard(), "relay", resolve=names)
        answer = await poster.post(job(f"http://example.org:{receiver.port}/"))
        literal = await poster.post(job(receiver.url))
        await poster.close()
        assert answer == Answer(Failure.REFUSED, milliseconds=answer.milliseconds)
        assert literal.failure is Failure.REFUSED
        assert receiver.got == []
        assert names.asked == ["example.org"]

    async def test_it_connects_to_what_was_checked_and_to_nothing_else(
        self, receiver: Receiver
    ) -> None:
        """A name that resolves to something else a moment later gains nothing: it is asked for
        once, and the connection goes to that answer."""
        names = Names(["127.0.0.2"], ["192.0.2.1"])
        guard = Guard([ipaddress.ip_network("127.0.0.2")])
        poster = Poster(guard, "relay", resolve=names)
        # Nobody listens at 127.0.0.2: had the connection gone to where the name leads in truth
        # (127.0.0.1), there would be an answer.
        answer = await poster.post(job(f"http://localhost:{receiver.port}/"))
        await poster.close()
        assert answer.failure is Failure.NO_CONNECTION
        assert names.asked == ["localhost"]
        assert receiver.got == []

    async def test_a_name_that_leads_inside_the_second_time_is_refused_then(
        self, receiver: Receiver
    ) -> None:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        poster = Poster(HERE, "relay", resolve=names)
        receiver.replies.append(Reply(200, {"Connection": "close"}))
        first = await poster.post(job(f"http://example.org:{receiver.port}/"))
        second = await poster.post(job(f"http://example.org:{receiver.port}/"))
        await poster.close()
        assert (first.failure, second.failure) == (None, Failure.REFUSED)
        assert receiver.got[0].headers["host"] == f"example.org:{receiver.port}"

    async def test_it_tries_all_addresses_of_a_host(self, receiver: Receiver) -> None:
        poster = Poster(HERE, "relay", resolve=Names(["127.0.0.2", "127.0.0.1"]))
        answer = await poster.post(job(f"http://example.org:{receiver.port}/"))
        await poster.close()
        assert answer.failure is None

    async def test_no_proxy_of_the_environment_is_used(
        self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        poster = Poster(HERE, "relay")
        answer = await poster.post(job(receiver.url))
        await poster.close()
        assert answer.failure is None


class TestRedirects:
    async def test_the_same_request_is_sent_where_it_is_redirected(
        self, receiver: Receiver, poster: Poster
    ) -> None:
        receiver.replies += [Reply(307, {"Location": "/a"}), Reply(308, {"Location": "b?c=1"})]
        answer = await poster.post(job(receiver.url))
        assert answer.failure is None
        assert [got.path for got in receiver.got] == ["/hook", "/a", "/b"]
        assert receiver.got[2].verified(SECRET) == json.loads(BODY)

    async def test_one_into_the_server_s_own_networks_is_refused(self, receiver: Receiver) -> None:
        poster = Poster(Guard(["outside.example"]), "relay", resolve=Names(["127.0.0.1"]))
        inside = f"http://inside.example:{receiver.port}/"
        for location in (inside, receiver.url, "http://169.254.169.254/", "file:///etc/passwd"):
            receiver.replies.append(Reply(307, {"Location": location}))
            answer = await poster.post(job(f"http://outside.example:{receiver.port}/"))
            assert answer.failure is Failure.REFUSED
        await poster.close()
        assert len(receiver.got) == 4

    @pytest.mark.parametrize("status", [301, 302, 303])
    async def test_those_that_lose_what_is_sent_are_not_followed(
        self, receiver: Receiver, poster: Poster, status: int
    ) -> None:
        receiver.replies.append(Reply(status, {"Location": "/a"}))
        answer = await poster.post(job(receiver.url))
        assert (answer.failure, answer.status) == (Failure.REDIRECTED, status)
        assert len(receiver.got) == 1

    async def test_three_are_followed_and_no_more(self, receiver: Receiver, poster: Poster) -> None:
        receiver.replies += [Reply(307, {"Location": "/again"})] * 10
        answer = await poster.post(job(receiver.url))
        assert answer.failure is Failure.REDIRECTED
        assert len(receiver.got) == 4


class TestTLS:
    @pytest.fixture
    async def secure(self, tmp_path: Path) -> AsyncIterator[tuple[int, ssl.SSLContext, list[str]]]:
        """A server with a certificate for hooks.example: its port, what believes it, and the
        requests with the names that TLS was asked for."""
        contexts = make_certificate(tmp_path, "hooks.example")
        asked: list[str] = []

        def note(_socket: object, name: str, _context: object) -> None:
            asked.append(name)

        contexts.server.sni_callback = note

        async def answer(request: web.Request) -> web.Response:
            asked.append(request.headers["Host"])
            if request.path == "/down":
                return web.Response(status=307, headers={"Location": "http://hooks.example/"})
            return web.Response()

        application = web.Application()
        application.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=contexts.server).start()
        yield runner.addresses[0][1], contexts.client, asked
        await runner.cleanup()

    async def test_the_server_s_name_is_verified_though_its_ip_address_is_connected_to(
        self, secure: tuple[int, ssl.SSLContext, list[str]]
    ) -> None:
        port, believes, asked = secure
        poster = Poster(HERE, "relay", resolve=Names(["127.0.0.1"]), tls=believes)
        answer = await poster.post(job(f"https://hooks.example:{port}/"))
        other = await poster.post(job(f"https://other.example:{port}/"))
        down = await poster.post(job(f"https://hooks.example:{port}/down"))
        await poster.close()
        assert answer.failure is None
        assert asked[:2] == ["hooks.example", f"hooks.example:{port}"]
        assert other.failure is Failure.TLS
        assert down.failure is Failure.REFUSED  # to plain http

    async def test_a_certificate_that_nobody_trusts_is_refused(
        self, secure: tuple[int, ssl.SSLContext, list[str]]
    ) -> None:
        port, _believes, asked = secure
        poster = Poster(HERE, "relay", resolve=Names(["127.0.0.1"]))
        answer = await poster.post(job(f"https://hooks.example:{port}/"))
        await poster.close()
        assert answer.failure is Failure.TLS
        assert f"hooks.example:{port}" not in asked
