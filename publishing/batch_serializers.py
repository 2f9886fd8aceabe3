"""The JSON of batches and of validation, in and out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from publishing.batch_state import BatchStatus
from publishing.batches import MAX_TARGETS
from publishing.serializers import (
    MAX_ASSETS,
    MAX_TEXT,
    WARNINGS_HELP,
    GeneratedAssetSerializer,
    PlatformOptionsField,
    PostWarningSerializer,
    PublishJobResponseSerializer,
    PublishRequestSerializer,
    UtcDateTimeField,
    external_reference_field,
    metadata_field,
)
from socialpublishing.serializers import StrictSerializer, TextField, ViolationSerializer

# What a target may give in place of what all share.
SHARED = ("text_content", "assets", "schedule_time")


def _text_field(help_text: str) -> TextField:
    return TextField(
        max_length=MAX_TEXT, required=False, allow_null=True, allow_blank=True, help_text=help_text
    )


class BatchTargetSerializer(StrictSerializer):
    """An account, and what differs for it: it replaces the shared value as a whole."""

    connection_id = serializers.UUIDField()
    text_content = _text_field("In place of the shared text; null: no text.")
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(),
        required=False,
        allow_null=True,
        max_length=MAX_ASSETS,
        help_text="In place of the shared assets; null or empty: none.",
    )
    platform_specific_options = PlatformOptionsField(required=False, allow_null=True)
    schedule_time = UtcDateTimeField(
        required=False,
        allow_null=True,
        help_text="In place of the shared time; null: as soon as possible.",
    )


class BatchRequestSerializer(StrictSerializer):
    """Posts for 1 to 50 accounts, accepted together or not at all."""

    text_content = _text_field("The text for all targets that have none of their own.")
    assets = serializers.ListField(
        child=GeneratedAssetSerializer(), required=False, max_length=MAX_ASSETS
    )
    schedule_time = UtcDateTimeField(required=False, allow_null=True)
    targets = serializers.ListField(
        child=BatchTargetSerializer(), min_length=1, max_length=MAX_TARGETS
    )
    external_reference = external_reference_field()
    metadata = metadata_field()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        shared = {name: attrs[name] for name in SHARED if name in attrs}
        attrs["targets"] = [{**shared, **target} for target in attrs["targets"]]
        return attrs


class BatchResponseSerializer(serializers.Serializer[Any]):
    """`batch_as_data` makes the JSON, this describes it."""

    batch_id = serializers.UUIDField()
    status = serializers.ChoiceField(
        choices=BatchStatus.values,
        help_text="\n".join(f"`{each.value}`: {each.label}" for each in BatchStatus),
    )
    user_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(
        allow_null=True, help_text="When no post was open any more, for the first time."
    )
    external_reference = serializers.CharField(allow_null=True)
    metadata = serializers.DictField(allow_null=True)
    jobs = PublishJobResponseSerializer(many=True, help_text="In the order of the targets.")


class ValidateRequestSerializer(PublishRequestSerializer):
    """One post for one account."""

    schedule_time = UtcDateTimeField(required=False, allow_null=True)


class CostSerializer(serializers.Serializer[Any]):
    amount = serializers.FloatField(min_value=0)
    currency = serializers.CharField(help_text="ISO 4217.")


class VerdictSerializer(serializers.Serializer[Any]):
    """What the platform would refuse; empty if it would accept the post."""

    is_valid = serializers.BooleanField()  # type: ignore[assignment]
    violations = ViolationSerializer(many=True)
    warnings = PostWarningSerializer(many=True, help_text=WARNINGS_HELP)
    estimated_cost = CostSerializer(
        allow_null=True,
        help_text="What the platform charges this service for the post; null: nothing by the post.",
    )
    will_publish_at = serializers.DateTimeField(
        allow_null=True,
        help_text="The earliest time at which the post would go out; null: a person acts first.",
    )


class TargetVerdictSerializer(VerdictSerializer):
    target = serializers.IntegerField(help_text="Its place among the targets, from 0.")


class TargetWarningSerializer(PostWarningSerializer):
    target = serializers.IntegerField(help_text="Which of the targets, from 0.")


class ManyVerdictsSerializer(serializers.Serializer[Any]):
    """The verdicts on all targets, and what they have together."""

    is_valid = serializers.BooleanField(  # type: ignore[assignment]
        help_text="Would a batch with these targets be accepted?"
    )
    violations = ViolationSerializer(many=True)
    warnings = TargetWarningSerializer(many=True)
    targets = TargetVerdictSerializer(many=True)
