"""Strict serializers and fields, and the responses that all parts of the API share."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

# Control characters that no post needs. A terminal or a log viewer might execute them.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, which DRF would ignore silently."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        errors: dict[str, Any] = {
            name: [serializers.ErrorDetail("There is no such field.", code="unknown_field")]
            for name in unknown
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**errors, **error.detail}) from error  # type: ignore[dict-item]
        if errors:
            raise serializers.ValidationError(errors)
        return value


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
