"""The JSON of connections, in and out."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers

from connections.models import Destination, SocialConnection
from socialpublishing.platforms.boards import Privacy
from socialpublishing.platforms.posting_options import PostingOptions
from socialpublishing.serializers import (
    ChoiceField,
    QuerySerializer,
    StrictSerializer,
    TextField,
    TimezoneField,
)


class SocialConnectionResponseSerializer(serializers.ModelSerializer[SocialConnection]):
    external_display_name = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)
    missing_scopes = serializers.ListField(
        child=serializers.CharField(),
        help_text="Scopes that were asked for and not granted. Features that need them do not "
        "work until the account is connected again with them.",
    )

    class Meta:
        model = SocialConnection
        fields = (
            "id",
            "user_id",
            "platform",
            "external_user_id",
            "external_display_name",
            "kind",
            "status",
            "status_reason",
            "created_at",
            "expires_at",
            "scopes",
            "missing_scopes",
            "timezone",
        )
        read_only_fields = fields


class ChangeConnectionSerializer(StrictSerializer):
    timezone = TimezoneField()


class InitiateOAuthResponseSerializer(serializers.Serializer[Any]):
    authorization_url = serializers.URLField()
    attempt_id = serializers.UUIDField()


class PendingConnectionSerializer(serializers.Serializer[Any]):
    """A connect that no browser is bound to: POST both to `/connections/confirm`."""

    status = serializers.CharField()
    attempt_id = serializers.UUIDField()
    completion_code = serializers.CharField()
    message = serializers.CharField()


class ConfirmRequestSerializer(StrictSerializer):
    attempt_id = serializers.UUIDField()
    completion_code = TextField(max_length=128)


class DestinationSerializer(serializers.ModelSerializer[Destination]):
    class Meta:
        model = Destination
        fields = ("id", "external_id", "name", "kind", "can_publish", "is_default")
        read_only_fields = fields


class CreateDestinationSerializer(StrictSerializer):
    """A board to create, within the limits that Pinterest documents (POST /v5/boards)."""

    name = TextField(max_length=180)
    description = TextField(max_length=500, required=False, allow_blank=True)
    privacy = ChoiceField(choices=[each.value for each in Privacy], required=False)


class ChoiceSerializer(serializers.Serializer[Any]):
    value = serializers.JSONField()
    label = serializers.CharField()  # type: ignore[assignment]  # hides one of the field's own


class RemainingSerializer(serializers.Serializer[Any]):
    """How many more posts the platform accepts until a time; null: it reports no time."""

    count = serializers.IntegerField()
    until = serializers.DateTimeField(allow_null=True)


class PostingOptionsSerializer(serializers.Serializer[Any]):
    """What the account may choose for a post, as the platform reported it at `read_at`."""

    can_post = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True, help_text="Why it cannot post now.")
    display_name = serializers.CharField()
    avatar_url = serializers.CharField(allow_null=True)
    choices = serializers.DictField(
        child=ChoiceSerializer(many=True),
        help_text="The values that an option may have now. Options that are not here may have any "
        "value that the platform's limits allow.",
    )
    disabled = serializers.ListField(
        child=serializers.CharField(), help_text="Options that may not be set to true."
    )
    max_duration_s = serializers.IntegerField(
        allow_null=True, help_text="The longest video of this account, in seconds."
    )
    remaining = RemainingSerializer(allow_null=True)
    read_at = serializers.DateTimeField()


class PostingOptionsQuerySerializer(QuerySerializer):
    destination_id = serializers.UUIDField(required=False)


class SectionSerializer(serializers.Serializer[Any]):
    """`id` is the platform's: the value of `board_section_id` in a post's options."""

    id = serializers.CharField()
    name = serializers.CharField()


class CreateSectionSerializer(StrictSerializer):
    name = TextField(max_length=180)


class ChooseDestinationSerializer(StrictSerializer):
    destination_id = serializers.UUIDField()


def posting_options_as_data(options: PostingOptions, read_at: dt.datetime) -> dict[str, Any]:
    return {
        **vars(options),
        "reason": options.reason or None,
        "avatar_url": options.avatar_url or None,
        "read_at": read_at,
    }
