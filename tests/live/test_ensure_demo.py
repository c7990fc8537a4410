"""`manage.py ensure_demo`: what `make demo` prints, at the first start and at later ones."""

from __future__ import annotations

import json
import re
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.http import HttpRequest

from accounts.models import AccessToken, User

pytestmark = pytest.mark.django_db


def ensure(folder: Path, address: str = "http://127.0.0.1:8000") -> str:
    printed = StringIO()
    call_command(
        "ensure_demo",
        *("--address", address, "--folder", str(folder)),
        *("--tiktok-username", "demo.live", "--python", ".venv/bin/python"),
        stdout=printed,
        no_color=True,
    )
    return printed.getvalue()


def passwords(printed: str) -> dict[str, str]:
    return dict(re.findall(r"name: (\S+) +password: (\S+)", printed))


def token(printed: str) -> str:
    found = re.search(r"\.venv/bin/python -m websockets 'ws://[\d.:]+/ws/test/([\w-]+)'", printed)
    assert found
    return found[1]


def test_both_can_sign_in_and_the_token_is_the_streamer_s(tmp_path: Path) -> None:
    printed = ensure(tmp_path)
    for name, password in passwords(printed).items():
        assert authenticate(HttpRequest(), username=name, password=password)
    admin, streamer = User.objects.order_by("username")
    assert (admin.username, admin.is_staff, admin.is_superuser) == ("admin", True, True)
    assert (streamer.username, streamer.is_staff, streamer.tiktok_username) == (
        "demo",
        False,
        "demo.live",
    )
    assert streamer.is_watched
    found = AccessToken.objects.find(token(printed))
    assert found
    assert found.user == streamer


def test_a_later_start_signs_nobody_out(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    hashes = set(User.objects.values_list("password", flat=True))
    assert ensure(tmp_path) == first
    assert set(User.objects.values_list("password", flat=True)) == hashes
    assert AccessToken.objects.count() == 1


def test_what_was_changed_meanwhile_is_set_right(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    AccessToken.objects.get().revoke()
    User.objects.filter(username="demo").update(
        is_active=False, password="x", tiktok_username="somebody"
    )
    second = ensure(tmp_path)
    assert passwords(second) == passwords(first)
    assert authenticate(HttpRequest(), username="demo", password=passwords(second)["demo"])
    assert User.objects.get(username="demo").tiktok_username == "demo.live"
    found = AccessToken.objects.find(token(second))
    assert found
    assert found.is_usable()


@pytest.mark.parametrize("content", ["", "[]", '{"admin": 1}', "no JSON"])
def test_a_file_that_cannot_be_read_is_made_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(content)
    printed = ensure(tmp_path)
    assert json.loads(file.read_text()) == {**passwords(printed), "token": token(printed)}


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    ensure(tmp_path)
    assert stat.S_IMODE((tmp_path / "accounts.json").stat().st_mode) == 0o600


def test_without_a_file_it_says_that_nothing_stays(tmp_path: Path) -> None:
    printed = ensure(tmp_path / "gone")
    assert "The passwords and the token will be others at the next start." in printed


def test_an_address_for_all_is_one_that_can_be_opened(tmp_path: Path) -> None:
    printed = ensure(tmp_path, "http://0.0.0.0:8010")
    assert "Open http://127.0.0.1:8010/ " in printed
    assert "'ws://127.0.0.1:8010/ws/test/" in printed
