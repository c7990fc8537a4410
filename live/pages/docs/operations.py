"""The operations of the REST API as a page's context, made from its OpenAPI description.

Everything is in the language that is active.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from live.contract.translations import ENGLISH, translated
from live.pages.docs.examples import example
from live.pages.docs.fields import Row, description, prose, row, rows, sample

__all__ = ["Operation", "RestDescription", "describe", "published"]

_OK = "200"
_JSON = "application/json"
# The form of all errors; it is named once.
_PROBLEM = "Problem"


class Operation(NamedTuple):
    """One operation.

    Attributes:
        anchor: its id on the page, for links.
        method: in capitals.
        path: with the names of its parameters in braces.
        parameters: of the path and the query.
        body: the fields of what is sent; none where nothing is.
        answer: what it gives: a part of the page, by name and anchor; None for other than JSON.
        answer_type: the media type of the answer.
        answer_example: an example of the answer, as HTML.
        errors: the HTTP statuses of its errors.
        curl: a command that calls it.
        inputs: the names of the parameters, in the order of `parameters`, each with its place
            ("path" or "query") and the values that it can have, if they are known.
    """

    anchor: str
    method: str
    path: str
    summary: str
    description: SafeString
    parameters: Sequence[Row]
    body: Sequence[Row]
    answer: tuple[str, str] | None
    answer_type: str
    answer_example: SafeString
    errors: Sequence[str]
    curl: SafeString
    inputs: Sequence[Mapping[str, Any]]


class Operations(NamedTuple):
    """Operations about the same."""

    name: str
    anchor: str
    operations: Sequence[Operation]


class RestPart(NamedTuple):
    """An object in answers, with its fields."""

    name: str
    anchor: str
    description: SafeString
    rows: Sequence[Row]


class RestDescription(NamedTuple):
    """The whole API."""

    description: Sequence[SafeString]
    groups: Sequence[Operations]
    parts: Sequence[RestPart]


def published() -> Mapping[str, Any]:
    """Return the OpenAPI document of the REST API, as this server publishes it."""
    publish = resolve(reverse("api:openapi-json")).func
    document: Mapping[str, Any] = json.loads(publish(HttpRequest()).content)
    return document


def describe(openapi: Mapping[str, Any]) -> RestDescription:
    """Return what the page shows of an OpenAPI 3.1 document."""
    schemas: Mapping[str, Any] = openapi["components"]["schemas"]
    answered = [name for name, schema in _answered(openapi, schemas) if "properties" in schema]
    anchors = {name: f"part-{name}" for name in answered}
    groups: dict[str, list[Operation]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            made = _operation(path, method.upper(), operation, schemas, anchors)
            groups.setdefault(operation["tags"][0], []).append(made)
    names = _names()
    return RestDescription(
        description=_paragraphs(openapi["info"]["description"]),
        groups=[
            Operations(names.get(tag, tag), f"tag-{number}", operations)
            for number, (tag, operations) in enumerate(groups.items(), 1)
        ],
        parts=[
            RestPart(
                name,
                anchors[name],
                description(schemas[name].get("description", "")),
                rows(schemas[name], anchors[name], schemas, anchors),
            )
            for name in answered
        ],
    )


def _names() -> Mapping[str, str]:
    """The groups' names, by the tags of the API."""
    return {
        "account": gettext("The account"),
        "LIVE": gettext("The LIVE now"),
        "LIVEs afterwards": gettext("LIVEs afterwards"),
    }


def _paragraphs(text: str) -> list[SafeString]:
    return [prose(paragraph) for paragraph in translated(text, get_language() or ENGLISH)]


def _operation(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    schemas: Mapping[str, Any],
    anchors: Mapping[str, str],
) -> Operation:
    anchor = operation["operationId"]
    parameters = operation.get("parameters", [])
    body = _body(operation, schemas)
    answer_type, answer = _answer(operation)
    name = str(answer.get("$ref", "")).rpartition("/")[2]
    made = sample(answer, schemas) if answer_type == _JSON else None
    summary = translated(operation["summary"], get_language() or ENGLISH)
    return Operation(
        anchor=anchor,
        method=method,
        path=path,
        summary=" ".join(summary),
        description=description(operation.get("description", "")),
        parameters=[
            row(
                parameter["name"],
                {"description": parameter.get("description", ""), **parameter["schema"]},
                anchor,
                schemas,
                anchors,
                optional=not parameter.get("required"),
            )
            for parameter in parameters
        ],
        body=rows(body, f"{anchor}-body", schemas, anchors),
        answer=(name, anchors[name]) if name in anchors else None,
        answer_type=answer_type,
        answer_example=(
            example(json.dumps(made, indent=2, ensure_ascii=False), "json")
            if made is not None
            else SafeString()
        ),
        errors=[str(status) for status in operation["responses"] if str(status) != _OK],
        curl=example(_curl(path, method, parameters, body, schemas)),
        inputs=[_input(parameter) for parameter in parameters],
    )


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of what is sent; empty where nothing is."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get(_JSON, {}).get("schema", {})
    found: Mapping[str, Any] = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return found


def _answer(operation: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The media type of an answer without an error, and its schema."""
    responses = {str(status): response for status, response in operation["responses"].items()}
    for media_type, content in responses.get(_OK, {}).get("content", {}).items():
        return media_type, content["schema"]
    return "", {}


def _input(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = parameter["schema"]
    values = schema.get("enum", ["true", "false"] if schema.get("type") == "boolean" else [])
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": bool(parameter.get("required")),
        "values": values,
        "is_number": schema.get("type") == "integer",
    }


def _curl(
    path: str,
    method: str,
    parameters: Sequence[Mapping[str, Any]],
    body: Mapping[str, Any],
    schemas: Mapping[str, Any],
) -> str:
    """A command for a shell in which $RELAY is the server's address and $TOKEN a token."""
    address = path
    for parameter in parameters:
        value = parameter["schema"].get("enum", [1])[0]
        address = address.replace(f"{{{parameter['name']}}}", str(value))
    command = 'curl -H "Authorization: Bearer $TOKEN"'
    if not body:
        return f"{command} \\\n  $RELAY{address}"
    name, field = next(iter(body["properties"].items()))
    sent = json.dumps({name: sample(field, schemas, name)}, ensure_ascii=False)
    return f"{command} -X {method} \\\n  -d '{sent}' \\\n  $RELAY{address}"


def _answered(
    openapi: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the schemas that answers have, directly or within others, each once; errors' last."""
    waiting = [
        _answer(operation)[1]
        for methods in openapi["paths"].values()
        for operation in methods.values()
    ]
    found: dict[str, Mapping[str, Any]] = {}
    while waiting:
        schema = waiting.pop(0)
        for name in _references(schema):
            if name not in found and name != _PROBLEM:
                found[name] = schemas[name]
                waiting.append(schemas[name])
    yield from found.items()
    yield _PROBLEM, schemas[_PROBLEM]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list | tuple):
        for part in schema:
            yield from _references(part)
