"""Describes JSON Schemas as rows of a table: a field, the values that it has, and what it is.

The texts are in the language that is active.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from live.contract.translations import ENGLISH, translated

__all__ = ["Row", "description", "prose", "row", "rows", "sample"]

# Matches code in a description: text between backticks.
_CODE = re.compile(r"`([^`]+)`")
# What stands in examples for values of these types.
_SAMPLES = {"string": "…", "integer": 1, "number": 1, "boolean": True, "null": None}
_MOMENT = 1_795_372_811_123


class Row(NamedTuple):
    """One row of a table: a field of an object, an option of a query, or a parameter.

    Attributes:
        anchor: its id on the page, for links.
    """

    name: str
    type: SafeString
    optional: bool
    description: SafeString
    anchor: str


def rows(
    schema: Mapping[str, Any], anchor: str, schemas: Mapping[str, Any], anchors: Mapping[str, str]
) -> list[Row]:
    """Return a row for each property of an object.

    Args:
        schema: of the object.
        anchor: the id of the section that describes the object.
        schemas: all schemas by their names, for references.
        anchors: the ids of the sections that describe them.
    """
    required = schema.get("required", ())
    return [
        row(name, field, anchor, schemas, anchors, optional=name not in required)
        for name, field in schema.get("properties", {}).items()
    ]


def row(
    name: str,
    schema: Mapping[str, Any],
    anchor: str,
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
    *,
    optional: bool,
) -> Row:
    described = schema.get("description", "")
    referred = schemas.get(_referred(schema), {})
    if not described and "enum" in referred:
        described = referred.get("description", "")
    kind = _type(schema, schemas, anchors)
    if schema.get("default") not in (None, ""):
        default = schema["default"]
        shown = default if isinstance(default, str) else json.dumps(default)
        kind = format_html("{}, {} <code>{}</code>", kind, gettext("by default"), shown)
    return Row(name, kind, optional, description(described), f"{anchor}-{name}")


def description(english: str) -> SafeString:
    """Return a description of the contract as HTML, in the active language if it is translated."""
    return prose(" ".join(translated(english, get_language() or ENGLISH)))


def prose(text: str) -> SafeString:
    """Return the text as HTML, with the parts between backticks as code."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", conditional_escape(text)))  # noqa: S308


def _referred(schema: Mapping[str, Any]) -> str:
    """Return the name of the schema that this one refers to; empty if it refers to none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _type(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], anchors: Mapping[str, str]
) -> SafeString:
    """Describe which values a schema allows, in words and links."""
    if name := _referred(schema):
        if name in anchors:
            return format_html('<a href="#{}">{}</a>', anchors[name], name)
        return _type(schemas[name], schemas, anchors)
    if "anyOf" in schema:
        types = ((_type(part, schemas, anchors),) for part in schema["anyOf"])
        return format_html_join(f" {gettext('or')} ", "{}", types)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        shown = ((value if value != "" else '""',) for value in values)
        return format_html_join(" · ", "<code>{}</code>", shown)
    match schema.get("type"):
        case "array":
            items = _type(schema.get("items", {}), schemas, anchors)
            return format_html("{} {}", gettext("list of"), items)
        case "object":
            values = _type(schema.get("additionalProperties") or {}, schemas, anchors)
            return format_html("{} {}", gettext("object, each value"), values)
        case None:
            return format_html("{}", gettext("anything"))
    return _simple(schema)


def _simple(schema: Mapping[str, Any]) -> SafeString:
    """Describe a text, a number, true or false, or null, with its limits."""
    kind = {
        "string": gettext("text"),
        "integer": gettext("whole number"),
        "number": gettext("number"),
        "boolean": gettext("true or false"),
    }.get(schema["type"])
    if kind is None:
        return format_html("<code>{}</code>", schema["type"])
    # Limits that are those of what computers store say nothing.
    if "maximum" in schema and "minimum" in schema and schema["maximum"] < 2**53:
        return format_html(
            "{}, {}",
            kind,
            gettext("{least} to {most}").format(least=schema["minimum"], most=schema["maximum"]),
        )
    return format_html("{}", kind)


# --- Examples ------------------------------------------------------------------------------------


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "") -> Any:
    """Make a value that the schema allows, for an example.

    Args:
        schema: of the value.
        schemas: all schemas by their names, for references.
        name: of the field that has the value.
    """
    if referred := _referred(schema):
        return sample(schemas[referred], schemas, name)
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas, name)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return next((value for value in values if value != ""), "")
    if schema.get("type") == "array":
        return [sample(schema["items"], schemas)]
    if schema.get("type") == "object" or "properties" in schema:
        return {
            field: sample(described, schemas, field)
            for field, described in schema.get("properties", {}).items()
        }
    if name.endswith(("_at", "_from", "_until")):
        return _MOMENT
    return _SAMPLES.get(str(schema.get("type")), "…")
