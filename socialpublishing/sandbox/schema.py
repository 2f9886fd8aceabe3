"""A small reader of JSON Schema, for bodies that a platform's OpenAPI description closes.

It words its findings as X does (`$.media.media_ids: …`), and knows only the keywords that the
schemas of this sandbox use: type, enum, pattern, bounds, items, properties, required.
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
    """What is wrong with `value`, "" if nothing is.

    A schema without a type is of an object. Objects take no keys but their own, unless their
    `additionalProperties` is true.
    """
    kind = schema.get("type", "object")
    if kind is None:
        return ""
    is_kind = isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not is_kind:
        return f"{at}: {_name_of(value)} found, {kind} expected"
    match value:
        case str():
            return _fault_of_text(schema, value, at)
        case int():
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                return f"{at}: must be between {schema.get('minimum')} and {schema.get('maximum')}"
        case list():
            if len(value) < schema.get("minItems", 0):
                return f"{at}: there must be a minimum of {schema['minItems']} items in the array"
            if len(value) > schema.get("maxItems", len(value)):
                return f"{at}: there must be a maximum of {schema['maxItems']} items in the array"
            faults = (
                first_error(schema["items"], item, f"{at}[{i}]") for i, item in enumerate(value)
            )
            return next(filter(None, faults), "")
        case dict():
            return _fault_of_object(schema, value, at)
    return ""


def _fault_of_text(schema: dict[str, Any], value: str, at: str) -> str:
    if value not in schema.get("enum", (value,)):
        return f"{at}: does not have a value in the enumeration {schema['enum']}"
    if not re.fullmatch(schema.get("pattern", r"(?s:.*)"), value):
        return f"{at}: does not match the regex pattern ^{schema['pattern']}$"
    if len(value) < schema.get("minLength", 0):
        return f"{at}: must be at least {schema['minLength']} characters long"
    if len(value) > schema.get("maxLength", len(value)):
        return f"{at}: may only be {schema['maxLength']} characters long"
    return ""


def _fault_of_object(schema: dict[str, Any], value: dict[str, Any], at: str) -> str:
    properties = schema.get("properties")
    if properties is None:  # an object that we take as it is
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
        if fault := first_error(properties.get(name, ANYTHING), item, f"{at}.{name}"):
            return fault
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
