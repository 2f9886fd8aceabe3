"""The JSON of insights: requests and responses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from insights.confidence import Confidence
from insights.models import MetricSnapshot
from insights.week_estimator import Basis
from socialpublishing.options import IntegerField
from socialpublishing.serializers import (
    ChoiceField,
    QuerySerializer,
    StrictSerializer,
    TextField,
    TimezoneField,
)

MAX_KEYWORDS = 30


class HashtagRequestSerializer(StrictSerializer):
    keywords = serializers.ListField(
        child=TextField(max_length=100),
        min_length=1,
        max_length=MAX_KEYWORDS,
        help_text="The subjects of the post.",
    )
    industry = TextField(max_length=100, required=False, allow_null=True, allow_blank=True)
    limit = IntegerField(min_value=1, max_value=50, default=10)
    connection_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Whose posts and token are used; by default the user's only connection.",
    )
    destination_id = serializers.UUIDField(required=False, allow_null=True)


class SourceSerializer(serializers.Serializer[Any]):
    """Where a part of the response comes from. A `code` means that the source provided nothing;
    `meaning` then gives the reason."""

    name = serializers.CharField()
    meaning = serializers.CharField()
    read_at = serializers.DateTimeField(allow_null=True)
    stale = serializers.BooleanField(source="is_stale")
    code = serializers.SerializerMethodField()

    def get_code(self, source: Any) -> str | None:
        return source.code or None


class InsightResponseSerializer(serializers.Serializer[Any]):
    """`stale`: a platform failed, and this is its last response, of `generated_at`."""

    sources = SourceSerializer(many=True)
    generated_at = serializers.DateTimeField(allow_null=True)
    stale = serializers.BooleanField()


class HashtagSuggestionSerializer(serializers.Serializer[Any]):
    tag = serializers.CharField(help_text="Without the # sign.")
    score = serializers.FloatField(
        allow_null=True, help_text="0 to 1; the source's `meaning` defines it. Null: not known."
    )
    source = serializers.CharField()  # type: ignore[assignment]  # hides one of the field's own
    posts = serializers.IntegerField(allow_null=True, help_text="Own posts with the tag.")
    confidence = serializers.ChoiceField(
        choices=[each.value for each in Confidence], allow_null=True
    )


class HashtagResponseSerializer(InsightResponseSerializer):
    suggestions = HashtagSuggestionSerializer(many=True)


class BestTimesQuerySerializer(QuerySerializer):
    connection_id = serializers.UUIDField()
    destination_id = serializers.UUIDField(required=False)
    timezone = TimezoneField(required=False)
    basis = ChoiceField(choices=[each.value for each in Basis], default=Basis.ENGAGEMENT.value)


class BestTimeToPostSuggestionSerializer(serializers.Serializer[Any]):
    day_of_week = serializers.IntegerField(help_text="0 is Monday.")
    hour_of_day = serializers.IntegerField(help_text="0 to 23, by the clocks of `timezone`.")
    score = serializers.FloatField(
        help_text="What is expected there, as a share of the best slot's: above 0, at most 1."
    )
    posts = serializers.IntegerField(help_text="Own posts within an hour of it, on any day.")


class BestTimeToPostResponseSerializer(InsightResponseSerializer):
    platform = serializers.CharField()
    connection_id = serializers.UUIDField()
    timezone = serializers.CharField()
    basis = serializers.ChoiceField(
        choices=[each.value for each in Basis],
        help_text="What the hours are judged by: engagement, or reach (else impressions).",
    )
    suggested_times = BestTimeToPostSuggestionSerializer(many=True)
    confidence = serializers.ChoiceField(
        choices=[each.value for each in Confidence], help_text="Defined in docs/insights.md."
    )
    lift = serializers.FloatField(
        help_text="The mean engagement (or reach) at these hours, as a multiple of an average "
        "hour's."
    )
    posts_used = serializers.IntegerField()
    missing_posts = serializers.IntegerField(
        help_text="With a low confidence, about how many more posts are needed for medium or high; "
        "0: there are enough posts, and the hour has little effect. Else 0."
    )


# Its public name is older than the model's.
@extend_schema_serializer(component_name="Reading")
class MetricSnapshotSerializer(serializers.ModelSerializer[MetricSnapshot]):
    """Null: the platform does not report it. `engagement` is the sum of all interactions."""

    engagement = serializers.IntegerField()

    class Meta:
        model = MetricSnapshot
        fields = (
            "read_at", "impressions", "reach", "likes", "comments", "shares", "saves", "clicks",
            "engagement",
        )  # fmt: skip


class JobMetricsSerializer(serializers.Serializer[Any]):
    """The metrics of a published post: the latest, and those at growing ages."""

    job_id = serializers.UUIDField()
    platform = serializers.CharField()
    published_at = serializers.DateTimeField()
    latest = MetricSnapshotSerializer(allow_null=True)
    readings = MetricSnapshotSerializer(source="snapshots", many=True, help_text="Oldest first.")
    next_read_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField(allow_null=True)
    error_message = serializers.CharField(allow_null=True)
