"""A strict JSON parser for request bodies.

DRF's parser responds with 500 to deep nesting and to lone surrogates, keeps the last of duplicate
keys, and accepts characters that PostgreSQL cannot store. Here each of them is a 400.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from django.http import UnreadablePostError
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

MAX_BYTES = 256 * 1024
MAX_DEPTH = 8
MAX_MEMBERS = 1_000
MAX_INTEGER = 2**53  # above it, a parser that uses doubles reads another number

# A string, also an unterminated one, or one bracket. No character is scanned twice.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = f"The body is larger than {MAX_BYTES // 1024} KB."


class InvalidJSONError(ValueError):
    """The text is not JSON that we accept. The message gives the reason and the position."""


class StrictJSONParser(BaseParser):
    """Accepts one JSON object within the limits above.

    DRF does not call a parser for an empty body: `request.data` is then an empty dict.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The body as a dict.

        Raises PayloadTooLarge, UnsupportedMediaType for a content encoding, and ParseError with
        the code `invalid_json` for the rest.
        """
        meta = parser_context["request"].META if parser_context else {}
        if meta.get("HTTP_CONTENT_ENCODING"):
            raise UnsupportedMediaType(
                media_type or self.media_type, "The body must not have a Content-Encoding."
            )
        try:
            body = stream.read(MAX_BYTES + 1)
        except UnreadablePostError as error:
            raise ParseError("The body could not be read to its end.", "invalid_json") from error
        if len(body) > MAX_BYTES:
            raise PayloadTooLarge
        try:
            return load_object(body)
        except InvalidJSONError as error:
            raise ParseError(str(error), "invalid_json") from error


def load_object(data: bytes, *, max_integer: int = MAX_INTEGER) -> dict[str, Any]:
    """The JSON object in `data` (UTF-8), parsed in linear time.

    Raises InvalidJSONError for anything but a JSON object, for duplicate keys, NUL and lone
    surrogates, and above the limits of this module. The caller checks MAX_BYTES.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidJSONError(
            f"The JSON is not UTF-8: bad byte at offset {error.start}."
        ) from error
    if text.startswith("\ufeff"):
        raise InvalidJSONError("The JSON must not begin with a byte order mark.")
    _check_depth(text)  # before json.loads, which recurses

    def integer(digits: str) -> int:
        # int() raises another error for very long texts, so they are refused first.
        if len(digits) <= 20 and abs(number := int(digits)) <= max_integer:
            return number
        raise InvalidJSONError(f"The integer {digits[:24]} is beyond the limit of {max_integer}.")

    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except json.JSONDecodeError as error:
        raise InvalidJSONError(
            f"Not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    if not isinstance(value, dict):
        raise InvalidJSONError("The JSON must be an object.")
    for count, (place, member) in enumerate(_members(value, "the object"), start=1):
        if count > MAX_MEMBERS:
            raise InvalidJSONError(f"The JSON has more than {MAX_MEMBERS} members in all.")
        if isinstance(member, str):
            _check_text(member, place)
    return value


def _check_depth(text: str) -> None:
    # In invalid JSON the count can be wrong, but only after the first error, where json.loads
    # raises anyway.
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJSONError(
                    f"The JSON is nested deeper than {MAX_DEPTH} levels at offset {match.start()}."
                )
        elif match[0] in ("]", "}"):
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, member in pairs:
        _check_text(name, f"the name {_quoted(name)}")
        if name in value:
            raise InvalidJSONError(f"The name {_quoted(name)} is given twice in one object.")
        value[name] = member
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidJSONError(f"The number {text[:24]} is not finite.")
    return number


def _check_text(text: str, place: str) -> None:
    if bad := _UNSTORABLE.search(text):
        what = "NUL" if bad[0] == "\0" else "half of a surrogate pair"
        raise InvalidJSONError(f"The text in {place} contains {what}.")


def _members(container: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The members of `container` and of all containers in it, each with its place in words."""
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(container, dict):
        inner = ((_quoted(name), member) for name, member in container.items())
    elif isinstance(container, list):
        inner = ((f"{place}[{index}]", member) for index, member in enumerate(container))
    for member_place, member in inner:
        yield member_place, member
        yield from _members(member, member_place)


def _quoted(name: str) -> str:
    """A caller's text for a message: short, and in ASCII, so that the response can be encoded."""
    return json.dumps(name[:40])
