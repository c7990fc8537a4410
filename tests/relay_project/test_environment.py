"""The environment's readers, and what a bad value says when the server starts."""

import ipaddress
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from channels_redis.utils import create_pool

from relay_project import environment

ROOT = Path(__file__).resolve().parents[2]
NAME = "RELAY_SOMETHING"


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The setting has the value that the test is parametrised with."""
    monkeypatch.setenv(NAME, request.param)


def given(*values: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("value", values, indirect=True)


def given_and_expected(*cases: tuple[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("value", "expected"), cases, indirect=["value"])


def refused() -> pytest.RaisesExc[SystemExit]:
    """One line that names the setting."""
    return pytest.raises(SystemExit, match=rf"\ASetting {NAME}: expected .*Nothing was started\.\Z")


class TestText:
    @given_and_expected(("x", "x"), ("  x y ", "x y"), ("", "default"), ("  ", "default"))
    def test_text_is_read_without_spaces_around(self, value: None, expected: str) -> None:
        assert environment.text(NAME, "default") == expected

    def test_it_has_a_default(self) -> None:
        assert environment.text(NAME, "default") == "default"
        assert environment.text(NAME) == ""


class TestBoolean:
    @given_and_expected(
        *((word, True) for word in ("1", "true", "True", "yes", "ON", " on ")),
        *((word, False) for word in ("0", "false", "no", "OFF", " off ")),
    )
    def test_booleans_are_read_from_the_usual_words(self, value: None, expected: bool) -> None:
        assert environment.boolean(NAME, not expected) is expected

    @given("", " ")
    def test_it_counts_an_empty_one_as_not_set(self, value: None) -> None:
        assert environment.boolean(NAME, True) is True
        assert environment.boolean(NAME, False) is False

    @given("2", "maybe", "-1", "tru", "y", "да")
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.boolean(NAME, True)


class TestWholeNumber:
    @given_and_expected(("1", 1), ("10", 10), (" 7 ", 7), ("", 5), ("007", 7))
    def test_whole_numbers_are_read_within_their_range(self, value: None, expected: int) -> None:
        assert environment.whole_number(NAME, 5, 1, 10) == expected

    @given("0", "11", "-1", "1.5", "1e1", "five", "5s", "0x5", "9" * 5000, "nan")
    def test_it_refuses(self, value: None) -> None:
        with refused() as refusal:
            environment.whole_number(NAME, 5, 1, 10)
        assert "from 1 to 10" in str(refusal.value)


class TestSeconds:
    @given_and_expected(("0.5", 0.5), ("86400", 86_400.0), ("1e1", 10.0), ("", 20.0))
    def test_seconds_are_read_as_floats(self, value: None, expected: float) -> None:
        seconds = environment.seconds(NAME, 20, 0.5)
        assert seconds == expected
        assert isinstance(seconds, float)

    @given("0.4", "-1", "86401", "nan", "inf", "-inf", "1e999", "20s", "1,5", "soon")
    def test_it_refuses(self, value: None) -> None:
        with refused() as refusal:
            environment.seconds(NAME, 20, 0.5)
        assert "from 0.5 to 86400" in str(refusal.value)


class TestChoice:
    @given_and_expected(("ru", "ru"), (" en ", "en"), ("", "en"))
    def test_one_of_the_choices_is_read(self, value: None, expected: str) -> None:
        assert environment.choice(NAME, "en", ["en", "ru"]) == expected

    @given("RU", "de", "en,ru", "e")
    def test_it_refuses(self, value: None) -> None:
        with refused() as refusal:
            environment.choice(NAME, "en", ["en", "ru"])
        assert "one of en, ru" in str(refusal.value)


class TestWords:
    @given_and_expected(
        ("a", ["a"]), (" a , b,", ["a", "b"]), ("", ["default"]), (" , ,", ["default"])
    )
    def test_words_are_separated_by_commas(self, value: None, expected: list[str]) -> None:
        assert environment.words(NAME, ["default"]) == expected


class TestUrl:
    @given_and_expected(
        ("https://relay.example", "https://relay.example"),
        ("https://relay.example/", "https://relay.example"),
        ("http://127.0.0.1:8081/webcast/", "http://127.0.0.1:8081/webcast"),
        ("http://[::1]:8081", "http://[::1]:8081"),
        ("HTTPS://relay.example", "HTTPS://relay.example"),
        ("", "https://default.example"),
    )
    def test_addresses_are_read(self, value: None, expected: str) -> None:
        assert environment.url(NAME, "https://default.example") == expected

    def test_it_may_be_empty(self) -> None:
        assert environment.url(NAME, "") == ""

    @given(
        "relay.example",
        "relay.example:8000",
        "ftp://relay.example",
        "wss://relay.example",
        "//relay.example",
        "https://",
        "https:///path",
        "https:relay.example",
        "https://relay.example:port",
        "https://relay.example:99999",
        "https://relay.example:0",
        "https://[::1",
        "https://relay .example",
        "https://relay.exa\nmple",
        "https://relay.example/a\tb",
        "javascript:alert(1)",
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.url(NAME, "https://default.example")


class TestPictureHosts:
    @given_and_expected(
        ("", [".default.example"]),
        (".TikTokCDN.com, cdn.example", [".tiktokcdn.com", "cdn.example"]),
        (
            "http://127.0.0.1:9000,https://cdn.example",
            ["http://127.0.0.1:9000", "https://cdn.example"],
        ),
    )
    def test_picture_hosts_are_read(self, value: None, expected: list[str]) -> None:
        assert environment.picture_hosts(NAME, [".default.example"]) == expected

    @given(
        "*",
        ".",
        ".com",
        "com",
        "*.cdn.example",
        "cdn.example:8000",
        "cdn.example/path",
        "https://cdn.example/",
        "https://user@cdn.example",
        "https://",
        "ftp://cdn.example",
        "https://cdn.example:port",
        ".cdn.example;.other.example",
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.picture_hosts(NAME, [".default.example"])


class TestNetworks:
    @given_and_expected(
        ("", []),
        ("127.0.0.1", [ipaddress.ip_network("127.0.0.1/32")]),
        (
            "10.0.0.0/8, ::1,fd00::/8",
            [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "::1/128", "fd00::/8")],
        ),
    )
    def test_networks_are_read(self, value: None, expected: list[object]) -> None:
        assert environment.networks(NAME) == expected

    @given("localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "127.0.0.1;::1", "*")
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.networks(NAME)


class TestWebhookTargets:
    @given_and_expected(
        ("", []),
        ("10.0.0.5", [ipaddress.ip_network("10.0.0.5/32")]),
        (
            "192.168.1.0/24, ::1,Hooks.Internal,localhost",
            [
                ipaddress.ip_network("192.168.1.0/24"),
                ipaddress.ip_network("::1/128"),
                "hooks.internal",
                "localhost",
            ],
        ),
    )
    def test_networks_and_hosts_are_read(self, value: None, expected: list[object]) -> None:
        assert environment.webhook_targets(NAME) == expected

    @given(
        *("10.0.0.1/8", "10.0.0.0/33", "10.0.0", "127.0.0.1;::1", "*", "*.internal"),
        *("http://hooks.internal", "hooks.internal:80", ".internal", "a b", "1.2.3.4.5"),
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.webhook_targets(NAME)


class TestProxies:
    @given_and_expected(
        ("", ([], False)),
        ("unix", ([], True)),
        ("10.0.0.1, unix", ([ipaddress.ip_network("10.0.0.1/32")], True)),
        ("10.0.0.1", ([ipaddress.ip_network("10.0.0.1/32")], False)),
    )
    def test_proxies_are_networks_or_the_unix_socket(self, value: None, expected: object) -> None:
        assert (environment.proxies(NAME), environment.trusts_unix_socket(NAME)) == expected

    @given("localhost", "10.0.0.1/8", "127.0.0.1;::1", "*", "unix:", "/run/relay.sock", "UNIX")
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.proxies(NAME)


class TestUnknown:
    def test_it_names_the_nearest_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        environment.text("RELAY_LINGER")
        monkeypatch.setenv("RELAY_LINGERR", "5")
        monkeypatch.setenv("TIKTOK_Q", "")
        monkeypatch.setenv("OTHER_LINGERR", "5")
        found = environment.unknown(("RELAY_", "TIKTOK_Q"), set())
        assert found["RELAY_LINGERR"] == "RELAY_LINGER"
        assert found["TIKTOK_Q"] == ""
        assert "OTHER_LINGERR" not in found

    def test_it_passes_over_what_was_asked_for_and_what_others_read(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(NAME, "5")
        monkeypatch.setenv("RELAY_OF_OTHERS", "5")
        environment.text(NAME)
        found = environment.unknown(("RELAY_",), {"RELAY_OF_OTHERS"})
        assert not found.keys() & {NAME, "RELAY_OF_OTHERS"}


class TestTestEndpoint:
    @given("", "off", "0", "no")
    def test_it_is_off(self, value: None) -> None:
        assert environment.test_endpoint(NAME, debug=True) is False
        assert environment.test_endpoint(NAME, debug=False) is False

    @given("on", "1", "True")
    def test_it_is_on_with_debug(self, value: None) -> None:
        assert environment.test_endpoint(NAME, debug=True) is True

    @given("on", "1", "True")
    def test_it_takes_a_word_to_be_on_without(self, value: None) -> None:
        with pytest.raises(SystemExit, match="off, since DEBUG is off; or set DEBUG=on; or always"):
            environment.test_endpoint(NAME, debug=False)

    @given("always", "ALWAYS")
    def test_that_word(self, value: None) -> None:
        assert environment.test_endpoint(NAME, debug=False) is True

    @given("maybe")
    def test_it_takes_no_other(self, value: None) -> None:
        with pytest.raises(SystemExit, match="off, on or always"):
            environment.test_endpoint(NAME, debug=True)


class TestStateFile:
    SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/data/relay.sqlite3"}
    POSTGRESQL = {"ENGINE": "django.db.backends.postgresql", "NAME": "relay"}
    FOLDER = Path("/project")

    @given("", " ")
    def test_it_is_beside_the_database_or_in_the_project_s_folder(self, value: None) -> None:
        def default(database: dict[str, str]) -> Path | None:
            return environment.state_file(NAME, database, self.FOLDER)

        assert default(self.SQLITE) == Path("/data/relay.sqlite3-state")
        assert default({**self.SQLITE, "NAME": ":memory:"}) == Path("/project/relay-state")
        assert default(self.POSTGRESQL) == Path("/project/relay-state")

    @given("/run/relay/state")
    def test_it_may_be_elsewhere(self, value: None) -> None:
        assert environment.state_file(NAME, self.SQLITE, self.FOLDER) == Path("/run/relay/state")

    @given("off", "no", "0")
    def test_it_may_be_off(self, value: None) -> None:
        assert environment.state_file(NAME, self.SQLITE, self.FOLDER) is None

    @given("/tmp", "/run/relay/")
    def test_it_is_no_folder(self, value: None) -> None:
        with refused():
            environment.state_file(NAME, self.SQLITE, self.FOLDER)


class TestDatabase:
    @given("sqlite:////var/lib/relay/relay.sqlite3")
    def test_a_database_address_becomes_django_s_settings(self, value: None) -> None:
        config = environment.database(NAME, Path("/default"))
        assert config["ENGINE"] == "django.db.backends.sqlite3"
        assert config["NAME"] == "/var/lib/relay/relay.sqlite3"

    @given(
        "postgres://u:p%40ss@db.example:5432/relay", "postgresql://u:p%40ss@db.example:5432/relay"
    )
    def test_it_takes_postgresql(self, value: None) -> None:
        config = environment.database(NAME, Path("/default"))
        assert config["ENGINE"] == "django.db.backends.postgresql"
        assert (config["HOST"], config["PORT"]) == ("db.example", 5432)
        assert (config["USER"], config["PASSWORD"], config["NAME"]) == ("u", "p@ss", "relay")

    @given("", " ")
    def test_it_has_a_default(self, value: None) -> None:
        config = environment.database(NAME, Path("/some/where.sqlite3"))
        assert config["ENGINE"] == "django.db.backends.sqlite3"
        assert config["NAME"] == "/some/where.sqlite3"

    @given(
        "sqlite",
        "sqlite:relay.db",
        "postgres",
        "postgres://",
        "postgres://u:p@db.example",
        "postgres://u:p@db.example/",
        "postgres://u:p@db.example:port/relay",
        "postgres://u:p@db.example:99999/relay",
        "mysql://u:p@db.example/relay",
        "/var/lib/relay.sqlite3",
        "nonsense",
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.database(NAME, Path("/default"))


class TestRedis:
    @given_and_expected(
        ("", {}),
        ("redis://cache.example", {"address": "redis://cache.example", "db": 0}),
        ("rediss://u:p%40@[::1]:7/3", {"address": "rediss://u:p%40@[::1]:7/3", "db": 3}),
        ("redis://localhost?db=4", {"address": "redis://localhost?db=4", "db": 4}),
    )
    def test_a_server_s_address_is_read(self, value: None, expected: object) -> None:
        assert environment.redis(NAME) == expected

    @given_and_expected(
        (
            "redis+sentinel://one.example,[::1]:5/relay",
            {
                "master_name": "relay",
                "sentinels": [("one.example", 26379), ("::1", 5)],
                "db": 0,
                "sentinel_kwargs": {},
            },
        ),
        (
            "redis+sentinel://:p%40ss@one.example:1,two.example:2/relay/3?sentinel_password=q%40",
            {
                "master_name": "relay",
                "sentinels": [("one.example", 1), ("two.example", 2)],
                "db": 3,
                "username": None,
                "password": "p@ss",
                "sentinel_kwargs": {"password": "q@"},
            },
        ),
    )
    def test_sentinels_addresses_are_read(self, value: None, expected: object) -> None:
        assert environment.redis(NAME) == expected

    @given_and_expected(
        ("rediss://u:p%40@cache.example:7/3", {"host": "cache.example", "port": 7, "db": 3}),
        ("redis+sentinel://:p@one.example:1/relay/3", {"password": "p", "db": 3}),
    )
    def test_the_channel_layer_s_library_makes_connections_of_it(
        self, value: None, expected: dict[str, object]
    ) -> None:
        pool = create_pool(environment.redis(NAME))
        assert pool.connection_kwargs.items() >= expected.items()

    @given(
        "redis",
        "redis://",
        "redis:///1",
        "redis://cache.example:port",
        "redis://cache.example:0",
        "redis://cache.example/one",
        "redis://cache.example/1/2",
        "redis://cache.example?socket_timeout=soon",
        "redis://cache.example?no_such_option=1",
        "redis://cache .example",
        "http://cache.example",
        "cache.example:6379",
        "redis+sentinel://one.example",
        "redis+sentinel://one.example/",
        "redis+sentinel://one.example,/relay",
        "redis+sentinel://one.example:port/relay",
        "redis+sentinel://one.example/relay/one",
        "redis+sentinel://one.example/relay?password=x",
        "redis+sentinel://one.example/relay?x",
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.redis(NAME)


class TestEmail:
    @given("smtp+tls://relay%40example.org:p%40ss@mail.example.org")
    def test_a_mail_address_becomes_django_s_settings(self, value: None) -> None:
        assert environment.email(NAME) == {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": "mail.example.org",
            "EMAIL_PORT": 587,
            "EMAIL_HOST_USER": "relay@example.org",
            "EMAIL_HOST_PASSWORD": "p@ss",
            "EMAIL_USE_TLS": True,
            "EMAIL_FILE_PATH": "",
        }

    @given_and_expected(
        ("smtp://mail.example.org", (25, None, None)),
        ("smtp://mail.example.org:2525?timeout=5", (2525, None, None)),
        ("smtp+tls://mail.example.org:26", (26, True, None)),
        ("smtp+ssl://mail.example.org", (465, None, True)),
    )
    def test_it_knows_how_to_connect(self, value: None, expected: object) -> None:
        config = environment.email(NAME)
        names = ("EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_USE_SSL")
        assert tuple(map(config.get, names)) == expected

    @given("", " ")
    def test_it_may_be_empty(self, value: None) -> None:
        assert environment.email(NAME) == {}

    @given(
        "mail.example.org",
        "mail.example.org:587",
        "smtp",
        "smtp://",
        "smtp://user:password@",
        "smtp://mail.example.org:port",
        "smtp://mail.example.org:99999",
        "smtp://[::1",
        "https://mail.example.org",
        "consolemail://",
    )
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.email(NAME)


class TestSender:
    @given("relay@example.org", "LIVE relay <relay@example.org>", "Эфир <relay@example.org>")
    def test_senders_are_read(self, value: None) -> None:
        assert environment.sender(NAME, "x@localhost") == os.environ[NAME]

    @given("", " ")
    def test_it_has_a_default(self, value: None) -> None:
        assert environment.sender(NAME, "relay@localhost") == "relay@localhost"

    @given("relay", "relay@", "@example.org", "Relay <relay>", "a@example.org\nBcc: b@example.org")
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.sender(NAME, "relay@localhost")


class TestSecretKey:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / ".secret_key"

    @given("from the environment")
    def test_a_key_of_the_environment_is_not_written_to_the_file(
        self, value: None, file: Path
    ) -> None:
        assert environment.secret_key(NAME, file) == "from the environment"
        assert not file.exists()

    def test_it_makes_the_file_once(self, file: Path) -> None:
        key = environment.secret_key(NAME, file)
        assert len(key) * 6 >= 256
        assert file.read_text() == key
        written = file.stat().st_mtime_ns
        assert environment.secret_key(NAME, file) == key
        assert file.stat().st_mtime_ns == written

    def test_it_makes_another_key_elsewhere(self, file: Path) -> None:
        other = file.with_name("other")
        assert environment.secret_key(NAME, file) != environment.secret_key(NAME, other)

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_it_keeps_the_file_to_its_owner(self, file: Path, umask: int) -> None:
        before = os.umask(umask)
        try:
            environment.secret_key(NAME, file)
        finally:
            os.umask(before)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @given("", " ")
    def test_it_counts_an_empty_one_as_not_set(self, value: None, file: Path) -> None:
        file.write_text("from the file\n")
        assert environment.secret_key(NAME, file) == "from the file"

    @pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
    def test_it_refuses_a_file_without_a_key(self, file: Path, content: bytes) -> None:
        file.write_bytes(content)
        with refused() as refusal:
            environment.secret_key(NAME, file)
        assert ".secret_key" in str(refusal.value)
        assert str(file.parent) not in str(refusal.value)

    def test_it_refuses_when_the_file_cannot_be_made(self, file: Path) -> None:
        with refused():
            environment.secret_key(NAME, file / "below" / ".secret_key")

    def test_it_refuses_a_directory(self, tmp_path: Path) -> None:
        with refused():
            environment.secret_key(NAME, tmp_path)


class TestPageOrigins:
    @given_and_expected(
        ("", []),
        ("https://a.example", ["https://a.example"]),
        (
            "https://A.example:443, http://b.example:80,http://c:8080",
            ["https://a.example", "http://b.example", "http://c:8080"],
        ),
        ("http://a:443,https://b:80", ["http://a:443", "https://b:80"]),
        ("capacitor://localhost,http://[::1]:3000", ["capacitor://localhost", "http://[::1]:3000"]),
    )
    def test_they_are_read_as_browsers_send_them(self, value: None, expected: list[str]) -> None:
        assert environment.page_origins(NAME) == expected

    @given("a.example", "https://", "https://a.example/", "https://a.example/b", "*", "null", "a b")
    def test_it_refuses(self, value: None) -> None:
        with refused():
            environment.page_origins(NAME)


class TestAlerts:
    @given_and_expected(
        ("", []), ("ops@example.org", ["ops@example.org"]), ("a@b.cc, d@e.ff", ["a@b.cc", "d@e.ff"])
    )
    def test_receivers_are_a_list(self, value: None, expected: list[str]) -> None:
        assert environment.receivers(NAME, can_send=True) == expected

    @given("ops", "Ops <ops@example.org>", "a@b.cc d@e.ff")
    def test_it_refuses_what_is_no_address(self, value: None) -> None:
        with refused():
            environment.receivers(NAME, can_send=True)

    @given("ops@example.org")
    def test_it_refuses_receivers_without_a_mail_server(self, value: None) -> None:
        with pytest.raises(SystemExit, match="EMAIL_URL"):
            environment.receivers(NAME, can_send=False)

    @given_and_expected(
        ("", ""),
        ("https://hooks.example/a/?key=b", "https://hooks.example/a/?key=b"),
        ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
    )
    def test_a_webhook_s_address_is_taken_as_it_is(self, value: None, expected: str) -> None:
        assert environment.webhook(NAME) == expected

    @given("hooks.example", "ftp://a.example", "https://u:p@a.example", "https://a b.example")
    def test_it_refuses_what_is_no_webhook_s(self, value: None) -> None:
        with refused():
            environment.webhook(NAME)

    @given("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    def test_a_secret_is_taken_as_standard_webhooks_writes_it(self, value: None) -> None:
        assert environment.webhook_secret(NAME) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    @given("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_!", "whsec_" + "A" * 200)
    def test_it_refuses_what_is_no_secret(self, value: None) -> None:
        with refused():
            environment.webhook_secret(NAME)


BAD_SETTINGS = {
    "ALLOWED_HOSTS": "https://s3cr3t",
    "CSRF_TRUSTED_ORIGINS": "s3cr3t.example",
    "ALLOWED_ORIGINS": "https://s3cr3t.example/page",
    "SIGN_API_KEY": "s3cr3t key",
    "DEBUG": "s3cr3t",
    "SOURCE_URL": "s3cr3t.example",
    "TRUSTED_PROXIES": "127.0.0.1,s3cr3t",
    "METRICS_ALLOW": "127.0.0.1/99,s3cr3t",
    "WEBHOOK_ALLOW": "hooks.internal,s3cr3t:80",
    "TIKTOK_APP_URL": "s3cr3t",
    "TIKTOK_WEBCAST_URL": "ws://s3cr3t",
    "TIKTOK_SOCKET_URL": "https://s3cr3t",
    "TIKTOK_ROUTES": "s3cr3t",
    "TIKTOK_PROXY": "http://anna:s3cr3t@proxy.example",
    "RELAY_OWN_PROXIES": "s3cr3t",
    "RELAY_STANDIN": "s3cr3t",
    "RELAY_STATE_FILE": "s3cr3t/",
    "SIGN_API_URL": "https://user:s3cr3t@sign.example:port",
    "RELAY_CONNECT_TIMEOUT": "s3cr3t",
    "RELAY_BLOCK_PAUSE": "777",
    "RELAY_IDLE_TIMEOUT": "nan",
    "RELAY_LINGER": "-777",
    "RELAY_RECONNECT_FOR": "-777",
    "RELAY_SEND_TIMEOUT": "s3cr3t",
    "RELAY_WAIT_INTERVAL": "s3cr3t",
    "RELAY_TIKTOK_RATE": "s3cr3t",
    "RELAY_BACKLOG": "s3cr3t",
    "RELAY_BACKLOG_BYTES": "-777",
    "RELAY_BACKLOG_BYTES_TOTAL": "777.7",
    "RELAY_MAX_SOCKETS": "-777",
    "RELAY_MAX_OVERLAYS": "-777",
    "RELAY_STREAM_STARTS": "-777",
    "RELAY_USERNAME_CHANGES": "s3cr3t",
    "RELAY_LOOKUPS": "-777",
    "RELAY_HISTORY_DAYS": "-777",
    "RELAY_TRANSCRIPT_DAYS": "-777",
    "RELAY_MAX_SOCKETS_PER_ADDRESS": "-777",
    "RELAY_REQUEST_TIMEOUT": "s3cr3t",
    "RELAY_TEST_ENDPOINT": "s3cr3t",
    "HTTPS_ONLY": "s3cr3t",
    "RELAY_PICTURE_HOSTS": "https://s3cr3t@cdn.example",
    "DATABASE_URL": "postgres://user:s3cr3t@db.example:port/relay",
    "REDIS_URL": "redis://user:s3cr3t@cache.example:port/0",
    "LANGUAGE_CODE": "s3cr3t",
    "LOG_FORMAT": "s3cr3t",
    "EMAIL_URL": "smtp://user:s3cr3t@mail.example:port",
    "DEFAULT_FROM_EMAIL": "s3cr3t",
    "ALERT_EMAILS": "s3cr3t",
    "ALERT_WEBHOOK": "https://s3cr3t@hooks.example/",
    "ALERT_WEBHOOK_SECRET": "whsec_s3cr3t",
    "ALERT_AFTER": "-777",
}


def check(**settings: str) -> subprocess.CompletedProcess[str]:
    return manage("check", **settings)


def manage(name: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "SECRET_KEY": "of the tests", **settings}
    command = [sys.executable, "manage.py", name]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def refusals() -> dict[str, subprocess.CompletedProcess[str]]:
    """What each bad setting leads to. The processes run side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {name: pool.submit(check, **{name: bad}) for name, bad in BAD_SETTINGS.items()}
        return {name: run.result() for name, run in runs.items()}


class TestStart:
    def test_good_settings_start_without_a_word(self) -> None:
        done = check()
        assert (done.returncode, done.stderr) == (0, "")

    def test_it_takes_empty_settings_as_not_set(self) -> None:
        done = check(**dict.fromkeys(BAD_SETTINGS, ""))
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("name", BAD_SETTINGS)
    def test_it_stops_with_one_line_that_names_the_setting(
        self, refusals: dict[str, subprocess.CompletedProcess[str]], name: str
    ) -> None:
        refusal = refusals[name]
        assert refusal.returncode == 1
        assert refusal.stdout == ""
        [line] = refusal.stderr.splitlines()
        assert line.startswith(f"Setting {name}: expected ")
        assert BAD_SETTINGS[name] not in line
        assert "s3cr3t" not in line

    def test_it_says_in_one_line_that_the_database_is_not_there(self) -> None:
        done = manage("migrate", DATABASE_URL="postgres://user:s3cr3t@127.0.0.1:1/relay")
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.startswith("The database that DATABASE_URL names can't be used: ")
        assert "s3cr3t" not in line

    def test_it_is_tried_with_every_setting_that_has_bad_values(self) -> None:
        settings = (ROOT / "relay_project" / "settings.py").read_text()
        readers = re.findall(r'env\.(\w+)\(\s*"(\w+)"', settings)
        checked = {
            name
            for reader, name in readers
            if reader not in {"text", "words", "secret_key", "trusts_unix_socket"}
        }
        assert checked == set(BAD_SETTINGS)
