"""The schema of `platform_specific_options`: closed and typed, one for each platform.

Each platform has a subclass of PostOptions, whose fields are the options. The platform's
capabilities define which post types accept them. Fields are strict: a string is not a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.serializers import StrictSerializer, TextField

# The pattern is in the OpenAPI document, so every dialect of regular expressions must read it.
WEB_ADDRESS = RegexValidator(
    r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]\S*\Z", "An http(s) address is expected."
)


class InvalidOptionsError(SocialPublishingBaseError):
    """`violations`: pairs of an option's name and a message."""

    code = "invalid_request"

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        self.violations = violations
        super().__init__(" ".join(f"{name}: {message}" for name, message in violations))


class PostOptions(StrictSerializer):
    """The options of one platform. `examples` has one value of each, in the order for docs.

    `post.options` contains the values of the request unchanged, as JSON.
    """

    examples: ClassVar[Mapping[str, Any]] = {}


class IntegerField(serializers.IntegerField):
    """An integer, not a string of digits."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class NumberField(serializers.FloatField):
    """A number, not a string of digits."""

    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, (int, float)) or isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class BooleanField(serializers.BooleanField):
    """true or false, and no other value."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ChoiceField(serializers.ChoiceField):
    """One of a few strings."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


def optional(description: str, **more: Any) -> dict[str, Any]:
    """Keyword arguments for the field of an option."""
    return {"required": False, "help_text": description, **more}


def text(description: str, *, max_length: int, **more: Any) -> TextField:
    return TextField(max_length=max_length, **optional(description, **more))


def web_address(description: str) -> TextField:
    return text(description, max_length=2048, validators=[WEB_ADDRESS])


class FileAddressField(TextField):
    """The address of a file that the platform or we fetch, such as a cover.

    It passes the gate and probe of assets at accept: `mime_types` and `max_bytes` limit the file.
    """

    def __init__(self, *, mime_types: frozenset[str], max_bytes: int, **kwargs: Any) -> None:
        self.mime_types, self.max_bytes = mime_types, max_bytes
        super().__init__(max_length=2048, **kwargs)


def file_address(
    description: str, *, mime_types: frozenset[str], max_bytes: int
) -> FileAddressField:
    return FileAddressField(mime_types=mime_types, max_bytes=max_bytes, **optional(description))


def integer(description: str, *, low: int | None = None, high: int | None = None) -> IntegerField:
    return IntegerField(min_value=low, max_value=high, **optional(description))


def number(description: str, *, low: float | None = None, high: float | None = None) -> NumberField:
    return NumberField(min_value=low, max_value=high, **optional(description))


def boolean(description: str) -> BooleanField:
    return BooleanField(**optional(description))


def choice(description: str, *choices: str) -> ChoiceField:
    return ChoiceField(choices=choices, **optional(description))


def string_list(
    description: str, *, max_length: int, low: int = 1, high: int
) -> serializers.ListField:
    """A list of `low` to `high` strings of at most `max_length` characters each."""
    return serializers.ListField(
        child=TextField(max_length=max_length),
        min_length=low,
        max_length=high,
        **optional(description),
    )


def wrong_options(options: Mapping[str, Any], known: type[PostOptions]) -> list[tuple[str, str]]:
    """Pairs of an option's path and a message; empty if all are valid."""
    serializer = known(data=dict(options))
    return [] if serializer.is_valid() else list(_flat(serializer.errors))


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            part = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, [path, part])))
    elif isinstance(errors, list):
        for index, inner in enumerate(errors):
            is_nested = isinstance(inner, (Mapping, list))
            yield from _flat(inner, f"{path}[{index}]" if is_nested else path)
    else:
        yield path, str(errors)
