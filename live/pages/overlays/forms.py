"""The form of an overlay's page: its name, and the options of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from live.overlays.kinds import Kind
from live.overlays.models import Overlay
from live.overlays.options import OptionsForm

__all__ = ["form_of"]

_NAME_LENGTH = Overlay._meta.get_field("name").max_length


class NamedForm(OptionsForm):
    """The options of some kind, below a name."""

    name = forms.CharField(label=_("Name"), max_length=_NAME_LENGTH)

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """Those of the kind, which say what is shown."""
        looks = set(OptionsForm.base_fields) | {"name", "style"}
        return [field for field in self if field.name not in looks]

    @property
    def look_fields(self) -> list[forms.BoundField]:
        """Those that say how it looks, which all kinds have."""
        return [self["style"], *(self[name] for name in OptionsForm.base_fields)]

    @property
    def options(self) -> dict[str, Any]:
        """What was chosen, without the name."""
        return {name: value for name, value in self.cleaned_data.items() if name != "name"}


def form_of(
    kind: Kind, initial: Mapping[str, Any], data: Mapping[str, Any] | None = None
) -> NamedForm:
    """Make the form for an overlay of this kind.

    Args:
        initial: the name, and options.
        data: what was sent; None for a form that is to be filled in.
    """
    form_class = type("OverlayForm", (NamedForm, kind.form), {})
    form: NamedForm = form_class(data, initial={**kind.form.defaults(), **initial})
    return form
