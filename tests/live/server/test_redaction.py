"""No token reaches a log."""

import logging
from collections.abc import Iterator

import pytest
from uvicorn.logging import AccessFormatter

from live.protocol.redaction import redact
from live.server import redaction

TOKEN = "q1w2e3r4t5y6u7i8o9p0-_AbCdEfGhIjKlMnOpQrStU"


class TestRedact:
    @pytest.mark.parametrize(
        ("text", "redacted"),
        [
            (f"/ws/{TOKEN}", "/ws/…"),
            (f"/ws/{TOKEN}/", "/ws/…/"),
            (f"/ws/{TOKEN}?since=x&wait=1", "/ws/…?since=x&wait=1"),
            (f"/ws/{TOKEN}#x", "/ws/…#x"),
            (f"/ws/test/{TOKEN}", "/ws/test/…"),
            (f"/ws//{TOKEN}", "/ws//…"),
            (f"/ws/test//{TOKEN}", "/ws/test//…"),
            (f"//ws/{TOKEN}", "//ws/…"),
            (f"wss://relay.example/ws/{TOKEN}", "wss://relay.example/ws/…"),
            (f'"GET /ws/{TOKEN} HTTP/1.1" 404', '"GET /ws/… HTTP/1.1" 404'),
            (f"No route found for path 'ws/{TOKEN}'.", "No route found for path 'ws/…'."),
            (f"/ws/{TOKEN} and /ws/test/{TOKEN}", "/ws/… and /ws/test/…"),
            (f"/ws/{TOKEN}\n/ws/{TOKEN}", "/ws/…\n/ws/…"),
            ("/ws/%D1%82%D0%BE%D0%BA", "/ws/…"),
            ("/ws/токен", "/ws/…"),
            # As Daphne logs what was sent, and Uvicorn what was encoded twice.
            (f"WSCONNECT /ws%2F{TOKEN}", "WSCONNECT /ws%2F…"),
            (f"WSCONNECT /ws%2f{TOKEN}?wait=1", "WSCONNECT /ws%2f…?wait=1"),
            (f"WSCONNECT %2Fws%2F{TOKEN}", "WSCONNECT %2Fws%2F…"),
            (f"/ws%252F{TOKEN}", "/ws%252F…"),
            (f"/ws%25252f{TOKEN}", "/ws%25252f…"),
            (f"/%77s/{TOKEN}", "/%77s/…"),
            (f"/%77%73%2F{TOKEN}", "/%77%73%2F…"),
            (f"%2F%2577s/{TOKEN}", "%2F%2577s/…"),
            (f"/ws%2Ftest%2F{TOKEN}", "/ws%2Ftest%2F…"),
            (f"/ws/%74est/{TOKEN}", "/ws/%74est/…"),
            (f"/ws/test%2f/{TOKEN}", "/ws/test%2f/…"),
            (f"/ws/./{TOKEN}", "/ws/…"),
            (f"/ws/x/y/{TOKEN}/", "/ws/…/"),
            (f"/ws/overlay/{TOKEN}", "/ws/overlay/…"),
            (f"/ws/overlay/{TOKEN}?since=x-1", "/ws/overlay/…?since=x-1"),
            (f"/ws%2Foverlay%2F{TOKEN}", "/ws%2Foverlay%2F…"),
            (f'"GET /overlay/{TOKEN}/ HTTP/1.1" 200', '"GET /overlay/…/ HTTP/1.1" 200'),
            (f"/overlay/{TOKEN}/sums.json?room=7", "/overlay/…?room=7"),
            (f"/overlay/{TOKEN}/picture/?address=x", "/overlay/…/?address=x"),
            (f"//overlay//{TOKEN}/", "//overlay//…/"),
            (f"/%6Fverlay%2f{TOKEN}", "/%6Fverlay%2f…"),
            (f"https://relay.example/overlay/{TOKEN}/", "https://relay.example/overlay/…/"),
            (f"/ws/tikfinity/{TOKEN}", "/ws/tikfinity/…"),
            (f"/ws/tikfinity%2F{TOKEN}", "/ws/tikfinity%2F…"),
            (f"/ws/test/tikfinity/{TOKEN}/", "/ws/test/tikfinity/…/"),
            (f"/ws/tikfinity?token={TOKEN}", "/ws/…?token=…"),
            (f"/ws/tikfinity/?lang=en&token={TOKEN}&x=1", "/ws/…/?lang=en&token=…&x=1"),
            (f"/ws/tikfinity?%74oken={TOKEN}", "/ws/…?%74oken=…"),
            (f"/ws/tikfinity?%2574%6fken={TOKEN} 101", "/ws/…?%2574%6fken=… 101"),
            (f"/?next=%2Fpage%3Ftoken%3D{TOKEN}", "/?next=%2Fpage%3Ftoken%3D…"),
            (f"/?next=%2Fpage%3Fx=1%26token%3D{TOKEN}", "/?next=%2Fpage%3Fx=1%26token%3D…"),
            (f"b'token={TOKEN}'", "b'token=…'"),
            (f"token={TOKEN}", "token=…"),
            ("/login/reset/MQ/abc123-0fe1/", "/login/reset/MQ/…/"),
            (
                '"GET /login/reset/MQ/abc123-0fe1/ HTTP/1.1" 302',
                '"GET /login/reset/MQ/…/ HTTP/1.1" 302',
            ),
            ("GET /login/reset/MQ/abc123-0fe1", "GET /login/reset/MQ/…"),
            ("/login%2Freset%2fMQ%252Fabc123-0fe1", "/login%2Freset%2fMQ%252F…"),
            ("/%6Cogin/%72eset/MQ/abc123-0fe1/?x=1", "/%6Cogin/%72eset/MQ/…/?x=1"),
            (
                "https://relay.example/login/reset/MQ/abc-0fe1/",
                "https://relay.example/login/reset/MQ/…/",
            ),
        ],
    )
    def test_tokens_are_taken_out_of_addresses(self, text: str, redacted: str) -> None:
        assert redact(text) == redacted

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nothing to hide",
            "/ws",
            "/ws/",
            "/ws?wait=1",
            "/ws/ is the address",
            "/news/today",
            "/overlays/7/",
            "/static/live/overlays/overlay.js",
            "/overlay/",
            "/ws?token=",
            "/?csrfmiddlewaretoken=abc",
            "a token = b",
            "/login/reset/",
            "100 %2Fnews/today",
            "a/b 5 % c",
        ],
    )
    def test_it_leaves_the_rest_alone(self, text: str) -> None:
        assert redact(text) == text

    def test_it_changes_nothing_the_second_time(self) -> None:
        once = redact(f"/ws/{TOKEN}?x /ws/test/{TOKEN}")
        assert redact(once) == once


class Said(logging.Handler):
    """What was logged, as a handler writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def said() -> Iterator[Said]:
    """Everything that the logger "redacted" says, in a process where redaction is installed."""
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    redaction.install()
    handler = Said()
    logger = logging.getLogger("redacted")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield handler
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


class Request:
    def __str__(self) -> str:
        return f"<Request '/ws/{TOKEN}'>"


class TestInstall:
    def test_the_log_holds_no_token(self, said: Said) -> None:
        logging.getLogger("redacted").info("WebSocket /ws/%s [accepted]", TOKEN)
        assert said.lines == ["WebSocket /ws/… [accepted]"]

    def test_it_redacts_arguments(self, said: Said) -> None:
        logging.getLogger("redacted").info('%s - "WebSocket %s" %d', "x", f"/ws/{TOKEN}?wait=1", 7)
        assert said.lines == ['x - "WebSocket /ws/…?wait=1" 7']

    def test_it_redacts_named_arguments(self, said: Said) -> None:
        logging.getLogger("redacted").info("%(path)s", {"path": f"/ws/{TOKEN}"})
        assert said.lines == ["/ws/…"]

    def test_it_redacts_objects(self, said: Said) -> None:
        logging.getLogger("redacted").info(Request())
        logging.getLogger("redacted").info("got %s", Request())
        assert said.lines == ["<Request '/ws/…'>", "got <Request '/ws/…'>"]

    def test_it_redacts_tracebacks(self, said: Said) -> None:
        try:
            raise ValueError(f"No route found for path 'ws/test/{TOKEN}'.")
        except ValueError:
            logging.getLogger("redacted").exception("Exception in ASGI application")
        [line] = said.lines
        assert line.startswith("Exception in ASGI application\nTraceback")
        assert line.endswith("ValueError: No route found for path 'ws/test/…'.")

    def test_it_leaves_other_tracebacks_to_the_formatter(self, said: Said) -> None:
        class Short(logging.Formatter):
            def formatException(self, ei: object) -> str:  # noqa: N802
                return "short"

        said.setFormatter(Short())
        try:
            raise ValueError("nothing to hide")
        except ValueError:
            logging.getLogger("redacted").exception("failed")
        logging.getLogger("redacted").error("no exception", exc_info=True)
        assert said.lines[0] == "failed\nshort"

    def test_it_leaves_uvicorns_access_lines_readable(self, said: Said) -> None:
        said.setFormatter(AccessFormatter("%(request_line)s %(status_code)s", use_colors=False))
        logging.getLogger("redacted").info(
            '%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", f"/ws/{TOKEN}", "1.1", 404
        )
        assert said.lines == ["GET /ws/… HTTP/1.1 404 Not Found"]

    def test_it_leaves_other_records_as_they_are(self, said: Said) -> None:
        record = logging.getLogRecordFactory()(
            "redacted", logging.INFO, __file__, 1, "%s of %s", (1, "x"), None
        )
        assert (record.msg, record.args) == ("%s of %s", (1, "x"))

    def test_it_leaves_a_bad_log_line_to_logging(self, said: Said) -> None:
        # What handles the record reports it; whoever logged it must not get an exception.
        record = logging.getLogRecordFactory()("n", 20, "f", 1, "%d viewers", ("many",), None)
        assert (record.msg, record.args) == ("%d viewers", ("many",))

    def test_it_may_be_called_twice(self, said: Said) -> None:
        factory = logging.getLogRecordFactory()
        redaction.install()
        assert logging.getLogRecordFactory() is factory

    def test_it_keeps_the_factory_that_was_there(self, said: Said) -> None:
        class OwnRecord(logging.LogRecord):
            pass

        logging.setLogRecordFactory(OwnRecord)
        redaction.install()
        record = logging.getLogRecordFactory()("n", 20, "f", 1, f"/ws/{TOKEN}", (), None)
        assert isinstance(record, OwnRecord)
        assert record.getMessage() == "/ws/…"

    def test_it_is_done_when_django_starts(self) -> None:
        record = logging.getLogRecordFactory()("n", 20, "f", 1, "/ws/%s", (TOKEN,), None)
        assert record.getMessage() == "/ws/…"
