"""The JSON of posts and their jobs, in and out."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from publishing.models import JobEvent, Outcome, PublishJob, Status, WaitingFor
from publishing.representation import content_as_data, job_as_data, time_as_data
from socialpublishing.codes import CODES, WARNINGS
from socialpublishing.errors import WhoActs
from socialpublishing.options import IntegerField
from socialpublishing.posts import MediaKind
from socialpublishing.serializers import ChoiceField, StrictSerializer, TextField

MAX_TEXT = 100_000  # more than any platform accepts; its own limits are checked later
MAX_ASSETS = 100
MAX_METADATA_BYTES = 4096
# RFC 3339: a date, a time, and an offset from UTC.
TIME = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)"
)


class PlatformOptionsField(serializers.DictField):
    """The options of the connection's platform, checked once the connection is known.

    OpenAPI shows the schema of each platform (config/schema.py).
    """


class GeneratedAssetSerializer(StrictSerializer):
    url = TextField(max_length=2048, help_text="A public address, or a path in the object store.")
    asset_type = ChoiceField(choices=[kind.value for kind in MediaKind])
    mime_type = TextField(max_length=100)
    alt_text = TextField(max_length=5000, required=False, allow_null=True, allow_blank=True)
    platform_media_id = TextField(max_length=200, required=False, allow_null=True)
    metadata = serializers.DictField(
        required=False, allow_null=True, help_text="A hint; the file itself is what counts."
    )


def late_grace_field() -> IntegerField:
    return IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=7 * 86400,
        help_text="How much later than its time, in seconds, the post may still be published.",
    )


class MetadataField(serializers.DictField):
    default_error_messages = {
        "too_large": "The metadata are larger than {limit} bytes of JSON.",
    }

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > MAX_METADATA_BYTES:
            self.fail("too_large", limit=MAX_METADATA_BYTES)
        return value


def external_reference_field() -> TextField:
    return TextField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="The caller's own name for the post: returned, and a filter of the list.",
    )


def metadata_field() -> MetadataField:
    return MetadataField(
        required=False,
        allow_null=True,
        help_text="The caller's own facts, at most 4 KB: returned, and never sent to a platform.",
    )


class PublishRequestSerializer(StrictSerializer):
    connection_id = serializers.UUIDField()
    text_content = TextField(max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True)
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    late_grace_seconds = late_grace_field()
    external_reference = external_reference_field()
    metadata = metadata_field()


class UtcDateTimeField(serializers.Field[Any, Any, Any, Any]):
    """A point in time: RFC 3339 with its offset from UTC, converted to UTC."""

    default_error_messages = {
        "invalid": "A time such as 2026-12-24T18:00:00+01:00 is expected.",
        "no_offset": "The time needs its offset from UTC, such as Z or +01:00.",
    }

    def to_internal_value(self, data: Any) -> dt.datetime:
        if not isinstance(data, str):
            self.fail("invalid")
        if not TIME.fullmatch(data):
            # Is the offset all that is missing?
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


extend_schema_field({"type": "string", "format": "date-time"})(UtcDateTimeField)


class ScheduleRequestSerializer(PublishRequestSerializer):
    schedule_time = UtcDateTimeField()


class ChangeJobSerializer(StrictSerializer):
    """What is left out stays as it is. `schedule_time` null: as soon as possible."""

    schedule_time = UtcDateTimeField(required=False, allow_null=True)
    text_content = TextField(max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True)
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    late_grace_seconds = late_grace_field()
    external_reference = external_reference_field()
    metadata = metadata_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("There is nothing to change.")
        return attrs


class ResolveSerializer(StrictSerializer):
    """What a person saw at the platform, for a job whose outcome is unknown."""

    outcome = ChoiceField(
        choices=Outcome.values, help_text="In a thread: that of the post whose outcome is unknown."
    )
    remote_id = TextField(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="The post's id at the platform. Required in a thread: the next replies to it.",
    )
    post_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    reason = TextField(max_length=300, required=False, allow_blank=True)


# The codes that are specific to jobs. A job can also have an API code that a platform's response
# led to.
CODES_HELP = "\n".join(
    f"`{code}`: {public.on_job}" for code, public in CODES.items() if public.on_job
)


WAITING_FOR_HELP = (
    "\n".join(f"`{each.value}`: {each.label}" for each in WaitingFor)
    + "\nnull: the job is new, scheduled or running, or it has ended."
)
WARNINGS_HELP = "What the author should know.\n" + "\n".join(
    f"`{code}`: {meaning}" for code, meaning in WARNINGS.items()
)


class PostWarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class RiskSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="A code of jobs, or of warnings.")
    message = serializers.CharField()
    who_acts = serializers.CharField(allow_null=True, help_text="As in the job.")


class PublishJobResponseSerializer(serializers.Serializer[PublishJob]):
    """A job without its content; `job_as_data` makes the JSON, this describes it."""

    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.values)
    platform = serializers.CharField()
    user_id = serializers.CharField()
    connection_id = serializers.UUIDField(allow_null=True)
    batch_id = serializers.UUIDField(allow_null=True, help_text="Null: it was accepted alone.")
    account_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    scheduled_at = serializers.DateTimeField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(
        allow_null=True, help_text="When the post was taken down at the platform."
    )
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    will_publish_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The earliest time now expected; null: never, unless a person acts first.",
    )
    error_code = serializers.CharField(allow_null=True, help_text=CODES_HELP)
    error_message = serializers.CharField(allow_null=True)
    post_url = serializers.CharField(allow_null=True)
    waiting_for = serializers.ChoiceField(
        choices=WaitingFor.values, allow_null=True, help_text=WAITING_FOR_HELP
    )
    waits_until = serializers.DateTimeField(
        allow_null=True,
        help_text="When the job goes on by itself; null if it waits for nothing, or for its owner.",
    )
    who_acts = serializers.ChoiceField(
        choices=[who.value for who in WhoActs if who],
        allow_null=True,
        help_text="Who has to act: `user` changes or resolves the post, `owner` acts at the "
        "platform's account, `operator` runs this service; null: nobody. It stays on ended jobs.",
    )
    warnings = PostWarningSerializer(many=True, help_text=WARNINGS_HELP)
    at_risk = RiskSerializer(
        many=True,
        help_text="Why a scheduled post would not be published as things are now, found some hours "
        "before it is due. It is empty again once the reasons are gone.",
    )
    external_reference = serializers.CharField(
        allow_null=True, help_text="The caller's own name for the post."
    )
    metadata = serializers.DictField(allow_null=True, help_text="The caller's own facts.")

    def to_representation(self, job: PublishJob) -> dict[str, Any]:
        return job_as_data(job)


class PublishJobDetailSerializer(PublishJobResponseSerializer):
    """A job with its content."""

    text_content = serializers.CharField()
    assets = GeneratedAssetSerializer(many=True)
    platform_specific_options = PlatformOptionsField()
    attempts = serializers.IntegerField()
    remote_id = serializers.CharField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, job: PublishJob) -> dict[str, Any]:
        return {
            **job_as_data(job),
            **content_as_data(job),
            "attempts": job.attempts,
            "remote_id": job.remote_id,
            "updated_at": time_as_data(job.updated_at),
        }


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
