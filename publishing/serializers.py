"""The JSON of posts and their jobs, in and out."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from publishing.models import JobEvent, Outcome, PublishJob, Status
from socialpublishing.codes import CODES
from socialpublishing.options import IntegerField
from socialpublishing.platforms.base import Platform
from socialpublishing.posts import MediaKind
from socialpublishing.serializers import StrictSerializer, TextField, ViolationSerializer

MAX_TEXT = 100_000  # more than any platform takes; theirs are told by their own rules
MAX_ASSETS = 100
# RFC 3339: a date, a time, and an offset from UTC.
TIME = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)"
)


class PlatformOptionsField(serializers.DictField):
    """The options of the connection's platform; which they are is known once it is looked up.

    The API's description shows the schema of each platform (config/schema.py).
    """


class GeneratedAssetSerializer(StrictSerializer):
    url = TextField(max_length=2048, help_text="A public address, or a path in the object store.")
    asset_type = serializers.ChoiceField(choices=[kind.value for kind in MediaKind])
    mime_type = TextField(max_length=100)
    alt_text = TextField(max_length=5000, required=False, allow_null=True, allow_blank=True)
    platform_media_id = TextField(max_length=200, required=False, allow_null=True)
    metadata = serializers.DictField(
        required=False, allow_null=True, help_text="A hint; what the file says itself counts."
    )


def late_grace_field() -> IntegerField:
    return IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=7 * 86400,
        help_text="How much later than its time the post may still go out.",
    )


class PublishRequestSerializer(StrictSerializer):
    connection_id = serializers.UUIDField()
    text_content = TextField(max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True)
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    late_grace_seconds = late_grace_field()


class MomentField(serializers.Field[Any, Any, Any, Any]):
    """A point in time: RFC 3339 with its offset from UTC."""

    default_error_messages = {
        "invalid": "A time such as 2026-12-24T18:00:00+01:00 is expected.",
        "no_offset": "The time needs its offset from UTC, such as Z or +01:00.",
    }

    def to_internal_value(self, data: Any) -> dt.datetime:
        if not isinstance(data, str):
            self.fail("invalid")
        if not TIME.fullmatch(data):
            # Everything is right but the offset?
            self.fail("no_offset" if TIME.fullmatch(f"{data}Z") else "invalid")
        try:
            moment = parse_datetime(data)
        except ValueError:
            moment = None
        if moment is None:
            self.fail("invalid")
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError:
            self.fail("invalid")

    def to_representation(self, value: dt.datetime) -> str:
        return value.isoformat()


extend_schema_field({"type": "string", "format": "date-time"})(MomentField)


class ScheduleRequestSerializer(PublishRequestSerializer):
    schedule_time = MomentField()


class ChangeJobSerializer(StrictSerializer):
    """What is left out stays as it is. `schedule_time` null: as soon as possible."""

    schedule_time = MomentField(required=False, allow_null=True)
    text_content = TextField(max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True)
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    late_grace_seconds = late_grace_field()

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if not said:
            raise serializers.ValidationError("There is nothing to change.")
        return said


class ResolveSerializer(StrictSerializer):
    """What somebody found at the platform for a job whose outcome is not known."""

    outcome = serializers.ChoiceField(
        choices=Outcome.values, help_text="Of a thread: of the post that is looked for."
    )
    remote_id = TextField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="The post's id at the platform; needed within a thread, which goes on behind it.",
    )
    post_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    reason = TextField(max_length=300, required=False, allow_blank=True)


# Why a job stands as it does, beside the codes of the API that a platform's answer may bring too.
CODES_HELP = "\n".join(
    f"`{code}`: {public.on_job}" for code, public in CODES.items() if public.on_job
)


class PublishJobResponseSerializer(serializers.ModelSerializer[PublishJob]):
    job_id = serializers.UUIDField(source="id")
    status = serializers.ChoiceField(choices=Status.values)
    error_code = serializers.SerializerMethodField(help_text=CODES_HELP)
    error_message = serializers.SerializerMethodField()
    post_url = serializers.SerializerMethodField()
    connection_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = PublishJob
        fields: tuple[str, ...] = (
            "job_id",
            "status",
            "platform",
            "user_id",
            "connection_id",
            "account_name",
            "created_at",
            "scheduled_at",
            "published_at",
            "next_attempt_at",
            "error_code",
            "error_message",
            "post_url",
        )

    def get_error_code(self, job: PublishJob) -> str | None:
        return job.error_code or None

    def get_error_message(self, job: PublishJob) -> str | None:
        return job.error_message or None

    def get_post_url(self, job: PublishJob) -> str | None:
        return job.post_url or None


class PublishJobDetailSerializer(PublishJobResponseSerializer):
    """A job with what it publishes."""

    text_content = serializers.CharField(source="text")
    assets = serializers.SerializerMethodField()
    platform_specific_options = PlatformOptionsField()

    class Meta(PublishJobResponseSerializer.Meta):
        fields = (
            *PublishJobResponseSerializer.Meta.fields,
            "text_content",
            "assets",
            "platform_specific_options",
            "attempts",
            "remote_id",
            "updated_at",
        )

    @extend_schema_field(GeneratedAssetSerializer(many=True))
    def get_assets(self, job: PublishJob) -> list[dict[str, Any]]:
        names = [str(name) for name in GeneratedAssetSerializer().fields]
        return [{name: asset.get(name) for name in names} for asset in job.assets]


class JobEventSerializer(serializers.ModelSerializer[JobEvent]):
    class Meta:
        model = JobEvent
        fields = (
            "at",
            "from_status",
            "to_status",
            "actor",
            "step",
            "note",
            "code",
            "platform_status",
            "platform_code",
            "platform_request_id",
            "duration_ms",
        )


class BoundsSerializer(serializers.Serializer[Any]):
    """From `low` to `high`, both allowed; null: no such bound."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class MediaLimitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    max_count = serializers.IntegerField()
    mime_types = serializers.ListField(child=serializers.CharField())
    max_bytes = serializers.IntegerField()
    width = BoundsSerializer(allow_null=True, help_text="Pixels.")
    height = BoundsSerializer(allow_null=True, help_text="Pixels.")
    pixels = BoundsSerializer(allow_null=True)
    ratio = BoundsSerializer(allow_null=True, help_text="Width / height.")
    duration_s = BoundsSerializer(allow_null=True, help_text="Seconds.")
    frame_rate = BoundsSerializer(allow_null=True, help_text="Frames a second.")
    has_alt_text = serializers.BooleanField()


class PostTypeSerializer(serializers.Serializer[Any]):
    """What one kind of post takes, as of `checked`, read at `source`."""

    name = serializers.CharField(help_text="The value of `post_type`.")
    description = serializers.CharField()
    max_text = serializers.IntegerField()
    text_unit = serializers.CharField()
    needs_text = serializers.BooleanField()
    min_media = serializers.IntegerField()
    max_media = serializers.IntegerField()
    mixes_kinds = serializers.BooleanField()
    max_alt_text = serializers.IntegerField()
    max_hashtags = serializers.IntegerField(allow_null=True)
    max_mentions = serializers.IntegerField(allow_null=True)
    max_cashtags = serializers.IntegerField(allow_null=True)
    media = MediaLimitSerializer(many=True)
    options = serializers.ListField(child=serializers.CharField())
    required_options = serializers.ListField(child=serializers.CharField())
    source = serializers.URLField()  # type: ignore[assignment]
    checked = serializers.DateField()


class PlatformOptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    example = serializers.JSONField(help_text="A value that is taken.")


class PlatformSerializer(serializers.Serializer[Any]):
    """What a platform takes."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides one of the field's own
    is_offered = serializers.BooleanField(help_text="This service has credentials for it.")
    logins = serializers.ListField(
        child=serializers.CharField(), help_text="Other ways to connect: `login=` at connect."
    )
    destination_option = serializers.CharField(allow_null=True)
    posts_as_account = serializers.BooleanField(
        help_text="A post can go to the account itself, without a destination."
    )
    post_types = PostTypeSerializer(many=True, help_text="The first is the usual one.")
    options = PlatformOptionSerializer(many=True)


class ViolationsSerializer(serializers.Serializer[Any]):
    """What the platform would refuse; empty if it would take the post."""

    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    violations = ViolationSerializer(many=True)


def platform_as_data(platform: type[Platform]) -> dict[str, Any]:
    fields = platform.options().fields
    return {
        "name": platform.name,
        "label": platform.label,
        "is_offered": platform.app.is_configured(),
        "logins": list(platform.logins),
        "destination_option": platform.destination_option or None,
        "posts_as_account": platform.posts_as_account,
        "post_types": [
            {
                **vars(kind),
                "options": sorted(kind.options),
                "required_options": sorted(kind.required_options),
                "media": [
                    {
                        "kind": media,
                        **vars(limit),
                        "mime_types": sorted(limit.mime_types),
                    }
                    for media, limit in kind.media.items()
                ],
            }
            for kind in platform.capabilities.post_types
        ],
        "options": [
            {"name": name, "description": str(fields[name].help_text), "example": example}
            for name, example in platform.options.examples.items()
        ],
    }
