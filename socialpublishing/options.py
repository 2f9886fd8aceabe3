"""The schema of `platform_specific_options`: closed and typed, one for each platform.

Each platform has a subclass of PostOptions, whose fields are the options. The platform's
capabilities define which post types accept them. Fields are strict: a string is not a number. Each
string has a grammar, so that what the platform would refuse late is refused at once; what people
write in several ways, such as @name, is stored in one.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from rest_framework import serializers
from rest_framework.fields import empty

from socialpublishing.errors import MediaError, SocialPublishingBaseError
from socialpublishing.serializers import ChoiceField, StrictSerializer, TextField, shared

# The pattern is in the OpenAPI document, so every dialect of regular expressions must read it.
WEB_ADDRESS = RegexValidator(
    r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/]\S*\Z", "An http(s) address is expected."
)


# In the form that OpenAPI reads too; `\Z` because `$` also matches before a newline.
DIGITS = RegexValidator(r"^[0-9]+\Z", "An id of digits is expected.")


# More than any platform accepts; its own limit is checked with the post.
MAX_COMMENT = 25_000


class InvalidOptionsError(SocialPublishingBaseError):
    """`violations`: pairs of an option's name and a message."""

    code = "invalid_request"

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        self.violations = violations
        super().__init__(" ".join(f"{name}: {message}" for name, message in violations))

    def violations_as_data(self) -> list[dict[str, Any]]:
        return [
            {
                "field": f"platform_specific_options.{name}",
                "code": "invalid_option",
                "message": message,
            }
            for name, message in self.violations
        ]


class PostOptions(StrictSerializer):
    """The options of one platform. `examples` has one value of each, in the order for docs.

    `post.options` contains what the fields make of the request's values, as JSON.
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
        super().to_internal_value(data)
        return data


class BooleanField(serializers.BooleanField):
    """true or false, and no other value."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def optional(description: str, **more: Any) -> dict[str, Any]:
    """Keyword arguments for the field of an option."""
    return {"required": False, "help_text": description, **more}


def text(description: str, *, max_length: int, **more: Any) -> TextField:
    return TextField(max_length=max_length, **optional(description, **more))


def first_comment() -> TextField:
    return text(
        "A comment or reply by the account right after the post.",
        max_length=MAX_COMMENT,
    )


def web_address(description: str) -> TextField:
    return text(description, max_length=2048, validators=[WEB_ADDRESS])


class UserNameField(TextField):
    """A user name, stored without the @ that people write before it."""

    def __init__(self, *, pattern: str, max_length: int, **kwargs: Any) -> None:
        """`pattern` is the platform's grammar of a name, without the @."""
        validator = RegexValidator(rf"^@?{pattern}\Z", "A user name is expected, such as @name.")
        super().__init__(max_length=max_length + 1, validators=[validator], **kwargs)

    def run_validation(self, data: Any = empty) -> Any:
        name = super().run_validation(data)
        return name.removeprefix("@") if isinstance(name, str) else name


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
    return list_of(TextField(max_length=max_length), description, low=low, high=high)


def list_of(
    child: serializers.Field[Any, Any, Any, Any], description: str, *, low: int = 1, high: int
) -> serializers.ListField:
    return serializers.ListField(
        child=child, min_length=low, max_length=high, **optional(description)
    )


def wrong_options(options: Mapping[str, Any], known: type[PostOptions]) -> list[tuple[str, str]]:
    """Pairs of an option's path and a message; empty if all are valid."""
    try:
        checked_options(options, known)
    except InvalidOptionsError as error:
        return list(error.violations)
    return []


def checked_options(options: Mapping[str, Any], known: type[PostOptions]) -> dict[str, Any]:
    """The options as they are stored. Raises InvalidOptionsError."""
    try:
        checked: dict[str, Any] = _plain(shared(known).run_validation(dict(options)))
    except serializers.ValidationError as error:
        raise InvalidOptionsError(list(_flat(error.detail))) from error
    return checked


def _plain(value: Any) -> Any:
    """`value` as JSON has it: the serializers of nested options return mappings of their own."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def files_in(
    options: Mapping[str, Any], known: type[PostOptions]
) -> Iterator[tuple[str, str, FileAddressField]]:
    """The path and the address of each file among the options, with its field."""
    yield from _files(options, shared(known), "")


def with_files(
    options: Mapping[str, Any], known: type[PostOptions], change: Callable[[str], str]
) -> dict[str, Any]:
    """`options` with each address of a file changed.

    Raises InvalidOptionsError for those for which `change` raises MediaError.
    """
    changed = _plain(options)
    wrong = []
    for path, url, _ in files_in(options, known):
        *parents, last = (int(part) if part.isdecimal() else part for part in path.split("."))
        parent = functools.reduce(operator.getitem, parents, changed)
        try:
            parent[last] = change(url)
        except MediaError as error:
            wrong.append((path, str(error)))
    if wrong:
        raise InvalidOptionsError(wrong)
    return dict(changed)


def _files(
    value: Any, field: serializers.Field[Any, Any, Any, Any] | None, path: str
) -> Iterator[tuple[str, str, FileAddressField]]:
    match field, value:
        case FileAddressField(), str():
            yield path, value, field
        case serializers.Serializer(), Mapping():
            for name, inner in field.fields.items():
                if name in value:
                    inner_path = ".".join(filter(None, [path, str(name)]))
                    yield from _files(value[name], inner, inner_path)
        case serializers.ListField(), list():
            for index, each in enumerate(value):
                yield from _files(each, field.child, f"{path}.{index}")


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
