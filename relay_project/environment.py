"""Reads and checks the environment variables, for `settings.py`.

If a variable has a bad value, the process ends with a message of one line. The message names the
setting and the values that are possible, but not the bad value, because that may be a secret. An
empty variable counts as one that is not set.
"""

from __future__ import annotations

import base64
import contextlib
import difflib
import ipaddress
import os
import re
import secrets
from email.utils import parseaddr
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from accounts.proxies import is_proxy

__all__ = [
    "api_key",
    "boolean",
    "choice",
    "database",
    "email",
    "hosts",
    "is_host",
    "networks",
    "origins",
    "page_origins",
    "picture_hosts",
    "proxies",
    "proxy",
    "receivers",
    "redis",
    "routes",
    "seconds",
    "secret_key",
    "sender",
    "socket_url",
    "state_file",
    "test_endpoint",
    "text",
    "trusts_unix_socket",
    "unknown",
    "url",
    "webhook",
    "webhook_secret",
    "webhook_targets",
    "whole_number",
    "words",
]

# The names of all variables that have been read, whether they are set or not.
_known: set[str] = set()
# The texts that mean true and false.
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
# The usual ports for each scheme of `EMAIL_URL`.
_SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
# In place of the address of a proxy that connects by a Unix socket, and so has none.
_UNIX = "unix"
# Of a Sentinel, if its address says none.
_SENTINEL_PORT = 26379
# How long the address of a webhook can be, and how its secret begins.
_LONGEST_WEBHOOK = 2000
_WEBHOOK_SECRET = "whsec_"
_HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\]", re.ASCII)
# The name of one host; at least one letter in its last part, so that it is no IP address.
_HOST_NAME = re.compile(r"(?:[\w-]+\.)*(?=[\w-]*[A-Za-z])[\w-]+", re.ASCII)
_PAGE_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_USUAL_PORT = re.compile(r"^(http://.*(?=:80$)|https://.*(?=:443$)):[0-9]+$")
_PICTURE_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+|https?://[a-z0-9.-]+(:[0-9]{1,5})?")


def _refuse(name: str, expected: str) -> NoReturn:
    """End the process: the variable has a bad value."""
    raise SystemExit(f"Setting {name}: expected {expected}. Nothing was started.")


def text(name: str, default: str = "") -> str:
    """Return the value without spaces around it. All functions below read variables with it."""
    _known.add(name)
    return os.environ.get(name, "").strip() or default


def unknown(prefixes: tuple[str, ...], others: set[str]) -> dict[str, str]:
    """Find variables that are set but that nothing reads. Most often their names are misspelt.

    Args:
        prefixes: look only for names that begin with one of these.
        others: names that something else than this module reads.

    Returns:
        The names of these variables. Each has the most similar known name, or "" if none is
        similar.
    """
    names = sorted(name for name in os.environ if name.startswith(prefixes))
    return {
        name: next(iter(difflib.get_close_matches(name, _known, n=1, cutoff=0.75)), "")
        for name in names
        if name not in _known | others
    }


def boolean(name: str, default: bool) -> bool:
    value = text(name).lower()
    if value and value not in _TRUE | _FALSE:
        _refuse(name, "on or off")
    return value in _TRUE if value else default


def test_endpoint(name: str, *, debug: bool) -> bool:
    """Whether the test endpoint is on. The variable is off, on (only with DEBUG) or always."""
    value = text(name).lower()
    if value in _TRUE and not debug:
        _refuse(name, "off, since DEBUG is off; or set DEBUG=on; or always, which needs no DEBUG")
    if value and value not in _TRUE | _FALSE | {"always"}:
        _refuse(name, "off, on or always")
    return value == "always" or value in _TRUE


def whole_number(name: str, default: int, minimum: int, maximum: int) -> int:
    value = text(name, str(default))
    with contextlib.suppress(ValueError):
        if minimum <= int(value) <= maximum:
            return int(value)
    _refuse(name, f"a whole number from {minimum} to {maximum}")


def seconds(name: str, default: float, minimum: float, maximum: float = 86_400) -> float:
    value = text(name, str(default))
    with contextlib.suppress(ValueError):
        if minimum <= float(value) <= maximum:
            return float(value)
    _refuse(name, f"a number of seconds from {minimum:g} to {maximum:g}")


def choice(name: str, default: str, choices: list[str]) -> str:
    value = text(name, default)
    if value not in choices:
        _refuse(name, f"one of {', '.join(choices)}")
    return value


def words(name: str, default: list[str]) -> list[str]:
    """A list of words, separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def url(name: str, default: str) -> str:
    """An http(s) address without a trailing slash."""
    value = text(name, default)
    if not value or _is_address(value, {"http", "https"}):
        return value.rstrip("/")
    _refuse(name, "an address such as https://example.org")


def _is_address(value: str, schemes: set[str]) -> bool:
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        # `port` raises ValueError if the port is not a number. urlsplit() accepts white space.
        spaced = any(character.isspace() for character in value)
        return bool(parts.scheme in schemes and parts.hostname and parts.port != 0 and not spaced)
    return False


def socket_url(name: str, default: str) -> str:
    """A ws(s) address without a trailing slash."""
    value = text(name, default)
    if _is_address(value, {"ws", "wss"}):
        return value.rstrip("/")
    _refuse(name, "an address such as wss://example.org/webcast")


def proxy(name: str) -> str:
    """The address of a proxy, with user and password if it needs them."""
    value = text(name)
    if not value or is_proxy(value):
        return value
    _refuse(name, "an address such as http://user:password@host:port, https://… or socks5://…")


def routes(name: str, known: list[str], default: str) -> list[str]:
    """Names of routes to TikTok, each once, separated by commas."""
    values = words(name, [default])
    if set(values) <= set(known) and len(set(values)) == len(values):
        return values
    _refuse(name, f"one or more of {', '.join(known)}, separated by commas")


def hosts(name: str, default: list[str]) -> list[str]:
    """Host names for ALLOWED_HOSTS: example.org, .example.org, 10.0.0.1, [::1] or *."""
    values = words(name, default)
    if all(map(is_host, values)):
        return values
    _refuse(name, "host names separated by commas, such as example.org,10.0.0.1")


def is_host(text: str) -> bool:
    """Whether ALLOWED_HOSTS may have the text."""
    return _HOST.fullmatch(text) is not None


def origins(name: str) -> list[str]:
    values = words(name, [])
    if all(re.fullmatch(r"https?://[^/\s]+", value) for value in values):
        return values
    _refuse(name, "addresses separated by commas, such as https://example.org")


def page_origins(name: str) -> list[str]:
    """Origins of pages, as browsers send them: scheme://host[:port], in lower case, without the
    scheme's usual port. Apps with a browser inside have schemes of their own."""
    values = [value.lower() for value in words(name, [])]
    if all(_PAGE_ORIGIN.fullmatch(value) for value in values):
        return [_USUAL_PORT.sub(r"\1", value) for value in values]
    _refuse(name, "origins of pages separated by commas, such as https://example.org")


def picture_hosts(name: str, default: list[str]) -> list[str]:
    """Hosts that pictures are loaded from.

    cdn.example is that host, with https; .cdn.example is all hosts below it, with https. A whole
    origin, such as http://127.0.0.1:8000, is also possible.
    """
    values = [value.lower() for value in words(name, default)]
    if all(_PICTURE_HOST.fullmatch(value) for value in values):
        return values
    _refuse(name, "hosts or addresses separated by commas, such as .cdn.example")


def api_key(name: str) -> str:
    """A secret that is sent in an HTTP header, so it must be ASCII without spaces."""
    value = text(name)
    if value.isascii() and value.isprintable() and " " not in value:
        return value
    _refuse(name, "printable ASCII without spaces")


def networks(
    name: str, default: list[str] | None = None
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    with contextlib.suppress(ValueError):
        return [ipaddress.ip_network(word) for word in words(name, default or [])]
    _refuse(name, "IP addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8")


def webhook_targets(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network | str]:
    """IP addresses or networks, and names of hosts in lower case, separated by commas."""
    targets: list[ipaddress.IPv4Network | ipaddress.IPv6Network | str] = []
    for word in words(name, []):
        if _HOST_NAME.fullmatch(word):
            targets.append(word.lower())
            continue
        try:
            targets.append(ipaddress.ip_network(word))
        except ValueError:
            _refuse(
                name,
                "IP addresses, networks or names of hosts separated by commas, such as "
                "10.0.0.5,192.168.1.0/24,hooks.internal",
            )
    return targets


def proxies(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of reverse proxies. The word "unix" among them is passed over: it is for
    `trusts_unix_socket`."""
    with contextlib.suppress(ValueError):
        return [ipaddress.ip_network(word) for word in words(name, []) if word != _UNIX]
    _refuse(
        name,
        "IP addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8, "
        "or unix, which is whoever connects by a Unix socket",
    )


def trusts_unix_socket(name: str) -> bool:
    return _UNIX in words(name, [])


def database(name: str, default: Path) -> dict[str, Any]:
    """Django's settings for the database in a URL: sqlite:///… or postgres://…

    Args:
        default: the SQLite file to use if the variable is not set.
    """
    value = text(name, f"sqlite:///{default}")
    scheme, separator, _rest = value.partition("://")
    if separator and scheme in {"sqlite", "postgres", "postgresql"}:
        with contextlib.suppress(ValueError, ImproperlyConfigured):
            config = dict(environ.Env.db_url_config(value))
            if config["NAME"] or "service" in config.get("OPTIONS", {}):
                return config
    _refuse(name, "sqlite:///path or postgres://user:password@host:port/name")


def redis(name: str) -> dict[str, Any]:
    """How to connect to the Redis in a URL: redis://…, rediss://… or redis+sentinel://…

    Returns:
        What `channels_redis.utils.create_pool` makes a pool of connections from, and the channel
        layer has in its `hosts`; empty if the variable is not set.
    """
    value = text(name)
    if not value:
        return {}
    read = {"redis": _redis_server, "rediss": _redis_server, "redis+sentinel": _redis_sentinels}
    scheme, separator, _rest = value.partition("://")
    if separator and scheme in read and not any(character.isspace() for character in value):
        with contextlib.suppress(ValueError, TypeError):
            return read[scheme](value)
    _refuse(
        name,
        "redis://user:password@host:port/0, rediss://…, or "
        "redis+sentinel://host:26379,host:26379/service/0",
    )


def _redis_server(value: str) -> dict[str, Any]:
    """One server, by an address that redis-py reads.

    Raises:
        ValueError, TypeError: it does not.
    """
    from redis.asyncio import ConnectionPool  # imported where it is used, since it takes a while

    parts = urlsplit(value)
    # What redis-py passes over: no host, a database that is no number, a port that is none.
    if not parts.hostname or not re.fullmatch(r"/?|/[0-9]+", parts.path) or parts.port == 0:
        raise ValueError
    pool = ConnectionPool.from_url(value)
    pool.connection_class(**pool.connection_kwargs)  # refuses options that it doesn't know
    return {"address": value, "db": pool.connection_kwargs.get("db", 0)}


def _redis_sentinels(value: str) -> dict[str, Any]:
    """Sentinels, which are asked for the address of the service's server.

    User and password are the server's. The options `sentinel_username` and `sentinel_password` are
    the Sentinels' own.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(value)
    user, at, hosts = parts.netloc.rpartition("@")
    addresses = [urlsplit(f"//{host}") for host in hosts.split(",")]
    path = re.fullmatch(r"/([\w.-]+)(?:/([0-9]+))?", parts.path, re.ASCII)
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if not path or not options.keys() <= {"sentinel_username", "sentinel_password"}:
        raise ValueError
    if not all(address.hostname and address.port != 0 for address in addresses):
        raise ValueError
    username, _colon, password = user.partition(":")
    login = {"username": unquote(username) or None, "password": unquote(password) or None}
    return {
        "master_name": path[1],
        "sentinels": [(address.hostname, address.port or _SENTINEL_PORT) for address in addresses],
        "db": int(path[2] or 0),
        **(login if at else {}),
        "sentinel_kwargs": {
            option.removeprefix("sentinel_"): options[option] for option in options
        },
    }


def state_file(name: str, database: dict[str, Any], folder: Path) -> Path | None:
    """The path of a file; None if the variable is off.

    Args:
        database: Django's settings. The file is beside it by default, if it is a SQLite file.
        folder: where the file is otherwise.
    """
    value = text(name)
    if value.lower() in _FALSE:
        return None
    if not value:
        file = str(database["NAME"])
        in_file = database["ENGINE"].endswith("sqlite3") and "memory" not in file
        return Path(f"{file}-state") if in_file else folder / "relay-state"
    if "\0" not in value and not value.endswith("/") and not Path(value).is_dir():
        return Path(value)
    _refuse(name, "the path of a file, or off")


def email(name: str) -> dict[str, Any]:
    """Django's settings for the mail server in a URL; no settings if the variable is not set.

    The URL is smtp+tls://…, smtp+ssl://… or smtp://…
    """
    value = text(name)
    scheme, separator, _rest = value.partition("://")
    if separator and scheme in _SMTP_PORTS:
        with contextlib.suppress(ValueError):
            config = environ.Env.email_url_config(value)
            if config["EMAIL_HOST"]:
                known = {key: config[key] for key in config if key.startswith("EMAIL_")}
                return {**known, "EMAIL_PORT": config["EMAIL_PORT"] or _SMTP_PORTS[scheme]}
    if not value:
        return {}
    _refuse(name, "an address such as smtp+tls://user:password@mail.example.org:587")


def sender(name: str, default: str) -> str:
    """The sender of emails: relay@example.org, or Relay <relay@example.org>."""
    value = text(name, default)
    if value.isprintable():
        with contextlib.suppress(ValidationError):
            validate_email(parseaddr(value)[1])
            return value
    _refuse(name, "an email address such as relay@example.org")


def receivers(name: str, *, can_send: bool) -> list[str]:
    """Email addresses, separated by commas.

    Args:
        can_send: whether there is a mail server; without one, there may be no receivers.
    """
    values = words(name, [])
    with contextlib.suppress(ValidationError):
        for value in values:
            validate_email(value)
        if not values or can_send:
            return values
        _refuse(name, "EMAIL_URL to be set, too: without it no mail is sent")
    _refuse(name, "email addresses separated by commas, such as ops@example.org")


def webhook(name: str) -> str:
    """The http(s) address of a webhook, as it is: its path and its query may be secret."""
    value = text(name)
    if not value or (
        len(value) <= _LONGEST_WEBHOOK
        and value.isprintable()
        and _is_address(value, {"http", "https"})
        and "@" not in urlsplit(value).netloc
    ):
        return value
    _refuse(name, "an address such as https://example.org/hook, without a user or a password")


def webhook_secret(name: str) -> str:
    """A secret as Standard Webhooks writes it: whsec_ and 24 to 64 bytes as base64."""
    value = text(name)
    if not value:
        return ""
    if value.startswith(_WEBHOOK_SECRET):
        with contextlib.suppress(ValueError):
            key = base64.b64decode(value.removeprefix(_WEBHOOK_SECRET), validate=True)
            if 24 <= len(key) <= 64:
                return value
    _refuse(
        name, "whsec_ and 24 to 64 random bytes as base64, such as openssl rand -base64 32 makes"
    )


def secret_key(name: str, file: Path) -> str:
    """The secret key from the environment, or else from `file`, which is made at the first start.

    Stored API keys are encrypted with the secret key. If the file is lost, they can't be read any
    more.
    """
    if value := text(name):
        return value
    try:
        with contextlib.suppress(FileExistsError), open(file, "x", opener=_private) as created:
            created.write(secrets.token_urlsafe(50))
        return file.read_text().strip() or _refuse(name, f"a value, since {file.name} is empty")
    except (OSError, UnicodeDecodeError):
        _refuse(name, f"a value, since {file.name} can't be made or read")


def _private(path: str, flags: int) -> int:
    """Open a new file that only its owner may read and write."""
    return os.open(path, flags, mode=0o600)
