"""What the API's description says beyond what DRF knows.

Which failures each operation has, and what each platform's options are.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema

from socialpublishing.codes import CODES
from socialpublishing.platforms import PLATFORMS
from socialpublishing.serializers import ErrorDetailSerializer, TextField


class OperationSchema(AutoSchema):
    """Adds the failures that follow from an operation's kind, each with its codes."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status in self._failures():
            codes = [
                f"`{code}`: {public.as_response}"
                for code, public in CODES.items()
                if public.status == status
            ]
            body: Any = self._get_response_for_code(ErrorDetailSerializer, str(status))  # type: ignore[no-untyped-call]
            bodies[str(status)] = {**body, "description": "\n".join(codes)}
        return bodies

    def get_auth(self) -> list[Any]:
        # An empty list would say nothing; this says that nobody has to show anything.
        return super().get_auth() or [{}]

    def _failures(self) -> set[int]:
        failures = {400, 405, 406, 500, 503}
        if self.view.get_authenticators():
            failures.add(401)
        if "{" in self.path:
            failures.add(404)
        if self.method != "GET":
            failures |= {403, 404, 409}
        if self.method in {"POST", "PUT", "PATCH"}:
            failures |= {413, 415, 422}
        if getattr(self.view, "action", "") in getattr(self.view, "asks_platform", ()):
            failures |= {403, 429, 502, 503}
        return failures


class StrictSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Closed, as the serializer is; with a description only where it has one of its own."""

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
    """`anyOf` and not `oneOf`: what several platforms call the same is right for each of them."""

    target_class = "publishing.serializers.PlatformOptionsField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        if direction == "response":
            # Clients that read an answer would have to guess which of the schemas it follows.
            return {"type": "object", "additionalProperties": {}}
        return {
            "anyOf": [
                auto_schema.resolve_serializer(known, direction).ref
                for platform in PLATFORMS.values()
                # Other ways to connect may have options of their own.
                for known in dict.fromkeys(
                    each.options for each in (platform, *platform.logins.values())
                )
            ],
            "description": "By the connection's platform.",
            "example": next(iter(PLATFORMS.values())).options.examples,
        }
