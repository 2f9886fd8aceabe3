"""A platform's own OpenAPI description as a judge of what is sent to it and what it answers.

`specs/` holds reduced copies of the official documents; `info` in each tells its source.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema

SPECS = Path(__file__).with_name("specs")


class Description:
    """One document. Paths are below `base`; what is not in the document fails."""

    def __init__(self, name: str, *, base: str = "") -> None:
        document = json.loads((SPECS / f"{name}.json").read_text("utf-8"))
        self.base = base
        self.parameters = document["components"].get("parameters", {})
        self.components = {"schemas": _as_json_schema(document["components"]["schemas"])}
        self.paths = {
            re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)): operations
            for path, operations in document["paths"].items()
        }

    def check(self, method: str, url: str, body: Any, status: int, answer: Any) -> None:
        """Raises AssertionError or ValidationError for the first thing that is not as described.

        `body` and `answer`: as JSON has them, a form as a dict; None where there is none. An answer
        of `...` is not judged.
        """
        parts = urlsplit(url)
        path = parts.path.partition(self.base)[2]
        found = [(p.fullmatch(path), ops) for p, ops in self.paths.items() if p.fullmatch(path)]
        # A literal path stands before one with parameters.
        match, operations = min(found, key=lambda each: len(each[0].groups()))
        operation = operations[method.lower()]
        self._check_parameters(operation, match.groups(), dict(parse_qsl(parts.query)))
        if body is not None:
            self._validate(body, _schema(operation["requestBody"]))
        if answer is ...:
            return
        responses = operation["responses"]
        assert str(status) in responses or status >= 400, f"{method} {path}: {status}"
        response = responses.get(str(status), responses["default"])
        if "content" in response:
            self._validate(answer, _schema(response))
        else:
            assert answer is None

    def _check_parameters(
        self, operation: dict[str, Any], in_path: tuple[str, ...], query: dict[str, str]
    ) -> None:
        given = [
            self.parameters[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each
            for each in operation.get("parameters", [])
        ]
        path_schemas = [each["schema"] for each in given if each["in"] == "path"]
        for value, schema in zip(in_path, path_schemas, strict=True):
            self._validate(value, schema)
        known = {each["name"]: each["schema"] for each in given if each["in"] == "query"}
        for name, value in query.items():
            assert name in known, f"query parameter {name}"
            is_number = known[name].get("type") == "integer"
            self._validate(int(value) if is_number else value, known[name])

    def _validate(self, value: Any, schema: dict[str, Any]) -> None:
        jsonschema.validate(
            value, {**_as_json_schema(schema), "components": self.components}, _Validator
        )


_Validator = jsonschema.Draft202012Validator


@lru_cache
def described(name: str, base: str = "") -> Description:
    return Description(name, base=base)


def _schema(part: dict[str, Any]) -> dict[str, Any]:
    [content] = part["content"].values()
    schema: dict[str, Any] = content["schema"]
    return schema


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0's own words in JSON Schema's: `nullable`, and `discriminator`, which chooses."""
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
