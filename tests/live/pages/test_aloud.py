"""The page of what is read aloud, and who gets what it stores."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from live.aloud.models import MOST_SOUND_BYTES, MOST_SOUNDS, AloudSettings, Sound
from live.overlays.models import Overlay
from live.pages import aloud as pages
from tests.support.sounds import mp3, ogg, wav

pytestmark = pytest.mark.django_db
PAGE, SETTINGS, VOLUME = "/aloud/", "/aloud/settings.json", "/aloud/volume/"
UPLOAD = "/aloud/sounds/"
SCRIPT = b"<!DOCTYPE html><script>alert(1)</script>"


@pytest.fixture
def anna(client: Client) -> User:
    """She is signed in."""
    anna = User.objects.create_user("anna", tiktok_username="anna.live")
    client.force_login(anna)
    return anna


@pytest.fixture
def bob() -> Client:
    """Somebody else, who is signed in."""
    bob = Client()
    bob.force_login(User.objects.create_user("bob"))
    return bob


def form(**changes: Any) -> dict[str, Any]:
    """The page's form with what it needs; unticked boxes are not sent."""
    return {
        "rate": 120,
        "volume": 80,
        "sound_volume": 50,
        "gift_diamonds": 0,
        "longest_text": 200,
        "repeat_seconds": 60,
        "person_seconds": 0,
        **changes,
    }


def told(client: Client) -> dict[str, Any]:
    answer = client.get(SETTINGS)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def upload(client: Client, content: bytes, name: str = "horn.wav") -> Any:
    file = SimpleUploadedFile(name, content, content_type="audio/wav")
    return client.post(UPLOAD, {"file": file})


class TestSettings:
    def test_it_works(self, client: Client, anna: User) -> None:
        answer = client.post(
            PAGE,
            form(
                voice="Milena",
                reads_gifts="on",
                of_moderators="on",
                never_words="spoiler\n two words \nspoiler",
                sound_gift="bell",
                sound_follow="",
            ),
        )
        assert answer["Location"] == PAGE
        settings = told(client)
        assert (settings["voice"], settings["rate"]) == ("Milena", 120)
        assert (settings["reads_gifts"], settings["reads_comments"]) == (True, False)
        assert settings["never_words"] == ["spoiler", "two words"]
        assert settings["sounds"]["gift"] == "/static/live/aloud/sounds/bell.wav"
        assert settings["sounds"]["follow"] is None
        assert "Milena" in client.get(PAGE).content.decode()

    def test_scripts_are_told_each_field_and_no_other(self, client: Client, anna: User) -> None:
        fields = {field.name for field in AloudSettings._meta.get_fields()} - {"account"}
        sounds = {f"sound_{event}" for event in told(client)["sounds"]}
        assert set(told(client)) == fields - sounds | {"sounds"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"rate": 49},
            {"rate": 201},
            {"rate": "fast"},
            {"volume": 101},
            {"volume": -1},
            {"gift_diamonds": 1_000_001},
            {"longest_text": 9},
            {"repeat_seconds": 3601},
            {"person_seconds": ""},
            {"voice": "x" * 201},
            {"never_words": "x" * 61},
            {"never_words": "\n".join(map(str, range(201)))},
            {"never_words": "x" * 4001},
            {"sound_gift": "trumpet"},
            {"sound_gift": "own-1"},
            {"sound_comment": "../../console/icons/icon.svg"},
        ],
    )
    def test_a_value_that_it_can_t_have_is_refused(
        self, client: Client, anna: User, changes: dict[str, Any]
    ) -> None:
        answer = client.post(PAGE, form(**changes))
        assert answer.status_code == 200
        (name,) = changes
        assert set(answer.context["form"].errors) == {name}
        assert told(client)["rate"] == 100

    def test_a_sound_of_somebody_else_can_t_be_chosen(
        self, client: Client, anna: User, bob: Client
    ) -> None:
        upload(bob, wav())
        choice = Sound.objects.get().choice
        assert client.post(PAGE, form(sound_gift=choice)).status_code == 200
        assert bob.post(PAGE, form(sound_gift=choice)).status_code == 302
        assert told(bob)["sounds"]["gift"] == f"/aloud/sounds/{Sound.objects.get().pk}/"

    def test_everybody_has_settings_of_their_own(
        self, client: Client, anna: User, bob: Client
    ) -> None:
        client.post(PAGE, form(rate=150))
        assert (told(client)["rate"], told(bob)["rate"]) == (150, 100)

    def test_no_cache_keeps_them(self, client: Client, anna: User) -> None:
        for address in (PAGE, SETTINGS):
            assert "no-store" in client.get(address)["Cache-Control"]

    def test_strangers_are_sent_to_the_login_page(self, client: Client) -> None:
        assert client.get(PAGE)["Location"] == f"/login/?next={PAGE}"
        assert client.get(SETTINGS).status_code == 403
        assert client.post(VOLUME, {"volume": 3}).status_code == 403


class TestTheVolume:
    def test_it_changes_alone(self, client: Client, anna: User) -> None:
        client.post(PAGE, form(rate=150, volume=80))
        assert client.post(VOLUME, {"volume": 35}).json() == {"volume": 35}
        assert (told(client)["volume"], told(client)["rate"]) == (35, 150)

    def test_it_can_be_the_first_that_is_stored(self, client: Client, anna: User) -> None:
        client.post(VOLUME, {"volume": 0})
        assert told(client)["volume"] == 0

    @pytest.mark.parametrize("value", ["", "101", "-1", "loud"])
    def test_no_volume_is_refused(self, client: Client, anna: User, value: str) -> None:
        assert client.post(VOLUME, {"volume": value}).status_code == 400
        assert told(client)["volume"] == 100

    def test_other_sites_can_t_change_it(self, anna: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(anna)
        assert strict.post(VOLUME, {"volume": 3}).status_code == 403


class TestUploading:
    @pytest.mark.parametrize(("content", "kind"), [(wav(), "wav"), (mp3(), "mp3"), (ogg(), "ogg")])
    def test_it_works(self, client: Client, anna: User, content: bytes, kind: str) -> None:
        assert upload(client, content, name="anything.exe")["Location"] == f"{PAGE}#sounds"
        sound = Sound.objects.get()
        assert (sound.account, sound.name, sound.kind) == (anna, "anything", kind)
        assert "anything" in client.get(PAGE).content.decode()

    def test_its_owner_can_name_it(self, client: Client, anna: User) -> None:
        file = SimpleUploadedFile("horn.wav", wav())
        client.post(UPLOAD, {"file": file, "name": "Air horn"})
        assert Sound.objects.get().name == "Air horn"

    def test_a_file_s_name_is_only_words(self, client: Client, anna: User) -> None:
        upload(client, wav(), name='<img src="x" onerror="alert(1)">.wav')
        upload(client, wav(), name="b" * 200 + ".wav")
        assert [len(sound.name) for sound in Sound.objects.all()] == [32, 60]
        assert "<img" not in client.get(PAGE).content.decode()

    def test_the_page_says_why_a_file_is_refused(self, client: Client, anna: User) -> None:
        for content, why in (
            (SCRIPT, "no WAV, MP3 or Ogg"),
            (b"", "empty"),
            (wav().ljust(MOST_SOUND_BYTES + 1, b"\0"), "512 KiB"),
        ):
            answer = upload(client, content)
            assert answer.status_code == 200
            assert why in answer.content.decode()
        assert not Sound.objects.exists()

    def test_it_says_that_there_is_no_more_room(self, client: Client, anna: User) -> None:
        for _ in range(MOST_SOUNDS):
            upload(client, wav())
        assert "There is no room" in client.get(PAGE).content.decode()
        assert "There is room for 20 sounds" in upload(client, wav()).content.decode()
        assert Sound.objects.count() == MOST_SOUNDS

    def test_an_address_without_a_file_leads_to_the_page(self, client: Client, anna: User) -> None:
        assert client.get(UPLOAD)["Location"] == PAGE
        assert client.post(UPLOAD, {}).status_code == 200

    def test_other_sites_and_strangers_can_t(self, client: Client) -> None:
        assert upload(client, wav())["Location"].startswith("/login/")
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.create_user("anna"))
        assert upload(strict, wav()).status_code == 403
        assert not Sound.objects.exists()


class TestServing:
    @pytest.fixture
    def address(self, client: Client, anna: User) -> str:
        """Of a sound of hers."""
        upload(client, wav())
        return f"/aloud/sounds/{Sound.objects.get().pk}/"

    @pytest.mark.parametrize(
        ("content", "type_"),
        [(wav(), "audio/wav"), (mp3(tag=SCRIPT), "audio/mpeg"), (ogg(), "audio/ogg")],
    )
    def test_a_sound_is_served_as_nothing_else(
        self, client: Client, anna: User, content: bytes, type_: str
    ) -> None:
        upload(client, content, name="page.html")
        answer = client.get(f"/aloud/sounds/{Sound.objects.get().pk}/")
        assert answer.content == content
        assert answer["Content-Type"] == type_
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert re.fullmatch(
            r'attachment; filename="sound-\d+\.\w{3}"', answer["Content-Disposition"]
        )
        assert answer["Cache-Control"].startswith("private")

    def test_it_does_not_exist_for_others(
        self, client: Client, anna: User, address: str, bob: Client
    ) -> None:
        assert client.get(address).status_code == 200
        assert bob.get(address).status_code == 404
        assert bob.get("/aloud/sounds/999999999999999999999999/").status_code == 404
        boss = Client()
        boss.force_login(User.objects.create_superuser("boss"))
        assert boss.get(address).status_code == 404
        assert Client().get(address).status_code == 403

    def test_its_owner_alone_can_delete_it(
        self, client: Client, anna: User, address: str, bob: Client
    ) -> None:
        assert bob.post(f"{address}delete/").status_code == 404
        assert Sound.objects.exists()
        assert client.get(f"{address}delete/").status_code == 405
        assert client.post(f"{address}delete/")["Location"] == f"{PAGE}#sounds"
        assert client.get(address).status_code == 404

    def test_the_page_of_another_does_not_show_it(
        self, anna: User, address: str, bob: Client
    ) -> None:
        assert "horn" not in bob.get(PAGE).content.decode()


class TestTheOverlay:
    @pytest.fixture
    def overlay(self, client: Client, anna: User) -> Overlay:
        """One of hers that reads aloud. She has a sound of her own for gifts."""
        upload(client, wav())
        client.post(PAGE, form(sound_gift=Sound.objects.get().choice, never_words="spoiler"))
        return Overlay.objects.create(account=anna, kind="aloud", name="voice")

    @pytest.fixture
    def obs(self) -> Client:
        """Where nobody is signed in."""
        return Client()

    def test_its_secret_opens_the_settings_and_sounds(self, obs: Client, overlay: Overlay) -> None:
        answer = obs.get(f"/overlay/{overlay.secret}/aloud.json")
        assert answer["Cache-Control"] == "no-store"
        settings = answer.json()
        assert settings["never_words"] == ["spoiler"]
        sound = obs.get(settings["sounds"]["gift"])
        assert sound.content == wav()
        assert sound["X-Content-Type-Options"] == "nosniff"
        assert sound["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert sound["Referrer-Policy"] == "no-referrer"

    def test_it_opens_no_sound_of_another_account(
        self, obs: Client, overlay: Overlay, bob: Client
    ) -> None:
        upload(bob, wav())
        other = Sound.objects.exclude(account=overlay.account).get()
        assert obs.get(f"/overlay/{overlay.secret}/sounds/{other.pk}/").status_code == 404

    def test_nothing_else_opens_them(self, obs: Client, overlay: Overlay, anna: User) -> None:
        chat = Overlay.objects.create(account=anna, kind="chat", name="chat")
        number = Sound.objects.get().pk
        for secret in (chat.secret, "ov_unknown", overlay.digest):
            assert obs.get(f"/overlay/{secret}/aloud.json").status_code == 404
            assert obs.get(f"/overlay/{secret}/sounds/{number}/").status_code == 404

    def test_they_are_closed_with_a_renewed_address_and_a_disabled_account(
        self, obs: Client, overlay: Overlay, anna: User
    ) -> None:
        before = overlay.secret
        overlay.renew()
        overlay.save()
        assert obs.get(f"/overlay/{before}/aloud.json").status_code == 404
        assert obs.get(f"/overlay/{overlay.secret}/aloud.json").status_code == 200
        User.objects.filter(pk=anna.pk).update(is_active=False)
        assert obs.get(f"/overlay/{overlay.secret}/aloud.json").status_code == 404

    @pytest.mark.parametrize("change", ["settings", "volume", "sound"])
    def test_it_is_told_when_the_settings_change(
        self, client: Client, overlay: Overlay, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Overlay.objects.create(account=overlay.account, kind="chat", name="chat")
        told: list[int] = []
        monkeypatch.setattr(pages, "tell_overlay", lambda number, _data: told.append(number))
        if change == "settings":
            client.post(PAGE, form())
        elif change == "volume":
            client.post(VOLUME, {"volume": 3})
        else:
            client.post(f"/aloud/sounds/{Sound.objects.get().pk}/delete/")
        assert told == [overlay.pk]

    def test_its_page_speaks_the_language_of_the_account(
        self, obs: Client, overlay: Overlay, anna: User
    ) -> None:
        User.objects.filter(pk=anna.pk).update(language="ru")
        page = obs.get(f"/overlay/{overlay.secret}/").content.decode()
        [address] = re.findall(r'<script src="([^"]*)">', page)
        assert address == "/overlays/texts/ru.js"
        catalogue = obs.get(address, headers={"Accept-Language": "en"}).content.decode()
        assert json.dumps("подарок") in catalogue
        assert obs.get("/overlays/texts/xx.js").status_code == 404
