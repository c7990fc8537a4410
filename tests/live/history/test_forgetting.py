"""What is deleted of kept LIVEs: what is old, an account's, one viewer's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from live.history import pruning
from live.history.heard import Heard
from live.history.models import (
    Battle,
    EndReason,
    Gifter,
    GivenGift,
    Live,
    LiveListener,
    Minute,
    TranscriptLine,
)
from live.history.reading import may_read_transcript
from live.history.writing import Writer

pytestmark = pytest.mark.django_db


def a_live(room: str = "1", *accounts: User, days_ago: float = 1, **values: object) -> Live:
    at = timezone.now() - timedelta(days=days_ago)
    given = {"began_at": at, "heard_from": at, "heard_until": at, "end_reason": EndReason.ENDED}
    live = Live.objects.create(tiktok_username="anna.live", room_id=room, **(given | values))
    for account in accounts:
        LiveListener.objects.create(live=live, account=account, began_at=live.began_at)
    return live


def a_line(live: Live, at: datetime, who: str = "7", name: str = "bea") -> TranscriptLine:
    return TranscriptLine.objects.create(
        live=live, offset=1, at=at, type="comment", user_id=who, username=name, text="hello"
    )


def an_account(name: str = "anna", **given: object) -> User:
    return User.objects.create(username=name, **given)


def run(*command: str) -> str:
    output = StringIO()
    call_command(*command, stdout=output)
    return output.getvalue()


class TestPruning:
    def test_lives_that_were_heard_too_long_ago_go_with_all_that_is_theirs(self) -> None:
        old = a_live("1", days_ago=91)
        Minute.objects.create(live=old, minute=1)
        a_live("2", an_account(), days_ago=89)
        assert run("prune_history") == "Deleted 1 LIVEs and 0 lines of transcripts.\n"
        assert [live.room_id for live in Live.objects.all()] == ["2"]
        assert not Minute.objects.exists()

    def test_lines_go_sooner(self) -> None:
        live = a_live("1", an_account())
        now = timezone.now()
        a_line(live, now - timedelta(days=8))
        young = a_line(live, now - timedelta(days=6))
        assert run("prune_history") == "Deleted 0 LIVEs and 1 lines of transcripts.\n"
        assert TranscriptLine.objects.get() == young

    def test_days_can_be_others(self) -> None:
        a_live(days_ago=3)
        assert run("prune_history", "--days", "2").startswith("Deleted 1 LIVEs")

    @pytest.mark.parametrize("option", ["--days=0", "--transcript-days=99999999", "--days=soon"])
    def test_it_refuses_what_is_no_number_of_days(self, option: str) -> None:
        with pytest.raises(CommandError):
            run("prune_history", option)

    def test_it_takes_many_small_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "_LIVES", 2)
        monkeypatch.setattr(pruning, "_LINES", 2)
        kept = a_live("kept", an_account())
        for number in range(5):
            a_live(str(number), days_ago=100)
            a_line(kept, timezone.now() - timedelta(days=8))
        steps = []

        def step(days: int, line_days: int) -> tuple[int, int]:
            steps.append(pruning.prune_some(days, line_days))
            return steps[-1]

        assert pruning.prune(step=step) == (5, 5)
        assert max(max(deleted) for deleted in steps) == 2

    @pytest.mark.django_db(transaction=True)
    def test_a_live_whose_process_died_is_not_heard_for_ever_and_sinks_are_told(self) -> None:
        told: list[Heard] = []

        class Sink:
            def write(self, heard: Sequence[Heard]) -> None:
                told.extend(heard)

        a_live("1", end_reason="")
        a_live("2", end_reason="", days_ago=0)
        writer = Writer([Sink()])
        assert writer.end_forgotten() == 1
        assert writer.end_forgotten() == 0
        assert Live.objects.get(room_id="1").end_reason == EndReason.UNHEARD
        assert Live.objects.get(room_id="2").is_heard
        (heard,) = told
        assert heard.live is not None
        assert (heard.live.room_id, heard.has_ended, heard.has_begun) == ("1", True, False)


class TestDeletingAnAccount:
    def test_its_lives_go_after_it_in_small_steps(self) -> None:
        anna = an_account()
        for number in range(30):
            live = a_live(str(number), anna)
            Gifter.objects.create(live=live, user_id="7")
        with CaptureQueriesContext(connection) as queries:
            anna.delete()
        assert not [query for query in queries if 'DELETE FROM "history_live"' in query["sql"]]
        assert not LiveListener.objects.exists()
        assert pruning.prune_some(90, 7) == (5, 0)
        assert run("prune_history").startswith("Deleted 25 LIVEs")
        assert not Live.objects.exists()

    def test_a_live_that_another_process_may_have_accounts_of_is_not_taken(self) -> None:
        a_live(days_ago=0)
        assert pruning.prune_some(90, 7) == (0, 0)

    def test_those_that_another_account_has_heard_stay(self) -> None:
        anna, bert = (User.objects.create(username=name) for name in ("anna", "bert"))
        a_live("1", anna, bert)
        a_live("2", anna)
        a_live("3", bert)
        anna.delete()
        run("prune_history")
        assert {live.room_id for live in Live.objects.all()} == {"1", "3"}
        assert {each.account_id for each in LiveListener.objects.all()} == {bert.pk}

    def test_of_several_at_once_too(self) -> None:
        anna, bert = (User.objects.create(username=name) for name in ("anna", "bert"))
        a_live("1", anna, bert)
        User.objects.all().delete()
        run("prune_history")
        assert not Live.objects.exists()

    def test_also_in_the_admin(self, admin_client: Client) -> None:
        anna = User.objects.create(username="anna")
        a_live("1", anna)
        answer = admin_client.post(f"/admin/accounts/user/{anna.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 302
        run("prune_history")
        assert not Live.objects.exists()


class TestTranscriptsThatNobodyWantsAnyMore:
    """Those of an account that does not keep them any more, or is deleted."""

    def heard(self, *accounts: User) -> Live:
        live = a_live("1", *accounts)
        for _ in range(3):
            a_line(live, timezone.now() - timedelta(minutes=1))
        return live

    def test_they_are_deleted_and_can_t_be_read_again_before_that(self) -> None:
        anna = an_account(keeps_transcripts=True)
        live = self.heard(anna)
        assert live.transcript.count() == 3
        anna.keeps_transcripts = False
        anna.save(update_fields=["keeps_transcripts"])
        assert not may_read_transcript(anna, live)
        anna.keeps_transcripts = True
        anna.save(update_fields=["keeps_transcripts"])
        live.refresh_from_db()
        assert may_read_transcript(anna, live)
        assert not live.transcript.exists()
        later = a_line(live, timezone.now())
        assert run("prune_history") == "Deleted 0 LIVEs and 3 lines of transcripts.\n"
        assert live.transcript.get() == later

    def test_they_stay_for_another_account_that_wants_them(self) -> None:
        anna, bert = (an_account(name, keeps_transcripts=True) for name in ("anna", "bert"))
        live = self.heard(anna, bert)
        anna.keeps_transcripts = False
        anna.save()
        live.refresh_from_db()
        assert live.transcript.count() == 3

    def test_an_account_that_heard_the_live_without_wanting_them_keeps_none(self) -> None:
        anna, bert = an_account(keeps_transcripts=True), an_account("bert")
        live = self.heard(anna, bert)
        anna.delete()
        live.refresh_from_db()
        assert not live.transcript.exists()
        run("prune_history")
        assert not TranscriptLine.objects.exists()
        assert Live.objects.exists()

    def test_several_accounts_that_are_deleted_at_once_keep_none(self) -> None:
        anna, bert = (an_account(name, keeps_transcripts=True) for name in ("anna", "bert"))
        live = self.heard(anna, bert, an_account("carl"))
        User.objects.filter(pk__in=[anna.pk, bert.pk]).delete()
        live.refresh_from_db()
        assert not live.transcript.exists()

    def test_whoever_saves_an_account_without_them_changes_no_live(self) -> None:
        anna = an_account()
        live = a_live("1", anna)
        anna.save()
        live.refresh_from_db()
        assert live.transcript_from is None


class TestForgettingAViewer:
    def make(self) -> Live:
        biggest = [
            {"at": 1, "user_id": "7", "nickname": "Bea", "avatar": "a", "diamonds": 5},
            {"at": 2, "user_id": "8", "nickname": "Carl", "avatar": "b", "diamonds": 3},
        ]
        live = a_live(biggest_gifts=biggest, gifts=2, diamonds=8, gifter_count=2)
        now = timezone.now()
        for user_id, name in (("7", "bea"), ("8", "carl")):
            a_line(live, now, user_id, name)
            Gifter.objects.create(
                live=live, user_id=user_id, username=name, nickname=name, gifts=1, diamonds=4
            )
            GivenGift.objects.create(
                live=live, user_id=user_id, gift_id="1", gifts=1, first_at=now, last_at=now
            )
        return live

    @pytest.mark.parametrize("viewer", ["7", "@bea", "@Bea"])
    def test_words_and_names_go_and_sums_stay(self, viewer: str) -> None:
        live = self.make()
        said = run("forget_viewer", viewer)
        assert said == (
            "Deleted 1 lines of transcripts, and the viewer's names in 1 LIVEs and 0 events of "
            "webhooks.\n"
        )
        assert [line.username for line in TranscriptLine.objects.all()] == ["carl"]
        nobody, carl = Gifter.objects.order_by("username")
        assert (nobody.username, nobody.nickname, nobody.avatar) == ("", "", "")
        assert nobody.user_id.startswith("~")
        assert (nobody.gifts, nobody.diamonds, carl.username) == (1, 4, "carl")
        given = set(GivenGift.objects.values_list("user_id", flat=True))
        assert given == {nobody.user_id, "8"}
        live.refresh_from_db()
        assert [gift["nickname"] for gift in live.biggest_gifts] == ["", "Carl"]
        assert [gift["user_id"] for gift in live.biggest_gifts] == [nobody.user_id, "8"]
        assert (live.diamonds, live.gifter_count) == (8, 2)

    def test_a_host_of_a_battle_is_taken_out_of_it(self) -> None:
        live = self.make()
        own = {"id": "1", "hosts": ["Anna", "carl"], "score": 5, "result": "", "is_own": True}
        others = {"id": "7", "hosts": ["Somebody"], "score": 5, "result": ""}
        named = {"id": "2", "hosts": ["Bea"], "score": 5, "result": ""}
        for number, teams in enumerate([[own, others], [own, named], [own]]):
            Battle.objects.create(
                live=live, battle_id=str(number), began_at=timezone.now(), teams=teams
            )
        run("forget_viewer", "@bea")
        first, second, third = [each.teams for each in Battle.objects.order_by("pk")]
        assert first == [own, {**others, "id": "~1", "hosts": []}]
        assert second == [own, {**named, "hosts": []}]
        assert third == [own]

    def test_somebody_unknown_changes_nothing(self) -> None:
        self.make()
        assert run("forget_viewer", "@nobody").startswith("Deleted 0 lines")
        assert TranscriptLine.objects.count() == 2

    def test_it_asks_for_somebody(self) -> None:
        with pytest.raises(CommandError):
            run("forget_viewer", "@")


class TestTheAdmin:
    def test_lives_are_found_and_can_t_be_changed(self, admin_client: Client) -> None:
        live = a_live("4711", title="Hello there")
        assert b"Hello there" in admin_client.get("/admin/history/live/?q=ANNA").content
        assert b"Hello there" in admin_client.get("/admin/history/live/?q=4711").content
        assert b"Hello there" not in admin_client.get("/admin/history/live/?q=live").content
        assert admin_client.get(f"/admin/history/live/{live.pk}/change/").status_code == 200
        assert admin_client.get("/admin/history/live/add/").status_code == 403
        assert admin_client.post(f"/admin/history/live/{live.pk}/delete/").status_code == 403
