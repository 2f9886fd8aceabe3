"""Checks requests and responses against a platform's own OpenAPI description.

`specs/` holds reduced copies of the official documents; `info` in each names its source.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema

SPECS = Path(__file__).with_name("specs")


class Description:
    """One document. Its paths are below `base`. A path that it lacks fails the check."""

    def __init__(self, name: str, *, base: str = "") -> None:
        document = json.loads((SPECS / f"{name}.json").read_text("utf-8"))
        self.base = base
        self.parameters = document["components"].get("parameters", {})
        self.components = {"schemas": _schemas(document["components"]["schemas"])}
        self.paths = {
            re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)): operations
            for path, operations in document["paths"].items()
        }

    def check(self, method: str, url: str, body: Any, status: int, response: Any) -> None:
        """Raises AssertionError or ValidationError for the first deviation.

        `body` and `response` are JSON values, a form is a dict; None if there is none. A response
        of `...` is not checked.
        """
        self.check_request(method, url, body)
        self.check_response(method, url, status, response)

    def check_request(self, method: str, url: str, body: Any) -> None:
        operation, in_path = self._operation(method, url)
        query = parse_qs(urlsplit(url).query, keep_blank_values=True)
        self._check_parameters(operation, in_path, query)
        if body is not None:
            self._validate(body, _schema(operation["requestBody"]))
        else:
            assert not operation.get("requestBody", {}).get("required"), f"{method} without a body"

    def check_response(self, method: str, url: str, status: int, response: Any) -> None:
        operation, _ = self._operation(method, url)
        if response is ...:
            return
        responses = operation["responses"]
        assert str(status) in responses or status >= 400, f"{method} {url}: {status}"
        described = responses.get(str(status), responses["default"])
        if "content" in described:
            self._validate(response, _schema(described))
        else:
            assert response is None

    def check_value(self, schema: str, value: Any) -> None:
        """Check `value` against the component `schema`."""
        self._validate(value, {"$ref": f"#/components/schemas/{schema}"})

    def _operation(self, method: str, url: str) -> tuple[dict[str, Any], list[str]]:
        """The operation, and the values of its path parameters in order."""
        path = urlsplit(url).path.partition(self.base)[2]
        matches = [(p.fullmatch(path), ops) for p, ops in self.paths.items() if p.fullmatch(path)]
        assert matches, f"{path} is not described"
        # A literal path takes precedence over one with parameters.
        match, operations = min(matches, key=lambda each: len(each[0].groups()))
        return operations[method.lower()], [unquote(value) for value in match.groups()]

    def _check_parameters(
        self, operation: dict[str, Any], in_path: list[str], query: dict[str, list[str]]
    ) -> None:
        parameters = [
            self.parameters[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each
            for each in operation.get("parameters", [])
        ]
        path_schemas = [each["schema"] for each in parameters if each["in"] == "path"]
        for value, schema in zip(in_path, path_schemas, strict=True):
            self._validate(value, schema)
        known = {each["name"]: each for each in parameters if each["in"] == "query"}
        for name, values in query.items():
            assert name in known, f"query parameter {name}"
            self._validate(self._read(values, known[name]), known[name]["schema"])
        for name, each in known.items():
            assert name in query or not each.get("required"), f"no query parameter {name}"

    def _read(self, values: list[str], parameter: dict[str, Any]) -> Any:
        """The parameter's value, converted from the strings of the query."""
        schema = parameter["schema"]
        if "$ref" in schema:
            schema = self.components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type")
        if kind == "array":
            # A list repeats its parameter, or with `explode: false` separates values by commas.
            return values if parameter.get("explode", True) else values[0].split(",")
        [value] = values
        if kind == "integer":
            return int(value)
        return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value

    def _validate(self, value: Any, schema: dict[str, Any]) -> None:
        jsonschema.validate(
            value, {**_as_json_schema(schema), "components": self.components}, _Validator
        )


_Validator = jsonschema.Draft202012Validator


@lru_cache
def described(name: str, base: str = "") -> Description:
    return Description(name, base=base)


def _schema(part: dict[str, Any]) -> dict[str, Any]:
    """The schema of the only content type, or any of the schemas if there are several."""
    schemas: list[dict[str, Any]] = [content["schema"] for content in part["content"].values()]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _schemas(components: dict[str, Any]) -> dict[str, Any]:
    """All schemas as JSON Schema.

    A parent with a discriminator refers to its children, and they refer to the parent. Children get
    a copy of the parent without the discriminator, or validation would never end.
    """
    schemas: dict[str, Any] = _as_json_schema(components)
    for name, component in components.items():
        children = component.get("discriminator", {}).get("mapping", {}).values()
        inherited = {key: value for key, value in component.items() if key != "discriminator"}
        for child in children:
            for part in schemas[child.rsplit("/", 1)[1]].get("allOf", []):
                if part == {"$ref": f"#/components/schemas/{name}"}:
                    part["$ref"] += ".inherited"
                    schemas[f"{name}.inherited"] = _as_json_schema(inherited)
    return schemas


def _as_json_schema(part: Any) -> Any:
    """Translate OpenAPI 3.0's `nullable` and `discriminator` to JSON Schema."""
    if isinstance(part, list):
        return [_as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    own = {name: _as_json_schema(value) for name, value in part.items()}
    match own.pop("discriminator", None):
        case {"propertyName": name, "mapping": choices}:
            own["allOf"] = [
                *own.get("allOf", []),
                *(
                    {
                        "if": {"properties": {name: {"const": key}}, "required": [name]},
                        "then": {"$ref": target},
                    }
                    for key, target in choices.items()
                ),
            ]
    if own.pop("nullable", None) is True:
        return {"anyOf": [own, {"type": "null"}]}
    return own
