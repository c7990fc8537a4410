"""The page of what is read aloud: an account's settings, and the sounds that it has uploaded.

The console and the overlay read the same settings as JSON, with the addresses of the sounds. A
sound goes to its owner alone: the answer is the same, 404, for one that is somebody else's and for
one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext
from django.views.generic import TemplateView, View

from accounts.mixins import OwnPage
from live.aloud.forms import AloudForm, SoundForm, VolumeForm
from live.aloud.models import BUILT_IN, MOST_SOUNDS, AloudSettings, Sound, words_of
from live.overlays.models import Overlay
from live.relay.control import tell_overlay

__all__ = [
    "KIND",
    "AloudPage",
    "AloudSettingsJson",
    "AloudVolume",
    "DeleteSound",
    "SoundFile",
    "UploadSound",
    "for_scripts",
    "serve",
]

# The name of the kind of overlay that reads aloud, in live/overlays/kinds.py.
KIND = "aloud"
# Nothing in an answer with a sound can run, load or be shown, whatever its bytes are.
_SOUND_POLICY = "default-src 'none'; sandbox"
# A sound never changes: its number is never another sound's.
_SOUND_CACHE = "private, max-age=604800, immutable"


def for_scripts(settings: AloudSettings, address_of: Callable[[int], str]) -> dict[str, Any]:
    """Return the settings as scripts read them.

    Args:
        settings: of an account.
        address_of: gives the address of an uploaded sound, by its number.

    Returns:
        The fields of the settings by their names; `never_words` as a list; `sounds` with the
        address of the sound of each event, null for silence, instead of the fields `sound_…`.
    """
    fields = model_to_dict(settings, exclude=["account"])
    own = {
        sound.choice: address_of(sound.pk)
        for sound in Sound.objects.described().filter(account_id=settings.account_id)
    }
    addresses = {**{name: built_in_address(name) for name in BUILT_IN}, **own}
    told = {name: value for name, value in fields.items() if not name.startswith("sound_")}
    return {
        **told,
        "sound_volume": settings.sound_volume,
        "never_words": words_of(settings.never_words),
        "sounds": {event: addresses.get(name) for event, name in settings.sounds().items()},
    }


def built_in_address(name: str) -> str:
    """Return the address of a sound that comes with the project."""
    return static(f"live/aloud/sounds/{name}.wav")


def serve(sound: Sound) -> HttpResponse:
    """Answer with a sound, in such a way that no browser takes it for anything else."""
    return HttpResponse(
        bytes(sound.content),
        content_type=sound.content_type,
        headers={
            "Cache-Control": _SOUND_CACHE,
            "Content-Disposition": f'attachment; filename="sound-{sound.pk}.{sound.kind}"',
            "Content-Security-Policy": _SOUND_POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )


class AloudPage(OwnPage, TemplateView):
    """The page with all settings, and the list of uploaded sounds."""

    template_name = "live/aloud/aloud.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        settings = AloudSettings.objects.of(self.account.pk)
        sounds = list(Sound.objects.described().filter(account_id=self.account.pk))
        return super().get_context_data(
            **{
                "form": AloudForm(instance=settings),
                "sound_form": SoundForm(),
                "own_sounds": sounds,
                "is_full": len(sounds) >= MOST_SOUNDS,
                "addresses": {
                    **{name: built_in_address(name) for name in BUILT_IN},
                    **{sound.choice: _address_of(sound.pk) for sound in sounds},
                },
                **kwargs,
            }
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        settings, _is_new = AloudSettings.objects.get_or_create(account_id=self.account.pk)
        form = AloudForm(request.POST, instance=settings)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        form.save()
        _tell_overlays(self.account.pk)
        messages.success(request, gettext("Saved."))
        return redirect("aloud")


class UploadSound(AloudPage):
    """Takes one sound. If it is refused, the page shows why."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("aloud")

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SoundForm(request.POST, request.FILES)
        sound = form.save(self.account.pk) if form.is_valid() else None
        if sound is None:
            return self.render_to_response(self.get_context_data(sound_form=form))
        text = gettext("The sound “%(name)s” is stored. Choose an event for it.")
        messages.success(request, text % {"name": sound.name})
        return redirect(reverse("aloud") + "#sounds")


class DeleteSound(OwnPage, View):
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        get_object_or_404(Sound.objects.described(), pk=pk, account_id=self.account.pk).remove()
        _tell_overlays(self.account.pk)
        messages.success(request, gettext("The sound is deleted."))
        return redirect(reverse("aloud") + "#sounds")


class SoundFile(LoginRequiredMixin, View):
    """An uploaded sound, for its owner."""

    raise_exception = True  # answer 403 to a script that is not signed in, not the login page

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return serve(get_object_or_404(Sound, pk=pk, account_id=request.user.pk))


class AloudSettingsJson(OwnPage, View):
    """The settings, for the console's scripts."""

    raise_exception = True

    def get(self, request: HttpRequest) -> JsonResponse:
        settings = AloudSettings.objects.of(self.account.pk)
        return JsonResponse(for_scripts(settings, _address_of))


class AloudVolume(OwnPage, View):
    """Changes the volume of the voice, for the console's slider.

    It answers with the volume that is stored then; 400 if the value is none.
    """

    raise_exception = True

    def post(self, request: HttpRequest) -> JsonResponse:
        settings, _is_new = AloudSettings.objects.get_or_create(account_id=self.account.pk)
        form = VolumeForm(request.POST, instance=settings)
        if not form.is_valid():
            return JsonResponse({"errors": form.errors}, status=400)
        form.save(commit=False).save(update_fields=["volume"])
        _tell_overlays(self.account.pk)
        return JsonResponse({"volume": form.cleaned_data["volume"]})


def _address_of(number: int) -> str:
    return reverse("aloud-sound", args=[number])


def _tell_overlays(account_id: int) -> None:
    """Have the account's open overlays that read aloud ask for its settings again: they do so
    whenever they are told their options."""
    for overlay in Overlay.objects.filter(account_id=account_id, kind=KIND):
        tell_overlay(overlay.pk, {"options": overlay.current_options()})
