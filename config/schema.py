"""Additions to OpenAPI operations: error responses and the options of each platform."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema

from socialpublishing.platforms import PLATFORMS
from socialpublishing.serializers import ErrorDetailSerializer, TextField


class OperationSchema(AutoSchema):
    """Adds the error responses of each operation; config/schema_document.py has their text."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        self.resolve_serializer(ErrorDetailSerializer, "response")
        declared = {int(status) for status in bodies if status >= "400"}
        for status in sorted(self._error_statuses() | declared):
            bodies[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
        return bodies

    def get_auth(self) -> list[Any]:
        # [{}] means that no authentication is needed; an empty list would mean nothing.
        return super().get_auth() or [{}]

    def _error_statuses(self) -> set[int]:
        statuses = {400, 405, 406, 429, 500, 503}
        if self.view.get_authenticators():
            statuses.add(401)
        if "{" in self.path:
            statuses.add(404)
        if self.method != "GET":
            statuses |= {403, 404, 409}
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {408, 413, 415, 422}
        if getattr(self.view, "action", "") in getattr(self.view, "asks_platform", ()):
            statuses |= {403, 502}
        return statuses


class StrictSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Closed like the serializer. A description only if the class has its own docstring."""

    target_class = "socialpublishing.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        schema["additionalProperties"] = False
        if not vars(type(self.target)).get("__doc__"):
            schema.pop("description", None)
        if self.target.partial:
            schema["minProperties"] = 1
        for name, field in self.target.fields.items():
            if isinstance(field, TextField) and not field.allow_blank:
                schema["properties"][name].setdefault("minLength", 1)
        return schema


class PlatformOptionsSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """`anyOf`, not `oneOf`: options with the same name are valid for several platforms."""

    target_class = "publishing.serializers.PlatformOptionsField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        if direction == "response":
            # A client would have to guess which of the schemas a response follows.
            return {"type": "object", "additionalProperties": {}}
        return {
            "anyOf": [
                auto_schema.resolve_serializer(options, direction).ref
                for platform in PLATFORMS.values()
                # Other logins of a platform may have options of their own.
                for options in dict.fromkeys(
                    each.options for each in (platform, *platform.logins.values())
                )
            ],
            "description": "The options of the connection's platform.",
        }
