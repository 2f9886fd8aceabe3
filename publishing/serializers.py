"""The JSON of posts and their jobs, in and out."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from publishing.models import JobEvent, Outcome, PublishJob, Status, WaitingFor
from socialpublishing.codes import CODES, WARNINGS
from socialpublishing.errors import WhoActs
from socialpublishing.options import IntegerField
from socialpublishing.posts import MediaKind
from socialpublishing.serializers import StrictSerializer, TextField, ViolationSerializer

MAX_TEXT = 100_000  # more than any platform accepts; its own limits are checked later
MAX_ASSETS = 100
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
    asset_type = serializers.ChoiceField(choices=[kind.value for kind in MediaKind])
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


class PublishRequestSerializer(StrictSerializer):
    connection_id = serializers.UUIDField()
    text_content = TextField(max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True)
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    late_grace_seconds = late_grace_field()


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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("There is nothing to change.")
        return attrs


class ResolveSerializer(StrictSerializer):
    """What a person saw at the platform, for a job whose outcome is unknown."""

    outcome = serializers.ChoiceField(
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


class PublishJobResponseSerializer(serializers.ModelSerializer[PublishJob]):
    job_id = serializers.UUIDField(source="id")
    status = serializers.ChoiceField(choices=Status.values)
    error_code = serializers.SerializerMethodField(help_text=CODES_HELP)
    error_message = serializers.SerializerMethodField()
    post_url = serializers.SerializerMethodField()
    connection_id = serializers.UUIDField(allow_null=True)
    waiting_for = serializers.SerializerMethodField(help_text=WAITING_FOR_HELP)
    waits_until = serializers.SerializerMethodField(
        help_text="When the job goes on by itself; null if it waits for nothing, or for its owner."
    )
    who_acts = serializers.SerializerMethodField(
        help_text="Who has to act: `user` changes or resolves the post, `owner` acts at the "
        "platform's account, `operator` runs this service; null: nobody. It stays on ended jobs."
    )
    warnings = serializers.SerializerMethodField(help_text=WARNINGS_HELP)

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
            "waiting_for",
            "waits_until",
            "who_acts",
            "warnings",
        )

    def get_error_code(self, job: PublishJob) -> str | None:
        return job.error_code or None

    def get_error_message(self, job: PublishJob) -> str | None:
        return job.error_message or None

    @extend_schema_field(serializers.ChoiceField(choices=WaitingFor.values, allow_null=True))
    def get_waiting_for(self, job: PublishJob) -> str | None:
        return job.waiting_for or None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_waits_until(self, job: PublishJob) -> dt.datetime | None:
        return job.next_attempt_at if job.waiting_for not in {"", WaitingFor.OWNER} else None

    @extend_schema_field(
        serializers.ChoiceField(choices=[who.value for who in WhoActs if who], allow_null=True)
    )
    def get_who_acts(self, job: PublishJob) -> str | None:
        return job.who_acts or None

    @extend_schema_field(PostWarningSerializer(many=True))
    def get_warnings(self, job: PublishJob) -> list[dict[str, str]]:
        return job.warnings or []

    def get_post_url(self, job: PublishJob) -> str | None:
        return job.post_url or None


class PublishJobDetailSerializer(PublishJobResponseSerializer):
    """A job with its content."""

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


class ViolationsSerializer(serializers.Serializer[Any]):
    """What the platform would refuse; empty if it would accept the post."""

    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    violations = ViolationSerializer(many=True)
    warnings = PostWarningSerializer(many=True, help_text=WARNINGS_HELP)
