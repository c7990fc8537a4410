"""What clients and people write: messages on a socket, cursors, options, usernames."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import msgspec
from django.core.exceptions import ValidationError

from accounts import requests
from accounts.usernames import MAX_LENGTH, is_tiktok_username, normalise_tiktok_username
from fuzz.feeds import Reading, worn_feed
from fuzz.mutation import TextCorpus, random_text
from fuzz.running import Target
from live.protocol.cursor import Cursor
from live.protocol.errors import ErrorCode, RelayError
from live.protocol.frames import EVENT_TYPES, Frame, FrameType, Nothing, encode
from live.protocol.options import MAX_BATCH_MS, OPTIONS, TEST_OPTIONS, SocketOptions
from live.protocol.ping import parse_ping
from tests.support.contract import check_frame

__all__ = ["cursors", "messages", "options", "usernames"]

_LANGUAGES = ("en", "ru")


class _Sent(msgspec.Struct):
    """What else is in a message may be anything, such as a number that Python has no room for."""

    id: msgspec.Raw = msgspec.Raw(b"null")


_sent = msgspec.json.Decoder(_Sent).decode


def messages() -> Target:
    """What a phone sends over its socket: a ping, or anything else."""
    corpus = TextCorpus(
        [
            '{"type":"ping"}',
            '{"type":"ping","id":7}',
            '{"type": "ping", "id": "a text of the client\'s"}',
            '{"id":1.5e3,"type":"ping","more":[{"deep":null}]}',
            '{"type":"ping","id":"\\ud83c\\udf81\\u0000"}',
            '{"type":"pong","id":null}',
            "ping",
        ],
        [
            *('"', "{", "}", "[", "]", ":", ",", "\\", "\\u", "\\ud800", "\\u0000", "//"),
            *("null", "true", "NaN", "Infinity", "-0", "1e999", "1e-999", "9" * 20, "0.1", "-"),
            *('"type"', '"id"', '"ping"', '"type":"ping"', '"id":', "{}", "[]", '{"a":', " "),
        ],
    )

    def make(rng: Random) -> str | None:
        return None if rng.random() < 0.01 else corpus.make(rng)

    def give(text: str | None) -> str:
        try:
            ping = parse_ping(text)
        except RelayError as error:
            return _explained(error)
        pong = Frame(type=FrameType.PONG, ts=0, data=Nothing())
        if ping.id is not None:
            pong.id = ping.id
        sent = msgspec.json.decode(encode(pong).encode())
        check_frame(sent)
        assert sent.get("id") == msgspec.json.decode(_sent(text or "").id), "another id"
        return "pong"

    return Target(make, give)


def cursors() -> Target:
    """The option `since`, and what a log gives to whoever comes back with that."""
    feed = worn_feed()
    epoch, end = feed.log.epoch, feed.log.end
    corpus = TextCorpus(
        [f"{epoch}-{end // 2}", f"{epoch}-1-{end}", f"{epoch}-{end}", "k3f9abcd-1742", "a-0"],
        [
            *(*"0123456789", "-", "--", epoch, f"{epoch}-", "abcdefgh-", str(end), str(end + 1)),
            *("9" * 15, "9" * 16, "9" * 5000, "+1", "_", "0x1", "1e3", "A", " "),
        ],
    )

    def make(rng: Random) -> str:
        if rng.random() < 0.3:  # a place in the log, or near it
            numbers = [str(rng.randrange(end + 3)) for _ in range(rng.randrange(1, 3))]
            return "-".join((epoch, *numbers))
        return corpus.make(rng)

    def give(text: str) -> str:
        try:
            cursor = Cursor.parse(text)
        except ValueError:
            return "ValueError"
        assert Cursor.parse(str(cursor)) == cursor, "it is written as another one"
        return Reading(feed, cursor).read()

    return Target(make, give)


def options() -> Target:
    """The query of a socket's address, with the language of the answer."""
    published = {**OPTIONS, **TEST_OPTIONS}
    corpus = TextCorpus(
        [
            "since=k3f9abcd-1742&types=comment,gift&lang=ru&batch=100&wait=1",
            "types=all",
            "fail=rate_limited&replay=a_recording.jsonl",
            "lang=en&lang=ru&batch=0&wait=0&batch=1000&types=like%2Cjoin%2C%20follow",
            "since=k3f9abcd-1742-2100",
        ],
        [
            *(
                "=",
                "&",
                ";",
                "%",
                "%00",
                "%ff",
                "%F0%9F%8E%81",
                "%2C",
                "+",
                ",",
                "?",
                "#",
                "%u0031",
            ),
            *(f"{name}=" for name in published),
            *map(str, EVENT_TYPES),
            *map(str, ErrorCode),
            *("all", "0", "1", "-1", "1001", "١", "²", "9" * 4300, "../", ".", "/etc/passwd"),
        ],
    )

    def make(rng: Random) -> bytes:
        text = corpus.make(rng)
        return text.encode("latin-1" if text.isascii() else "utf-8", "surrogatepass")

    def give(query: bytes) -> str:
        accepted = query[-60:]
        scope = {"query_string": query, "headers": [(b"accept-language", accepted)]}
        assert requests.language(scope) in _LANGUAGES
        try:
            given = SocketOptions.parse(query.decode("latin-1"), test=len(query) % 2 == 1)
        except RelayError as error:
            return _explained(error)
        assert 0 <= given.batch <= MAX_BATCH_MS
        assert given.types is None or (given.types and given.types <= EVENT_TYPES)
        assert not given.replay.startswith(".")
        assert "/" not in given.replay
        assert given.since is None or isinstance(given.since, Cursor)
        return "options"

    return Target(make, give)


def usernames() -> Target:
    """What people type or paste as a TikTok username."""
    corpus = TextCorpus(
        [
            "anna.live",
            "@Anna_Live",
            "https://www.tiktok.com/@anna.live/live?lang=en",
            "tiktok.com/anna/",
            "http://m.tiktok.com/@ANNA#x",
            "a" * 24,
            "",
        ],
        [
            *("@", "/", ".", "_", "?", "#", " ", "live", "/live", "https://", "www.", "tiktok.com"),
            *("a", "Z", "0", "..", "%40", "\\", "@@", "tiktok.com/@", "a" * 30),
        ],
    )

    def make(rng: Random) -> str:
        return random_text(rng, rng.randrange(30)) if rng.random() < 0.1 else corpus.make(rng)

    def give(text: str) -> str:
        try:
            username = normalise_tiktok_username(text)
        except ValidationError as refused:
            return f"ValidationError: {refused.code}"
        if not username:
            assert not text.strip()
            return "none"
        assert is_tiktok_username(username)
        assert username.isascii()
        assert 2 <= len(username) <= MAX_LENGTH
        assert normalise_tiktok_username(username) == username, "not the same a second time"
        return "a username"

    return Target(make, give)


def _explained(error: RelayError) -> str:
    assert error.code is ErrorCode.BAD_REQUEST, error.code
    return _explained_reason(error.reason)


@lru_cache(maxsize=100)
def _explained_reason(reason: str) -> str:
    """Told to a client in both languages, as a frame of the contract."""
    error = RelayError(ErrorCode.BAD_REQUEST, reason=reason)
    for language in _LANGUAGES:
        frame = Frame(type=FrameType.ERROR, ts=0, data=error.explain(language))
        check_frame(msgspec.json.decode(encode(frame).encode()))
    return f"{error.code}: {reason}"
