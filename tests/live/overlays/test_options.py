"""What can be chosen for an overlay, and what can't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from live.overlays.kinds import KINDS
from live.protocol.frames import EVENT_TYPES

SCRIPTS = Path(__file__).parents[3] / "live/static/live/overlays"
each_kind = pytest.mark.parametrize("name", KINDS)


@each_kind
class TestAKind:
    def test_its_defaults_are_options_that_it_can_have(self, name: str) -> None:
        kind = KINDS[name]
        assert kind.clean({}) == kind.form.defaults()

    def test_its_options_come_back_from_json_as_they_were(self, name: str) -> None:
        kind = KINDS[name]
        assert kind.clean(json.loads(json.dumps(kind.clean({})))) == kind.clean({})

    def test_it_has_three_styles_at_least(self, name: str) -> None:
        choices = KINDS[name].form.base_fields["style"].choices  # type: ignore[attr-defined]
        assert len(choices) >= 3

    def test_each_style_is_drawn(self, name: str) -> None:
        css = (SCRIPTS / f"kinds/{name}.css").read_text()
        choices = KINDS[name].form.base_fields["style"].choices  # type: ignore[attr-defined]
        assert [style for style, _label in choices if f'[data-style="{style}"]' not in css] == []

    def test_it_is_drawn_by_a_script_and_has_a_picture(self, name: str) -> None:
        assert f"\n  {name}: " in (SCRIPTS / "kinds.js").read_text()
        assert f'id="{name}"' in (SCRIPTS / "kinds.svg").read_text()

    def test_its_events_exist(self, name: str) -> None:
        assert KINDS[name].types
        assert KINDS[name].types <= EVENT_TYPES

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("style", "baroque"),
            ("size", 39),
            ("size", 301),
            ("size", "large"),
            ("size", {"value": 100}),
            ("position", "everywhere"),
            ("accent", "red"),
            ("accent", "#12345"),
            ("accent", "#123456; background: url(//elsewhere)"),
            ("accent", None),
            ("opacity", 101),
            ("opacity", -1),
            ("language", "xx"),
            ("motion", "wild"),
        ],
    )
    def test_it_refuses_what_an_option_can_t_be(self, name: str, option: str, value: Any) -> None:
        with pytest.raises(ValidationError) as refusal:
            KINDS[name].clean({option: value})
        assert set(refusal.value.message_dict) == {option}

    def test_it_leaves_out_what_is_no_option(self, name: str) -> None:
        assert "script" not in KINDS[name].clean({"script": "<script>"})


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("alerts", "events", []),
        ("alerts", "events", ["gift", "rain"]),
        ("alerts", "events", "gift"),
        ("alerts", "threshold", 0),
        ("alerts", "duration", 1),
        ("alerts", "duration", 31),
        ("alerts", "late", 0),
        ("chat", "count", 31),
        ("chat", "stay", -1),
        ("goal", "metric", "fame"),
        ("goal", "target", 0),
        ("goal", "title", "x" * 61),
        ("top", "count", 11),
        ("counters", "shown", ["viewers", "money"]),
        ("ticker", "count", 0),
        ("last", "shown", []),
    ],
)
def test_a_kind_refuses_what_its_own_options_can_t_be(name: str, option: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        KINDS[name].clean({option: value})
    assert set(refusal.value.message_dict) == {option}


def test_colours_are_kept_in_small_letters() -> None:
    assert KINDS["chat"].clean({"accent": "#ABCDEF"})["accent"] == "#abcdef"
