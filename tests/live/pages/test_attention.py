"""The dashboard's verdict, and what needs attention."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from live.alerts.texts import words_of
from live.pages.dashboard.attention import Beside, Matter, matters, verdict
from live.relay.number_shapes import Numbers, StreamNumbers
from tests.live.relay.test_all_numbers import of_process, stream, watched

NOW = 100_000_000
MINUTE, HOUR = 60_000, 3_600_000


def now(*streams: StreamNumbers, **known: Any) -> Numbers:
    return of_process(at=NOW, streams=list(streams), **known)


def found(numbers: Numbers, beside: Beside = Beside()) -> dict[str, Matter]:  # noqa: B008
    return {matter.key: matter for matter in matters(numbers, beside)}


def said(numbers: Numbers) -> str:
    return verdict(numbers, matters(numbers, Beside())).text


def gate(label: str = "", seconds: int = 54) -> dict[str, Any]:
    return {"label": label, "remaining": 0, "closed_until": NOW + seconds * 1000 - 999}


def route(name: str, seconds: int = 0) -> dict[str, Any]:
    until = NOW + seconds * 1000 - 999 if seconds else None
    return {"name": name, "closed_until": until, "opened": [], "refused": {}}


class TestVerdict:
    def test_it_says_that_nothing_needs_attention(self) -> None:
        numbers = now(stream("anna"), stream("bob", state="quiet"), stream("carol"))
        assert said(numbers) == "3 LIVEs relayed. Nothing needs attention."
        assert verdict(numbers, []).tone == "good"

    def test_it_names_the_only_matter(self) -> None:
        assert said(now(stream("anna"), gates=[gate("@anna")])) == (
            "1 LIVE relayed. The sign gate of one account’s own key is closed for 54 s; it waits."
        )

    def test_it_counts_several_which_stand_below_it(self) -> None:
        numbers = now(
            stream("anna"), gates=[gate("@anna"), gate()], watched=watched(unseen=["zoe"])
        )
        told = verdict(numbers, matters(numbers, Beside()))
        assert told.tone == "bad"
        assert told.text == "1 LIVE relayed. 3 things need attention."

    def test_it_says_who_is_awaited(self) -> None:
        numbers = now(*(stream(name, state="waiting") for name in ("anna", "bob")))
        assert said(numbers).startswith("No LIVE is relayed; 2 streamers are awaited.")
        assert said(now()).startswith("No LIVE is relayed now.")

    @pytest.mark.parametrize("count", [1, 3, 5, 21])
    def test_it_speaks_other_languages(self, count: int) -> None:
        numbers = now(*(stream(f"a{n}") for n in range(count)))
        with translation.override("ru"):
            assert str(count) in said(numbers)


class TestMatters:
    def test_there_are_none_where_all_is_well(self) -> None:
        assert not found(now(stream("anna"), stream("bob", state="waiting", since=NOW - HOUR)))

    def test_a_cut_stream_says_who_is_affected_and_since_when(self) -> None:
        cut = stream("anna", state="reconnecting", since=NOW - MINUTE, sockets=2)
        matter = found(now(cut))["reconnecting-anna"]
        assert (matter.tone, matter.affected) == ("attention", "2 sockets")
        assert matter.since is not None
        assert matter.since.timestamp() * 1000 == NOW - MINUTE
        assert matter.link == "/staff/streams/anna/"

    def test_many_cut_streams_are_one_matter_and_a_fault(self) -> None:
        cut = [stream(f"a{n}", state="deaf", since=NOW - n * MINUTE) for n in range(8)]
        matter = found(now(*cut))["deaf"]
        assert (matter.tone, matter.affected) == ("bad", "@a0, @a1, @a2, @a3, @a4 and 3 more")

    @pytest.mark.parametrize(
        ("state", "usual", "unusual"),
        [("connecting", MINUTE // 4, MINUTE), ("waiting", HOUR, 13 * HOUR)],
    )
    def test_a_state_that_lasts_unusually_long_is_one(
        self, state: str, usual: int, unusual: int
    ) -> None:
        assert not found(now(stream("anna", state=state, since=NOW - usual)))
        assert found(now(stream("anna", state=state, since=NOW - unusual)))

    def test_a_watched_streamer_may_be_awaited_for_days(self) -> None:
        assert not found(now(stream("anna", state="waiting", since=NOW - 99 * HOUR, sockets=0)))

    def test_a_route_is_a_fault_only_if_no_other_is_left(self) -> None:
        one = now(routes=[route("signed", 15), route("direct")])
        assert found(one)["route-signed"].tone == "attention"
        both = found(now(routes=[route("signed", 15), route("direct", 9)], pages_closed_until=NOW))
        assert {matter.tone for key, matter in both.items() if key != "pages"} == {"bad"}
        assert "through the sign server, for 15 s." in both["route-signed"].what

    def test_unreadable_messages_are_a_fault_and_new_ones_are_not(self) -> None:
        streams = (stream("anna", faults=2, undecodable=1), stream("bob", faults=1))
        matter = found(now(*streams))
        assert (matter["unreadable"].affected, matter["odd"].affected) == ("@anna", "@bob")
        assert (matter["unreadable"].tone, matter["odd"].tone) == ("bad", "attention")

    def test_a_database_that_takes_nothing_comes_first(self) -> None:
        numbers = now(gates=[gate("@anna")], writing={"log": 2, "history": 40, "lost": 1})
        first, *_others = matters(numbers, Beside())
        assert first.what == "The database can’t be written: 42 entries wait."
        assert found(numbers)["lost"].tone == "attention"

    @pytest.mark.parametrize("code", ["database", "redis", "messages_unreadable"])
    def test_an_alert_that_no_number_tells_is_a_fault(self, code: str) -> None:
        alert = {"code": code, "since": NOW - MINUTE, "details": "", "process": "relay:7"}
        numbers = now(alerts=[alert])
        (matter,) = matters(numbers, Beside())
        words = words_of(code)
        assert (matter.tone, matter.what) == ("bad", f"{words.title}.")
        assert (matter.affected, matter.todo) == (words.meaning.removesuffix("."), words.advice)
        assert matter.since is not None
        assert matter.since.timestamp() * 1000 == NOW - MINUTE

    def test_messages_that_an_alert_is_about_are_a_fault(self) -> None:
        alert = {"code": "messages_unreadable", "since": NOW, "details": "", "process": "relay:7"}
        matter = found(now(stream("bob", faults=1), alerts=[alert]))
        assert {key: each.tone for key, each in matter.items()} == {"odd": "bad"}

    def test_an_alert_is_not_told_beside_the_same(self) -> None:
        codes = ("database", "messages_unreadable", "sign_gate", "tiktok_blocked")
        numbers = now(
            stream("anna", undecodable=1),
            alerts=[
                {"code": code, "since": NOW, "details": "", "process": "relay:7"} for code in codes
            ],
            gates=[gate()],
            routes=[route("signed", 15)],
            writing={"log": 2, "history": 0, "lost": 0},
        )
        assert set(found(numbers)) == {"writing", "gate", "route-signed", "unreadable"}

    def test_it_tells_of_accounts_and_sockets(self) -> None:
        used_up = {"budget": "lookups", "account_id": 7, "account": "bob", "client": ""}
        slow = {"row": 1, "account_id": 7, "account": "bob", "username": "a", "token": "abc"}
        failing = {"account_id": 7, "account": "bob", "username": "a", "why": "user_not_found"}
        matter = found(
            now(
                used_up=[{**used_up, "again_at": NOW + MINUTE}],
                slow=[{**slow, "lag": 500, "stalled_for": 3.0}],
                watched=watched(
                    states={"failing": 1},
                    accounts=[{**failing, "state": "failing", "looks": 1, "signed": 0}],
                    unseen=["zoe"],
                ),
            ),
            Beside(failing=3, webhooks=1),
        )
        assert set(matter) == {
            *("used-up-lookups", "slow", "watched", "unseen", "accounts", "webhooks"),
        }
        assert matter["slow"].affected == matter["watched"].affected == "bob"
        assert matter["accounts"].what == "3 accounts have failed to connect in the last hour."
        assert matter["accounts"].link == "/staff/accounts/"
