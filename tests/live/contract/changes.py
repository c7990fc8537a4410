"""What would break a client that was written against an earlier version of the contract.

`breaks` compares two results of `live.contract.promises.promises`: the baseline, which is what is
out there, and what the code says now. The rules, from the client's side:

What a client reads (frames) may become more precise and may gain, but must stay what its code can
take, and must keep what its code waits for:

- A frame type and a field must stay. New ones are fine: clients pass over what they don't know.
- A field that always came must always come. One that came sometimes may come always.
- A value must stay of a type that it could have before. `integer or null` may become `integer`, and
  `number` may become `integer`; the reverse breaks a client that never met null, or a fraction.
- The values of an enum must stay the same. A new one breaks a client that knows all of them, as
  generated Swift and Kotlin code does; one that is gone is one that a client may wait for in vain
  (gifts are counted on a streak's "ended").
- A range may become narrower, and never wider. A pattern or a format must stay.

What a client sends (its messages and the address's options) is the reverse: it must still be taken.

- A message, an option and a field must stay. New ones are fine while they are optional.
- A field that could be left out may not become required; a required one may become optional.
- A type may become wider and a range too, and never narrower. An enum may gain values, and must
  keep those that it has.

And an address must stay, and an error code with its close code: clients decide by them. New codes
are fine, since clients go by the close code then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["breaks"]

Schema = Mapping[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf")


def breaks(old: Schema, new: Schema) -> list[str]:
    """A line for each thing that would break a client; empty when nothing would."""
    found = [
        f"address {gone}: is gone" for gone in old["addresses"] if gone not in new["addresses"]
    ]
    for code, close_code in old["errors"].items():
        now = new["errors"].get(code)
        if now is None:
            found.append(f"error {code}: is gone")
        elif now != close_code:
            found.append(f"error {code}: closed with {close_code}, closes with {now}")
    was, now = _Version("old", old["schemas"]), _Version("new", new["schemas"])
    read, sent = _Comparison(was, now, reads=True), _Comparison(was, now, reads=False)
    for what, comparison in (("frames", read), ("messages", sent), ("options", sent)):
        for name, schema in old[what].items():
            place = f"{what.removesuffix('s')} {name}"
            if name in new[what]:
                found += comparison.compare(schema, new[what][name], place)
            else:
                found.append(f"{place}: is gone")
    return found


class _Version(NamedTuple):
    name: str
    schemas: Schema

    def alternatives(self, schema: Schema) -> dict[str, Schema]:
        """What a value may be, each kind of value once, by its kind."""
        if "$ref" in schema:
            return self.alternatives(self.schemas[schema["$ref"].rpartition("/")[2]])
        for either in ("anyOf", "oneOf"):
            if either in schema:
                return {
                    kind: alternative
                    for part in schema[either]
                    for kind, alternative in self.alternatives(part).items()
                }
        return {self._kind(schema): schema}

    def _kind(self, schema: Schema) -> str:
        if "const" in schema or "enum" in schema:
            return "word"
        kind = str(schema.get("type", "anything"))
        # Frames, and whatever else is told apart by its `type`.
        tag = schema.get("properties", {}).get("type", {}).get("const")
        return f"{kind} {tag}" if tag else kind


class _Comparison:
    """Args:
    reads: whether the client reads what is compared; else it sends it.
    """

    def __init__(self, old: _Version, new: _Version, *, reads: bool) -> None:
        self._old, self._new, self._reads = old, new, reads
        self._compared: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"])
            if pair in self._compared:  # told once, and what contains itself comes to an end
                return
            self._compared.add(pair)
        were, are = self._old.alternatives(old), self._new.alternatives(new)
        takes, gives = (were, are) if self._reads else (are, were)
        for kind in gives:
            if not _is_taken(kind, takes):
                how = "may now be" if self._reads else "may no longer be"
                yield f"{place}: {how} {kind}"
        for kind, alternative in were.items():
            if kind in are:
                yield from self._compare_kind(alternative, are[kind], place)
            elif " " in kind:
                yield f"{place}: {kind} is gone"

    def _compare_kind(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        yield from self._compare_words(old, new, place)
        yield from self._compare_ranges(old, new, place)
        yield from self._compare_fields(old, new, place)
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), Mapping) and isinstance(new.get(part), Mapping):
                yield from self.compare(old[part], new[part], f"{place}[]")

    def _compare_words(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        were, are = _words(old), _words(new)
        for word in were:
            if word not in are:
                yield f"{place}: is never {word!r} any more"
        if self._reads:
            for word in are:
                if word not in were:
                    yield f"{place}: may now be {word!r}"

    def _compare_ranges(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        takes, gives = (old, new) if self._reads else (new, old)
        for limits, sign in ((_LOWER, -1), (_UPPER, 1)):
            for limit in limits:
                if limit in takes and (
                    limit not in gives or sign * gives[limit] > sign * takes[limit]
                ):
                    yield f"{place}: {limit} {old.get(limit)} becomes {new.get(limit)}"
        for rule in _EXACT:
            if rule in takes and takes[rule] != gives.get(rule):
                yield f"{place}: {rule} {old.get(rule)} becomes {new.get(rule)}"

    def _compare_fields(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        fields, now = old.get("properties", {}), new.get("properties", {})
        required, now_required = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in fields.items():
            if name not in now:
                yield f"{place}.{name}: is gone"
                continue
            yield from self.compare(schema, now[name], f"{place}.{name}")
            if self._reads and name in required - now_required:
                yield f"{place}.{name}: may now be missing"
        if not self._reads:
            for name in sorted(now_required - required):
                yield f"{place}.{name}: is now required"


def _is_taken(kind: str, takes: Mapping[str, Schema]) -> bool:
    """Whether who takes these kinds can take that one. Of what is told apart by its `type`, a
    client passes over what it does not know."""
    if kind in takes or "anything" in takes:
        return True
    if kind == "integer":
        return "number" in takes
    if kind == "word":
        return "string" in takes
    return " " in kind and any(" " in other for other in takes)


def _words(schema: Schema) -> list[Any]:
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))
