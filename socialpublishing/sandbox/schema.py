"""A small JSON Schema validator, for request bodies that a platform's OpenAPI file describes.

Its messages are X's (`$.media.media_ids: …`). It supports only the keywords that the sandbox's
schemas use: type, enum, pattern, bounds, items, properties, required.
"""

import re
from typing import Any

TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


ANYTHING: dict[str, Any] = {"type": None}


def first_error(schema: dict[str, Any], value: Any, at: str = "$") -> str:
    """The first error of `value`, "" if it is valid.

    A schema without a type describes an object. Unlike in JSON Schema, an object refuses unknown
    keys unless `additionalProperties` is true.
    """
    kind = schema.get("type", "object")
    if kind is None:
        return ""
    is_kind = isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not is_kind:
        return f"{at}: {_name_of(value)} found, {kind} expected"
    match value:
        case str():
            return _error_of_string(schema, value, at)
        case int():
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                return f"{at}: must be between {schema.get('minimum')} and {schema.get('maximum')}"
        case list():
            if len(value) < schema.get("minItems", 0):
                return f"{at}: there must be a minimum of {schema['minItems']} items in the array"
            if len(value) > schema.get("maxItems", len(value)):
                return f"{at}: there must be a maximum of {schema['maxItems']} items in the array"
            errors = (
                first_error(schema["items"], item, f"{at}[{i}]") for i, item in enumerate(value)
            )
            return next(filter(None, errors), "")
        case dict():
            return _error_of_object(schema, value, at)
    return ""


def _error_of_string(schema: dict[str, Any], value: str, at: str) -> str:
    if value not in schema.get("enum", (value,)):
        return f"{at}: does not have a value in the enumeration {schema['enum']}"
    if not re.fullmatch(schema.get("pattern", r"(?s:.*)"), value):
        return f"{at}: does not match the regex pattern ^{schema['pattern']}$"
    if len(value) < schema.get("minLength", 0):
        return f"{at}: must be at least {schema['minLength']} characters long"
    if len(value) > schema.get("maxLength", len(value)):
        return f"{at}: may only be {schema['maxLength']} characters long"
    return ""


def _error_of_object(schema: dict[str, Any], value: dict[str, Any], at: str) -> str:
    properties = schema.get("properties")
    if properties is None:  # an object without a known shape
        return ""
    for name in schema.get("required", ()):
        if name not in value:
            return f"{at}.{name}: is missing but it is required"
    for name, item in value.items():
        if name not in properties and not schema.get("additionalProperties"):
            return (
                f"{at}.{name}: is not defined in the schema and the schema does not allow"
                " additional properties"
            )
        if error := first_error(properties.get(name, ANYTHING), item, f"{at}.{name}"):
            return error
    return ""


def _name_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"
