"""The examples of the OpenAPI document.

Those of posts come from the register of platforms, one for each kind of post. All others are built
from the schemas: each field takes its value from VALUES. A field without a value is reported when
the document is made: add it there, by its name or as "Schema.name" where schemas differ.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.drainage import warn

from publishing.platform_serializers import PlatformSerializer, platform_as_data
from socialpublishing.limits import Form, PostType, forms
from socialpublishing.platforms import PLATFORMS
from socialpublishing.platforms.base import Platform
from socialpublishing.posts import MediaKind

JSON = "application/json"
# The schemas whose examples are posts, with what they have beside the post.
POST_SCHEMAS = ("PublishRequest", "ScheduleRequest")
FILES = {
    MediaKind.IMAGE: ("harbour.jpg", "image/jpeg"),
    MediaKind.GIF: ("waves.gif", "image/gif"),
    MediaKind.VIDEO: ("clip.mp4", "video/mp4"),
    MediaKind.DOCUMENT: ("document.pdf", "application/pdf"),
}
UPRIGHT_VIDEO = ("reel.mp4", "video/mp4")
WIDE = 16 / 9
TEXT = "Fresh bread at seven: rye, spelt and walnut. #bakery"
CONNECTION = "0b8f7a52-3f0e-4e0c-9a55-2f4a1d6c9e10"
JOB = "6f1c2e0a-9b57-4c0d-8e21-7a1b5c3d9f42"
OTHER_ID = "c2a9d1e4-58b3-4f6e-a7d0-91e3b4c5f607"
MORNING, NOON, EVENING = (f"2026-12-01T{hour}:00:00Z" for hour in ("08", "12", "18"))
EVENT = "evt_5f0c3a9e4b7d4c2f8a1e6d9b0c7f2a34"
POST_URL = "https://x.com/i/web/status/1861000000000000001"

VALUES: Mapping[str, Any] = {
    # Ids and people
    "id": OTHER_ID,
    "job_id": JOB,
    "connection_id": CONNECTION,
    "destination_id": OTHER_ID,
    "attempt_id": OTHER_ID,
    "SocialConnectionResponse.id": CONNECTION,
    "Section.id": "549755885176",
    "user_id": "alice",
    "external_user_id": "2244994945",
    "external_display_name": "harbour_bakery",
    "external_id": "104829301746",
    "account_name": "harbour_bakery",
    "display_name": "Harbour Bakery",
    "remote_id": "1861000000000000001",
    # Connections
    "platform": "twitter",
    "Destination.kind": "page",
    "Destination.name": "Harbour Bakery",
    "SocialConnectionResponse.kind": "",
    "SocialConnectionResponse.status_reason": "",
    "scopes": ["tweet.read", "tweet.write", "users.read", "offline.access"],
    "missing_scopes": [],
    "timezone": "Europe/Berlin",
    "expires_at": EVENING,
    "authorization_url": "https://x.com/i/oauth2/authorize?response_type=code&client_id=abc",
    "completion_code": "kq3V0x1uJ8d7n2bT5sYw",
    "PendingConnection.status": "pending",
    "PendingConnection.message": "Confirm with POST /api/v1/connections/confirm to make the "
    "connection active.",
    "StatusResponse.status": "disconnected",
    "CreateDestination.name": "Autumn recipes",
    "CreateDestination.description": "What we bake in October",
    "Section.name": "Bread",
    "CreateSection.name": "Bread",
    "choices": {
        "privacy_level": [{"value": "PUBLIC_TO_EVERYONE", "label": "Everyone"}],
    },
    "disabled": ["disable_duet"],
    "max_duration_s": 600,
    "Remaining.count": 12,
    "avatar_url": "https://example.com/avatar.jpg",
    "read_at": NOON,
    "can_post": True,
    "can_publish": True,
    "is_default": True,
    "signed_request": "5xk…signature.eyJ1c2VyX2lkIjoiMTIzIn0",
    "confirmation_code": "d5f0c1b2a3",
    "DataDeletion.url": "https://publishing.example.com/api/v1/connections/callbacks/facebook/"
    "data-deletion/d5f0c1b2a3",
    "received_at": MORNING,
    # Posts and jobs
    "text_content": TEXT,
    "platform_specific_options": {},
    "assets": [
        {
            "url": "https://example.com/harbour.jpg",
            "asset_type": "image",
            "mime_type": "image/jpeg",
            "alt_text": "A harbour in the morning",
            "platform_media_id": None,
            "metadata": None,
        }
    ],
    "created_at": MORNING,
    "scheduled_at": NOON,
    "published_at": NOON,
    "updated_at": NOON,
    "schedule_time": EVENING,
    "PublishJobResponse.status": "Published",
    "PublishJobDetail.status": "Published",
    "post_url": POST_URL,
    "warnings": [],
    "attempts": 1,
    "Violations.is_valid": False,
    "Violations.violations": [
        {
            "rule": "text_length",
            "limit": 280,
            "actual": 294,
            "message": "The text has 294 weighted characters, 280 are allowed.",
            "fix": "Shorten it by 14.",
        }
    ],
    "Resolve.outcome": "published",
    "Resolve.reason": "I saw the post in the app.",
    "JobEvent.at": NOON,
    "JobEvent.from_status": "Processing",
    "JobEvent.to_status": "Published",
    "JobEvent.actor": "worker",
    "JobEvent.step": "publish",
    "JobEvent.note": "",
    "JobEvent.code": "",
    "JobEvent.platform_status": 201,
    "JobEvent.platform_code": "",
    "JobEvent.platform_request_id": "a1b2c3d4e5f6",
    "JobEvent.duration_ms": 412,
    "external_reference": "autumn-campaign-17",
    "metadata": {"campaign": "autumn"},
    "at_risk": [],
    "Risk.code": "asset_unreachable",
    "Risk.message": "The picture cannot be read any more.",
    "Violation.field": "text_content",
    "Violation.code": "unknown_field",
    "Violation.rule": "text_length",
    "Violation.message": "The text has 294 weighted characters, 280 are allowed.",
    "Violation.fix": "Shorten it by 14.",
    "BatchRequest.schedule_time": None,
    "BatchRequest.targets": [
        {"connection_id": CONNECTION},
        {"connection_id": OTHER_ID, "text_content": "Fresh bread at seven."},
    ],
    # Events and webhooks
    "EventPage.next": "MTo0MTc=",
    "Event.id": EVENT,
    "Event.type": "job.published",
    "Event.timestamp": NOON,
    "Event.sequence": 2,
    "Event.data": {"job_id": JOB, "status": "Published", "post_url": POST_URL},
    "Delivery.event_id": EVENT,
    "Delivery.event_type": "job.published",
    # Insights
    "keywords": ["bread", "bakery"],
    "industry": "food",
    "limit": 10,
    "tag": "sourdough",
    "score": 0.82,
    "source": "own_posts",
    "posts": 14,
    "confidence": "medium",
    "Source.name": "own_posts",
    "Source.meaning": "Tags of the account's own posts, by their engagement.",
    "stale": False,
    "generated_at": NOON,
    "day_of_week": 3,
    "hour_of_day": 18,
    "lift": 1.4,
    "posts_used": 96,
    "missing_posts": 0,
    "impressions": 1840,
    "reach": 1512,
    "likes": 96,
    "comments": 11,
    "shares": 7,
    "saves": 5,
    "clicks": 23,
    "engagement": 142,
    "next_read_at": EVENING,
}

ACCEPTED: Mapping[str, Any] = {
    "status": "Pending",
    "published_at": None,
    "post_url": None,
    "next_attempt_at": NOON,
}
# By type or format.
PLAIN_VALUES: Mapping[str, Any] = {
    "boolean": False,
    "object": {},
    "date-time": NOON,
    "date": NOON[:10],
    "uuid": OTHER_ID,
    "uri": "https://example.com/",
}

# Objects that the code itself has, by their schema.
OBJECTS: Mapping[str, Callable[[], Any]] = {
    "Platform": lambda: PlatformSerializer(platform_as_data(next(iter(PLATFORMS.values())))).data,
}


class Examples:
    """Adds examples to operations. `shared` are those that several operations refer to."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Any] = components["schemas"]
        self.shared: dict[str, Any] = {}

    def add_to(self, operation: dict[str, Any]) -> None:
        for parameter in operation.get("parameters", ()):
            # Only these: a page sends a query parameter that has an example.
            if parameter.get("in") == "path" and parameter["name"] in VALUES:
                value = VALUES[parameter["name"]]
                choices = parameter["schema"].get("enum", [value])
                parameter["example"] = value if value in choices else choices[0]
        for media_type in operation.get("requestBody", {}).get("content", {}).values():
            self._add_request(media_type)
        for status, response in operation["responses"].items():
            for media_type in response.get("content", {}).values():
                if not media_type.keys() & {"example", "examples"}:
                    example = self._value(media_type["schema"], "", "")
                    media_type["example"] = _accepted(example) if status == "202" else example

    def _add_request(self, media_type: dict[str, Any]) -> None:
        schema = media_type["schema"]
        name = schema.get("$ref", "").rpartition("/")[2]
        if media_type.keys() & {"example", "examples"}:
            return
        if name not in POST_SCHEMAS:
            media_type["example"] = self._value(schema, "", "", is_request=True)
            return
        suffix = "_scheduled" if name == "ScheduleRequest" else ""
        more = {"schedule_time": _in_a_month()} if suffix else {}
        media_type["examples"] = {}
        for key, (summary, value) in post_requests().items():
            self.shared[key + suffix] = {"summary": summary, "value": value | more}
            reference = f"#/components/examples/{key}{suffix}"
            media_type["examples"][key] = {"$ref": reference, "summary": summary}

    def _value(
        self, schema: Mapping[str, Any], owner: str, name: str, *, is_request: bool = False
    ) -> Any:
        """An example of `schema`, the field `name` of the schema `owner`."""
        for key in (f"{owner}.{name}", name):
            if key in VALUES:
                return VALUES[key]
        while "$ref" in schema or len(schema.get("allOf", ())) == 1:
            schema = schema["allOf"][0] if "allOf" in schema else schema
            owner, name = schema["$ref"].rpartition("/")[2], ""
            if owner in OBJECTS:
                return OBJECTS[owner]()
            schema = self.schemas[owner]
        if choices := schema.get("oneOf") or schema.get("anyOf"):
            if any(self._is_null(each) for each in choices):
                return None
            return self._value(choices[0], owner, name, is_request=is_request)
        if "properties" in schema:
            required = schema.get("required", ())
            return {
                field: self._value(each, owner, field, is_request=is_request)
                for field, each in schema["properties"].items()
                if not is_request or field in required or _has_value(owner, field)
            }
        if schema.get("type") == "array":
            return [self._value(schema["items"], owner, name, is_request=is_request)]
        return _plain_value(schema, f"{owner}.{name}")

    def _is_null(self, schema: Mapping[str, Any]) -> bool:
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema.get("type") == "null" or schema.get("enum") == [None]


def _accepted(example: dict[str, Any]) -> dict[str, Any]:
    """A job that was accepted just now."""
    if example.get("status") != VALUES["PublishJobResponse.status"]:
        return example
    return example | {name: value for name, value in ACCEPTED.items() if name in example}


def _has_value(owner: str, field: str) -> bool:
    return field in VALUES or f"{owner}.{field}" in VALUES


def _plain_value(schema: Mapping[str, Any], place: str) -> Any:
    """An example without an entry in VALUES: null, a default, or what the type alone gives."""
    for known in ("example", "default", "const"):
        if known in schema:
            return schema[known]
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "object")
    if "null" in kinds:
        return None
    known_type = schema.get("format", kinds)
    if known_type in PLAIN_VALUES:
        return PLAIN_VALUES[known_type]
    if kinds in ("integer", "number"):
        return schema.get("minimum", 0)
    warn(f"{place} has no example: add one to VALUES in config/schema_examples.py.")
    return "…"


# --- Posts ---------------------------------------------------------------------------------------


def post_requests() -> dict[str, tuple[str, dict[str, Any]]]:
    """By name, a summary and a request for each platform, kind of post and kind of file."""
    return {
        f"{platform.name}_{kind.name}_{form.name}": (
            f"{platform.label}: {kind.name}, {form.name}",
            _post_request(platform, kind, form),
        )
        for platform in PLATFORMS.values()
        for kind in platform.capabilities.post_types
        for form in _shown_forms(kind)
    }


def _shown_forms(kind: PostType) -> Iterator[Form]:
    """Text alone, or one file of each kind; several files if the kind needs them."""
    found = list(forms(kind))
    single = [form for form in found if len(form.media) <= 1]
    yield from single or found[:1]


def _post_request(platform: type[Platform], kind: PostType, form: Form) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if kind is not platform.capabilities.post_types[0]:
        options["post_type"] = kind.name
    needless = frozenset[str]().union(
        *(names for media, names in kind.options_of_media.items() if media not in form.media)
    )
    for name, example in platform.options.examples.items():
        if name in kind.required_options - needless:
            options[name] = example
    request: dict[str, Any] = {"connection_id": CONNECTION}
    if kind.max_text:
        request["text_content"] = TEXT
    if form.media:
        request["assets"] = [_asset(kind, media) for media in form.media]
    if options:
        request["platform_specific_options"] = options
    return request


def _asset(kind: PostType, media: MediaKind) -> dict[str, Any]:
    limit = kind.media[media]
    is_upright = media is MediaKind.VIDEO and limit.ratio and not limit.ratio.contains(WIDE)
    file, mime_type = UPRIGHT_VIDEO if is_upright else FILES[media]
    # In sandbox mode the examples can be sent as they are.
    base = f"{settings.SANDBOX_URL}/samples" if settings.SANDBOX_URL else "https://example.com"
    asset = {"url": f"{base}/{file}", "asset_type": media.value, "mime_type": mime_type}
    if kind.max_alt_text and limit.has_alt_text:
        asset["alt_text"] = "A harbour in the morning"
    return asset


def _in_a_month() -> str:
    due = timezone.now().astimezone(dt.UTC) + dt.timedelta(days=30)
    return due.replace(hour=18, minute=0, second=0, microsecond=0).isoformat()
