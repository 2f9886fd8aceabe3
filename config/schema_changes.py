"""Would a caller break? Compares the OpenAPI documents of the last release and of the present.

New operations, optional fields, codes and values are no break: callers ignore what they do not
know. `manage.py openapi` prints the breaks, and accepts intended ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from config.schema_document import operations

Schema = Mapping[str, Any]
Direction = Literal["request", "response"]
# Bounds that accept less when they grow, and when they shrink.
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def breaks(before: Schema, after: Schema) -> list[str]:
    """A sentence for each change after which a caller of `before` may fail."""
    return sorted(set(_Comparison(before=before, after=after).breaks()))


@dataclass(kw_only=True)
class _Comparison:
    before: Schema
    after: Schema
    # Pairs of schemas that are being compared: schemas may refer to themselves.
    open: list[tuple[int, int]] = field(default_factory=list)

    def breaks(self) -> Iterator[str]:
        present = {(path, method): each for path, method, each in operations(self.after)}
        for path, method, old in operations(self.before):
            place = f"{method.upper()} {path}"
            new = present.get((path, method))
            if new is None:
                yield f"{place} is gone."
                continue
            if old["operationId"] != new["operationId"]:
                yield f"{place} has another operation id: generated clients name a method by it."
            if {} in old["security"] and {} not in new["security"]:
                yield f"{place} needs a token now."
            yield from self._parameters(place, old, new)
            yield from self._request(place, old, new)
            yield from self._responses(place, old, new)

    def _parameters(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        known, present = self._named(self.before, old), self._named(self.after, new)
        for name, parameter in present.items():
            if parameter.get("required") and not known.get(name, {}).get("required"):
                yield f"{place} requires the parameter {name} now."
        for name, parameter in known.items():
            if name not in present:
                yield f"{place} has no parameter {name} any more."
            else:
                at = f"{place}: the parameter {name}"
                now = present[name]["schema"]
                yield from self._schema("request", at, parameter["schema"], now)

    @staticmethod
    def _named(document: Schema, operation: Schema) -> dict[str, Any]:
        found = [_resolved(document, each) for each in operation.get("parameters", ())]
        return {each["name"]: each for each in found}

    def _request(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        body, now = old.get("requestBody", {}), new.get("requestBody", {})
        if now.get("required") and not body.get("required"):
            yield f"{place} requires a body now."
        for media_type, content in body.get("content", {}).items():
            if media_type not in now.get("content", {}):
                yield f"{place} takes no {media_type} any more."
                continue
            changed = now["content"][media_type]["schema"]
            yield from self._schema("request", f"{place}: the request", content["schema"], changed)

    def _responses(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, response in old["responses"].items():
            if status not in new["responses"]:
                if status < "400":
                    yield f"{place} does not respond {status} any more."
                continue
            content = _resolved(self.before, response).get("content", {})
            now = _resolved(self.after, new["responses"][status]).get("content", {})
            for media_type, each in content.items():
                at = f"{place}: the response {status}"
                if media_type not in now:
                    yield f"{at} has no {media_type} any more."
                else:
                    changed = now[media_type]["schema"]
                    yield from self._schema("response", at, each["schema"], changed)

    # --- Schemas ---

    def _schema(self, direction: Direction, at: str, old: Schema, new: Schema) -> Iterator[str]:
        olds, was_null = _forms(self.before, old)
        news, is_null = _forms(self.after, new)
        if direction == "request" and was_null and not is_null:
            yield f"{at} may not be null any more."
        if direction == "response" and is_null and not was_null:
            yield f"{at} may be null now."
        if len(olds) == len(news) == 1:
            yield from self._form(direction, at, olds[0], news[0])
            return
        for form in olds:
            if all(list(self._form(direction, at, form, other)) for other in news):
                yield f"{at} has lost one of its forms, or has narrowed it: {_name(form)}."

    def _form(self, direction: Direction, at: str, old: Schema, new: Schema) -> Iterator[str]:
        pair = (id(old), id(new))
        if pair in self.open:
            return
        self.open.append(pair)
        try:
            yield from _types(direction, at, old, new)
            yield from _values(direction, at, old, new)
            if direction == "request":
                yield from _bounds(at, old, new)
            yield from self._fields(direction, at, old, new)
            if "items" in old and "items" in new:
                yield from self._schema(direction, f"{at}[]", old["items"], new["items"])
        finally:
            self.open.remove(pair)

    def _fields(self, direction: Direction, at: str, old: Schema, new: Schema) -> Iterator[str]:
        known, present = old.get("properties", {}), new.get("properties", {})
        required, was_required = set(new.get("required", ())), set(old.get("required", ()))
        for name in known:
            where = f"{at}.{name}"
            if name not in present:
                yield f"{where} is gone."
                continue
            if direction == "response" and name in was_required - required:
                yield f"{where} may be missing now."
            yield from self._schema(direction, where, known[name], present[name])
        if direction == "request":
            for name in sorted(required - was_required):
                yield f"{at}.{name} is required now."


def _types(direction: Direction, at: str, old: Schema, new: Schema) -> Iterator[str]:
    was, now = _type_names(old), _type_names(new)
    narrower, wider = (now, was) if direction == "request" else (was, now)
    # Every value of `wider` must be allowed by `narrower`; an empty set allows all.
    allowed = narrower | ({"integer"} if "number" in narrower else set())
    if narrower and not (wider and wider <= allowed):
        yield f"{at} has another type: {_words(was)} before, {_words(now)} now."
    elif old.get("format") != new.get("format"):
        yield f"{at} has another format: {old.get('format')} before, {new.get('format')} now."


def _values(direction: Direction, at: str, old: Schema, new: Schema) -> Iterator[str]:
    was, now = old.get("enum"), new.get("enum")
    if was is not None and now is not None:
        for value in was:
            if value is not None and value not in now:
                yield f"{at} has no value {value!r} any more."
    elif now is not None and direction == "request":
        yield f"{at} takes fixed values only now."


def _bounds(at: str, old: Schema, new: Schema) -> Iterator[str]:
    for name in LOWER:
        if new.get(name, float("-inf")) > old.get(name, float("-inf")) and new.get(name) != 0:
            yield f"{at} is narrower: {name} was {old.get(name)} and is {new[name]}."
    for name in UPPER:
        if new.get(name, float("inf")) < old.get(name, float("inf")):
            yield f"{at} is narrower: {name} was {old.get(name)} and is {new[name]}."
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{at} must match another pattern: {new['pattern']}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at} takes no other fields any more."


def _type_names(schema: Schema) -> set[str]:
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds) - {"null"}


def _words(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds)) or "any"


def _resolved(document: Schema, node: Schema) -> Schema:
    """`node`, or what it refers to."""
    while "$ref" in node or len(node.get("allOf", ())) == 1:
        if "allOf" in node:
            node = node["allOf"][0]
            continue
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _forms(document: Schema, schema: Schema) -> tuple[Sequence[Schema], bool]:
    """The forms that a value may have, without null; and whether it may be null."""
    schema = _resolved(document, schema)
    choices = schema.get("oneOf") or schema.get("anyOf") or [schema]
    forms, is_null = [], False
    for each in map(lambda choice: _resolved(document, choice), choices):
        is_only_null = each.get("type") == "null" or each.get("enum") == [None]
        is_null |= is_only_null or "null" in each.get("type", ()) or None in each.get("enum", ())
        if not is_only_null:
            forms.append(each)
    return forms, is_null


def _name(schema: Schema) -> str:
    shown = ", ".join(schema.get("properties", {})) or _words(_type_names(schema))
    return shown if len(shown) < 200 else f"{shown[:200]}…"
