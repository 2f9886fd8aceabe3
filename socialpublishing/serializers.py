"""Strict serializers and fields, and the responses that all parts of the API share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

# Control characters that no post needs. A terminal or a log viewer might execute them.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# How much of a caller's mistakes one response lists: it stays short whatever was sent.
MAX_UNKNOWN, MAX_LISTED, MAX_ECHOED = 10, 30, 40


def no_such(noun: str, name: str, known: Iterable[str]) -> str:
    """A sentence for an unknown `name`: what was probably meant, and what there is."""
    known = list(known)
    meant = difflib.get_close_matches(name[:MAX_ECHOED], known, n=1, cutoff=0.75)
    hint = f"Did you mean `{meant[0]}`? " if meant else ""
    return f"There is no {noun} `{shortened(name)}`. {hint}{listed(noun, known)}"


def listed(noun: str, known: Iterable[str]) -> str:
    """`The fields are a, b.`: at most MAX_LISTED of them."""
    names = list(known)
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"The {noun}s are {', '.join(names[:MAX_LISTED])}{more}."


def shortened(text: str) -> str:
    """A caller's text for a message: short, and printable."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[:MAX_ECHOED])
    return shown if len(text) <= MAX_ECHOED else f"{shown}…"


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, which DRF would ignore silently."""

    noun: ClassVar[str] = "field"
    default_error_messages = {"invalid": _("An object is expected, not {datatype}.")}

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        errors: dict[str, Any] = {
            shortened(name): [serializers.ErrorDetail(self._known(name), code="unknown_field")]
            for name in unknown[:MAX_UNKNOWN]
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**errors, **error.detail}) from error  # type: ignore[dict-item]
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def _known(self, name: str) -> str:
        return no_such(self.noun, name, self.fields)


class QuerySerializer(StrictSerializer):
    """The query parameters of an endpoint."""

    noun = "parameter"


class ChoiceField(serializers.ChoiceField):
    """One of a few strings."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise serializers.ValidationError(
                f"A string is expected. {listed('choice', self.choices)}", code="invalid_choice"
            )
        if data not in self.choices:
            raise serializers.ValidationError(
                no_such("choice", data, self.choices), code="invalid_choice"
            )
        return data


def validated(serializer: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The body of `request`. Raises ValidationError."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    checked: dict[str, Any] = body.validated_data
    return checked


def validated_query(serializer: type[QuerySerializer], request: Request) -> dict[str, Any]:
    """The query parameters of `request`. Raises ValidationError, also for one that is repeated."""
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        message = "This parameter is given more than once."
        raise serializers.ValidationError(
            {shortened(name): [message] for name in repeated[:MAX_UNKNOWN]}, code="repeated"
        )
    query = serializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    checked: dict[str, Any] = query.validated_data
    return checked


class TextField(serializers.CharField):
    """A string. Other types are not converted, and whitespace is kept."""

    default_error_messages = {
        "invalid": _("A string is expected."),
        "control_characters": _("The text contains control characters."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if CONTROLS.search(data):
            self.fail("control_characters")
        return super().to_internal_value(data)


class TimezoneField(TextField):
    """The IANA name of a time zone, such as Europe/Berlin."""

    default_error_messages = {
        "unknown_timezone": _("The IANA name of a time zone is expected, such as Europe/Berlin."),
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if name not in available_timezones():
            self.fail("unknown_timezone")
        return name


class StatusResponseSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    message = serializers.CharField(allow_null=True, required=False)


class ViolationSerializer(serializers.Serializer[Any]):
    """One problem: with a `field` of the request, or with a `rule` of the platform."""

    target = serializers.IntegerField(
        required=False, help_text="In a request with many targets: which of them, from 0."
    )
    field = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    rule = serializers.CharField(required=False)
    limit = serializers.JSONField(required=False)
    actual = serializers.JSONField(required=False)
    message = serializers.CharField()
    fix = serializers.CharField(required=False, help_text="How to correct it.")


class ErrorDetailSerializer(serializers.Serializer[Any]):
    """Every error response: a stable code for programs, a sentence for people."""

    code = serializers.CharField()
    detail = serializers.CharField()
    violations = ViolationSerializer(many=True, required=False)
    retry_after = serializers.IntegerField(required=False, help_text="Seconds.")
    request_id = serializers.CharField(
        required=False, help_text="For errors of 500 and above: the id to name when you contact us."
    )
