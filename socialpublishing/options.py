"""What `platform_specific_options` may hold: a closed, typed schema for each platform.

A platform's module writes a subclass of PostOptions. Its fields are the options; which kinds of
post take them stands in the platform's capabilities. The fields are strict: a number is not a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers

from socialpublishing.errors import SocialPublishingBaseError
from socialpublishing.serializers import StrictSerializer, TextField

# Written so that every dialect of regular expressions reads it: it stands in the API's description.
WEB_ADDRESS = RegexValidator(
    r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]\S*\Z", "An http(s) address is expected."
)


class InvalidOptionsError(SocialPublishingBaseError):
    """`violations`: pairs of an option's name and what is wrong with it."""

    code = "invalid_request"

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        self.violations = violations
        super().__init__(" ".join(f"{name}: {message}" for name, message in violations))


class PostOptions(StrictSerializer):
    """The options of one platform; `examples` shows one value of each, in the order to read them.

    Values are JSON, kept as they came: whoever reads `post.options` gets what a caller wrote.
    """

    examples: ClassVar[Mapping[str, Any]] = {}


class IntegerField(serializers.IntegerField):
    """A whole number, not a text of digits."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class NumberField(serializers.FloatField):
    """A number, not a text of digits."""

    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, (int, float)) or isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class BooleanField(serializers.BooleanField):
    """true or false, and nothing that could be read as one of them."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ChoiceField(serializers.ChoiceField):
    """One of a few words."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


def optional(description: str, **more: Any) -> dict[str, Any]:
    """Arguments of an option's field."""
    return {"required": False, "help_text": description, **more}


def text(description: str, *, max_length: int, **more: Any) -> TextField:
    return TextField(max_length=max_length, **optional(description, **more))


def web_address(description: str) -> TextField:
    return text(description, max_length=2048, validators=[WEB_ADDRESS])


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
    """A list of `low` to `high` texts of at most `max_length` characters each."""
    return serializers.ListField(
        child=TextField(max_length=max_length),
        min_length=low,
        max_length=high,
        **optional(description),
    )


def wrong_options(options: Mapping[str, Any], known: type[PostOptions]) -> list[tuple[str, str]]:
    """Pairs of an option's path and what is wrong with it; empty if nothing is."""
    given = known(data=dict(options))
    return [] if given.is_valid() else list(_flat(given.errors))


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, [path, own])))
    elif isinstance(errors, list):
        for index, inner in enumerate(errors):
            is_nested = isinstance(inner, (Mapping, list))
            yield from _flat(inner, f"{path}[{index}]" if is_nested else path)
    else:
        yield path, str(errors)
